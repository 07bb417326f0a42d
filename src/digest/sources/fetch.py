"""Polite, guarded HTTP (docs/fetching.md F2, F7–F9, F13–F15): one GET, its redirects followed by hand.

 URL ─▶ guard ─▶ turn of the host ─▶ request ─▶ redirect? ─▶ decoded body, bounded ─▶ Reply

It drives httpcore, the layer under httpx, because each thing that httpx adds had to be switched off: its cookie jar, its
redirects, its environment proxies (which would connect past the guard), and its decoders (an 809-byte `br` body became
one chunk of 512 MB).
"""

import asyncio
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

import certifi
import httpcore

from digest import __version__
from digest.core.polling import host_key
from digest.errors import BadStatus, FetchError, RefusedAddress
from digest.sources.address import SAFE, Address
from digest.sources.guard import Guard, GuardedNetwork
from digest.sources.pace import Pacer
from digest.sources.wire import FEED_LIMIT, PAGE_LIMIT, read_body

CONNECT_SECONDS = 10.0
READ_SECONDS = 15.0
WHOLE_SECONDS = 30.0
AGAIN = "try its address in a browser; a source once added is tried again by itself"
MAX_HOPS = 5
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"
)
_PERMANENT = frozenset({301, 308})
_REDIRECTS = _PERMANENT | {302, 303, 307}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server said in the end. Header values are as received, byte for byte (as Latin-1 text)."""

    status: int
    final_url: str
    permanent_url: str | None = None  # the end of a chain of 301 and 308 only (F9)
    etag: str | None = None
    last_modified: str | None = None
    content_type: str | None = None
    cache_control: str | None = None
    expires: str | None = None
    date: str | None = None
    retry_after: str | None = None
    body: bytes = b""

    @property
    def not_modified(self) -> bool:
        """304: what we have is what there is."""
        return self.status == 304


def user_agent(about_url: str | None, subscribers: int | None) -> str:
    """How we introduce ourselves (F13), in ASCII: what is written here cannot break a header."""
    about = [f"+{quote(about_url, safe=SAFE)}"] if about_url else []
    if subscribers is not None:
        about.append(f"{subscribers} subscriber{'' if subscribers == 1 else 's'}")
    return f"digest/{__version__}" + (f" ({'; '.join(about)})" if about else "")


def trusted() -> ssl.SSLContext:
    """The system's authorities and Mozilla's: small containers have none of their own."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class Fetcher:
    """Fetches one URL at a time per host. It keeps no cookie, no connection and no state but the pace."""

    def __init__(
        self,
        *,
        guard: Guard | None = None,
        pacer: Pacer | None = None,
        about_url: str | None = None,
        tls: ssl.SSLContext | None = None,
        whole_seconds: float = WHOLE_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self.pacer = pacer or Pacer()
        self._guard = guard or Guard()
        self._about_url = about_url
        self._tls = tls
        self._whole_seconds = whole_seconds
        self._timeouts = {
            "connect": CONNECT_SECONDS,
            "read": read_seconds,
            "write": read_seconds,
            "pool": CONNECT_SECONDS,
        }

    async def get(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        limit: int = FEED_LIMIT,
        subscribers: int | None = None,
    ) -> Reply:
        """GET, conditional where validators are given; at most `limit` bytes after decoding.

        Raises:
            RefusedAddress: the URL or a redirect leads to a place that is never fetched.
            BadStatus: the server answered with 4xx or 5xx.
            FetchError: no such host, no answer in time, a broken connection, a redirect loop, a body over the limit.
        """
        reply = await self._follow(url, self._headers(etag, last_modified, subscribers), limit)
        if reply.not_modified or 200 <= reply.status < 300:
            return reply
        raise bad_status(reply)

    async def check(self, url: str) -> None:
        """Whether a URL may be fetched, asking nobody but the resolver; a name that it does not know passes.

        Raises:
            RefusedAddress: it leads to a place that is never fetched.
        """
        address = Address.parse(url)
        self._guard.check_url(address)
        try:
            await self._guard.addresses(address.host, address.port)
        except RefusedAddress:
            raise
        except FetchError:
            return  # perhaps we are offline

    async def status(self, url: str) -> int:
        """What the server answers for a URL, without its body (S10)."""
        return (await self._follow(url, self._headers(None, None, None), None)).status

    async def _follow(self, url: str, headers: Mapping[str, str], limit: int | None) -> Reply:
        address = first = Address.parse(url)
        seen, permanent, budget = {first.shown}, True, self._whole_seconds
        for _ in range(MAX_HOPS + 1):
            self._guard.check_url(address)
            own = {"Authorization": first.credentials} if first.credentials and address.origin == first.origin else {}
            async with self.pacer.turn(host_key(address.shown)):
                began = time.monotonic()
                reply, location = await self._hop(address, {**headers, **own}, limit, budget)
                budget -= time.monotonic() - began
            if location is None:
                login = first.userinfo if address.origin == first.origin else ""  # a password stays with its host
                moved = address.with_login(login) if permanent and address is not first else None
                return replace(reply, permanent_url=moved)
            permanent &= reply.status in _PERMANENT
            address = _next_hop(address, location, seen)
        raise FetchError(
            f"{first.shown} redirects more than {MAX_HOPS} times", next_step="give the address that it leads to"
        )

    async def _hop(
        self, address: Address, headers: Mapping[str, str], limit: int | None, budget: float
    ) -> tuple[Reply, str | None]:
        try:
            async with asyncio.timeout(max(budget, 0.001)):
                return await self._request(address, headers, limit)
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise FetchError(f"{address.shown} did not answer in time", next_step=AGAIN) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise _broken(address, error) from error

    async def _request(
        self, address: Address, headers: Mapping[str, str], limit: int | None
    ) -> tuple[Reply, str | None]:
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._context(address), max_keepalive_connections=0, network_backend=GuardedNetwork(self._guard)
        )
        url = httpcore.URL(scheme=address.scheme, host=address.host, port=address.port, target=address.target)
        sent = {"Host": address.authority, **headers}
        wire = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
        async with pool, pool.stream("GET", url, headers=wire, extensions={"timeout": self._timeouts}) as response:
            found = _headers_of(response.headers)
            location = found.get("location") if response.status in _REDIRECTS else None
            body = b""
            if limit is not None and 200 <= response.status < 300:
                is_page = "html" in found.get("content-type", "").lower()
                most = min(limit, PAGE_LIMIT) if is_page else limit
                body = await read_body(response.aiter_stream(), found, limit=most, url=address.shown, is_page=is_page)
            return _reply(address, response.status, found, body), location

    def _context(self, address: Address) -> ssl.SSLContext | None:
        if self._tls is None and address.scheme == "https":
            self._tls = trusted()  # 20 ms: once, and only where it is needed
        return self._tls

    def _headers(self, etag: str | None, last_modified: str | None, subscribers: int | None) -> dict[str, str]:
        headers = {
            "User-Agent": user_agent(self._about_url, subscribers),
            "Accept": ACCEPT,
            "Accept-Encoding": "gzip, deflate",
        }
        if etag is not None:
            headers["If-None-Match"] = etag
        if last_modified is not None:
            headers["If-Modified-Since"] = last_modified
        return headers


def bad_status(reply: Reply) -> BadStatus:
    """One sentence for a 4xx or 5xx."""
    meaning, next_step = {
        401: ("asks for a password", "put user:password@ into the address, or ask its owner"),
        403: ("refuses to serve us", "ask its owner whether readers are welcome"),
        404: ("has nothing there", "check the address; digest source add HOME-PAGE finds the feed again"),
        410: ("says that it is gone for good", "remove the source, or give its new address"),
        429: ("asks us to slow down", "wait; a source is left alone for a while"),
    }.get(reply.status, ("is in trouble" if reply.status >= 500 else "did not serve it", AGAIN))
    return BadStatus(
        f"{reply.final_url}: the server {meaning} (HTTP {reply.status})",
        status=reply.status,
        retry_after=reply.retry_after,
        next_step=next_step,
    )


def _next_hop(address: Address, location: str, seen: set[str]) -> Address:
    there = address.follow(location)
    if address.scheme == "https" and there.scheme == "http":
        raise FetchError(
            f"{address.shown} redirects from https to http, which is not followed", next_step="tell the site's owner"
        )
    if there.shown in seen:
        raise FetchError(f"{address.shown} redirects in a loop", next_step="tell the site's owner")
    seen.add(there.shown)
    return there


def _broken(address: Address, error: Exception) -> FetchError:
    if tls := _tls_error(error):
        why = getattr(tls, "verify_message", "") or tls.reason or "TLS failed"
        return FetchError(
            f"{address.shown}: its certificate or TLS cannot be trusted ({why})", next_step="tell the site's owner"
        )
    if isinstance(error, httpcore.ConnectError):
        return FetchError(f"{address.host} cannot be reached", next_step=AGAIN)
    return FetchError(f"{address.shown}: the connection broke off", next_step=AGAIN)


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def _headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Lower-case names; the first of each wins."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found


def _reply(address: Address, status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    return Reply(
        status=status,
        final_url=address.shown,
        etag=headers.get("etag"),
        last_modified=headers.get("last-modified"),
        content_type=headers.get("content-type"),
        cache_control=headers.get("cache-control"),
        expires=headers.get("expires"),
        date=headers.get("date"),
        retry_after=headers.get("retry-after"),
        body=body,
    )
