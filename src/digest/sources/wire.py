"""Reading a body within bounds (docs/fetching.md F7): raw bytes off the wire, one content coding, decoded by zlib."""

import zlib
from collections.abc import AsyncIterable, Mapping
from typing import Protocol

from digest.core.digits import number_of
from digest.errors import FetchError, TooLarge

MIB = 1 << 20
FEED_LIMIT = 5 * MIB
"""A feed's bytes after decoding. The largest of seventy real feeds has 0.7 MB."""
PAGE_LIMIT = 1 * MIB
"""A home page's bytes after decoding: the announcements stand in its head."""
PACKED_LIMIT = 2 * MIB
"""A compressed body's bytes on the wire: 5 MiB of feed packs far below this."""


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Plain:
    eof = True

    def decompress(self, data: bytes, _max_length: int, /) -> bytes:
        return data


class _Deflate:
    """`deflate` means zlib (RFC 9110, 8.4.1.2), but some servers send the raw stream: the first byte tells."""

    def __init__(self) -> None:
        self._inner: _Decoder | None = None

    @property
    def eof(self) -> bool:
        return self._inner is not None and self._inner.eof

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        if self._inner is None:
            wrapped = data[0] & 0x0F == 8 and data[0] >> 4 <= 7
            self._inner = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        return self._inner.decompress(data, max_length)


async def read_body(
    chunks: AsyncIterable[bytes], headers: Mapping[str, str], *, limit: int, url: str, is_page: bool = False
) -> bytes:
    """Decode as it arrives and stop at the limit: a bomb costs no more memory than a feed.

    Raises:
        TooLarge: over the limit; it carries the beginning of a page.
        FetchError: a coding that was not asked for, or broken off.
    """
    coding = headers.get("content-encoding", "").strip().lower()
    decoder = _decoder(coding, url)
    wire_limit = limit if isinstance(decoder, _Plain) else min(limit, PACKED_LIMIT)
    length = number_of(headers.get("content-length", ""), most=wire_limit + 1)
    if length is not None and length > wire_limit and not is_page:
        raise _too_large(url, wire_limit)
    body, received = bytearray(), 0
    try:
        async for chunk in chunks:
            received += len(chunk)
            body += decoder.decompress(chunk, limit - len(body) + 1) if chunk else b""
            if received > wire_limit or len(body) > limit:
                most = wire_limit if received > wire_limit else limit
                raise _page_too_large(url, most, bytes(body[:limit])) if is_page else _too_large(url, most)
    except zlib.error as error:
        raise FetchError(
            f"{url}: its {coding} body is damaged", next_step="try later; a source once added is tried again by itself"
        ) from error
    if received and not decoder.eof:
        raise FetchError(
            f"{url}: its {coding} body broke off", next_step="try later; a source once added is tried again by itself"
        )
    return bytes(body)


def _decoder(coding: str, url: str) -> _Decoder:
    match coding:
        case "" | "identity":
            return _Plain()
        case "gzip" | "x-gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16)
        case "deflate":
            return _Deflate()
        case _:
            raise FetchError(
                f"{url}: the server packed the body as {coding[:40]!r}, which was not asked for",
                next_step="tell the site's owner: its server ignores Accept-Encoding",
            )


def _too_large(url: str, limit: int) -> TooLarge:
    return TooLarge(_larger(url, limit), url=url, next_step="ask its owner for a feed of fewer posts")


def _page_too_large(url: str, limit: int, head: bytes) -> TooLarge:
    step = "give the address of the feed itself; digest source add finds the feed of a home page"
    return TooLarge(f"{_larger(url, limit)}, and a web page", url=url, head=head, next_step=step)


def _larger(url: str, limit: int) -> str:
    return f"{url} is larger than {limit // MIB} MiB" if limit >= MIB else f"{url} is larger than {limit} bytes"
