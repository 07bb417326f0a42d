"""What real blogs write, as issues: no exception, every post a heading, every link in the text part."""

from datetime import UTC, datetime
from html import unescape

import pytest
from selectolax.lexbor import LexborHTMLParser
from tests.render import sample_issue as sample
from tests.sources.test_corpus import REAL, rows

from digest.core.model import IssuePost
from digest.render.budget import LIMIT, transferred
from digest.render.columns import COLUMNS, width_of
from digest.render.issue import render_issue
from digest.sources.feed import parse_feed

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not (REAL / "manifest.tsv").exists(), reason=f"REAL FEEDS ARE NOT RENDERED: no {REAL}; set DIGEST_TEST_FEEDS"
    ),
]


def faults(file: str) -> list[str]:
    feed = parse_feed((REAL / file).read_bytes(), url="https://blog.example/feed")
    at = datetime(2017, 8, 9, tzinfo=UTC)
    posts = [
        IssuePost(post_id=number, source_id=1, source=feed.title or "A blog", card=post.card, at=post.published or at)
        for number, post in enumerate(feed.posts[:20])
    ]
    rendered = render_issue(sample.of(*posts), sample.NEWSLETTER, language=feed.language or "en")
    tree, lines = LexborHTMLParser(rendered.html), rendered.text.split("\n")
    links = {unescape(node.attributes["href"] or "") for node in tree.css("a")}
    found = {
        "a link is not in the text": not links <= {line.strip() for line in lines},
        "a line is too wide": any(width_of(line) > COLUMNS and "://" not in line for line in lines),
        "it would be clipped": transferred(rendered.html) > LIMIT,
        "a heading is missing": len(posts) > 1 and len(tree.css("h3")) + len(tree.css("li")) < len(posts),
        "the subject is too long": len(rendered.subject) > 70,
        "the preheader is too short or long": not 40 <= len(rendered.preheader) <= 130,
    }
    return [fault for fault, is_so in found.items() if is_so]


def test_every_real_feed_makes_an_issue() -> None:
    wrong = {row["file"]: found for row in rows() if row["kind"] != "not-a-feed" and (found := faults(row["file"]))}
    assert wrong == {}
