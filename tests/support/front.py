"""The front of a machine on this computer's loopback: Debian's haproxy with the role's own configuration and pages.

Behind it is a real Jupyter, or whatever a test puts on its port.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jinja2
import yaml
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.gate import maps

from lab.authority import Authority
from tests.support.visitor import Answer
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ROLE = PROJECT / "roles" / "front"
HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
HOST = "127.0.0.1"
OWN_PAGES = ("door.html", "wait.html")
PATIENCE = 90.0  # s; a busy computer takes long to start Jupyter
STOPPING = 20.0  # s; then what is asked to end is ended
SECRETS = {"ada": "secret-of-the-link-of-ada-00", "grace": "secret-of-the-link-of-grace-"}
LOADED = "Loading success."
"""haproxy's words when a new worker serves."""
# By its word a stable page knows the machine; pages are at this origin.
WORDS = {"ada": "word-of-the-machine-of-ada-00"}
PAGES = "http://127.0.0.1:9"
TOKENS = {"ada": "token-of-ada-0123456789", "grace": "token-of-grace-9876543210"}


def free_port() -> int:
    """Return a port of the loopback that nobody holds."""
    with closing(socket.create_server((HOST, 0))) as server:
        port: int = server.getsockname()[1]
    return port


def wait_for(port: int, *, there: bool = True) -> None:
    """Wait until somebody listens on `port`, or nobody does."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with closing(socket.socket()) as knocking:
            if (knocking.connect_ex((HOST, port)) == 0) is there:
                return
        time.sleep(0.1)
    raise TimeoutError(f"port {port}")


@dataclass
class Front:
    """One front; students' Jupyters are behind the ports `jupyters`, sshd behind `sshd`."""

    folder: Path
    jupyters: dict[str, int] = field(default_factory=lambda: {"ada": free_port(), "grace": free_port()})
    sshd: int = field(default_factory=free_port)
    https: int = field(default_factory=free_port)
    http: int = field(default_factory=free_port)
    greeting: str = "1s"
    names: dict[str, str] = field(default_factory=lambda: {"ada": HOST, "grace": "localhost"})
    """What each student's machine is called: an address, and a name that leads to it."""
    language: str = "en"
    authority: Authority = field(default_factory=Authority)
    pages: str = PAGES
    words: Mapping[str, str] = field(default_factory=lambda: dict(WORDS))
    process: int = 0
    """That of haproxy which stays, while it runs."""

    @property
    def hosts(self) -> dict[str, str]:
        """What stands in the address bar of each student."""
        return {username: f"{name}:{self.https}" for username, name in self.names.items()}

    @property
    def links(self) -> dict[str, str]:
        """The link in each student's letter."""
        return {username: f"https://{host}/open/{SECRETS[username]}" for username, host in self.hosts.items()}

    @property
    def log(self) -> str:
        """All that it has logged, and its complaints."""
        return (self.folder / "log").read_text()

    def variables(self) -> dict[str, Any]:
        """Return the role's variables, with folders and ports of this computer."""
        own: dict[str, Any] = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
        return own | {
            "__front_language": self.language,
            "__front_words": own["__front_pages"][self.language],
            "front_jupyter_ports": self.jupyters,
            "front_pages_origin": self.pages,
            "__front_directory": str(self.folder),
            "__front_runtime_directory": str(self.folder),
            "__front_https": f"{HOST}:{self.https}",
            "__front_http": f"{HOST}:{self.http}",
            "__front_sshd": f"{HOST}:{self.sshd}",
            "__front_greeting": self.greeting,
        }

    def lay_out(self) -> None:
        """Write all files."""
        templates = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True)  # noqa: S701 - no page
        texts = {name: (ROLE / "templates" / f"{name}.j2").read_text() for name in ("haproxy.cfg", *OWN_PAGES)}
        files = {
            "account.map": "thumbprint thumbprint-of-the-account\n",
            **maps(self.hosts, SECRETS, TOKENS, self.words),
            **{name: templates.from_string(text).render(self.variables()) for name, text in texts.items()},
        }
        for name, content in files.items():
            (self.folder / name).write_text(content)
        (self.folder / "live.pem").write_bytes(self.authority.issue([HOST, *self.names.values()]))
        (self.folder / "authority.pem").write_bytes(self.authority.certificate)

    @contextmanager
    def running(self) -> Iterator[Front]:
        """Run it for a while, with the files that are there already."""
        assert HAPROXY, "haproxy is not installed: bin/test-packages"
        if not (self.folder / "haproxy.cfg").exists():
            self.lay_out()
        with (self.folder / "log").open("wb") as log:
            # With a process that stays when it reads its files again, as systemd runs it.
            process = subprocess.Popen(
                [HAPROXY, "-W", "-db", "-f", str(self.folder / "haproxy.cfg")], stdout=log, stderr=subprocess.STDOUT
            )
        self.process = process.pid
        try:
            wait_for(self.https)
            yield self
        finally:
            process.terminate()
            process.wait(PATIENCE)

    def reload(self) -> None:
        """Have it read its files again, as systemd does; return once new connections come to who has read them."""
        before = self.log.count(LOADED)
        os.kill(self.process, signal.SIGUSR2)
        deadline = time.monotonic() + PATIENCE
        while self.log.count(LOADED) == before:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def tls(self) -> ssl.SSLContext:
        """Return how a browser looks at certificates that trusts this front's authority."""
        return ssl.create_default_context(cafile=str(self.folder / "authority.pem"))

    def ask(
        self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", body: bytes | None = None
    ) -> Answer:
        """Send one request over https, as the browser of ada would send it but for what `headers` say."""
        connection = http.client.HTTPSConnection(HOST, self.https, timeout=PATIENCE, context=self.tls())
        return ask(connection, method, path, {"Host": self.hosts["ada"], **(headers or {})}, body)

    def ask_plain(self, path: str, host: str) -> Answer:
        """Send one request over http."""
        return ask(http.client.HTTPConnection(HOST, self.http, timeout=PATIENCE), "GET", path, {"Host": host})

    def cookie(self, username: str = "ada") -> str:
        """Return the cookie that the student's link becomes, for a header."""
        return f"__Host-class={SECRETS[username]}"


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> Answer:
    """Send one request, and close the connection."""
    with closing(connection):
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read().decode(errors="replace"))


@dataclass
class Jupyter:
    """A Jupyter server as the role jupyter runs it, on a port of the loopback."""

    folder: Path
    port: int
    token: str

    @property
    def log(self) -> str:
        """All that it has said."""
        return (self.folder / "log").read_text()

    @contextmanager
    def running(self) -> Iterator[Jupyter]:
        """Run it for a while; it answers then."""
        for name in ("home", "work"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "token").write_text(self.token)
        settings = self.folder / "home" / ".jupyter" / "labconfig" / "default_setting_overrides.json"
        settings.parent.mkdir(parents=True, exist_ok=True)
        role = yaml.safe_load((PROJECT / "roles" / "jupyter" / "vars" / "main.yml").read_text())
        settings.write_text(json.dumps(role["__jupyter_lab_settings"]))
        options = {"open_browser": False, "port": self.port, "port_retries": 0, "root_dir": self.folder / "work"}
        argv = [sys.executable, "-m", "jupyterlab", *(f"--ServerApp.{key}={v}" for key, v in options.items())]
        environment = {
            "HOME": str(self.folder / "home"),
            "PATH": "/usr/bin:/bin",
            "JUPYTER_TOKEN_FILE": str(self.folder / "token"),
        }
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen([*argv, "--allow-root"], env=environment, stdout=log, stderr=log)
        try:
            wait_for(self.port)
            yield self
        finally:
            # As systemd ends it: a Jupyter that is asked while it still starts its extensions may not hear it.
            process.terminate()
            try:
                process.wait(STOPPING)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
