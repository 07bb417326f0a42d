"""Rules about links."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import idna

from digest.core.lint.document import Element
from digest.core.lint.finding import Severity, rule
from digest.core.lint.hit import Hit
from digest.core.lint.mail import Mail

_EMPTY_WORDS = frozenset({
    "click here", "click", "here", "this link", "link", "more", "read more", "hier klicken", "hier", "klicken sie hier",
    "cliquez ici", "ici", "haga clic aquí", "clic aquí", "aquí", "اینجا", "اینجا کلیک کنید", "هنا", "اضغط هنا", "انقر هنا",
    "こちら", "ここをクリック", "こちらをクリック",
})  # fmt: skip
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\.?|\[[0-9a-f:.]+\]", re.IGNORECASE)


@rule(
    "link-address", Severity.ERROR, "Links are absolute: https, http, mailto or tel.",
    why="A mail has no address that a relative link could start from; clients take other schemes out.",
    mend="Write the whole address.",
)  # fmt: skip
def _link_address(mail: Mail) -> Iterator[Hit]:
    for link in _links(mail):
        address = link.get("href") or ""
        scheme = address.partition(":")[0].strip().lower() if ":" in address else ""
        if (
            address.strip()
            and not address.strip().startswith("#")
            and scheme not in {"https", "http", "mailto", "tel", "sms"}
        ):
            yield link.at(f"{address[:80]} is no address that a mail can lead to")


@rule(
    "link-host", Severity.ERROR, "The host of a link is a name that the DNS can have.",
    why="RFC 3986 and IDNA 2008: a link whose host has a blank, or none, leads nowhere.",
    mend="Correct the address.",
)  # fmt: skip
def _link_host(mail: Mail) -> Iterator[Hit]:
    for link in _links(mail):
        address = (link.get("href") or "").strip()
        if address.lower().startswith(("http://", "https://")) and not _has_host(address):
            yield link.at(f"{address[:80]} has no host that can be")


@rule(
    "link-anchor", Severity.WARNING, "No link leads to a place in the mail.",
    why="caniemail, html-anchor-links: they are dead in Gmail's apps, Outlook and others.",
    mend="Link to the post itself.",
)  # fmt: skip
def _link_anchor(mail: Mail) -> Iterator[Hit]:
    for link in _links(mail):
        if (link.get("href") or "").strip().startswith("#"):
            yield link.at(f"{link.get('href')} leads to a place in the mail")


@rule(
    "link-words", Severity.WARNING, "A link says where it leads.",
    why="WCAG 2.2, 2.4.4: a list of links that all say “click here” says nothing.",
    mend="Use the title of what it leads to.",
)  # fmt: skip
def _link_words(mail: Mail) -> Iterator[Hit]:
    for link in _links(mail):
        words = link.text.strip(" .!»›→>").lower()
        if words in _EMPTY_WORDS and not link.get("aria-label"):
            yield link.at(f"a link that says {link.text!r}")


@rule(
    "link-empty", Severity.ERROR, "A link has words, or a picture with an alt text.",
    why="WCAG 2.2, 2.4.4: a screen reader reads the address aloud, letter by letter.",
    mend="Give it words, or take it out.",
)  # fmt: skip
def _link_empty(mail: Mail) -> Iterator[Hit]:
    spoken = {id(image.parent) for image in mail.document.all("img", "svg") if image.parent is not None}
    inside = {id(above) for image in mail.document.all("img") for above in image.above}
    for link in _links(mail):
        if not (link.text or link.get("aria-label") or link.get("title") or id(link) in spoken or id(link) in inside):
            yield link.at(f"the link to {(link.get('href') or '')[:60]} has no words")


def _links(mail: Mail) -> list[Element]:
    return [link for link in mail.document.all("a") if link.get("href") is not None]


def _has_host(address: str) -> bool:
    try:
        host = urlsplit(address).hostname or ""
        ascii_host = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except (ValueError, idna.IDNAError, UnicodeError):
        return False
    written = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    return _HOST.fullmatch(written) is not None
