"""Real feeds, outside the repository because they are other people's: each must give what the manifest says."""

import csv
import time
from datetime import UTC, datetime
from urllib.parse import urljoin

import pytest
from tests.skips import feeds_folder

from digest.errors import NotAFeed
from digest.sources.feed import parse_feed

REAL = feeds_folder() / "real"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not (REAL / "manifest.tsv").exists(),
        reason=f"THE CORPUS IS NOT TESTED: no {REAL}; set DIGEST_TEST_FEEDS to the folder that holds real/manifest.tsv",
    ),
]


def rows() -> list[dict[str, str]]:
    with (REAL / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def utc(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00") if at else ""


def faults(row: dict[str, str]) -> list[tuple[str, object, object]]:
    """Where our reading and the manifest differ."""
    url = row["source_url"] or str(REAL / row["file"])
    feed = parse_feed((REAL / row["file"]).read_bytes(), url=url)
    first = feed.posts[0]
    pairs = {
        "entries": (len(feed.posts), int(row["entries"])),
        # The manifest's own writer lost the double quotes.
        "title": ("" if first.card.title_made else first.card.title.replace('"', ""), row["first_title"]),
        "link": (first.link, urljoin(row["source_url"], row["first_link"])),
        "published": (utc(first.published), row["first_published_utc"]),
        "updated": (utc(first.updated), row["first_updated_utc"]),
    }
    return [(name, ours, theirs) for name, (ours, theirs) in pairs.items() if ours != theirs]


def test_at_least_sixty_eight_of_seventy_real_feeds_are_read_right_and_none_takes_two_seconds() -> None:
    wrong, slow = {}, {}
    feeds = [row for row in rows() if row["kind"] != "not-a-feed"]
    for row in feeds:
        before = time.process_time()
        if found := faults(row):
            wrong[row["file"]] = found
        if (cost := time.process_time() - before) > 2:
            slow[row["file"]] = cost
    assert len(wrong) <= len(feeds) - 68, wrong
    assert not slow


def test_a_page_that_is_no_feed_is_called_so_in_one_sentence() -> None:
    with pytest.raises(NotAFeed, match="is a web page, not a feed"):
        parse_feed((REAL / "notafeed.html").read_bytes(), url="https://example.org/")


def test_one_post_whose_date_and_body_change_stays_one_post() -> None:
    readings = [
        parse_feed((REAL / f"seq-nodejs-{number}.xml").read_bytes(), url="https://nodejs.org/en/feed/vulnerability.xml")
        for number in (1, 2, 3)
    ]
    assert len({post.key for feed in readings for post in feed.posts}) == 1
    assert len({post.body_hash for feed in readings for post in feed.posts}) > 1


def test_relative_links_of_a_file_without_an_address_are_shown_as_written() -> None:
    row = next(row for row in rows() if row["file"] == "jekyll-qemu.atom")
    assert faults(row) == []
