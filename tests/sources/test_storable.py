"""Whatever a stranger writes, the databases take what is left of it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.core.model import Card, Feed, ParsedPost
from digest.sources.storable import make_storable


def feed(text: str) -> Feed:
    post = ParsedPost(guid=text, key=text, other_keys=(text,), card=Card(title=text, topics=(text, "fine")), text=text)
    return Feed(title=text, url="https://a.test/", posts=(post,), ttl=5)


def test_what_is_storable_stays_the_very_same() -> None:
    fine = feed("Grüße, 世界 🌍")
    assert make_storable(fine) is fine


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters()))
def test_no_nul_and_no_surrogate_is_left_anywhere(text: str) -> None:
    post = make_storable(feed(text)).posts[0]
    for left in (post.key, post.text, post.card.title, *post.other_keys, *post.card.topics):
        assert "\0" not in left
        left.encode()
