"""Which variant is a choice's: by values alone. How they are made and sent: tests/actions/test_variants.py."""

from tests.cast import NOW

from digest.core.model import Card, IssueContent, IssueGroup, IssuePost, Variant
from digest.core.owed import Due
from digest.core.variants import Choice, Finder, plan_variants, wish_for

POSTS = tuple(
    IssuePost(post_id=number, source_id=1, source="A Blog", card=Card(title=topic), at=NOW, topics=(topic,))
    for number, topic in ((1, "food"), (2, "art"))
)
CONTENT = IssueContent(
    newsletter="Week", number=1, period_start=NOW, period_end=NOW, zone="UTC", language="en",
    groups=(IssueGroup(kind="day", label="2017-08-14", posts=POSTS),),
)  # fmt: skip


def test_who_is_left_out_by_the_cap_is_not_told_again_what_they_were_told() -> None:
    """The art was in an issue of their last cadence, beyond their topics; the whole of this one would bring it again."""
    choice = Choice(topics='["food"]', readers=1, language="en", owed="told 2")
    (wish,) = wish_for(CONTENT, [choice], dues={"told 2": Due(own=frozenset({1}))})
    assert Finder([Variant(id=1, issue_id=1, key="*/en", language="en")]).find(wish) is None
    assert [one.shown for one in plan_variants([wish], languages=["en"], most=1)] == [None, frozenset({1})]
