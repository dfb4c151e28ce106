"""Which variables of an environment hold secrets."""

import pytest

from gittrace.protect.environment import is_telling, secret_values


@pytest.mark.parametrize(
    "name",
    ["GITHUB_TOKEN", "DB_PASSWORD", "aws_secret_access_key", "STRIPE_KEY", "MY_PWD", "SENTRY_DSN", "NPM_AUTH", "X_PAT"],
)
def test_names_that_tell(name: str) -> None:
    assert is_telling(name)


@pytest.mark.parametrize(
    "name",
    ["PWD", "OLDPWD", "HOME", "SSH_AUTH_SOCK", "GIT_ASKPASS", "TOKEN_FILE", "AWS_ACCESS_KEY_ID", "KEYBOARD", "PATH"],
)
def test_names_that_tell_nothing(name: str) -> None:
    assert not is_telling(name)


def test_values() -> None:
    lines = "first line of it\nshort\nsecond line of it"
    environment = {
        "A_TOKEN": "abcd1234",
        "B_TOKEN": "short1",
        "C_TOKEN": "/run/secrets/x",
        "D_TOKEN": "ordinary",
        "E_SECRET": lines,
    }
    assert secret_values(environment) == (b"second line of it", b"first line of it", b"abcd1234")
    assert secret_values({"HOME": "/home/ann12345"}) == ()
