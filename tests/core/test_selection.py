"""Posts → an issue's content: order, limits, groups, merging."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.core.cut import Limits, cut_content
from digest.core.model import AlsoIn, Card, EditorNote, Newsletter, Picture, Post
from digest.core.selection import Candidate, Selection, Span, select_posts
from digest.core.states import GroupBy

START = datetime(2017, 8, 7, 7, tzinfo=UTC)  # Monday midnight in Los Angeles
SPAN = Span(start=START, end=START + timedelta(days=7), waiting_since=START)
NEWSLETTER = {"id": 1, "slug": "weekly", "name": "The Weekly", "sender_name": "W", "sender_address": "w@example.org",
              "zone": "America/Los_Angeles"}  # fmt: skip


def candidate(number: int, hours: float, *, source: int = 1, pinned: bool = False, quota: int | None = None,
              seen: float | None = None, **fields) -> Candidate:  # fmt: skip
    """A post published so many hours after the period's start."""
    at = START + timedelta(hours=hours)
    card = Card(title=f"Post {number}", link=f"https://{source}.example/{number}", topics=fields.pop("topics", ()))
    card = fields.pop("card", card)
    given = {"canonical": None, "published": at, "updated": None, "effective_at": at, "card": card,
             "seen_at": at if seen is None else START + timedelta(hours=seen), **fields}  # fmt: skip
    post = Post(id=number, source_id=source, key=f"k{number}", **given)
    return Candidate(post=post, source=f"Blog {source}", rank=source, pinned=pinned, quota=quota)


def select(*candidates: Candidate, span: Span = SPAN, note=None, issued=(), **policies) -> Selection:
    newsletter = Newsletter(**{**NEWSLETTER, **policies})
    return select_posts(candidates, newsletter=newsletter, number=7, span=span, note=note, issued=issued)


def outline(selection: Selection) -> list[tuple[str, str, list[int]]]:
    return [(g.kind, g.label, [post.post_id for post in g.posts]) for g in selection.content.groups]


def test_days_are_local_and_the_newest_comes_first() -> None:
    late_evening = candidate(2, 4 * 24 - 0.3)  # 23:40 on Thursday in Los Angeles: Friday in UTC
    selection = select(candidate(1, 12), late_evening, candidate(3, 4 * 24 + 1))
    assert outline(selection) == [("day", "2017-08-11", [3]), ("day", "2017-08-10", [2]), ("day", "2017-08-07", [1])]


def test_ties_go_by_source_then_place_then_key() -> None:
    selection = select(
        candidate(1, 5, source=2), candidate(2, 5, position=3), candidate(3, 5, position=1), candidate(4, 5, position=1)
    )
    assert outline(selection) == [("day", "2017-08-07", [3, 4, 2, 1])]


def test_pinned_comes_first_and_late_last() -> None:
    selection = select(candidate(1, -100, seen=3), candidate(2, 5), candidate(3, 50, pinned=True))
    assert outline(selection) == [("pinned", "", [3]), ("day", "2017-08-07", [2]), ("earlier", "", [1])]
    assert selection.content.groups[-1].posts[0].late


def test_what_rolled_over_from_a_thin_period_keeps_its_day() -> None:
    span = Span(start=START, end=SPAN.end, waiting_since=START - timedelta(days=7))
    selection = select(candidate(1, -100), candidate(2, -100, seen=3), candidate(3, 1), span=span)
    assert outline(selection) == [("day", "2017-08-07", [3]), ("day", "2017-08-02", [1]), ("earlier", "", [2])]


def test_a_quota_makes_lines_of_the_older_posts_of_a_loud_source() -> None:
    loud = [candidate(n, n) for n in range(1, 5)]
    selection = select(*loud, candidate(9, 0.5, source=2), max_per_source=2)
    assert outline(selection) == [("day", "2017-08-07", [4, 3, 9])]
    assert [post.post_id for post in selection.content.more] == [2, 1]
    assert sorted(selection.issued) == [1, 2, 3, 4, 9]


def test_a_source_may_have_its_own_quota() -> None:
    loud = [candidate(n, n, quota=1) for n in range(1, 4)]
    assert outline(select(*loud)) == [("day", "2017-08-07", [3])]


def test_room_goes_to_the_newest_of_every_source_before_the_second_of_any() -> None:
    loud = [candidate(n, 10 + n) for n in range(1, 5)]
    selection = select(*loud, candidate(8, 2, source=2), candidate(9, 1, source=3), max_posts=3)
    assert outline(selection) == [("day", "2017-08-07", [4, 8, 9])]


def test_what_the_admin_weighs_leads_its_day_its_places_and_the_name_of_the_issue() -> None:
    picture = Card(title="With a picture", pictures=(Picture(src="https://1.example/a.png"),))
    posts = (candidate(1, 30), candidate(2, 26, card=picture), candidate(3, 3), candidate(4, 50))
    plain = select(*posts)
    assert [post.post_id for post in plain.content.leading] == [4, 1, 2, 3]
    weighed = select(*posts, max_posts=2, weights={"image": 2})
    assert outline(weighed) == [("day", "2017-08-09", [4]), ("day", "2017-08-08", [2])]
    assert [post.post_id for post in weighed.content.leading] == [2, 4]
    assert [post.post_id for post in weighed.content.more] == [1, 3]


def test_pinned_posts_are_shown_beyond_every_limit() -> None:
    selection = select(
        *(candidate(n, n, pinned=True) for n in (1, 2, 3)), candidate(4, 4), max_posts=2, max_per_source=1
    )
    assert outline(selection) == [("pinned", "", [3, 2, 1])]
    assert [post.post_id for post in selection.content.more] == [4]


def test_grouped_by_source_in_the_order_the_newsletter_added_them() -> None:
    selection = select(candidate(1, 1, source=2), candidate(2, 2), candidate(3, 3, source=2), group_by=GroupBy.SOURCE)
    assert outline(selection) == [("source", "Blog 1", [2]), ("source", "Blog 2", [3, 1])]


def test_grouped_by_the_topic_that_most_posts_share() -> None:
    selection = select(candidate(1, 1, topics=("Boats", "rust")), candidate(2, 2, topics=("Rust",)), candidate(3, 3),
                       candidate(4, 4, topics=("tea",)), group_by=GroupBy.TOPIC)  # fmt: skip
    assert outline(selection) == [("topic", "Rust", [2, 1]), ("topic", "tea", [4]), ("topic", "", [3])]


def test_copies_become_one_card_of_the_earliest_with_the_others_named() -> None:
    first, copy = candidate(1, 5, source=2, canonical="https://x"), candidate(2, 9, source=1, canonical="https://x")
    selection = select(copy, first)
    (card,) = selection.content.posts
    assert (card.post_id, card.also_in) == (1, (AlsoIn(source="Blog 1", link="https://1.example/2", post_id=2),))
    assert (selection.issued, selection.merged) == ((1,), {2: 1})


def test_a_pinned_copy_is_the_card() -> None:
    selection = select(
        candidate(1, 5, source=2, canonical="https://x"), candidate(2, 9, canonical="https://x", pinned=True)
    )
    assert outline(selection) == [("pinned", "", [2])]


def test_a_copy_of_what_was_issued_before_is_merged_into_it() -> None:
    before = candidate(1, -30, source=2, canonical="https://x").post
    selection = select(candidate(2, 9, canonical="https://x"), candidate(3, 10), issued=(before,))
    assert outline(selection) == [("day", "2017-08-07", [3])]
    assert selection.merged == {2: 1}


def test_note_posts_become_the_editors_note_and_no_card() -> None:
    words = [candidate(n, n, note=True, text=f"Words {n}", html=f"<p>Words {n}</p>") for n in (2, 1)]
    selection = select(*words, candidate(3, 3), note=EditorNote(text="Hello", html="<p>Hello</p>"), editor="Mara")
    assert selection.content.note == EditorNote(text="Hello\n\nWords 1\n\nWords 2",
                                                html="<p>Hello</p>\n<p>Words 1</p>\n<p>Words 2</p>", author="Mara")  # fmt: skip
    assert outline(selection) == [("day", "2017-08-07", [3])]
    assert (sorted(selection.issued), selection.stories) == ([1, 2, 3], 1)


@st.composite
def streams(draw):
    count = draw(st.integers(0, 25))
    return [
        candidate(
            n,
            draw(st.integers(-300, 167)),
            source=draw(st.integers(1, 4)),
            pinned=draw(st.booleans()) and n % 5 == 0,
            seen=draw(st.integers(-200, 167)),
            note=n % 11 == 0,
            canonical=draw(st.sampled_from([None, None, "https://x", "https://y"])),
        )
        for n in range(1, count + 1)
    ]


@settings(deadline=None, max_examples=80)
@given(streams(), st.integers(0, 12), st.integers(0, 6), st.sampled_from(GroupBy), st.randoms(use_true_random=False))
def test_nothing_is_lost_nothing_doubled_and_the_order_of_arrival_is_nothing(
    candidates, most, quota, group_by, rng: random.Random
) -> None:
    policies = {"max_posts": most, "max_per_source": quota, "group_by": group_by}
    selection = select(*candidates, **policies)
    everything = [*selection.issued, *selection.merged]
    assert sorted(everything) == sorted(c.post.id for c in candidates)
    in_issue = [p.post_id for p in (*selection.content.posts, *selection.content.more)]
    assert sorted([*in_issue, *selection.notes]) == sorted(selection.issued)
    assert sum(not post.pinned for post in selection.content.posts) <= most
    rng.shuffle(candidates)
    assert select(*candidates, **policies) == selection


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([GroupBy.DAY, GroupBy.SOURCE, GroupBy.TOPIC]))
def test_a_part_of_an_issue_has_limits_of_its_own(dice: random.Random, group_by: GroupBy) -> None:
    """Where it has room, it is what it would be if there were no other posts; a post in full is never made a line."""
    quotas = {source: dice.choice([None, 1, 3]) for source in (1, 2, 3)}
    posts = []
    for number, hours in enumerate(dice.sample(range(-50, 160), 14)):
        source, topics = dice.choice((1, 2, 3)), tuple(dice.sample(("Boats", "tea"), dice.randint(0, 2)))
        posts.append(candidate(number, hours, source=source, quota=quotas[source], topics=topics, seen=max(hours, 1),
                               pinned=dice.random() < 0.1))  # fmt: skip
    policies = {"max_posts": 5, "max_per_source": 2, "group_by": group_by}
    whole = select(*posts, **policies)
    keep = {one.post.id for one in dice.sample(posts, dice.randint(1, 9))}
    alone = select(*(one for one in posts if one.post.id in keep), **policies).content
    cut = cut_content(whole.content, keep, limits=Limits(most=5, per_source=2, quotas=quotas, group_by=group_by))
    shown, lines = ({post.post_id for post in some} for some in (cut.posts, cut.more))
    assert shown | lines == keep
    assert not shown & lines
    assert shown >= keep & {post.post_id for post in whole.content.posts}
    assert len(shown) == len(alone.posts) or len(shown) <= 5
    if len(keep) <= 5:
        assert (shown, lines) == ({post.post_id for post in alone.posts}, {post.post_id for post in alone.more})
        assert group_by is GroupBy.TOPIC or cut == alone
