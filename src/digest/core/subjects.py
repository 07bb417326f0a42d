"""Two subjects for one issue: tried on a part of its readers, the better one for the others. Pure.

 sample ─▶ half gets the first, half the second ─▶ some hours ─▶ clicks for each mail ─▶ the rest gets the better one

The second subject is led by the second post. Who is in the sample follows from ids alone, so it is the same whenever it is asked.
"""

from dataclasses import dataclass

LEAST = 20
"""Readers of each subject: with fewer, chance decides."""
SMALLEST, LARGEST = 2, 90
"""Percent of readers in a sample."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one subject."""

    readers: int
    clicks: int

    @property
    def rate(self) -> float:
        """Clicks for each mail."""
        return self.clicks / self.readers if self.readers else 0.0


def second_wins(first: Trial, second: Trial) -> bool:
    """Whether the others get the second subject: it has more clicks for each mail. Between equals the first stays."""
    return second.rate > first.rate
