"""Objects read through long-lived `git cat-file --batch` and `--batch-check` (`--batch-command` is from git 2.36)."""

from gittrace.errors import GitFailed
from gittrace.git.isolated import Isolated
from gittrace.git.objects import BaseStore
from gittrace.git.process import Coprocess
from gittrace.git.repository import Repository


class CatFileObjects(BaseStore):
    """Each of the two processes starts when it is first asked."""

    def __init__(self, repo: Repository) -> None:
        super().__init__(repo.format)
        self._isolated = Isolated(repo)
        self._processes: dict[str, Coprocess] = {}

    def trust(self) -> None:
        """See ObjectStore; git does so anyway."""

    def _load(self, oid: str) -> tuple[str, bytes] | None:
        return self._ask("--batch", oid)

    def _header(self, oid: str) -> tuple[str, int] | None:
        found = self._ask("--batch-check", oid)
        return (found[0], int(found[1])) if found else None

    def _ask(self, option: str, oid: str) -> tuple[str, bytes] | None:
        """Return kind and content, or kind and size in digits."""
        process = self._processes.get(option)
        if process is None:
            process = self._processes[option] = self._isolated.converse("cat-file", option)
        try:
            process.write(b"%s\n" % oid.encode("ascii"))
            answer = process.readline().split(b" ")
            if len(answer) != 3:
                return None
            size = answer[2]
            content = process.read(int(size) + 1)[:-1] if option == "--batch" else size
        except GitFailed:  # it gives up on a damaged object; the next question deserves an answer
            del self._processes[option]
            raise
        return answer[1].decode("ascii"), content

    def close(self) -> None:
        """End the processes."""
        for process in self._processes.values():
            process.close()
        self._processes.clear()
        self._isolated.close()
