"""Addresses: made absolute, cleaned for showing, made equal for comparing (docs/sources.md P7, P8)."""

import re
from functools import lru_cache
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

_TRACKING = re.compile(
    r"^(?:utm_.*|mtm_.*|fbclid|gclid|dclid|gbraid|wbraid|yclid|msclkid|mc_cid|mc_eid|mkt_tok|_hsenc|_hsmi|vero_id"
    r"|_bhlid|at_medium|at_campaign)$",
    re.IGNORECASE,
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")


def resolve(href: str | None, *bases: str | None) -> str | None:
    """An absolute http(s) address, or None: an empty href is no link, `tag:` and `javascript:` are none either.

    Each base is itself resolved against the next, as nested xml:base is (XML Base, section 3).
    """
    href = (href or "").strip()
    for base in bases:
        if not href or _SCHEME.match(href):
            break
        href = _join(base, href)
    return href if is_web(href) else None


def is_web(url: str) -> bool:
    """Whether this is an absolute http(s) address with a host."""
    parts = _split(url)
    return parts is not None and parts.scheme in _DEFAULT_PORTS and bool(parts.netloc)


def host_of(url: str | None) -> str:
    """The host in lower case without `www.`; empty where there is none."""
    parts = _split(url or "")
    return (_hostname(parts) if parts else "").removeprefix("www.")


def clean_link(url: str, *, home: str | None = None) -> str:
    """The address as shown to readers: tracking parameters removed, all else and its order kept."""
    parts = _split(url)
    if parts is None or not parts.query:
        return url
    kept = "&".join(_wanted_parameters(parts.query, home))
    return urlunsplit(parts._replace(query=kept)) if kept != parts.query else url


def canonical_link(url: str, *, home: str | None = None, keep_fragment: bool = False) -> str:
    """The address for comparing only: never shown, never an identity by itself.

    Lower-case host, no default port, no tracking, parameters sorted, no fragment unless it is `#!` or asked for.
    """
    parts = _split(url)
    if parts is None:
        return url
    query = "&".join(sorted(_wanted_parameters(parts.query, home)))
    fragment = parts.fragment if keep_fragment or parts.fragment.startswith("!") else ""
    return urlunsplit((parts.scheme.lower(), _authority(parts), parts.path or "/", query, fragment))


def without_scheme(url: str) -> str:
    """The address or id without scheme, `www.` and trailing slash: it survives a move from http to https."""
    bare = re.sub(r"^https?://(?:www\.)?", "", url.strip(), flags=re.IGNORECASE)
    return bare.rstrip("/")


def _join(base: str | None, href: str) -> str:
    try:
        return urljoin(base or "", href)
    except ValueError:  # an unbalanced [ of an IPv6 host
        return href


@lru_cache(maxsize=512)  # a post asks seven times after each of its addresses
def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    return parts


def _hostname(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".")


def _authority(parts: SplitResult) -> str:
    host = f"[{_hostname(parts)}]" if ":" in _hostname(parts) else _hostname(parts)
    return host if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f"{host}:{parts.port}"


def _wanted_parameters(query: str, home: str | None) -> list[str]:
    wanted = []
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        is_own_ref = name == "ref" and value.removeprefix("www.").lower() == host_of(home)
        if parameter and not is_own_ref and not _TRACKING.match(name.removeprefix("amp;")):
            wanted.append(parameter)
    return wanted
