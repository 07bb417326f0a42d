"""What leads: each post's points, a sum that an admin can read, predict and weigh. Pure.

 factor (0 to 1) × its weight = points          the sum of them, less what fairness takes = the score

Pinned posts stand above every score. By default recency alone has a weight, which is the plain order: the newest first.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

DEFAULTS: Mapping[str, float] = {
    "recency": 1.0, "source": 0.0, "length": 0.0, "image": 0.0, "carried": 0.0, "clicks": 0.0, "fairness": 0.0,
}  # fmt: skip
"""The factors in the order in which a sum names them, with the weights where the newsletter sets none."""
MOST = 100.0
"""The largest weight."""
NEUTRAL = 5
"""The weight of a source that was given none, of 0 to `HEAVIEST`."""
HEAVIEST = 10
LONG = 10
"""Minutes of reading from which a post is as long as any."""
WIDELY = 3
"""So many other sources carry a story that everybody has."""
_DIGITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """What is known of a post when it is weighed."""

    source_id: int
    at: datetime
    source_weight: int
    minutes: int
    has_image: bool
    carried: int  # by so many other sources
    clicks: int  # of earlier issues; 0 where they are not counted


def weigh(
    posts: Sequence[Ranked], *, weights: Mapping[str, float], start: datetime, end: datetime
) -> list[dict[str, float]]:
    """The points of each post by factor, without factors that weigh nothing; their sum is the score.

    `posts` come in reading order, which decides between equals. Recency is 1 at the period's end and 0 at its start or
    before; a source's weight counts in tenths, ten minutes of reading and three other sources as 1, clicks beside those
    of the most clicked. Fairness takes its weight once for each post of the same source that has more points.
    """
    weights = {**DEFAULTS, **weights}
    most_clicks = max((post.clicks for post in posts), default=0)
    length = (end - start).total_seconds()
    sums: list[dict[str, float]] = []
    for post in posts:
        age = (post.at - start).total_seconds() / length if length > 0 else 0.0
        factors = {
            "recency": min(1.0, max(0.0, age)),
            "source": post.source_weight / HEAVIEST,
            "length": min(1.0, post.minutes / LONG),
            "image": float(post.has_image),
            "carried": min(1.0, post.carried / WIDELY),
            "clicks": post.clicks / most_clicks if most_clicks else 0.0,
        }
        sums.append({name: round(weights[name] * share, _DIGITS) for name, share in factors.items() if weights[name]})
    if weights["fairness"]:
        _be_fair(posts, sums, weights["fairness"])
    return sums


def total(points: Mapping[str, float]) -> float:
    """The score."""
    return round(sum(points.values()), _DIGITS)


def say(points: Mapping[str, float]) -> str:
    """The sum in words: "1.32 = recency 0.82 + image 0.50"."""
    shown = [(name, points[name]) for name in DEFAULTS if name in points]
    if not shown:
        return "0.00"
    first, *rest = shown
    words = f"{first[0]} {first[1]:.2f}" + "".join(f" {'−' if n < 0 else '+'} {name} {abs(n):.2f}" for name, n in rest)
    return f"{total(points):.2f} = {words}"


def check_weights(weights: Mapping[str, object]) -> dict[str, float]:
    """Weights as given, as numbers.

    Raises:
        ValueError: there is no such factor, or the weight is no number from 0 to 100; in words.
    """
    checked = {}
    for name, given in weights.items():
        if name not in DEFAULTS:
            raise ValueError(f"there is no factor {name!r}: they are {', '.join(DEFAULTS)}")
        try:
            weight = float(str(given))
        except ValueError:
            weight = -1.0
        if not 0 <= weight <= MOST:  # NaN is not
            raise ValueError(f"the weight of {name} is a number from 0 to {MOST:.0f}, not {given!r}")
        checked[name] = weight
    return checked


def _be_fair(posts: Sequence[Ranked], sums: list[dict[str, float]], weight: float) -> None:
    before: Counter[int] = Counter()
    for at in sorted(range(len(posts)), key=lambda at: (-total(sums[at]), at)):
        if before[posts[at].source_id]:
            sums[at]["fairness"] = round(-weight * before[posts[at].source_id], _DIGITS)
        before[posts[at].source_id] += 1
