"""What the manual page says beyond the commands themselves. `'words in quotes'` come out bold."""

SUMMARY = "record how software work is done, inside git"

DESCRIPTION = """\
Records the work on a bug or a task as it happens: each command with its output and exit status, what an agent
wrote and why, and the exact files before and after every step. The record is kept in the repository itself, out
of the way of branches, history and index, and can be written out as data to train and judge models on.

A trace is the work on one task. It is made of sessions, from 'git trace start' to 'git trace stop' in one
worktree, and a session of events. At each commit the events since the last one are sealed into a note on that
commit ('refs/notes/trace'); snapshots of the whole worktree are kept below 'refs/trace/'. Neither appears in logs
or graphs of branches, and neither is pushed unless asked for.

    git trace init
    git trace start "the parser drops the last line"
    git trace run -- pytest tests/test_parser.py
    git commit -a -m "parser: keep the last line"
    git trace stop

Nothing is recorded outside of a session, and what is recorded stays in this clone. Files that git ignores, big
untracked files, and untracked files that look like secrets are left out of snapshots.
"""

CONFIGURATION = """\
Settings are git's own: 'git config', 'git -c', included files and settings of a worktree all work. A value that
can't be read is an error which names the key and the file.
"""

CONFIG_HELP = {
    "trace.writer": "The name of this clone among those that record, 12 hexadecimal digits. 'git trace init' sets it.",
    "trace.seal": "Whether finished events become notes in the background after a commit, or before the commit "
    "returns.",
    "trace.sign": "Whether segments are signed, with the key and program that git signs commits with: 'true', 'false', "
    "or 'auto', which is what 'commit.gpgSign' says. They are signed beside the work and before they are published, "
    "and nobody is asked for a passphrase.",
    "trace.push": "Whether a push to one of the remotes in 'trace.remote' publishes the notes of the commits that it "
    "takes there. 'git trace init' has to be run after it was set by hand.",
    "trace.remote": "The remotes whose pushes publish; may be given several times. 'git trace init --share' adds one.",
    "trace.<remote>.to": "The remote to publish at what is pushed to <remote>, where that is another.",
    "trace.pushSnapshots": "Whether a push may publish 'refs/trace/', which holds snapshots of whole worktrees.",
    "trace.maxFileSize": "Untracked files that are bigger stay out of snapshots, and the event says so.",
    "trace.maxOutput": "How much of a command's output is kept in its event; the whole is kept beside it.",
    "trace.maxDiff": "A bigger diff is left out of the note, and the event says so.",
    "trace.expire": "A date as git takes it: of traces that ended before it, 'git trace gc' drops snapshots and "
    "journals, if their notes can rebuild them.",
    "trace.redact.email": "Whether e-mail addresses are masked too, in what is recorded.",
    "trace.redact.home": "Whether the names of home directories are masked too.",
    "trace.redact.rules": "A file with more rules of what is a secret; a relative path counts from the top of the "
    "worktree.",
    "trace.redact.allow": "What is to be left alone: the tag of a placeholder (eight hexadecimal digits), or "
    "'<rule>:<path>' for what a rule finds in one file.",
}

TABLES = {
    "FILES": {
        "refs/notes/trace": "The notes: what was recorded on the way to each commit. 'git notes --ref=trace show' "
        "shows one.",
        "refs/notes/trace-remotes/<remote>/<writer>": "What was published at a remote, as far as is known here.",
        "refs/trace/<trace>": "A tree with the trace's snapshots and long outputs. 'git diff' takes its parts.",
        "$GIT_COMMON_DIR/trace/sessions/": "The journals, an event a line, as they are written.",
        "$GIT_DIR/trace/": "What belongs to one worktree: the active session, the private index of snapshots.",
    },
    "ENVIRONMENT": {
        "GITTRACE_TRACE": "If set, every git that is started is reported on standard error, with the time it took, "
        "and GIT_TRACE and its kin count for these, too.",
        "XDG_DATA_HOME": "Where 'git trace install-extras' puts its files.",
    },
    "EXIT STATUS": {
        "0": "Success.",
        "1": "A negative answer.",
        "128": "An error, told on standard error.",
        "129": "A command line that makes no sense.",
        "130": "Interrupted.",
        "255": "A bug in 'git trace'; the message names a log.",
        "any": "'git trace run' ends as the command that it ran.",
    },
}

SEE_ALSO = ("git-notes(1)", "git-config(1)", "git-worktree(1)", "githooks(5)")
