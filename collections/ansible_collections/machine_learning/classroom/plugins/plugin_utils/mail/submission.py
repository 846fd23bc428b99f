"""The connection to the mail server: to the right one or to none, with a password or an access token (XOAUTH2).

RFC 6409 (submission), RFC 8314 (implicit TLS), RFC 3207 (STARTTLS).
"""

from __future__ import annotations

import os
import re
import signal
import smtplib
import ssl
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

IMPLICIT, STARTTLS = "implicit", "starttls"
ANSWER_S = 20
# How long a server may take to accept a letter that it has; who hangs up earlier sends some twice (RFC 5321, 4.5.3.2).
ACCEPT_S = 600
TOKEN_S = 60
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")  # what RFC 6750 lets an access token be made of
WANTS_LOGIN = (530, 535)
CLOSING = 421
AUTHORITIES = "If it is an authority of your university's own, name its certificate in class_smtp_ca_file."
# Of the reasons that OpenSSL has for not believing a certificate, those that another authority would change.
UNKNOWN_AUTHORITY = (18, 19, 20, 21)


class Refusal(Exception):  # noqa: N818 - it is the server's right
    """The server did not take a letter, and why.

    `again`: it may take it later. `everybodys`: it would say the same of all letters.
    """

    def __init__(self, words: str, *, again: bool = False, everybodys: bool = False) -> None:
        """Keep the words in one line."""
        super().__init__(" ".join(words.split()))
        self.again = again
        self.everybodys = everybodys


class _TokenExpired(Exception):  # noqa: N818 - no error: a new one is asked for
    """The server does not take a token any more that it took, or that was asked for earlier."""


@dataclass
class Submission:
    """One connection to a mail server, made when it is needed and kept; in the words of the role's inputs."""

    host: str
    port: int
    security: str = STARTTLS
    ca_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    token_command: str = field(default="", repr=False)
    _smtp: smtplib.SMTP | None = field(default=None, init=False, repr=False)
    _reached: bool = field(default=False, init=False, repr=False)
    _token: str = field(default="", init=False, repr=False)
    _token_is_new: bool = field(default=False, init=False, repr=False)

    @property
    def address(self) -> str:
        """Where the server is."""
        return f"{self.host}:{self.port}"

    def send(self, sender: str, recipient: str, content: bytes) -> None:
        """Return when the server has accepted the letter; raise `Refusal` if it has not."""
        try:
            self._send(sender, recipient, content)
        except _TokenExpired:
            self.close()
            self._token = ""
            self._send(sender, recipient, content)
        self._token_is_new = False

    def reach(self) -> None:
        """Return when the server has proved that it is there, and take leave; raise `Refusal` if it has not."""
        self._smtp = self._connect()
        self.close()

    def close(self) -> None:
        """Take leave of the server, if it is there."""
        smtp, self._smtp = self._smtp, None
        if smtp:
            try:
                smtp.quit()
            except OSError:  # of which smtplib's own are kinds
                smtp.close()

    def _send(self, sender: str, recipient: str, content: bytes) -> None:
        self._smtp = smtp = self._smtp or self._connect()
        try:
            self._expect(smtp.mail(sender), f"{self.host} takes no letters from {sender}", everybodys=True)
            self._expect(smtp.rcpt(recipient), f"{self.host} takes no letter to {recipient}", letters_own=True)
            _wait(smtp, ACCEPT_S)
            self._expect(_data(smtp, content), f"{self.host} did not take it")
            _wait(smtp, ANSWER_S)
        except OSError as error:
            self._drop()
            raise Refusal(f"{self.address} hung up: {error}", again=True, everybodys=True) from error

    def _expect(
        self, answer: tuple[int, bytes], words: str, *, everybodys: bool = False, letters_own: bool = False
    ) -> None:
        """Go on if the server agrees.

        What it says of the recipient is about that letter alone; what it puts off otherwise, it would of all others.
        """
        code, said = answer
        if str(code).startswith("2"):
            return
        if code in WANTS_LOGIN:
            self._forget_token()
        self._begin_anew(code)
        again = _later(code)
        raise Refusal(
            f"{words}: {_said(code, said)}", again=again, everybodys=everybodys or (again and not letters_own)
        )

    def _begin_anew(self, code: int) -> None:
        try:
            if code == CLOSING or not self._smtp:
                self._drop()
            else:
                self._smtp.rset()
        except OSError:
            self._drop()

    def _drop(self) -> None:
        if self._smtp:
            self._smtp.close()
        self._smtp = None

    def _connect(self) -> smtplib.SMTP:
        """Log in to the server that has proved that it is the right one."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as error:
            words = f"class_smtp_ca_file: {self.ca_file} holds no certificate of an authority ({error})."
            raise Refusal(words, everybodys=True) from error
        smtp: smtplib.SMTP | None = None
        try:
            if self.security == IMPLICIT:
                smtp = smtplib.SMTP_SSL(self.host, self.port, timeout=ANSWER_S, context=context)
            else:
                smtp = smtplib.SMTP(self.host, self.port, timeout=ANSWER_S)
                smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
            self._login(smtp)
        except (OSError, Refusal, _TokenExpired) as error:
            if smtp:
                smtp.close()
            if isinstance(error, (Refusal, _TokenExpired)):
                raise
            self._explain(error)
        self._reached = True
        return smtp

    def _explain(self, error: OSError) -> NoReturn:
        """Say why there is no connection.

        A server that was there before may come back; one that never was is not knocked at for each letter.
        """
        safe = "Neither password nor letter was sent."
        again = self._reached
        if isinstance(error, ssl.SSLCertVerificationError):
            words = f"{self.address} did not prove that it is {self.host}: {error.verify_message.rstrip('.')}. {safe}"
            if error.verify_code in UNKNOWN_AUTHORITY:
                words = f"{words} {AUTHORITIES}"
            again = False
        elif isinstance(error, smtplib.SMTPNotSupportedError):
            words = f"{self.address} offers no encryption (STARTTLS). {safe}"
            again = False
        elif isinstance(error, smtplib.SMTPResponseException):
            words = f"{self.address} takes no connection: {_said(error.smtp_code, error.smtp_error)}"
            again = _later(error.smtp_code)
        elif isinstance(error, ssl.SSLError):
            words = f"{self.address} does not speak TLS: {error.reason or error}. {safe}"
            if self.security == IMPLICIT:
                words = f"{words} With port 587 it may."
        elif isinstance(error, smtplib.SMTPServerDisconnected):
            words = f"{self.address} answers, but not as a mail server with STARTTLS: {error}. {safe}"
            if self.security == STARTTLS:
                words = f"{words} One that wants TLS from the first byte has port 465."
        else:
            words = f"{self.address} does not answer: {error}"
        raise Refusal(words, again=again, everybodys=True) from error

    def _login(self, smtp: smtplib.SMTP) -> None:
        if not self.username:
            return
        if not self.password and not self.token_command:
            words = "class_smtp_username is set, but no password: export CLASS_SMTP_PASSWORD=…, then run it again."
            raise Refusal(words, everybodys=True)
        if not (self.username + self.password).isascii():
            words = "class_smtp_username or class_smtp_password has characters other than ASCII, which cannot be sent."
            raise Refusal(words, everybodys=True)
        offered = smtp.esmtp_features.get("auth", "").upper().split()
        try:
            if not self.token_command:
                smtp.login(self.username, self.password)
            elif "XOAUTH2" in offered:
                smtp.auth("XOAUTH2", self._xoauth2())  # type: ignore[arg-type]  # typeshed has two functions in one
            else:
                raise Refusal(f"{self.address} takes no access tokens (XOAUTH2).", everybodys=True)
        except smtplib.SMTPAuthenticationError as error:
            again = _later(error.smtp_code)
            if not again:
                self._forget_token()
            refused = f"{self.address} refuses the login {self.username}: {_said(error.smtp_code, error.smtp_error)}"
            raise Refusal(refused, again=again, everybodys=True) from error
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException as error:
            ways = ", ".join(offered) or "none at all"
            words = f"{self.address} takes no passwords as class_smtp_password; ways to log in there: {ways}."
            raise Refusal(words, everybodys=True) from error

    def _xoauth2(self) -> Callable[[bytes | None], str]:
        """Return what answers the server: first the token, then nothing to its words about what is wrong with that."""
        if not self._token:
            self._token, self._token_is_new = access_token(self.token_command), True
        first = f"user={self.username}\1auth=Bearer {self._token}\1\1"

        def answer(challenge: bytes | None = None) -> str:
            return first if challenge is None else ""

        return answer

    def _forget_token(self) -> None:
        """Raise `_TokenExpired` if another token may help: this one was not asked for just now."""
        if self._token and not self._token_is_new:
            raise _TokenExpired


def access_token(command: str) -> str:
    """Return what `command` prints, a line of the shell as with msmtp and mutt; raise `Refusal` if it is no token.

    What it prints is never shown, whatever it is.
    """
    with subprocess.Popen(  # noqa: S602 - the instructor's own line, with pipes and variables as in their shell
        command,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
        process_group=0,
    ) as run:
        try:
            printed, _ = run.communicate(timeout=TOKEN_S)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            problem = f"did not end within {TOKEN_S} s"
        else:
            token = printed.strip()
            if not run.returncode and TOKEN.fullmatch(token):
                return token
            problem = f"ended with status {run.returncode}" if run.returncode else "printed no access token"
    raise Refusal(f"class_smtp_token_command {problem}. Run it in a terminal to see why.", everybodys=True)


def _data(smtp: smtplib.SMTP, content: bytes) -> tuple[int, bytes]:
    """Send the text of a letter; return what the server says to it, or to its being announced."""
    try:
        return smtp.data(content)
    except smtplib.SMTPDataError as error:
        said = error.smtp_error
        return error.smtp_code, said if isinstance(said, bytes) else said.encode()


def _wait(smtp: smtplib.SMTP, seconds: float) -> None:
    """Let each answer take this long."""
    if smtp.sock:
        smtp.sock.settimeout(seconds)


def _later(code: int) -> bool:
    """Say whether the server may agree later (RFC 5321, 4.2.1)."""
    return str(code).startswith("4")


def _said(code: int, said: bytes | str) -> str:
    return f"{code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"
