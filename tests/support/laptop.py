"""A student's laptop: real ssh in a real terminal, and a real browser."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
from playwright.sync_api import Page, expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.letter import Letter

SECONDS = 60
END_SECONDS = 5  # for a shell to end; pexpect's tenth of one is too short for a machine at work
SAVE_SECONDS = 3  # within which a notebook that nothing is added to is saved
CHROMIUM = "/usr/bin/chromium"
# Parts of JupyterLab's page: the kernel in the status bar, and the tab of a notebook with changes.
IDLE = re.compile(r"\| Idle$")
UNSAVED = ".lm-TabBar-tab.jp-mod-current.jp-mod-dirty"
# Nothing of the browser's own may go out: the tests talk to loopback and to the lab's hosts alone.
QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Laptop:
    """Someone else's computer: it knows nothing but what the letters say. `home` keeps its known hosts."""

    def __init__(self, home: Path) -> None:
        """Start with no host known."""
        self.known_hosts = home / "known_hosts"

    @contextlib.contextmanager
    def tunnel(self, letter: Letter, command: str) -> Iterator[None]:
        """Paste the letter's `command` into a terminal, answer what ssh asks, and have the tunnel until the end."""
        with self._terminal() as terminal:
            self._paste(terminal, command)
            self._answer(terminal, letter)
            self._end(terminal)
            try:
                wait_for_port(5005)
                yield
            finally:
                end_listener(5005)

    def log_in(self, letter: Letter, *commands: str, port: int = 22) -> str:
        """Log in with the password, type `commands` into the shell there, and return what appears."""
        with self._terminal() as terminal:
            self._paste(terminal, f"ssh -p {port} -o HostKeyAlias={letter.seat} {letter.login}")
            self._answer(terminal, letter)
            for command in (*commands, "exit 0"):
                terminal.sendline(command)
            return self._end(terminal)

    @contextlib.contextmanager
    def _terminal(self) -> Iterator[pexpect.spawn[str]]:
        terminal = pexpect.spawn(
            "bash", ["--norc", "--noprofile"], timeout=SECONDS, encoding="utf-8", echo=False, dimensions=(40, 200)
        )
        terminal.ptyproc.delayafterterminate = END_SECONDS
        yield terminal
        terminal.close(force=True)

    def _paste(self, terminal: pexpect.spawn[str], command: str) -> None:
        # Not this machine's own list of known hosts; everything else is as the letter has it.
        mine = command.replace("ssh ", f"ssh -F none -o UserKnownHostsFile={self.known_hosts} ", 1)
        terminal.sendline(f'{mine}; echo "ssh ended: $?"')

    @staticmethod
    def _answer(terminal: pexpect.spawn[str], letter: Letter) -> None:
        if terminal.expect([r"\(yes/no/\[fingerprint\]\)\?", "password: "]) == 0:
            terminal.sendline(letter.fingerprint)
            terminal.expect("password: ")
        terminal.sendline(letter.password)

    @staticmethod
    def _end(terminal: pexpect.spawn[str]) -> str:
        terminal.expect(r"ssh ended: (\d+)")
        said = str(terminal.before).replace("\r\n", "\n")
        if terminal.match[1] != "0":
            raise AssertionError(f"ssh ended with {terminal.match[1]}: {said}")
        return said


@contextlib.contextmanager
def browser() -> Iterator[Page]:
    """Open a window of headless Chromium."""
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not work for root, as whom the lab runs.
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, chromium_sandbox=os.geteuid() != 0, args=QUIET
        )
        page = chromium.new_page(viewport={"width": 1360, "height": 850})
        # A kernel may be at work, and a page be long in coming, on a machine that does other things beside.
        page.set_default_timeout(SECONDS * 1000)
        expect.set_options(timeout=SECONDS * 1000)
        yield page
        chromium.close()


def open_jupyterlab(page: Page, link: str) -> list[str]:
    """Open the letter's link and return the names that the file browser shows."""
    page.goto(link)
    files = page.locator(".jp-DirListing-itemText")
    expect(files.first).to_be_visible()
    return files.all_inner_texts()


def run_notebook(page: Page, letter: Letter, name: str) -> dict[str, Any]:
    """Open the notebook, choose Run All Cells, wait until every cell ran, and return the notebook as it was saved."""
    # reset: without the tabs of before, so that the menu means this notebook and the status bar its kernel.
    page.goto(f"http://localhost:5005/lab/tree/{name}?reset&token={letter.token}")
    expect(page.locator(".lm-TabBar-tab.jp-mod-current .lm-TabBar-tabLabel")).to_have_text(name)
    expect(page.get_by_text(IDLE)).to_be_visible()
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
    deadline = time.monotonic() + SECONDS
    while True:
        time.sleep(1)
        save(page)
        # In this order: a kernel that is idle now has ended whatever had begun when the notebook was saved.
        settled = page.get_by_text(IDLE).is_visible() and not page.locator(UNSAVED).count()
        status, text = fetch(f"/api/contents/{name}", letter.token)
        if status == HTTPStatus.OK:  # not while it is being saved: Jupyter writes in place
            notebook: dict[str, Any] = json.loads(text)["content"]
            cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and "".join(cell["source"])]
            for failed in (out for cell in cells for out in cell["outputs"] if out["output_type"] == "error"):
                raise AssertionError(f"{name}: {failed['ename']}: {failed['evalue']}")
            if settled and all(cell["execution_count"] for cell in cells):
                return notebook
        if time.monotonic() > deadline:
            raise AssertionError(f"{name}: not all of its cells ran within {SECONDS} s")


def save(page: Page) -> None:
    """Save the notebook that is open; once more where something, such as an output, came after that."""
    deadline = time.monotonic() + SECONDS
    while True:
        page.keyboard.press("Control+s")
        try:
            expect(page.locator(UNSAVED)).to_have_count(0, timeout=SAVE_SECONDS * 1000)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        else:
            return


def type_cell(page: Page, letter: Letter, name: str, text: str) -> None:
    """Type a new cell into the notebook that is open, below the one that is chosen, and save it."""
    for key in ("Escape", "b", "Enter"):
        page.keyboard.press(key)
    page.keyboard.type(text)
    save(page)
    status, answer = fetch(f"/api/contents/{name}", letter.token)
    assert status == HTTPStatus.OK
    assert text in ["".join(cell["source"]) for cell in json.loads(answer)["content"]["cells"]]


def fetch(
    path: str, token: str, host: str = "localhost", port: int = 5005, body: bytes | None = None
) -> tuple[int, str]:
    """Ask Jupyter's API, or with a body have it do something; returns status and text."""
    request = urllib.request.Request(f"http://{host}:{port}{path}", body)
    if token:
        request.add_header("Authorization", f"token {token}")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310  # as above
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def wait_for_port(port: int) -> None:
    """Wait until something listens on this machine's `port`."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            socket.create_connection(("localhost", port), timeout=2).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def end_listener(port: int) -> None:
    """End the ssh that holds `port`, by its pid: with -f it has left the terminal."""
    listening = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], check=True, capture_output=True, text=True).stdout
    for pid in set(re.findall(r'"ssh",pid=(\d+)', listening)):
        os.kill(int(pid), signal.SIGTERM)
    deadline = time.monotonic() + SECONDS
    while Path("/proc/net/tcp").exists() and _taken(port):
        if time.monotonic() > deadline:
            raise AssertionError(f"port {port} is still taken")
        time.sleep(0.05)


def _taken(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
        return True
    return False
