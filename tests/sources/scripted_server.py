"""A real HTTP server on loopback that answers by a script and keeps a log: the request log proves the F-rules."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from digest.sources.fetch import Fetcher
from digest.sources.guard import Guard, parse_networks
from digest.sources.pace import Pacer

ATOM = "application/atom+xml"


@dataclass(frozen=True)
class Answer:
    """One scripted answer. `drip` is the pause after each byte; `cut` announces more than is sent."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0.0
    stall: float = 0.0
    cut: int = 0
    conditional: bool = False  # 304 where the request carries the ETag or date of this answer


@dataclass(frozen=True)
class Seen:
    """One request of the log."""

    path: str
    host: str
    headers: dict[str, str]
    started: float
    ended: float = 0.0

    @property
    def is_conditional(self) -> bool:
        return "if-none-match" in self.headers or "if-modified-since" in self.headers


class ScriptedServer:
    """`script(path, *answers)`: the answers in turn, the last one for ever."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.log: list[Seen] = []
        self._answers: dict[str, list[Answer]] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server._serve(self)

            def log_message(self, *args: object) -> None:
                """The log is ours."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that leaves early is what several tests are about."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def script(self, path: str, *answers: Answer) -> None:
        self._answers[path] = list(answers)

    def url(self, path: str = "/", *, host: str = "blog.test") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        return [seen.path for seen in self.log]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fetcher(self, *, gap: float = 0.0, hosts: dict[str, list[str]] | None = None, **options: object) -> Fetcher:
        """A fetcher to which every name leads here, unless `hosts` says otherwise."""

        async def resolver(host: str, _port: int) -> list[str]:
            if hosts and host in hosts:
                return hosts[host]
            if host == "nowhere.test":
                raise OSError("no such name")
            return ["127.0.0.1"]

        guard = Guard(ports=frozenset({self.port}), allow_private=parse_networks(["127.0.0.0/8"]), resolver=resolver)
        options.setdefault("pacer", Pacer(gap=gap))
        return Fetcher(guard=guard, about_url="https://digest.test/about", **options)  # type: ignore[arg-type]

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        place = len(self.log)
        self.log.append(Seen(handler.path, headers.get("host", ""), headers, time.monotonic()))
        answers = self._answers.get(handler.path) or [Answer(404)]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        try:
            time.sleep(answer.stall)
            _write(handler, answer, headers)
        finally:
            seen = self.log[place]
            self.log[place] = Seen(seen.path, seen.host, seen.headers, seen.started, time.monotonic())


def _write(handler: BaseHTTPRequestHandler, answer: Answer, headers: dict[str, str]) -> None:
    etag, date = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
    same = (etag is not None and headers.get("if-none-match") == etag) or (
        etag is None and date is not None and headers.get("if-modified-since") == date
    )
    unchanged = answer.conditional and same
    handler.send_response_only(304 if unchanged else answer.status)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    if not unchanged and not answer.drip:
        handler.send_header("Content-Length", str(len(answer.body) + answer.cut))
    handler.end_headers()
    if unchanged:
        return
    if not answer.drip:
        handler.wfile.write(answer.body)
        return
    for byte in answer.body:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(answer.drip)


@contextmanager
def serving(*, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    server = ScriptedServer(tls=tls)
    try:
        yield server
    finally:
        server.close()


def atom(*posts: tuple[str, str, str], title: str = "A blog", updated: str = "2017-08-13T00:00:00Z") -> bytes:
    """An Atom document of (id, title, published) entries whose links are under blog.test."""
    entries = "".join(
        f"<entry><id>{id_}</id><title>{name}</title><published>{at}</published><updated>{at}</updated>"
        f'<link rel="alternate" type="text/html" href="http://blog.test/{id_.rpartition(":")[2]}.html"/>'
        f'<content type="html">&lt;p&gt;The words of {name}.&lt;/p&gt;</content></entry>'
        for id_, name, at in posts
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"><id>tag:blog.test,2017:a</id>'
        f"<title>{title}</title><updated>{updated}</updated>{entries}</feed>"
    ).encode()
