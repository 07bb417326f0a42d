"""Follow an issue from the database while other processes send it: how far it is, how fast, how long still."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from digest.clock import Clock
from digest.core.model import Issue
from digest.core.states import DeliveryState, IssueState
from digest.store import sending
from digest.store.counting import RECENTLY, count_quickly, count_settled_since
from digest.store.database import Database
from digest.store.issues import get_issue
from digest.store.waves import count_waiting, next_wave

GOES_OUT = frozenset({IssueState.SENDING})
FAILED = (DeliveryState.REFUSED, DeliveryState.EXPIRED, DeliveryState.UNCERTAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How an issue stands at one moment. `rate` is deliveries that came to rest a second, over the last minute."""

    at: datetime
    newsletter: str  # its slug
    number: int | None
    state: IssueState
    reason: str | None
    expected: int | None  # None: its deliveries are not made yet
    settled: int
    counts: Mapping[DeliveryState, int]
    rate: float
    seconds_left: int | None  # None: unknown, or nothing goes out; of what is due by now
    later: int = 0  # for how many it is not time yet, by their own clocks
    next_wave: datetime | None = None  # when it is for the first of them

    @property
    def is_over(self) -> bool:
        """Nothing more goes out by itself."""
        return self.state not in GOES_OUT

    @property
    def is_partial(self) -> bool:
        """It stopped before its end, or somebody did not get it."""
        return self.is_over and (self.state is not IssueState.DONE or any(self.counts.get(state) for state in FAILED))


class Follower:
    """Looks again and again; remembers the last minute."""

    def __init__(self, database: Database, issue: Issue, *, newsletter: str, clock: Clock) -> None:
        self.database, self.issue_id, self.newsletter, self.clock = database, issue.id, newsletter, clock
        self._seen: deque[tuple[datetime, int]] = deque()

    def look(self) -> Look:
        """How it stands now.

        Raises:
            DatabaseBusy, DatabaseError: the database cannot say.
        """
        now = self.clock()
        with self.database.read() as session:
            state, reason = sending.standing(session, self.issue_id)
            counts = count_quickly(session, self.issue_id)
            settled = sum(number for which, number in counts.items() if which not in sending.OPEN)
            if not self._seen:
                issue = get_issue(session, self.issue_id)
                self._number, since = issue.number, now - RECENTLY
                before = settled - count_settled_since(session, self.issue_id, since=since)
                self._seen.append((max(since, issue.sending_at or since), before))
            expected = sending.count_expected(session, self.issue_id)
            going = state in GOES_OUT
            following = next_wave(session, now=now, issue_id=self.issue_id) if going else None
            later = min(counts.get(DeliveryState.QUEUED, 0), count_waiting(session, self.issue_id, now=now))
        rate = self._rate(now, settled)
        left = (expected or 0) - settled - (later if going else 0)
        return Look(
            at=now, newsletter=self.newsletter, number=self._number, state=state, reason=reason, expected=expected,
            settled=settled, counts=counts, rate=rate,
            seconds_left=round(max(0, left) / rate) if rate and going else None,
            later=later if going else 0, next_wave=following,
        )  # fmt: skip

    def _rate(self, now: datetime, settled: int) -> float:
        self._seen.append((now, settled))
        while len(self._seen) > 2 and now - self._seen[1][0] >= RECENTLY:
            self._seen.popleft()
        began, before = self._seen[0]
        return round(max(0, settled - before) / max((now - began).total_seconds(), 1.0), 1)
