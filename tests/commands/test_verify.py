"""git trace verify, as a command."""

from tests.commands.conftest import Story


def test_where_nothing_can_be_sealed_nothing_is_damaged(story: Story) -> None:
    """As in a repository on a read-only file system."""
    lock = story.repo.git_dir / "trace/seal.lock"
    lock.unlink()
    lock.mkdir()
    out = story.repo.trace("verify")
    assert out.endswith(" snapshots proved\n")
    assert story.repo.errors.startswith("warning: cannot seal: ")
    assert story.repo.errors.count("\n") == 1
