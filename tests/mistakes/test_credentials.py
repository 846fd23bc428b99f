"""Ways to sign in to AWS that do not work, or not in a run of many processes: in words, with the command to run."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest

from tests.support.desk import ACCESS_KEY, SECRET_KEY, Desk

SSO = """
[profile teacher]
sso_start_url = https://school.example.com/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = Teacher
"""
SSO_SESSION = """
[profile teacher]
sso_session = school
sso_account_id = 123456789012
sso_role_name = Teacher
[sso-session school]
sso_start_url = https://school.example.com/start
sso_region = us-east-1
sso_registration_scopes = sso:account:access
"""
LOGIN_SESSION = "arn:aws:iam::123456789012:user/teacher"
LOGIN = f"""
[profile teacher]
login_session = {LOGIN_SESSION}
"""
MFA = f"""
[profile base]
aws_access_key_id = {ACCESS_KEY}
aws_secret_access_key = {SECRET_KEY}
[profile teacher]
role_arn = arn:aws:iam::123456789012:role/teacher
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/phone
"""
MFA_WORDS = (
    "Profile teacher wants the code of an MFA device (arn:aws:iam::123456789012:mfa/phone). A run cannot ask you for "
    "it: it consists of many processes.\n"
    'Run `eval "$(aws configure export-credentials --profile teacher --format env)"` and '
    "`unset AWS_PROFILE AWS_DEFAULT_PROFILE`, then run again. What this exports is good for an hour, unless the "
    "profile says duration_seconds."
)


def use(desk: Desk, config: str) -> None:
    """Let the computer use the profile `teacher` of a configuration, and no keys."""
    (desk.home / ".aws").mkdir()
    (desk.home / ".aws/config").write_text(config)
    desk.environment |= {"AWS_PROFILE": "teacher", "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def remember(desk: Desk, folder: str, name: str, **token: object) -> None:
    """Leave a token where AWS's command line keeps that of `name`."""
    cache = desk.home / ".aws" / folder / "cache"
    cache.mkdir(parents=True)
    hashed = hashlib.sha1(name.encode(), usedforsecurity=False) if folder == "sso" else hashlib.sha256(name.encode())
    (cache / f"{hashed.hexdigest()}.json").write_text(json.dumps(token))


def refused_before_aws_is_asked(desk: Desk) -> str:
    """Return the words of a run that asks AWS nothing; the inventory begins with the same."""
    shown = desk.play("status.yml")
    words = shown.failure
    assert not desk.aws.requests
    warning = "AWS did not say which machines there are: " + words.splitlines()[0]
    assert warning in " ".join(shown.text.split())
    return words


@pytest.mark.parametrize("config", [SSO, SSO_SESSION], ids=["legacy", "session"])
@pytest.mark.parametrize("expired", [False, True], ids=["none", "expired"])
def test_an_sso_session_that_is_none_or_has_expired(desk: Desk, config: str, expired: bool) -> None:
    use(desk, config)
    if expired:
        name = "school" if config == SSO_SESSION else "https://school.example.com/start"
        remember(desk, "sso", name, accessToken="made-up", expiresAt="2026-01-01T00:00:00Z", region="us-east-1")
    words = refused_before_aws_is_asked(desk)
    assert words.startswith("The SSO session of profile teacher has expired, or there is none: ")
    assert words.endswith("\nRun `aws sso login --profile teacher`, then run again.")


def test_a_login_that_is_none(desk: Desk) -> None:
    use(desk, LOGIN)
    words = refused_before_aws_is_asked(desk)
    assert words.startswith("The login of profile teacher has ended, or there is none: ")
    assert words.endswith("\nRun `aws login --profile teacher`, then run again.")


def test_a_login_is_used(desk: Desk) -> None:
    use(desk, LOGIN)
    keys = {"accessKeyId": ACCESS_KEY, "secretAccessKey": SECRET_KEY, "sessionToken": "made-up"}
    session = {"accountId": "123456789012", "expiresAt": "2126-01-01T00:00:00Z"}
    remember(
        desk,
        "login",
        LOGIN_SESSION,
        accessToken={**keys, **session},
        refreshToken="-",
        dpopKey="-",
        clientId="-",
    )
    shown = desk.play("status.yml")
    assert shown.code == 0, shown.text
    assert "WARNING" not in shown.text


def test_mfa_without_a_terminal(desk: Desk) -> None:
    use(desk, MFA)
    assert refused_before_aws_is_asked(desk) == MFA_WORDS


def test_mfa_of_the_profile_that_a_role_comes_from(desk: Desk) -> None:
    chain = MFA.replace("[profile teacher]", "[profile middle]")
    use(desk, chain + "[profile teacher]\nrole_arn = arn:aws:iam::123456789012:role/class\nsource_profile = middle\n")
    words = refused_before_aws_is_asked(desk)
    assert words.startswith("Profile middle wants the code of an MFA device ")
    assert "export-credentials --profile teacher " in words


def test_mfa_at_a_terminal_does_not_wait_for_a_code(desk: Desk) -> None:
    use(desk, MFA)
    shown = desk.play_at_terminal("status.yml")
    assert "Enter MFA code" not in shown
    assert "wants the code of an MFA device" in shown
    assert "PLAY RECAP" in shown


def test_a_profile_and_keys(desk: Desk) -> None:
    use(desk, LOGIN)
    desk.environment |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    assert refused_before_aws_is_asked(desk) == (
        "AWS_PROFILE (teacher) and AWS_ACCESS_KEY_ID are both set: which account is meant?\n"
        "For the profile run `unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY`, for the keys `unset AWS_PROFILE`; "
        "then run again."
    )


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("sh -c 'echo nobody is signed in >&2; exit 1'", "nobody is signed in"),
        ("/nowhere/credentials", "No such file or directory"),
        ("echo no JSON", "Expecting value"),
    ],
    ids=["fails", "is not there", "says something else"],
)
def test_a_program_that_has_no_credentials(desk: Desk, program: str, why: str) -> None:
    use(desk, f"[profile teacher]\ncredential_process = {program}\n")
    words = refused_before_aws_is_asked(desk)
    assert words.startswith("The AWS credentials of profile teacher could not be fetched: ")
    assert why in words
    assert words.endswith("\nWhen `aws sts get-caller-identity --profile teacher` answers, run again.")


@pytest.mark.parametrize("hours", [1, -30])
def test_a_clock_that_is_wrong(desk: Desk, hours: int) -> None:
    desk.aws.ahead = timedelta(hours=hours)
    there = f"AWS says {desk.aws.clock():%Y-%m-%d}"
    shown = desk.play("status.yml")
    assert shown.failure.startswith("This computer's clock is wrong: it says ")
    assert there in shown.failure
    assert "timedatectl set-ntp true" in shown.failure
    assert "AWS did not say which machines there are: This computer's clock is wrong" in " ".join(shown.text.split())


def test_keys_that_do_not_fit_together(desk: Desk) -> None:
    desk.environment["AWS_SECRET_ACCESS_KEY"] = "made-up-of-another-user"
    assert desk.play("status.yml").failure.startswith("AWS refuses these credentials: SignatureDoesNotMatch.\n")


def test_a_key_that_was_deleted(desk: Desk) -> None:
    desk.environment["AWS_ACCESS_KEY_ID"] = "AKIADELETED000000000"
    assert desk.play("status.yml").failure.startswith("AWS refuses these credentials: InvalidClientTokenId.\n")
