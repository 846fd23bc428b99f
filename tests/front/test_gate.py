"""The front's gate, as the role lays it: haproxy itself, a real Jupyter behind it, and whoever knocks.

Each attack stands beside the same request without what makes it one, which is let through.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import socket
import ssl
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.gate import CLOSED, SHORTEST_SECRET

from tests.support.front import HOST, PATIENCE, SECRETS, TOKENS, Front, Jupyter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)

XSRF = "2|aaaaaaaa|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa|1795905163"
CLICK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Run a front."""
    with Front(tmp_path_factory.mktemp("front")).running() as running:
        yield running


@pytest.fixture(scope="module")
def jupyter(front: Front, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """Run the Jupyter of ada behind it."""
    with Jupyter(tmp_path_factory.mktemp("jupyter"), front.jupyters["ada"], TOKENS["ada"]).running() as running:
        yield running


@pytest.fixture(scope="module")
def browser(front: Front, jupyter: Jupyter) -> dict[str, str]:
    """Log in as a browser does that was sent to the link; return the headers of its later requests."""
    assert jupyter.port == front.jupyters["ada"]
    answer = front.ask("/login?next=%2Ftree", {"Cookie": front.cookie()})
    assert (answer.status, answer.headers["Location"]) == (302, "/tree")
    # The last is what JupyterLab's page brings, and repeats in a header.
    cookies = [front.cookie(), *(f"{name}={value.partition(';')[0]}" for name, value in answer.cookies.items())]
    return {"Cookie": "; ".join([*cookies, f"_xsrf={XSRF}"]), "X-XSRFToken": XSRF}


def test_a_link_becomes_a_cookie_and_leaves_the_address_bar(front: Front) -> None:
    answer = front.ask(f"/open/{SECRETS['ada']}", CLICK)
    assert (answer.status, answer.headers["Location"]) == (303, "/lab")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    ((name, value),) = answer.cookies.items()
    assert name == "__Host-class"
    assert value.split("; ") == [SECRETS["ada"], "Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=10368000"]


def test_the_log_tells_a_link_that_was_opened_from_all_else(front: Front) -> None:
    front.ask(f"/open/{SECRETS['grace']}", {"Host": front.hosts["grace"]}, method="HEAD")
    front.ask("/lab", {"Host": front.hosts["grace"], "Cookie": front.cookie("grace")})
    front.ask("/open/wrong-secret-of-a-link-0000", {"Host": front.hosts["grace"]})
    front.ask(f"/open/{SECRETS['grace']}", {"Host": front.hosts["grace"]})
    deadline = time.monotonic() + PATIENCE
    while len(lines := [line for line in front.log.splitlines() if " grace " in line]) < 4:
        assert time.monotonic() < deadline
    # As systemd reads it: 5 is a notice, 6 a mere piece of information (syslog(3)).
    assert [(line[:3], *line.split()[2:4]) for line in lines] == [
        ("<6>", "HEAD", "303"),
        ("<6>", "GET", "503"),
        ("<6>", "GET", "403"),
        ("<5>", "GET", "303"),
    ]


def test_with_the_cookie_jupyter_lets_in_and_its_cookies_are_secure(front: Front, browser: dict[str, str]) -> None:
    answer = front.ask("/login?next=%2Fapi%2Fcontents", {"Cookie": front.cookie()})
    assert answer.status == 302
    assert answer.cookies
    for value in answer.cookies.values():
        attributes = value.split("; ")[1:]
        assert attributes.count("Secure") == 1, value
        assert sum(attribute.lower().startswith("samesite=") for attribute in attributes) == 1, value
    assert front.ask("/api/contents", browser).status == 200


def test_no_token_is_in_any_address_log_or_page(front: Front, jupyter: Jupyter, browser: dict[str, str]) -> None:
    answer = front.ask("/login?next=%2Ftree", {"Cookie": front.cookie()})
    page = front.ask("/api/status", browser)
    shown = str(answer.headers) + str(page.headers) + page.body + front.log + jupyter.log
    front.ask(f"/open/{SECRETS['ada']}")
    front.ask("/open/wrong-secret-of-a-link-0000")
    for secret in (TOKENS["ada"], "wrong-secret-of-a-link-0000"):
        assert secret not in shown + front.log + jupyter.log
    assert SECRETS["ada"] not in front.log + jupyter.log
    assert SECRETS["ada"] not in (front.folder / "keys.map").read_text()


@pytest.mark.attack
@pytest.mark.parametrize(
    "path",
    ["/", "/lab", "/login", "/api/contents", "/api", "/open/", "/open", "/static/favicon.ico", "/metrics", "//lab"],
)
@pytest.mark.parametrize(
    "cookie", ["", "__Host-class=", "__Host-class=secret-of-somebody-else-000", "__Host-classy=KEY"]
)
def test_without_the_secret_nothing_reaches_jupyter(front: Front, jupyter: Jupyter, path: str, cookie: str) -> None:
    knock = f"{path}?knock={hashlib.sha256(f'{path} {cookie}'.encode()).hexdigest()}"
    headers = {"Cookie": cookie.replace("KEY", SECRETS["ada"])} if cookie else {}
    for method in ("GET", "POST", "OPTIONS"):
        answer = front.ask(knock, headers, method=method)
        assert answer.status == 403
        assert method != "GET" or "the link in your letter" in answer.body
        assert "Set-Cookie" not in answer.headers
    assert front.ask(knock, headers | {"Authorization": f"token {TOKENS['ada']}"}).status == 403
    assert knock not in jupyter.log


@pytest.mark.attack
def test_what_reaches_jupyter_stands_in_its_log(front: Front, jupyter: Jupyter) -> None:
    """The control of the test above."""
    front.ask("/api/contents?knock=let-in", {"Cookie": front.cookie()})
    deadline = time.monotonic() + PATIENCE
    while "/api/contents?knock=let-in" not in jupyter.log:
        assert time.monotonic() < deadline


@pytest.mark.attack
@pytest.mark.parametrize(
    "key", ["wrong-secret-of-a-link-0000", SECRETS["grace"], f"{SECRETS['ada']}x", SECRETS["ada"][:-1], ""]
)
def test_another_secret_opens_nothing(front: Front, key: str) -> None:
    assert front.ask(f"/open/{key}").status == 403
    assert front.ask("/api/contents", {"Cookie": f"__Host-class={key}"}).status == 403


@pytest.mark.attack
def test_guessing_takes_longer_than_anybody_has_and_locks_nobody_out(front: Front) -> None:
    """As fast as this machine answers, for the shortest secret that the role takes."""
    guesses, began = 200, time.monotonic()
    with contextlib.closing(http.client.HTTPSConnection(HOST, front.https, context=front.tls())) as connection:
        for number in range(guesses):
            connection.request("GET", f"/open/{number:022}", headers={"Host": front.hosts["ada"]})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 403
    in_a_second = guesses / (time.monotonic() - began)
    keys, guessers = 62**SHORTEST_SECRET, 1000
    assert keys / (in_a_second * guessers) / (365 * 86400) > 10**12  # years
    assert front.ask(f"/open/{SECRETS['ada']}").status == 303


@pytest.mark.attack
def test_a_neighbours_key_opens_the_neighbours_door_alone(front: Front) -> None:
    theirs = {"Host": front.hosts["grace"]}
    assert front.ask(f"/open/{SECRETS['grace']}", theirs).status == 303
    assert front.ask(f"/open/{SECRETS['ada']}", theirs).status == 403


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example.com:PORT", "127.0.0.1", "127.0.0.1.:PORT", "127.0.0.1:PORT.evil.example.com", "[::1]:PORT", ""),
        *("evil.example.com, 127.0.0.1:PORT", "127.0.0.1:PORT, evil.example.com"),
    ],
)
def test_another_name_is_refused_whoever_asks(front: Front, jupyter: Jupyter, host: str) -> None:
    name = {"Host": host.replace("PORT", str(front.https)), "Cookie": front.cookie()}
    for path in (f"/open/{SECRETS['ada']}", "/api/contents?knock=foreign"):
        answer = front.ask(path, name)
        assert answer.status == 421
        assert "Set-Cookie" not in answer.headers
    assert "knock=foreign" not in jupyter.log


def test_two_names_in_one_request_are_refused(front: Front) -> None:
    def status(*lines: str) -> str:
        with (
            socket.create_connection((HOST, front.https)) as plain,
            front.tls().wrap_socket(plain, server_hostname=HOST) as connection,
        ):
            connection.sendall(
                "\r\n".join(["GET /api/contents HTTP/1.1", *lines, "Connection: close", "", ""]).encode()
            )
            return connection.recv(4096).split()[1].decode()

    ours = f"Host: {front.hosts['ada']}"
    cookie = f"Cookie: {front.cookie()}"
    assert status(ours, cookie) not in {"400", "421"}
    assert status(ours, "Host: evil.example.com", cookie) == "400"
    assert status("Host: evil.example.com", ours, cookie) == "400"


@pytest.mark.parametrize(
    ("what", "headers", "method", "allowed"),
    [
        ("a click on another site's link", CLICK, "GET", True),
        ("a click in webmail of the same university", {**CLICK, "Sec-Fetch-Site": "same-site"}, "GET", True),
        ("a form of another site", {**CLICK, "Origin": "https://evil.example.com"}, "POST", False),
        ("a form that names no origin", CLICK, "POST", False),
        ("a frame in another site's page", {**CLICK, "Sec-Fetch-Dest": "iframe"}, "GET", False),
        (
            "an image in another site's page",
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
            "GET",
            False,
        ),
        ("a neighbour's image", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, "GET", False),
        ("a neighbour's websocket", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "websocket"}, "GET", False),
        ("an old browser's request from another site", {"Origin": "https://evil.example.com"}, "GET", False),
        ("an origin that hides", {"Origin": "null"}, "GET", False),
        ("our origin without encryption", {"Origin": "http://OURS"}, "GET", False),
        ("our own page", {"Sec-Fetch-Site": "same-origin", "Origin": "https://OURS"}, "GET", True),
        ("an address typed in", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, "GET", True),
    ],
)
def test_of_another_site_only_a_click_counts(
    front: Front,
    browser: dict[str, str],
    what: str,
    headers: dict[str, str],
    method: str,
    allowed: bool,
) -> None:
    headers = {name: value.replace("OURS", front.hosts["ada"]) for name, value in headers.items()}
    answer = front.ask("/api/contents", browser | headers, method=method)
    assert (answer.status == 200) is allowed, what
    assert allowed or answer.status == 403, what


def seen_behind(front: Front, cookie: str) -> list[str]:
    """Send a request with these cookies to a Jupyter that is an echo; return the lines that came through."""
    lines: list[str] = []
    with socket.create_server((HOST, front.jupyters["grace"]), reuse_port=True) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                lines.extend(connection.recv(65536).decode().split("\r\n"))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        headers = {"Host": front.hosts["grace"], "Cookie": cookie, "Origin": f"https://{front.hosts['grace']}"}
        assert front.ask("/api/x", headers | {"Referer": f"https://{front.hosts['grace']}/lab"}).status == 200
        thread.join()
    return lines


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ("GATE", ""),
        ("GATE; a=1", "a=1"),
        ("a=1; GATE", "a=1; "),
        ("a=1; GATE; b=2", "a=1; b=2"),
        ("a=1;GATE;b=2", "a=1;b=2"),
        ("x__Host-class=5; GATE; b=2", "x__Host-class=5; b=2"),
        ('a="1; 2"; GATE; b=2|3:x==', 'a="1; 2"; b=2|3:x=='),
    ],
)
def test_the_cookie_is_taken_out_and_its_neighbours_stay_whole(front: Front, sent: str, left: str) -> None:
    lines = seen_behind(front, sent.replace("GATE", front.cookie("grace")))
    assert SECRETS["grace"] not in "".join(lines)
    assert [line.partition(":")[2].strip() for line in lines if line.lower().startswith("cookie:")] == [left.strip()]


def test_for_jupyter_it_is_as_through_the_tunnel(front: Front) -> None:
    lines = {line.lower() for line in seen_behind(front, front.cookie("grace"))}
    local = f"localhost:{front.jupyters['grace']}"
    assert {f"host: {local}", f"origin: http://{local}", f"referer: http://{local}/"} <= lines
    assert not [line for line in lines if line.startswith("authorization")]


def test_a_websocket_and_a_kernel_behind_it(front: Front, browser: dict[str, str]) -> None:
    import websocket

    ours = {"Origin": f"https://{front.hosts['ada']}"}
    made = front.ask("/api/kernels", browser | ours, method="POST", body=b"{}")
    assert made.status == 201, made.body
    kernel = json.loads(made.body)["id"]
    address = f"wss://{front.hosts['ada']}/api/kernels/{kernel}/channels"
    trust = {"ca_certs": str(front.folder / "authority.pem")}

    def connect(headers: dict[str, str], origin: str) -> websocket.WebSocket:
        lines = [f"{name}: {value}" for name, value in headers.items()]
        return websocket.create_connection(address, header=lines, origin=origin, sslopt=trust, timeout=60)

    with contextlib.closing(connect(browser, ours["Origin"])) as open_one:
        header = {"msg_id": "1", "msg_type": "execute_request", "session": "s", "username": "", "version": "5.3"}
        content = {"code": "print(6 * 7)", "silent": False, "store_history": False, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        open_one.send(json.dumps(message))
        while (said := json.loads(open_one.recv()))["msg_type"] != "stream":
            pass
        assert said["content"]["text"] == "42\n"
    for headers, origin in ((browser, "https://evil.example.com"), ({}, ours["Origin"])):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            connect(headers, origin)
        assert refused.value.status_code == 403
    assert front.ask(f"/api/kernels/{kernel}", browser | ours, method="DELETE").status == 204


def test_an_upload_of_50_mb_arrives_whole_and_comes_back(
    front: Front, jupyter: Jupyter, browser: dict[str, str]
) -> None:
    content = bytes(range(256)) * (50 * 4096)
    text = content.hex()[: 50 << 20]
    body = json.dumps({"type": "file", "format": "text", "content": text}).encode()
    answer = front.ask("/api/contents/big.txt", browser, method="PUT", body=body)
    assert answer.status == 201, answer.body
    assert (
        hashlib.sha256((jupyter.folder / "work" / "big.txt").read_bytes()).digest()
        == hashlib.sha256(text.encode()).digest()
    )
    # As a click on "Download" in our own page: Jupyter wants to know where it came from.
    own = {"Referer": f"https://{front.hosts['ada']}/lab", "Sec-Fetch-Site": "same-origin"}
    back = front.ask("/files/big.txt", {"Cookie": browser["Cookie"]} | own)
    assert (back.status, back.body == text) == (200, True)


def test_while_jupyter_is_down_a_page_waits_and_then_gets_in(front: Front, tmp_path: Path) -> None:
    theirs = {"Host": front.hosts["grace"], "Cookie": front.cookie("grace")}
    waiting = front.ask("/lab?", theirs)
    assert waiting.status in {502, 503}
    assert "location.reload()" in waiting.body
    assert waiting.headers["Cache-Control"] == "no-store"
    # As systemd holds the port: somebody takes the connection, and hangs up.
    with socket.create_server((HOST, front.jupyters["grace"]), reuse_port=True) as server:

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                while True:
                    server.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        assert "location.reload()" in front.ask("/lab", theirs).body
        server.shutdown(socket.SHUT_RDWR)
    with Jupyter(tmp_path, front.jupyters["grace"], TOKENS["grace"]).running():
        assert front.ask("/login?next=%2Ftree", theirs).headers["Location"] == "/tree"


def test_without_the_secret_nobody_learns_whether_jupyter_runs(front: Front) -> None:
    assert front.ask("/lab", {"Host": front.hosts["grace"]}).status == 403


@contextlib.contextmanager
def greeter(port: int) -> Iterator[None]:
    """Listen as sshd does: whoever connects is greeted, and what is said comes back."""
    with socket.create_server((HOST, port)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(b"SSH-2.0-here\r\n")
                        connection.sendall(connection.recv(4096))

        threading.Thread(target=serve, daemon=True).start()
        yield
        server.shutdown(socket.SHUT_RDWR)


def lines_from(front: Front, *sent: bytes) -> bytes:
    """Send pieces to the shared port; return all that comes back."""
    with socket.create_connection((HOST, front.https), timeout=20) as connection:
        for piece in sent:
            connection.sendall(piece)
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(4096):
                got += piece
                if b"\r\n" in got and not sent:
                    return got
        return got


def test_ssh_comes_through_whoever_speaks_first(front: Front) -> None:
    with greeter(front.sshd):
        assert lines_from(front, b"SSH-2.0-there\r\n") == b"SSH-2.0-here\r\nSSH-2.0-there\r\n"
        assert lines_from(front, b"SS", b"H-2.0-there\r\n").startswith(b"SSH-2.0-here\r\n")
        assert lines_from(front).startswith(b"SSH-2.0-here\r\n")
        for other in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 20):
            assert b"SSH-" not in lines_from(front, other)


def test_the_log_joins_a_client_with_the_session_behind_it(front: Front) -> None:
    with socket.create_server((HOST, front.sshd)) as sshd, socket.create_connection((HOST, front.https)) as client:
        client.sendall(b"SSH-2.0-there\r\n")
        connection, (_, port) = sshd.accept()
        with connection:
            mine = client.getsockname()[1]
            assert connection.recv(100)
            assert f"{HOST}:{mine} to ssh as {HOST}:{port}\n" in front.log


def test_a_client_hello_in_pieces_is_still_one(front: Front) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = front.tls().wrap_bio(incoming, outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    with socket.create_connection((HOST, front.https), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(hello), 100):
            connection.sendall(hello[at : at + 100])
            threading.Event().wait(0.02)
        assert connection.recv(1) == b"\x16"


def test_browsers_speak_http_1_1_and_tls_1_2_at_least(front: Front) -> None:
    context = front.tls()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((HOST, front.https)) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as tls,
    ):
        assert tls.selected_alpn_protocol() == "http/1.1"
    old = subprocess.run(
        ["openssl", "s_client", "-connect", f"{HOST}:{front.https}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        input=b"",
        capture_output=True,
        check=False,
    )
    assert old.returncode != 0


def test_who_was_there_under_a_name_is_never_let_past_a_warning(front: Front, browser: dict[str, str]) -> None:
    """RFC 6797: a browser remembers it of a name, never of an address, and heeds it over TLS alone."""
    known, stranger = front.ask("/api/contents", browser), front.ask("/lab")
    opened, jupyter_off = front.ask(f"/open/{SECRETS['ada']}"), {"Host": front.hosts["grace"]}
    waiting = front.ask("/lab", jupyter_off | {"Cookie": front.cookie("grace")})
    assert [answer.status for answer in (known, stranger, opened, waiting)] == [200, 403, 303, 503]
    for answer in (known, stranger, opened, waiting):
        assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=10368000"]
    assert "Strict-Transport-Security" not in front.ask_plain("/", front.hosts["ada"]).headers


def test_the_plain_port_answers_the_authority_and_sends_everybody_else_on(front: Front) -> None:
    ours = front.hosts["ada"]
    token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
    proof = front.ask_plain(f"/.well-known/acme-challenge/{token}", "whatever.example.com")
    assert (proof.status, proof.body) == (200, f"{token}.thumbprint-of-the-account")
    answer = front.ask_plain(f"/open/{SECRETS['ada']}", ours)
    assert (answer.status, answer.headers["Location"]) == (302, f"https://{ours}/")
    for path in ("/.well-known/acme-challenge/<script>", "/.well-known/acme-challenge/a/b"):
        assert front.ask_plain(path, ours).status == 302
    assert front.ask_plain("/", "evil.example.com").status == 421


def test_one_address_does_not_keep_the_authority_from_the_plain_port(front: Front) -> None:
    """Else one computer could keep a certificate from being renewed until it is over."""
    with contextlib.ExitStack() as held:
        for _ in range(600):
            with contextlib.suppress(ConnectionResetError):  # as it should be, sooner or later
                knocking = socket.create_connection((HOST, front.http), PATIENCE, source_address=("127.0.0.2", 0))
                held.enter_context(knocking)
        began = time.monotonic()
        assert front.ask_plain("/.well-known/acme-challenge/abc", front.hosts["ada"]).status == 200
        assert time.monotonic() - began < 10  # haproxy gives up the ones that say nothing after fifteen


def test_haproxy_has_nothing_to_complain_about(front: Front) -> None:
    complaints = [line for line in front.log.splitlines() if line.startswith(("[ALERT]", "[WARNING]"))]
    assert [line for line in complaints if "Server jupyter-" not in line] == []


def test_closed_maps_let_nobody_in(tmp_path: Path) -> None:
    closed = Front(tmp_path)
    closed.lay_out()
    for name, text in CLOSED.items():
        (tmp_path / name).write_text(text)
    with closed.running():
        assert closed.ask(f"/open/{SECRETS['ada']}").status == 421
