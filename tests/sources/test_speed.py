"""The benchmark of cards runs and is not absurd; `python -m tests.bench.cards` is the measurement."""

from tests.bench.cards import measure


def test_a_hundred_posts_become_cards_in_well_under_a_few_seconds() -> None:
    alone, whole = measure(100)
    assert 0 < alone < whole < 5
