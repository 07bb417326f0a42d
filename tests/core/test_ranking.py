"""What leads: a sum that an admin can predict."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.ranking import DEFAULTS, Ranked, check_weights, say, total, weigh

START = datetime(2017, 8, 14, tzinfo=UTC)
END = START + timedelta(days=7)


def post(hours: float = 0, *, source: int = 1, **facts: int) -> Ranked:
    given = {"source_weight": 5, "minutes": 0, "has_image": False, "carried": 0, "clicks": 0, **facts}
    return Ranked(source_id=source, at=END - timedelta(hours=hours), **given)  # type: ignore[arg-type]


def sums(*posts: Ranked, **weights: float) -> list[dict[str, float]]:
    return weigh(posts, weights=weights, start=START, end=END)


def test_by_default_recency_alone_counts() -> None:
    newest, middle, late = sums(post(0), post(84, minutes=9, has_image=1), post(500))
    assert (newest, middle, late) == ({"recency": 1.0}, {"recency": 0.5}, {"recency": 0.0})


def test_each_factor_has_its_measure() -> None:
    rich, plain = sums(
        post(source_weight=8, minutes=25, has_image=1, carried=2, clicks=30), post(minutes=4, clicks=60),
        recency=0, source=1, length=2, image=0.5, carried=3, clicks=1,
    )  # fmt: skip
    assert rich == {"source": 0.8, "length": 2.0, "image": 0.5, "carried": 2.0, "clicks": 0.5}
    assert plain == {"source": 0.5, "length": 0.8, "image": 0.0, "carried": 0.0, "clicks": 1.0}


def test_fairness_takes_once_for_each_better_post_of_the_source() -> None:
    scored = sums(post(0), post(1), post(2, source=2), post(3), fairness=0.4)
    assert [points.get("fairness", 0) for points in scored] == [0, -0.4, 0, -0.8]


def test_the_sum_is_said_in_the_order_of_the_factors() -> None:
    assert say({"image": 0.5, "fairness": -0.25, "recency": 0.82}) == "1.07 = recency 0.82 + image 0.50 − fairness 0.25"
    assert say({}) == "0.00"


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"colour": "1"}, "no factor 'colour': they are recency, source"),
        ({"image": "much"}, "the weight of image is a number from 0 to 100, not 'much'"),
        ({"image": "-1"}, "not '-1'"),
        ({"image": "nan"}, "not 'nan'"),
    ],
)
def test_a_weight_that_is_none_is_refused_in_words(weights: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        check_weights(weights)


_posts = st.lists(
    st.builds(post, st.integers(0, 200), source=st.integers(1, 3), minutes=st.integers(0, 30),
              has_image=st.integers(0, 1), carried=st.integers(0, 5), clicks=st.integers(0, 9)),
    max_size=12,
)  # fmt: skip


@given(posts=_posts, weights=st.dictionaries(st.sampled_from(list(DEFAULTS)), st.floats(0, 100)))
def test_a_score_is_the_sum_of_its_points_and_fairness_only_takes(
    posts: list[Ranked], weights: dict[str, float]
) -> None:
    for points in weigh(posts, weights=weights, start=START, end=END):
        assert total(points) == pytest.approx(sum(points.values()), abs=0.01)
        assert all(number >= 0 for name, number in points.items() if name != "fairness")
        assert points.get("fairness", 0) <= 0
