"""Answers that are the same for everybody, made once: kept by what they depend on, sent again only where they changed.

A key names all that the answer is made of, so nothing is ever thrown away but what was not asked for in a while.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

MOST_BYTES = 32 * 1024 * 1024
FRESH = "public, max-age=300"
"""Browsers and proxies ask again after five minutes, and mostly hear that nothing changed."""


@dataclass(frozen=True, slots=True)
class Body:
    """What is answered, and the policy that it wants."""

    content: bytes
    kind: str
    policy: str | None = None
    language: str | None = None

    @property
    def tag(self) -> str:
        """Its ETag: strong, of the bytes alone."""
        return f'"{hashlib.blake2b(self.content, digest_size=12).hexdigest()}"'


class Kept:
    """The answers asked for last, up to so many bytes. One is made at a time: two would only share the processor."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most, self._bytes = most, 0
        self._found: OrderedDict[Hashable, tuple[Body, str]] = OrderedDict()
        self._look, self._make = threading.Lock(), threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Body]) -> tuple[Body, str]:
        """The body of this key and its tag, made now if nobody asked for it lately."""
        if found := self._take(key):
            return found
        with self._make:
            if found := self._take(key):
                return found
            body = make()
            return self._put(key, (body, body.tag))

    def _take(self, key: Hashable) -> tuple[Body, str] | None:
        with self._look:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        return None

    def _put(self, key: Hashable, made: tuple[Body, str]) -> tuple[Body, str]:
        with self._look:
            self._found[key] = made
            self._bytes += len(made[0].content)
            while self._bytes > self._most and self._found:
                _, (old, _) = self._found.popitem(last=False)
                self._bytes -= len(old.content)
        return made


def answer_kept(request: Request, body: Body, tag: str, *, vary: str | None = None) -> Response:
    """200 with the body, or 304 where the client has it (RFC 9110 13.1), by the ETag alone.

    No `Last-Modified`: no time in the database tells that a theme has changed.
    """
    headers = {
        "ETag": tag,
        "Cache-Control": FRESH,
        **({"Vary": vary} if vary else {}),
    }
    if body.policy:
        headers["Content-Security-Policy"] = body.policy
    if _has_it(request, tag):
        return Response(status_code=304, headers=headers)
    if body.language:
        headers["Content-Language"] = body.language
    return Response(body.content, media_type=body.kind, headers=headers)


def _has_it(request: Request, tag: str) -> bool:
    named = request.headers.get("if-none-match", "").split(",")
    return any(one.strip().removeprefix("W/") in {tag, "*"} for one in named)
