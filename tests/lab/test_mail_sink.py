"""The mail server: what it accepts and keeps."""

from __future__ import annotations

import email
import smtplib
import ssl
from typing import Any

import pytest

from lab import layout


def test_mail_needs_encryption_and_the_password_and_is_kept(variables: dict[str, Any]) -> None:
    user, password = variables["class_smtp_username"], variables["class_smtp_password"]
    letter = "From: a@example.com\r\nTo: b@example.com\r\nSubject: Hallo\r\n\r\nZoë\r\n".encode()
    context = ssl.create_default_context(cafile=variables["class_smtp_ca_file"])
    with smtplib.SMTP("localhost", variables["class_smtp_port"]) as server:
        with pytest.raises(smtplib.SMTPSenderRefused):
            server.sendmail("a@example.com", "b@example.com", letter)
        server.starttls(context=context)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            server.login(user, "wrong")
        with pytest.raises(smtplib.SMTPException):
            server.sendmail("a@example.com", "b@example.com", letter)
        server.login(user, password)
        server.sendmail("a@example.com", ["b@example.com", "c@example.com"], letter)
    (kept,) = layout.MAIL.glob("*.eml")
    message = email.message_from_bytes(kept.read_bytes())
    assert message.get_all("Delivered-To") == ["b@example.com", "c@example.com"]
    assert message.get_payload(decode=True) == "Zoë\n".encode()
