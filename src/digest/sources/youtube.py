"""YouTube's feeds, and the channel that a page of it belongs to (docs/sources.md, Discovery)."""

import re

from selectolax.lexbor import LexborHTMLParser

HOSTS = frozenset({"youtube.com", "m.youtube.com"})
_FEED = "https://www.youtube.com/feeds/videos.xml?"
_ID = re.compile(r"(?:^|/channel/|[?&]channel_id=)UC([\w-]{1,30})(?=$|[/?&#])")
_PLACES = (  # what each page says of itself, in the order in which it is believed
    ("link[rel=alternate][type='application/rss+xml']", "href"),
    ("meta[itemprop=channelId], meta[itemprop=identifier]", "content"),
    ("link[rel=canonical]", "href"),
    ("meta[property='og:url']", "content"),
)


def page_feeds(path: str, query: dict[str, list[str]]) -> list[str]:
    """The feeds that an address tells by itself: of a playlist, or of a channel by its id."""
    if "list" in query:
        return [f"{_FEED}playlist_id={query['list'][0]}"]
    found = _ID.match(path)
    return channel_feeds(found[1]) if found else []


def channel_feeds(bare: str) -> list[str]:
    """A channel's videos without shorts first: its uploads list under another prefix. `bare` is its id without UC."""
    return [f"{_FEED}playlist_id=UULF{bare}", f"{_FEED}channel_id=UC{bare}"]


def find_channel(tree: LexborHTMLParser) -> str | None:
    """The id, without UC, of the channel whose page this is: `/@name`, `/c/…` and `/user/…` do not have it."""
    for selector, attribute in _PLACES:
        for node in tree.css(selector):
            if found := _ID.search(node.attributes.get(attribute) or ""):
                return found[1]
    return None
