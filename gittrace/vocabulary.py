"""The constants of the formats: names of refs, files, event kinds and configuration keys.

Standard library only, and as little of it as possible: every command imports this.
"""

# refs (gittrace/doc/FORMATS.md)
TRACE_REFS = "refs/trace/"
NOTES_REF = "refs/notes/trace"
REMOTE_NOTES_REFS = "refs/notes/trace-remotes/"
# on servers: a ref a writer
SHARED_NOTES_REFS = "refs/notes/traces/"
SHARED_SNAPSHOTS_REFS = "refs/trace-snapshots/"
# and what they are here: trees
REMOTE_SNAPSHOTS_REFS = "refs/trace-remotes/"
# while they are fetched: what came, and what git is told to be here; a kill leaves them to the next fetch
INCOMING_REFS, HERE_REFS = "refs/trace-incoming/", "refs/trace-here/"
# all of them stay here
SNAPSHOTS_REFS = (TRACE_REFS, REMOTE_SNAPSHOTS_REFS, INCOMING_REFS, HERE_REFS)

# inside the tree that refs/trace/<trace-id> points at
META_FILE = "trace.json"
SNAPSHOTS_DIR = "snapshots"
OUTPUT_DIR = "output"
SEGMENTS_DIR = "segments"

# under <git-dir>/trace (one per worktree)
ACTIVE_FILE = "active"
STATE_FILE = "state"
INDEX_FILE = "index"
LOCK_FILE = "lock"

# under <common-dir>/trace (one per repository)
SESSIONS_DIR = "sessions"
REWRITES_FILE = "rewrites"
CACHE_DIR = "cache"
HOOKS_DIR = "hooks"
LOG_FILE = "log"
SEAL_LOCK = "seal.lock"
SHARE_DIR = "share"
FORGOTTEN_FILE = "forgotten"
TIPS_DIR = "tips"
UNSIGNED_FILE = "unsigned"

# a segment's line in a note
SEGMENT_WORD = "gittrace1"
FORGET_WORD = "forget"
# that of a signature; older readers leave alone what does not begin with their word
SIGNATURE_WORD = "gittrace1-signature"

# event kinds
SESSION = "session"
COMMAND = "command"
EDIT = "edit"
PROMPT = "prompt"
REPLY = "reply"
COMMIT = "commit"
REWRITE = "rewrite"
NOTE = "note"
STOP = "stop"
# a hook's mark in the journal: turned into COMMIT or REWRITE events, never sealed
HOOK = "hook"

KINDS = (SESSION, COMMAND, EDIT, PROMPT, REPLY, COMMIT, REWRITE, NOTE, STOP)

HOOK_NAMES = ("post-commit", "post-merge", "post-rewrite", "pre-push")

# bounds, in bytes
MAX_SEGMENT = 8 << 20
OUTPUT_HEAD = 64 << 10
OUTPUT_TAIL = 64 << 10

# configuration keys as `git config --get-regexp` prints them (lower case), with what they take and their default
CONFIG: "dict[str, tuple[str, str | int]]" = {
    "trace.writer": ("text", ""),
    "trace.seal": ("detached|now", "detached"),
    "trace.sign": ("auto|true|false", "auto"),
    "trace.push": ("off|auto", "off"),
    "trace.remote": ("list", ""),
    "trace.<remote>.to": ("text", ""),
    "trace.pushsnapshots": ("bool", 0),
    "trace.maxfilesize": ("size", 5 << 20),
    "trace.maxoutput": ("size", OUTPUT_HEAD + OUTPUT_TAIL),
    "trace.maxdiff": ("size", 1 << 20),
    "trace.expire": ("text", "90.days.ago"),
    "trace.redact.email": ("bool", 0),
    "trace.redact.home": ("bool", 0),
    "trace.redact.rules": ("text", ""),
    "trace.redact.allow": ("list", ""),
}

GIT_MINIMUM = (2, 34)

# exit status
EXIT_NEGATIVE = 1
EXIT_ERROR = 128
EXIT_USAGE = 129
EXIT_INTERRUPTED = 130
EXIT_BUG = 255
