"""Addresses as people write them are asked for as servers know them, or refused in words."""

from __future__ import annotations

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.addresses import (
    AddressError,
    request_url,
)

ASKED = {
    "a blank": ("https://example.com/my data.csv", "https://example.com/my%20data.csv"),
    "an umlaut": ("https://example.com/Ü.csv", "https://example.com/%C3%9C.csv"),
    "encoded already": ("https://example.com/my%20data.csv", "https://example.com/my%20data.csv"),
    "half encoded": ("https://example.com/my%20d ä.csv", "https://example.com/my%20d%20%C3%A4.csv"),
    "a percent sign of its own": ("https://example.com/50% more.csv", "https://example.com/50%25%20more.csv"),
    "an umlaut taken apart, as a Mac has it": ("https://example.com/U\u0308.csv", "https://example.com/U%CC%88.csv"),
    "Persian, with a joiner": (
        "https://example.com/\u0645\u06cc\u200c.csv",
        "https://example.com/%D9%85%DB%8C%E2%80%8C.csv",
    ),
    "Chinese": ("https://example.com/数据.csv", "https://example.com/%E6%95%B0%E6%8D%AE.csv"),
    "a query with blanks": ("https://example.com/?q=a b&n=ü", "https://example.com/?q=a%20b&n=%C3%BC"),
    "a query that was signed": ("https://example.com/a?X=a%2Fb&Y=c+d==", "https://example.com/a?X=a%2Fb&Y=c+d=="),
    "signs that may stand": ("https://example.com/a(1)[2];b=c,'d'!*@:$/", "https://example.com/a(1)[2];b=c,'d'!*@:$/"),
    "a host with an umlaut": ("https://bücher.example.com/a", "https://xn--bcher-kva.example.com/a"),
    "a host in capitals": ("HTTPS://BÜCHER.Example.com/a", "https://xn--bcher-kva.example.com/a"),
    "a host with an ß": ("https://straße.example.com/a", "https://xn--strae-oqa.example.com/a"),
    "a host in ASCII already": ("https://xn--bcher-kva.example.com/a", "https://xn--bcher-kva.example.com/a"),
    "a host with a full stop of another script": ("https://例。example.com/a", "https://xn--fsq.example.com/a"),
    "a port": ("http://example.com:8080/a b", "http://example.com:8080/a%20b"),
    "a port that is left empty": ("http://example.com:/a", "http://example.com/a"),
    "an address of IPv6": ("http://[::1]:8080/a", "http://[::1]:8080/a"),
    "a place on a page": ("https://example.com/a.csv#data", "https://example.com/a.csv"),
}


@pytest.mark.parametrize(("written", "asked"), ASKED.values(), ids=ASKED.keys())
def test_an_address_is_asked_for_as_servers_know_it(written: str, asked: str) -> None:
    assert request_url(written) == asked
    assert request_url(asked) == asked, "encoded twice"


REFUSED = {
    "a port in letters": ("http://example.com:x/a.csv", "has 'x' for a port"),
    "a port that is too large": ("http://example.com:65536/a.csv", "has '65536' for a port"),
    "port 0": ("http://example.com:0/a.csv", "has '0' for a port"),
    "a negative port": ("http://example.com:-1/a.csv", "has '-1' for a port"),
    "another protocol": ("ftp://example.com/a.csv", "must begin with https://"),
    "one slash": ("https:/example.com/a.csv", "must begin with https://"),
    "no protocol": ("example.com/a.csv", "must begin with https://"),
    "the protocol twice": ("https://https://example.com/a.csv", "must begin with https://"),
    "backslashes": ("https://example.com\\data\\a.csv", "for a host"),
    "a host with a blank": ("https://my host.example.com/a.csv", "for a host"),
    "a host with a letter that nobody sees": ("https://exam\u200bple.com/a.csv", r"because of '\u200b'"),
    "a host with two dots": ("https://example..com/a.csv", "for a host"),
    "a host that is too long": (f"https://{'a' * 64}.example.com/a.csv", "for a host"),
    "an open bracket": ("http://[::1/a.csv", "cannot be read"),
    "a host that stands for a slash": ("https://example.com\u2100.org/a.csv", "cannot be read"),
    "two on a line": ("https://example.com/a.csv https://example.com/b.csv", "is more than one address"),
    "a letter that nobody sees": ("https://example.com/a\u200b.csv", r"has '\u200b' in it, which nobody sees"),
    "two lines": ("https://example.com/a\nb.csv", "has a line break"),
}


@pytest.mark.parametrize(("written", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_address_is_refused_in_words(written: str, said: str) -> None:
    with pytest.raises(AddressError) as refused:
        request_url(written)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_login_in_an_address_is_refused_and_not_repeated() -> None:
    for scheme in ("https", "ftp"):
        with pytest.raises(AddressError) as refused:
            request_url(f"{scheme}://ada:never-on-the-screen@example.com/a.csv")
        assert "has a login in it" in str(refused.value)
        assert "never-on-the-screen" not in str(refused.value)
