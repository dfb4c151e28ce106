"""git trace stop, where what follows the session's end goes wrong."""

from tests.commands.conftest import Story


def test_what_can_not_be_sealed_is_told_and_the_session_is_over(story: Story) -> None:
    lock = story.repo.git_dir / "trace/seal.lock"
    lock.unlink()
    lock.mkdir()
    out = story.repo.trace("stop").splitlines()
    assert out[0] == f"Stopped trace {story.trace[:8]}"
    assert out[1].startswith("  not sealed yet: ")
    assert not story.repo.errors
    lock.rmdir()
    shown = story.trace_json("show", story.trace)
    assert shown["state"] == "stopped"
    assert all(segment["sha256"] for segment in shown["segments"])
