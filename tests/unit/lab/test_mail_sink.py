"""The mail server of the lab, without the rest of it: who may believe that it is what it says."""

from __future__ import annotations

import smtplib
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from lab import layout, mail_sink
from lab.state import Secrets

if TYPE_CHECKING:
    from pathlib import Path

OWN = Secrets("LABKEY", "secret", "LABOWNER", "secret", "class-1", "a password")


def test_it_is_believed_by_those_who_know_its_authority_and_under_its_names_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server((mail_sink.HOST, 0)) as free:
        monkeypatch.setattr(layout, "MAIL_PORT", int(free.getsockname()[1]))
    for name in ("MAIL", "CERTIFICATE", "AUTHORITY"):
        monkeypatch.setattr(layout, name, tmp_path / name.lower())
    layout.MAIL.mkdir()
    layout.CERTIFICATE.write_text("what an earlier version signed itself")
    mail_sink.start(OWN)
    known = ssl.create_default_context(cafile=layout.AUTHORITY)
    known.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 has it
    for host, context, believed in (
        ("127.0.0.1", known, True),
        ("localhost", known, True),
        ("mail.example.com", known, False),
        ("127.0.0.1", ssl.create_default_context(), False),
    ):
        with smtplib.SMTP(mail_sink.HOST, layout.MAIL_PORT) as server:
            server._host = host  # type: ignore[attr-defined]  # what STARTTLS compares the certificate with
            if believed:
                assert server.starttls(context=context)[0] == 220
                server.login(OWN.mail_user, OWN.mail_password)
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    server.starttls(context=context)
    assert "PRIVATE KEY" not in layout.AUTHORITY.read_text()
    assert layout.CERTIFICATE.stat().st_mode & 0o077 == 0
