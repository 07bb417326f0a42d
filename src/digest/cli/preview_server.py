"""A page on loopback that makes its preview anew on each load, so that an edited template shows at once."""

from collections.abc import Callable
from functools import partial
from html import escape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from digest.errors import DigestError, UsageError

Make = Callable[[], object]


class _Handler(SimpleHTTPRequestHandler):
    """Files of one folder; the issue's page after it was made again."""

    def __init__(self, *args: object, make: Make, **more: object) -> None:
        self.make = make
        super().__init__(*args, **more)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        host = urlsplit("//" + self.headers.get("Host", "")).hostname
        if host not in {"127.0.0.1", "localhost"}:  # another name that leads here: DNS rebinding
            self.send_error(403, "only 127.0.0.1 and localhost")
            return
        if self.path in {"/", "/issue.html"}:
            self.path = "/issue.html"
            try:
                self.make()
            except DigestError as error:
                self._say(f"{error.message}\n\n{error.next_step or ''}")
                return
        super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """A preview has nothing to log."""

    def _say(self, words: str) -> None:
        body = f"<!doctype html><title>digest preview</title><pre>{escape(words)}</pre>".encode()
        self.send_response(500)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def preview_server(folder: Path, port: int, make: Make) -> ThreadingHTTPServer:
    """A server of the folder on 127.0.0.1; port 0 takes a free one. `make` writes the preview.

    Raises:
        UsageError: the port is taken or not ours to open.
    """
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, make=make, directory=str(folder)))
    except OSError as error:
        raise UsageError(f"port {port} cannot be opened: {error.strerror}", next_step="choose another port") from error
