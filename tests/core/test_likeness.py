"""The same story in several sources, and what only looks like it."""

import random
import time
from datetime import UTC, datetime, timedelta

from digest.core.likeness import group_stories, is_same_story, read_stories
from digest.core.model import Card, Post

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
VOCABULARY = [f"word{n}" for n in range(4000)]


def prose(seed: int, words: int = 300) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choice(VOCABULARY) for _ in range(words))


def post(
    number: int, source: int, text: str = "", *, title: str = "", link: str | None = None, days: float = 0
) -> Post:
    return Post(id=number, source_id=source, key=f"k{number}", card=Card(title=title or f"Title {number}"),
                canonical=link, published=NOON, updated=None, seen_at=NOON,
                effective_at=NOON - timedelta(days=days), text=text)  # fmt: skip


def same(one: Post, other: Post, **others) -> bool:
    stories = read_stories((one, other), **others)
    return is_same_story(stories[one.id], stories[other.id])


def first(text: str, share: float) -> str:
    words = text.split()
    return " ".join(words[: int(len(words) * share)])


def edited(text: str, share: float) -> str:
    rng = random.Random(7)
    return " ".join("changed" + str(i) if rng.random() < share else w for i, w in enumerate(text.split()))


def test_equal_canonical_links_are_one_story_whatever_the_texts() -> None:
    assert same(post(1, 1, prose(1), link="https://a/x"), post(2, 2, prose(2), link="https://a/x"))


def test_items_of_one_source_are_never_one_story() -> None:
    assert not same(post(1, 1, prose(1), link="https://a/x"), post(2, 1, prose(1), link="https://a/x"))


def test_a_link_that_all_items_of_a_source_share_names_no_story() -> None:
    posts = (post(1, 1, prose(1), link="https://a/"), post(2, 1, prose(2), link="https://a/"))
    stories = read_stories((*posts, post(3, 2, prose(3), link="https://a/")))
    assert not is_same_story(stories[1], stories[3])


def test_a_lightly_edited_copy_is_found() -> None:
    assert same(post(1, 1, prose(1)), post(2, 2, edited(prose(1), 0.08)))


def test_the_first_half_of_a_text_is_found() -> None:
    assert same(post(1, 1, prose(1)), post(2, 2, first(prose(1), 0.55)))


def test_a_copy_with_boilerplate_added_is_found() -> None:
    assert same(post(1, 1, prose(1)), post(2, 2, prose(1) + " " + prose(9, 100)))


def test_a_short_excerpt_is_found_by_its_title() -> None:
    long, short = prose(1, 900), first(prose(1, 900), 0.1)
    assert same(post(1, 1, long, title="What the harbour lights were for"),
                post(2, 2, short, title="What the harbour lights were for?"))  # fmt: skip
    assert not same(post(1, 1, long, title="What the harbour lights were for"), post(2, 2, short, title="Five links"))


def test_a_story_that_quotes_a_quarter_of_another_stands_alone() -> None:
    assert not same(post(1, 1, prose(1)), post(2, 2, first(prose(1), 0.25) + " " + prose(5, 300)))


def test_copies_more_than_a_week_apart_stand_alone() -> None:
    assert same(post(1, 1, prose(1)), post(2, 2, prose(1), days=7))
    assert not same(post(1, 1, prose(1)), post(2, 2, prose(1), days=7.01))


def test_texts_under_sixty_words_are_not_compared() -> None:
    assert same(post(1, 1, prose(1, 60)), post(2, 2, prose(1, 60)))
    assert not same(post(1, 1, prose(1, 59)), post(2, 2, prose(1, 59)))


def test_the_boilerplate_that_two_sources_share_makes_no_story() -> None:
    footer = prose(42, 200)
    own = [post(n, 1, prose(n, 80) + " " + footer) for n in range(1, 4)]
    theirs = [post(n, 2, prose(n, 80) + " " + footer) for n in range(11, 14)]
    stories = read_stories((own[0], theirs[0]), others={1: own, 2: theirs})
    assert not is_same_story(stories[1], stories[11])
    assert same(own[0], theirs[0]), "without the other posts nothing tells the footer from the story"


def test_scripts_without_spaces_are_compared_by_character() -> None:
    rng = random.Random(3)
    text = "".join(chr(0x4E00 + rng.randrange(3000)) for _ in range(200))
    assert same(post(1, 1, text), post(2, 2, text))


def test_a_group_keeps_one_post_a_source_and_its_first_at_the_head() -> None:
    posts = [
        post(1, 1, prose(1)),
        post(2, 2, prose(1)),
        post(3, 1, prose(1)),
        post(4, 3, prose(1)),
        post(5, 3, prose(5)),
    ]
    stories = read_stories(posts)
    groups = group_stories([stories[p.id] for p in posts])
    assert [[story.post.id for story in group] for group in groups] == [[1, 2, 4], [3], [5]]


def test_three_hundred_posts_are_grouped_in_under_a_second() -> None:
    posts = [post(n, n % 30, prose(n % 280)) for n in range(300)]
    began = time.process_time()
    stories = read_stories(posts)
    groups = group_stories([stories[p.id] for p in posts])
    assert time.process_time() - began < 1.5
    assert len(groups) == 280
