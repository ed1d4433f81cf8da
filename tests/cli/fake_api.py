# SPDX-License-Identifier: Apache-2.0
"""A stand-in for aerostatd's API: canned answers on a UNIX socket, and what the real one never sends.

The example objects are those of docs/api.md, so that the document is tested too.
"""

import contextlib
import copy
import functools
import http.server
import json
import pathlib
import re
import socket
import socketserver
import tempfile
import threading

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent


@functools.cache
def example(section, which):
    text = (SOURCE / "docs" / "api.md").read_text(encoding="utf-8")
    part = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE).group(1)
    return re.findall(r"```json\n(.*?)```", part, re.DOTALL)[which]


def documented(section, which=0):
    """The JSON example below "## SECTION" in docs/api.md, where there are several by its number."""
    return json.loads(example(section, which))


def host(**changes):
    return {**documented("Host"), **changes}


def guest(name="web", **changes):
    return {**documented("Guest"), "name": name, **changes}


def paged(name="web", **changes):
    """A guest whose pager is otherwise."""
    return guest(name, pager={**documented("Guest")["pager"], **changes})


def swapped(name="db", kernel_swap=None, **changes):
    """A guest with private memory, for which the kernel swaps, otherwise than in the document."""
    return guest(name, ram="private", pager=None,
                 kernel_swap={**documented("Guest", 1), **(kernel_swap or {})}, **changes)


def older(value):
    """What a daemon of the first release says: none of what has come since."""
    return {key: member for key, member in value.items() if key not in (
        "marks", "sharing", "swap_pool", "blocked", "psi", "lost", "rates", "shared", "admitted", "paged_by_guest",
        "guest_swap_seen", "kernel_swap")}


def event(**changes):
    return {**documented("Event"), **changes}


def unknown_guest(name):
    """What the daemon says of a socket that has not told anything yet."""
    known = ("name", "socket", "link", "error", "distress")
    value = {key: (value if key in known else None) for key, value in guest(name).items()}
    value.update(link="connecting", error="no greeting yet")
    return value


HOSTILE = "evil\x1b[2J\x1b]0;owned\x07\r\n\x7f\u009b31m\u202etxt\U000e0041"
"""A name that would clear the screen, rename the window and reverse the line."""


def error(status, code, message):
    return status, {"error": {"code": code, "message": message}}


class Raw(bytes):
    """Bytes to be sent instead of an HTTP answer; then the connection is closed."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        api = self.server.api
        with api.lock:
            api.requests.append((self.command, self.path, json.loads(body) if body else None))
        answer = api.find(self.command, self.path)
        if isinstance(answer, Raw):
            self.wfile.write(answer)
            self.close_connection = True
            return
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PATCH = do_POST = answer


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def get_request(self):
        connection, address = super().get_request()
        self.api.connections.append(connection)
        return connection, address

    def handle_error(self, request, client_address):
        pass  # a client that has left


class FakeApi:
    """`with FakeApi() as api`: listens at api.socket until the end of the block.

    Answers are looked up in `answers` under "METHOD /path?query", then under "METHOD /path". An answer is
    an object, text, (status, object), Raw bytes, or a function that returns one of these.
    """

    def __init__(self, guests=None, **host_changes):
        self.requests = []
        self.lock = threading.Lock()
        self.guests = [guest()] if guests is None else guests
        self.answers = {
            "GET /v1/version": {"version": "0.1.0", "api": 1},
            "GET /v1/host": host(**host_changes),
            "GET /v1/guests": lambda: {"guests": self.guests},
            "GET /v1/events": {"next": 17, "lost": 0, "events": [event()]},
            "GET /v1/decisions": {"next": 17, "lost": 0, "events": [event()]},
            "GET /v1/guests/web/translate": documented("Translation"),
            "POST /v1/release": {"released": 3},
            "POST /v1/reload": {"reloaded": True},
            "POST /v1/admit": {"admitted": True, "reason": "yes", "text": "admitted: it fits", "hold": 60},
        }
        self.directory = tempfile.TemporaryDirectory(prefix="aerostat-api-")
        self.socket = self.directory.name + "/api.sock"
        self.server = None
        self.connections = []

    def find(self, method, path):
        bare = path.split("?")[0]
        for key in (f"{method} {path}", f"{method} {bare}"):
            if key in self.answers:
                answer = self.answers[key]
                return copy.deepcopy(answer) if not callable(answer) else answer()
        match = re.fullmatch(r"/v1/guests/([^/]+)(/release|/park|/unpark)?", bare)
        for one in self.guests:
            if match and match.group(1) == escape(one["name"]):
                return one
        return error(404, "not-found", f"there is no {bare}")

    def start(self):
        self.server = Server(self.socket, Handler)
        self.server.api = self
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """As a daemon that ends: open connections are closed, and the socket's file is gone."""
        if not self.server:
            return
        self.server.shutdown()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.connections.clear()
        self.server.server_close()
        self.server = None
        pathlib.Path(self.socket).unlink(missing_ok=True)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self.directory.cleanup()


def escape(name):
    from urllib.parse import quote
    return quote(name, safe="")


def silent_listener(path):
    """A socket that accepts and never answers."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(16)
    return listener
