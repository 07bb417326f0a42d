"""1,000 posts to cards: `python -m tests.bench.cards [POSTS]` prints CPU seconds, and the share that feedparser takes.

The ratio to feedparser alone, measured in the same run, tells a slow machine from slow code.
"""

import io
import sys
import time
from collections.abc import Callable
from typing import Any

import feedparser

from digest.paths import sample
from digest.sources.feed import parse_feed


def measure(posts: int) -> tuple[float, float]:
    """CPU seconds for so many posts: feedparser alone, and documents to cards."""
    parse_feed(document(5), url="https://example.org/feed")  # imports and the language model, once a process
    documents = [document(25, offset) for offset in range(0, posts, 25)]
    alone = spent(
        lambda body: feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False), documents
    )
    whole = spent(lambda body: parse_feed(body, url="https://example.org/feed"), documents)
    return alone, whole


def spent(work: Callable[[bytes], Any], documents: list[bytes]) -> float:
    before = time.process_time()
    for body in documents:
        work(body)
    return time.process_time() - before


def document(posts: int, offset: int = 0) -> bytes:
    """A feed of the sample's posts, each under its own id, at the length of a usual post (about 5 KB)."""
    text = sample("blogger-sample.atom").read_text("utf-8")
    head, *entries = text.split("<entry>")
    entries = [entry.removesuffix("</feed>") for entry in entries]
    made = []
    for number in range(offset, offset + posts):
        entry = entries[number % len(entries)]
        more = "More about beans, canes and the weather at the plots today. " * 40
        made.append("<entry>" + entry.replace("</id>", f"-{number}</id>", 1).replace("</content>", f"{more}</content>"))
    return (head + "".join(made) + "</feed>").encode()


def main() -> None:
    posts = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    alone, whole = measure(posts)
    print(f"{posts} posts to cards: {whole:.2f} s of CPU; feedparser alone: {alone:.2f} s; ratio {whole / alone:.2f}")


if __name__ == "__main__":
    main()
