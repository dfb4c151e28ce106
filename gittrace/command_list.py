"""The table of commands. A new command is a row here, a module in `gittrace.commands` and a test."""


class Command:
    """One row: name, module, kind and one line of help."""

    __slots__ = ("help", "kind", "module", "name")

    def __init__(self, name: str, module: str, kind: str, help_line: str) -> None:
        self.name = name
        self.module = module
        self.kind = kind
        self.help = help_line


PORCELAIN = "porcelain"
PLUMBING = "plumbing"

COMMANDS = (
    Command("init", "gittrace.commands.init", PORCELAIN, "prepare a repository for recording"),
    Command("deinit", "gittrace.commands.deinit", PORCELAIN, "undo what init did"),
    Command("start", "gittrace.commands.start", PORCELAIN, "start a session"),
    Command("run", "gittrace.commands.run", PORCELAIN, "run a command and record it"),
    Command("note", "gittrace.commands.note", PORCELAIN, "record reasoning after the fact"),
    Command("stop", "gittrace.commands.stop", PORCELAIN, "stop the session"),
    Command("status", "gittrace.commands.status", PORCELAIN, "show what is being recorded, and what went wrong"),
    Command("list", "gittrace.commands.list", PORCELAIN, "list traces, a line each"),
    Command("log", "gittrace.commands.log", PORCELAIN, "show recorded traces"),
    Command("show", "gittrace.commands.show", PORCELAIN, "show a trace, session, event or commit"),
    Command("blame", "gittrace.commands.blame", PORCELAIN, "show which event wrote each line of a file"),
    Command("why", "gittrace.commands.why", PORCELAIN, "show why a line is there"),
    Command("links", "gittrace.commands.links", PORCELAIN, "show which commits the work of a trace is in"),
    Command("fate", "gittrace.commands.fate", PORCELAIN, "say what became of the work of a trace"),
    Command("diff", "gittrace.commands.diff", PORCELAIN, "show changes between events"),
    Command("restore", "gittrace.commands.restore", PORCELAIN, "write out the files of a snapshot"),
    Command("export", "gittrace.commands.export", PORCELAIN, "write traces in the formats of others"),
    Command("scan", "gittrace.commands.scan", PORCELAIN, "look for secrets in all that is recorded"),
    Command("redact", "gittrace.commands.redact", PORCELAIN, "mask secrets in what is recorded already"),
    Command("verify", "gittrace.commands.verify", PORCELAIN, "prove that every snapshot can be rebuilt"),
    Command("sign", "gittrace.commands.sign", PORCELAIN, "sign what is recorded, as git signs commits"),
    Command("push", "gittrace.commands.push", PORCELAIN, "publish traces at a remote"),
    Command("fetch", "gittrace.commands.fetch", PORCELAIN, "fetch traces that others published"),
    Command("remotes", "gittrace.commands.remotes", PORCELAIN, "list where traces are published and come from"),
    Command("doctor", "gittrace.commands.doctor", PORCELAIN, "check the installation and the recorded data"),
    Command("identity", "gittrace.commands.identity", PORCELAIN, "show or change the id that you record under"),
    Command("forget", "gittrace.commands.forget", PORCELAIN, "remove a trace for good, wherever it is read"),
    Command("gc", "gittrace.commands.gc", PORCELAIN, "drop what is no longer needed"),
    Command("demo", "gittrace.commands.demo", PORCELAIN, "record a small trace in a temporary repository"),
    Command("seal", "gittrace.commands.seal", PLUMBING, "turn finished runs of events into notes"),
    Command("pre-push", "gittrace.commands.pre_push", PLUMBING, "what the pre-push hook runs"),
    Command("install-extras", "gittrace.commands.install_extras", PLUMBING, "install man page and completions"),
)
