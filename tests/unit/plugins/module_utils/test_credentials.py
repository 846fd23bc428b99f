"""Passwords and tokens: made once, kept privately, easy to read aloud."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import cast

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.credentials import (
    Credential,
    CredentialError,
    complete,
    former_addresses,
    make_credential,
    parts_in,
    read_credentials,
    settled,
    taken_out,
    write_credentials,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.pages.page import give_pages
from passlib.hash import sha512_crypt

ADA = {"name": "Ada", "email": "ada@example.com", "username": "ada"}
GRACE = {"name": "Grace", "email": "grace@example.com", "username": "grace"}


def test_a_password_can_be_dictated_and_fits_its_hash() -> None:
    made = make_credential("ada")
    assert not set("ilo01 ") & set(made["password"])
    assert sha512_crypt.verify(made["password"], made["password_hash"])
    assert len(made["token"]) == 24


def test_what_was_made_once_stays() -> None:
    first, new = complete({}, [ADA])
    assert new == ["ada"]
    second, new = complete(first, [GRACE, ADA | {"email": "ADA@example.com"}])
    assert new == ["grace"]
    assert second["ada@example.com"] == first["ada@example.com"]


@pytest.mark.parametrize(
    ("taken_out", "stays"),
    [
        ({"token"}, {"password", "password_hash"}),
        ({"password_hash"}, {"password", "token"}),
        ({"password"}, {"token"}),
        ({"password", "password_hash"}, {"token"}),
    ],
)
def test_what_was_taken_out_by_hand_is_made_anew(taken_out: set[str], stays: set[str]) -> None:
    first, _ = complete({}, [ADA])
    known = dict(first["ada@example.com"])
    kept = cast("Credential", {key: value for key, value in known.items() if key not in taken_out})
    second, new = complete({"ada@example.com": kept}, [ADA])
    mended = dict(second["ada@example.com"])
    assert new == ["ada"]
    assert {key for key in known if mended[key] == known[key]} == {"username", *stays}
    assert sha512_crypt.verify(mended["password"], mended["password_hash"])


def test_a_page_stays_where_it_is_whatever_else_is_made_anew() -> None:
    first, _ = complete({}, [ADA], hosts={"ada": "192.0.2.1"})
    page = {"page": "made-up-address", "page_word": "made-up-word"}
    kept = cast("Credential", {**first["ada@example.com"], **page, "password": "", "token": ""})
    second, _ = complete({"ada@example.com": kept}, [ADA], hosts={"ada": "192.0.2.2"})
    assert {**second["ada@example.com"], **page} == second["ada@example.com"]


def test_a_link_is_new_for_every_other_host_and_stays_while_there_is_none() -> None:
    first, new = complete({}, [ADA, GRACE], hosts={"ada": "192.0.2.1"})
    ada = first["ada@example.com"]
    assert (ada["link_host"], len(ada["link_secret"])) == ("192.0.2.1", 43)
    assert (new, "link_host" in first["grace@example.com"]) == (["ada", "grace"], False)
    for hosts in ({}, {"ada": "192.0.2.1"}, {"mary": "192.0.2.9"}):  # the machine is off, or is where it was
        assert complete(first, [ADA, GRACE], hosts=hosts) == (first, [])
    second, new = complete(first, [ADA, GRACE], hosts={"ada": "192.0.2.2"})
    moved = second["ada@example.com"]
    assert (moved["link_host"], new) == ("192.0.2.2", ["ada"])
    assert moved["link_secret"] != ada["link_secret"]
    assert moved == ada | {"link_host": moved["link_host"], "link_secret": moved["link_secret"]}


def test_a_username_never_comes_to_mean_somebody_else() -> None:
    first, _ = complete({}, [ADA])
    with pytest.raises(CredentialError, match=r"ada@example.org cannot be ada, who is ada@example.com") as refused:
        complete(first, [ADA | {"email": "ada@example.org"}])
    assert '{"class_changed_addresses": {"ada@example.com": "ada@example.org"}}' in str(refused.value)


def test_a_student_never_comes_to_have_another_username() -> None:
    first, _ = complete({}, [ADA])
    with pytest.raises(CredentialError, match=r"ada@example.com has been ada so far"):
        complete(first, [ADA | {"username": "adal"}, GRACE])


def test_everything_goes_along_with_an_address_that_changed() -> None:
    first, _ = complete({}, [ADA])
    moved = {"Ada@example.com": "ada@example.org"}
    second, new = complete(first, [ADA | {"email": "ada@example.org"}], moved)
    assert second == {"ada@example.org": {**first["ada@example.com"], "formerly": ["ada@example.com"]}}
    assert new == ["ada"]
    assert complete(second, [ADA | {"email": "ada@example.org"}], moved) == (second, [])


def test_every_address_that_a_student_had_is_remembered() -> None:
    """Also where settings are taken out again, and where somebody goes back to an address of before."""
    kept, _ = complete({}, [ADA, GRACE])
    for old, new in (("com", "org"), ("org", "net"), ("net", "com")):
        ada, changed = ADA | {"email": f"ada@example.{new}"}, {f"ADA@example.{old}": f"ada@example.{new}"}
        assert former_addresses(kept, changed)["ada"][-1] == f"ada@example.{old}"
        kept, _ = complete(kept, [ada], changed)
        kept, _ = complete(settled(kept), [ada, GRACE])
    assert former_addresses(kept, {}) == {"ada": ["ada@example.com", "ada@example.org", "ada@example.net"]}
    at_once, _ = complete({}, [ADA])
    chain = {"ada@example.com": "ada@example.org", "ada@example.org": "ada@example.net"}
    assert former_addresses(at_once, chain) == {"ada": ["ada@example.com", "ada@example.org"]}


def test_an_address_that_changed_under_an_earlier_version_is_remembered_as_long_as_it_is_set() -> None:
    kept, _ = complete({}, [ADA | {"email": "ada@example.org"}])
    changed = {"ada@example.com": "ada@example.org"}
    assert (former_addresses(kept, {}), former_addresses(kept, changed)) == ({}, {"ada": ["ada@example.com"]})
    again, new = complete(kept, [ADA | {"email": "ada@example.org"}], changed)
    assert (new, former_addresses(again, {})) == ([], {"ada": ["ada@example.com"]})


def test_one_who_left_is_remembered() -> None:
    first, _ = complete({}, [ADA])
    second, _ = complete(first, [GRACE])
    assert second["ada@example.com"] == first["ada@example.com"]


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    made, _ = complete(read_credentials(str(path)), [ADA])
    write_credentials(str(path), made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_credentials(str(path)) == made
    assert [file.name for file in tmp_path.iterdir()] == ["credentials.json"]


def with_links(*students: dict[str, str]) -> dict[str, Credential]:
    """Return the credentials of students who have links, and pages that stay."""
    made, _ = complete({}, students)
    linked = {
        email: cast("Credential", {**each, "link_secret": f"link-of-{each['username']}", "link_host": "192.0.2.1"})
        for email, each in made.items()
    }
    assert give_pages(linked, students)
    return linked


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("link", {"link_secret", "link_host", "page", "page_word"}),
        ("password", {"password", "password_hash"}),
        ("token", {"token"}),
    ],
)
def test_what_is_renewed_is_new_and_all_else_stays(part: str, changes: set[str]) -> None:
    first = with_links(ADA, GRACE)
    second, _ = complete(taken_out(first, ["ada"], [part]), [ADA, GRACE])
    # As for a class whose links are stable.
    assert give_pages(second, [ADA, GRACE]) is ("page" in changes)
    before, after = dict(first["ada@example.com"]), dict(second["ada@example.com"])
    assert {key for key in before if after.get(key) != before[key]} == changes
    assert after["renewed"] == [part]
    assert sha512_crypt.verify(after["password"], after["password_hash"])
    assert second["grace@example.com"] == first["grace@example.com"]


def test_nothing_is_renewed_twice_until_the_command_has_come_to_its_end() -> None:
    first = with_links(ADA)
    killed, _ = complete(taken_out(first, ["ada"], ["token"]), [ADA])
    again, _ = complete(taken_out(killed, ["ada"], ["token"]), [ADA])
    assert again == killed
    more, _ = complete(taken_out(killed, ["ada"], ["token", "password"]), [ADA])
    assert more["ada@example.com"]["token"] == killed["ada@example.com"]["token"]
    assert more["ada@example.com"]["password"] != killed["ada@example.com"]["password"]
    over = settled(more)
    assert "renewed" not in over["ada@example.com"]
    asked_anew, _ = complete(taken_out(over, ["ada"], ["token"]), [ADA])
    assert asked_anew["ada@example.com"]["token"] != over["ada@example.com"]["token"]


def test_another_link_leads_to_the_same_host_at_once_and_stays_for_the_next_run() -> None:
    first, hosts = with_links(ADA), {"ada": "192.0.2.1"}
    second, new = complete(taken_out(first, ["ada"], ["link"]), [ADA], hosts=hosts)
    assert new == ["ada"]
    assert second["ada@example.com"]["link_host"] == "192.0.2.1"
    assert second["ada@example.com"]["link_secret"] != first["ada@example.com"]["link_secret"]
    assert give_pages(second, [ADA])
    again, _ = complete(taken_out(second, ["ada"], ["link"]), [ADA], hosts=hosts)
    assert not give_pages(again, [ADA])
    assert again == second


def test_who_has_no_link_is_told_what_can_be_renewed() -> None:
    first, _ = complete({}, [ADA])
    with pytest.raises(CredentialError, match=r"ada has no link: (.|\n)* -e student=ada -e renew=password,token"):
        taken_out(first, ["ada"], ["link"])
    # Taken out by a run that was killed: it is made as soon as there is a machine.
    under_way = taken_out(with_links(ADA), ["ada"], ["link"])
    assert taken_out(under_way, ["ada"], ["link"]) == under_way


def test_what_can_be_renewed_is_said_in_words() -> None:
    assert parts_in("link") == ["link"]
    assert parts_in(" token, password,token") == ["token", "password"]
    assert parts_in(["password"]) == ["password"]
    assert parts_in([]) == parts_in("") == []
    with pytest.raises(CredentialError, match="pasword cannot be renewed; link, password, token can"):
        parts_in("pasword,token")
