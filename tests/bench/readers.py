"""What readers' choices cost: `python -m tests.bench.readers [--json]`. Results: docs/benchmarks.md.

One newsletter, 3 cadences, 12 topics, 4 languages, 40 zones, 50,000 readers on SQLite, of whom four in five get the weekly issue:
planning and freezing it, rendering and linting every variant, and writing the deliveries, each stage in CPU seconds. Then the same
list by the same cadences, whose readers have chosen no topic, language or zone. Each run is a process of its own, with the collector set as
the program sets it; by turns, and of each stage the least counts: other work on the machine only adds.
"""

import argparse
import gc
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import available_timezones

from sqlalchemy import insert, text
from sqlmodel import Session

from digest.actions.close import close_periods
from digest.actions.publish import publish
from digest.actions.variants import view_variants
from digest.cli.start import COLLECTING
from digest.core.addresses import address_hash
from digest.core.states import IssueState, RuleKind
from digest.core.waves import FIRST_ZONE
from digest.store import events, issues, schema, sending
from digest.store.database import Database
from digest.store.newsletters import list_newsletters
from digest.store.people_tables import SubscriberRow, SubscriptionRow
from digest.store.topics import add_rule, get_topic
from tests import cast

NOW = datetime(2026, 6, 8, 12, tzinfo=UTC)
"""A Monday: the weekly issue is due, the daily one in the evening, the monthly one in July."""
FIRST = NOW - timedelta(hours=14)
"""When it is Monday noon on the first islands: where each reader's clock counts, the issue is made then."""
CADENCES = {
    "daily": ("daily at 18:00", timedelta(days=1)),
    "weekly": ("weekly on mon at 12:00", timedelta(days=7)),
    "monthly": ("monthly on day 1 at 12:00", timedelta(days=31)),
}
TOPICS = ("food", "art", "travel", "books", "film", "music", "science", "history", "garden", "sport", "money", "health")
LANGUAGES = {"en": 55, "de": 20, "fr": 15, "ja": 10}  # in a hundred readers
READERS = 50_000
LIMIT_SECONDS, LIMIT_MB, LIMIT_RATIO = 20.0, 300.0, 2.0


@dataclass(kw_only=True)
class Run:
    """What one run took."""

    readers: int
    issues: int
    posts: int
    variants: int
    deliveries: int
    empty: int
    shown_more: int
    seconds: dict[str, float] = field(default_factory=dict)  # of CPU, by stage
    peak_mb: float = 0

    @property
    def cpu(self) -> float:
        """All stages."""
        return sum(self.seconds.values())


def fill(url: str, readers: int, *, chosen: bool) -> None:
    """A month of posts, and readers who have chosen, or have not."""
    database = Database(url)
    schema.upgrade(database)
    dice = random.Random(6)
    with database.write() as session:
        newsletter = cast.add_newsletter(
            session, languages=["de", "fr", "ja"] if chosen else [], max_per_source=40, reader_zones=chosen
        )
        at = FIRST if chosen else NOW
        cadences = {
            cast.add_cadence(session, newsletter, name, rule=rule, zone=FIRST_ZONE if chosen else "UTC", started_at=NOW - timedelta(days=62),
                             last_slot_at=at - period if name == "weekly" else at - timedelta(hours=18)): at - period
            for name, (rule, period) in CADENCES.items()
        }  # fmt: skip
        _add_posts(session, newsletter, cadences, chosen=chosen)
        _add_readers(session, newsletter, [*cadences], readers, dice, chosen=chosen)
    database.close()


def _add_posts(session: Session, newsletter: int, cadences: dict[int, datetime], *, chosen: bool) -> None:
    sources = [
        cast.add_source(session, newsletter, url=f"https://blog{n}.example/feed", title=f"Blog {n}") for n in range(6)
    ]
    for topic in TOPICS if chosen else ():
        cast.add_topic(session, newsletter, topic)
        add_rule(
            session, get_topic(session, newsletter, topic), kind=RuleKind.LABEL, pattern=topic, wanted=True, now=NOW
        )
    for number in range(80):
        at = FIRST - timedelta(hours=3 + 9 * number)
        words = f"{number} of {TOPICS[number % 12]}. Of weather and of work, told by people who were there. " * 2
        card = {"title": f"Story {number}: a day in the {TOPICS[number % 12]} room", "link": f"https://blog{number % 6}.example/{number}",
                "topics": [TOPICS[number % 12]], "lead": words, "minutes": 4,
                "pictures": [{"src": f"https://blog{number % 6}.example/{number}.jpg", "width": 1200, "height": 800, "alt": "A picture"}]}  # fmt: skip
        post = cast.add_post(session, sources[number % 6], f"{number}", title=card["title"], card=card, effective_at=at,
                             canonical=card["link"], text=" ".join(f"word{number}x{n}" for n in range(300)))  # fmt: skip
        for cadence, begins in cadences.items():
            if at >= begins:
                cast.add_claim(session, cadence, post, effective_at=at)


def _add_readers(
    session: Session, newsletter: int, cadences: list[int], readers: int, dice: random.Random, *, chosen: bool
) -> None:
    zones = dice.sample(sorted(zone for zone in available_timezones() if "/" in zone), 40)
    weights = [1 / (place + 1) for place in range(len(TOPICS))]
    people, ties = [], []
    for number in range(1, readers + 1):
        address = f"reader{number}@domain{number % 500}.example"
        people.append({"id": number, "address": address, "address_key": address, "address_hash": address_hash(cast.KEY, address),
                       "name": "", "created_at": NOW, "zone": dice.choice(zones) if chosen else None,
                       "language": dice.choices([*LANGUAGES], [*LANGUAGES.values()])[0] if chosen else None})  # fmt: skip
        topics = (
            sorted(set(dice.choices(TOPICS, weights, k=dice.randint(1, 5)))) if chosen and dice.random() < 0.6 else []
        )
        ties.append({"newsletter_id": newsletter, "subscriber_id": number, "state": "active", "consent_how": "form", "created_at": NOW,
                     "consent_at": NOW, "confirmed_at": NOW, "cadence_id": dice.choices(cadences, [10, 80, 10])[0], "topics": topics})  # fmt: skip
    session.execute(insert(SubscriberRow), people)
    session.execute(insert(SubscriptionRow), ties)


def run(url: str) -> Run:
    """One turn's worth for the newsletter of a filled database."""
    database = Database(url)
    seconds: dict[str, float] = {}
    with database.read() as session:
        (newsletter,) = list_newsletters(session)
        readers = int(session.execute(text("SELECT count(*) FROM subscriber")).scalar_one())
    now = FIRST if newsletter.reader_zones else NOW
    with _timed(seconds, "freeze"):
        made = close_periods(database, newsletter, now=now)
    with _timed(seconds, "render"):
        publish(database, now=now, web_base="https://news.example")
    with _timed(seconds, "deliveries"):
        for issue in made:
            with database.write() as session:
                sending.start_sending(session, issue.id, now=now)
    report = _report(database, [issue.id for issue in made], readers, seconds)
    database.close()
    return report


def _report(database: Database, made: list[int], readers: int, seconds: dict[str, float]) -> Run:
    with database.read() as session:
        (newsletter,) = list_newsletters(session)
        frozen = [issues.get_issue(session, one) for one in made]
        views = [view_variants(session, one, newsletter, now=NOW) for one in frozen]
        assert all(one.state is IssueState.SENDING for one in frozen), [one.reason for one in frozen]
        assert not events.list_events(session, kind="issue.linted")
        return Run(
            readers=readers,
            issues=len(frozen),
            posts=sum(len((*one.content.posts, *one.content.more)) for one in frozen if one.content),
            variants=sum(len(view.variants) for view in views),
            deliveries=sum(one.expected or 0 for one in frozen),
            empty=sum(view.empty for view in views),
            shown_more=sum(view.more for view in views),
            seconds={name: round(spent, 3) for name, spent in seconds.items()},
            peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        )


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    before = time.process_time()
    yield
    seconds[stage] = time.process_time() - before


def measure(readers: int, rounds: int) -> tuple[Run, Run]:
    """With choices, and without; of each stage the least of the rounds."""
    with tempfile.TemporaryDirectory() as folder:
        found: dict[bool, list[Run]] = {True: [], False: []}
        for chosen in found:
            _in_a_process("fill", f"sqlite:///{folder}/{chosen}.db", readers, chosen=chosen)
        for _ in range(rounds):
            for chosen, runs in found.items():
                shutil.copy(f"{folder}/{chosen}.db", f"{folder}/run.db")
                said = _in_a_process("run", f"sqlite:///{folder}/run.db", readers, chosen=chosen)
                runs.append(Run(**json.loads(said)))
                for left in Path(folder).glob("run.db*"):
                    left.unlink()
    chosen, plain = (
        replace(
            runs[0],
            seconds={stage: min(run.seconds[stage] for run in runs) for stage in runs[0].seconds},
            peak_mb=max(run.peak_mb for run in runs),
        )
        for runs in found.values()
    )
    return chosen, plain


def _in_a_process(step: str, url: str, readers: int, *, chosen: bool) -> bytes:
    command = [sys.executable, "-m", "tests.bench.readers", "--readers", str(readers), f"--{step}", url]
    return subprocess.run([*command, *(["--chosen"] if chosen else [])], check=True, stdout=subprocess.PIPE).stdout


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--readers", type=int, default=READERS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="the figures for programs")
    parser.add_argument("--fill", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--run", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--chosen", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fill:
        fill(given.fill, given.readers, chosen=given.chosen)
    elif given.run:
        gc.set_threshold(*COLLECTING)
        print(json.dumps(asdict(run(given.run))))
    else:
        chosen, plain = measure(given.readers, given.rounds)
        ratio = round(chosen.cpu / plain.cpu, 2)
        if given.json:
            print(json.dumps({"chosen": asdict(chosen), "plain": asdict(plain), "ratio": ratio}, indent=2))
        else:
            _print(chosen, plain, ratio)
        if given.readers >= READERS and (
            chosen.cpu > LIMIT_SECONDS or chosen.peak_mb > LIMIT_MB or ratio >= LIMIT_RATIO
        ):
            sys.exit("over the limits: 20 s, 300 MB, a ratio of 2")


def _print(chosen: Run, plain: Run, ratio: float) -> None:
    rows: list[tuple[str, Callable[[Run], object]]] = [
        ("readers", lambda one: f"{one.readers:,}"), ("issues", lambda one: one.issues), ("posts", lambda one: one.posts),
        ("variants", lambda one: one.variants), ("deliveries", lambda one: f"{one.deliveries:,}"),
        ("of them empty", lambda one: f"{one.empty:,}"), ("shown more", lambda one: f"{one.shown_more:,}"),
        *((f"{stage}, s", lambda one, stage=stage: one.seconds[stage]) for stage in chosen.seconds),
        ("all, s of CPU", lambda one: round(one.cpu, 2)), ("peak, MB", lambda one: one.peak_mb),
    ]  # fmt: skip
    print(f"{'':16}{'with choices':>14}{'without':>12}")
    for name, figure in rows:
        print(f"{name:16}{figure(chosen)!s:>14}{figure(plain)!s:>12}")
    print(f"ratio           {ratio:>14}")


if __name__ == "__main__":
    main()
