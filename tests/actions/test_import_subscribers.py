"""An import: whole or not at all, safe to repeat, and stronger than no decision of a person."""

import csv
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.bench.import_subscribers import measure
from tests.cast import KEY, NOW, Cast, assemble

from digest.actions.checked_list import check_list
from digest.actions.import_subscribers import ImportReport, import_subscribers
from digest.core.import_policy import Verdict
from digest.core.list_columns import Standing
from digest.core.states import SubscriptionState
from digest.errors import DigestError, ListError, UsageError
from digest.store.database import Database
from digest.store.events import list_events
from digest.store.people_story import tell_story
from digest.store.people_tables import SubscriberRow, SubscriptionRow, SuppressionRow
from digest.store.subscribers import count_subscribers, list_subscribers

LATER = NOW.replace(year=2018)


@pytest.fixture
def cast(database: Database) -> Cast:
    with database.write() as session:
        return assemble(session)


@pytest.fixture
def bring(database, cast, tmp_path):
    """Import a text, or bytes, as a file of this name."""

    def bring(content: str | bytes, *, name="people.csv", dry_run=False, consent=None, show=None, **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        shown = {"show": show} if show else {}
        with check_list(path, secret=KEY, **options) as people:
            report = import_subscribers(
                database, people, newsletter_id=cast.newsletter, now=LATER, dry_run=dry_run, consent=consent, **shown
            )
        return people, report

    return bring


def everything(database: Database) -> list:
    with database.read() as session:
        tables = (SubscriberRow.__table__, SubscriptionRow.__table__, SuppressionRow.__table__)
        return [tuple(row) for table in tables for row in session.execute(select(table).order_by(table.c.id))]


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return tuple(report.counts[verdict] for verdict in Verdict)


def story(database, address):
    with database.read() as session:
        return tell_story(session, address, secret=KEY)


def test_new_people_come_with_their_consent(database, cast, bring):
    text = (
        "email,name,timezone,optin_time,optin_ip,confirm_time\n"
        "emil@example.org,Emil,Europe/Berlin,2016-01-02 03:04:05,192.0.2.9,2016-01-02 03:05:00\n"
        "frida@BÜCHER.example,Frida,,,,\n"
    )
    _, report = bring(text, consent="The form: weekly digest")
    assert counts(report) == (2, 0, 0, 0)
    emil = story(database, "emil@example.org")
    tie = emil.subscriptions["weekly"]
    assert (emil.subscriber.name, emil.subscriber.zone, tie.state) == (
        "Emil",
        "Europe/Berlin",
        SubscriptionState.ACTIVE,
    )
    assert (tie.consent.how, tie.consent.text) == ("import", "The form: weekly digest")
    assert tie.consent.origin == "people.csv, agreed from 192.0.2.9"
    assert (tie.consent.at.isoformat(), tie.consent.confirmed_at.minute) == ("2016-01-02T03:04:05+00:00", 5)
    assert story(database, "frida@bücher.example").subscriptions["weekly"].consent.at is None
    with database.read() as session:
        (event,) = list_events(session, kind="subscribers.imported")
    assert (event.newsletter_id, event.data) == (cast.newsletter, {"new": 2})


def test_a_second_run_changes_nothing(database, cast, bring):
    text = "email,name,status\nemil@example.org,Emil,active\nleft@example.org,,unsubscribed\nbad@example.org,,cleaned\n"
    assert counts(bring(text)[1]) == (3, 0, 0, 0)
    before = everything(database)
    _, again = bring(text)
    assert counts(again) == (0, 0, 3, 0)
    assert not again.changed_anything
    assert everything(database) == before


def test_nobody_is_revived(database, cast, bring):
    """Carl is suppressed, Dora left, Ben has not confirmed: a list that calls them active changes nothing."""
    before = everything(database)
    text = "email,name,status\n" + "".join(
        f"{name}@EXAMPLE.org,New Name,subscribed\n" for name in ("ben", "carl", "dora")
    )
    _, report = bring(text)
    assert counts(report) == (0, 0, 0, 3)
    assert dict(report.skipped) == {
        "has not confirmed here yet": 1,
        "suppressed here: complaint": 1,
        "has left; only they can come back": 1,
    }
    assert everything(database) == before


def test_who_left_or_bounced_there_is_never_active_here(database, cast, bring):
    text = (
        "email,status\nanna@example.org,unsubscribed\nemil@example.org,unsubscribed\n"
        "frida@example.org,bounced\ngerd@example.org,unconfirmed\n"
    )
    assert counts(bring(text)[1]) == (3, 1, 0, 0)
    states = {name: story(database, f"{name}@example.org") for name in ("anna", "emil", "frida", "gerd")}
    assert states["anna"].subscriptions["weekly"].ended_why == "import: unsubscribed"
    assert states["emil"].subscriptions["weekly"].state is SubscriptionState.ENDED
    assert (states["frida"].subscriber, states["frida"].suppression.reason) == (None, "hard bounce")
    assert states["gerd"].subscriptions["weekly"].state is SubscriptionState.PENDING
    everybody = "".join(f"{name}@example.org\n" for name in states)
    assert counts(bring(everybody)[1]) == (0, 0, 0, 4), "a list of them all as active brings nobody back"


def test_an_address_counts_once_and_its_strictest_row_counts(database, cast, bring):
    text = (
        "email,name,status\nemil@example.org,Emil,active\nEMIL@example.org,Emil B,active\n"
        "frida@example.org,Frida,active\nFrida@example.org,,unsubscribed\nfrida@example.org,F,active\n"
    )
    people, report = bring(text)
    assert (people.rows, people.people, people.duplicates) == (5, 2, 3)
    assert counts(report) == (2, 0, 0, 0)
    assert story(database, "emil@example.org").subscriber.name == "Emil"
    assert story(database, "frida@example.org").subscriptions["weekly"].state is SubscriptionState.ENDED


def test_what_the_list_knows_better_is_changed(database, cast, bring):
    assert counts(bring("email,name,zone\nanna@example.org,Anna Berg,Europe/Paris\nanna@example.org,,\n")[1]) == (
        0,
        1,
        0,
        0,
    )
    anna = story(database, "anna@example.org")
    assert (anna.subscriber.name, anna.subscriber.zone) == ("Anna Berg", "Europe/Paris")
    assert anna.subscriptions["weekly"].consent.how == "form", "the consent stays the one that they gave"


def test_zone_and_hour_come_with_new_people_and_no_hour_is_guessed(database, cast, bring, tmp_path):
    text = (
        "email,zone,hour,status\nemil@example.org,Asia/Tokyo,21,subscribed\nfrida@example.org,Mars/Base,08:00,subscribed\n"
        "gwen@example.org,,24,subscribed\nhugo@example.org,,8 am,subscribed\nida@example.org,,24,unsubscribed\nanna@example.org,,7,subscribed\n"
    )
    people, report = bring(text, rejected_file=tmp_path / "rejected.csv")
    assert (people.rejected, counts(report)) == (2, (3, 0, 1, 0))
    rejected = people.rejected_file.read_text().splitlines()
    assert rejected[1:] == [
        "4,no hour of the day: '24'; write 0 to 23,gwen@example.org,,24,subscribed",
        "5,no hour of the day: '8 am'; write 0 to 23,hugo@example.org,,8 am,subscribed",
    ]
    told = {name: story(database, f"{name}@example.org") for name in ("emil", "frida", "ida", "anna")}
    assert {name: (one.subscriber.zone, one.subscriptions["weekly"].hour) for name, one in told.items()} == {
        "emil": ("Asia/Tokyo", 21), "frida": (None, 8), "ida": (None, None), "anna": (None, None),
    }  # fmt: skip
    assert told["ida"].subscriptions["weekly"].state is SubscriptionState.ENDED, (
        "a bad hour costs no word of who has left"
    )


def test_a_dry_run_shows_the_same_steps_and_writes_nothing(database, cast, bring):
    text = "email,name\nemil@example.org,Emil\nanna@example.org,Anna B\ndora@example.org,\nnobody,\n"
    before, steps = everything(database), []
    people, report = bring(text, dry_run=True, show=lambda entry, step: steps.append((entry.line, str(step.verdict))))
    assert steps == [(2, "new"), (3, "changed"), (4, "skipped")]
    assert (people.rejected, people.rejected_file) == (1, None)
    assert everything(database) == before
    assert counts(bring(text)[1]) == counts(report)


def test_rejected_rows_can_be_mended_and_imported(database, cast, bring, tmp_path):
    rejected = tmp_path / "people.rejected.csv"
    people, report = bring('email,name\nnobody,"=Emil"\nfrida@example.org,Frida\n', rejected_file=rejected)
    assert (people.rejected, people.rejected_file, counts(report)[0]) == (1, rejected, 1)
    assert stat.S_IMODE(rejected.stat().st_mode) == 0o600
    with rejected.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "reason", "email", "name"],
            ["2", "An email address must have an @-sign", "nobody", "'=Emil"],
        ]
    mended = rejected.read_text().replace("nobody", "emil@example.org")
    assert counts(bring(mended)[1]) == (1, 0, 0, 0)
    assert story(database, "emil@example.org").subscriber.name == "=Emil"


def test_a_file_of_rejected_rows_that_is_being_mended_is_not_overwritten(cast, bring, tmp_path):
    rejected, second = tmp_path / "people.rejected.csv", tmp_path / "people.rejected-2.csv"
    bring("email\nnobody\n", rejected_file=rejected)
    assert bring("email\nnobody\n", rejected_file=rejected)[0].rejected_file == rejected, "the same rows: the same file"
    rejected.write_text("half mended")
    assert bring("email\nnobody\n", rejected_file=rejected)[0].rejected_file == second
    assert rejected.read_text() == "half mended"
    assert "nobody" in second.read_text()
    assert stat.S_IMODE(second.stat().st_mode) == 0o600


def test_an_import_that_fails_midway_leaves_everything_as_it_was(database, cast, bring):
    before = everything(database)

    def fail(entry, step):
        if entry.line == 2500:
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        bring("email\n" + "".join(f"reader{number}@example.org\n" for number in range(3000)), show=fail)
    assert everything(database) == before


def test_two_imports_at_once_bring_everybody_once(database, cast, tmp_path):
    """In opposite orders, which would be a deadlock if they wrote at the same time."""
    addresses = [f"reader{number}@example.org\n" for number in range(2000)]

    def bring(name: str, lines: list[str]) -> ImportReport:
        (tmp_path / name).write_text("".join(lines))
        with check_list(tmp_path / name, secret=KEY) as people:
            return import_subscribers(database, people, newsletter_id=cast.newsletter, now=LATER)

    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(bring, "one.csv", addresses), pool.submit(bring, "two.csv", addresses[::-1])]
        reports = [job.result() for job in jobs]
    assert sorted(report.counts[Verdict.NEW] for report in reports) == [0, 2000]
    with database.read() as session:
        assert count_subscribers(session, newsletter_id=cast.newsletter) == 2004


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_names_survive_their_encoding(database, cast, bring, encoding):
    people, _ = bring("email,name\nzoe@example.org,Zoë Müller\n".encode(encoding))
    assert people.encoding.guessed == (encoding == "cp1252")
    assert story(database, "zoe@example.org").subscriber.name == "Zoë Müller"


def test_an_encoding_can_be_named(database, cast, bring):
    text = "email,name\nira@example.org,Ирина\n".encode("cp1251")
    with pytest.raises(ListError, match=r"people.csv: line 2: broken encoding"):
        bring(text)
    bring(text, encoding="cp1251")
    assert story(database, "ira@example.org").subscriber.name == "Ирина"
    with pytest.raises(ListError, match="line 2: broken encoding: not utf-8"):
        bring(text, encoding="utf-8")
    with pytest.raises(UsageError, match="no encoding 'klingon'"):
        bring(text, encoding="klingon")


def test_customers_who_never_subscribed_are_not_imported(bring):
    text = "Email Address,LEID\nemil@example.org,1\n"
    with pytest.raises(UsageError, match="never subscribed"):
        bring(text, name="nonsubscribed_members_export_1.csv")
    assert counts(bring(text, name="nonsubscribed_members_export_1.csv", standing=Standing.PENDING)[1]) == (1, 0, 0, 0)


def test_a_file_for_rejected_rows_that_cannot_be_written_stops_the_import(database, bring, tmp_path):
    before = everything(database)
    with pytest.raises(DigestError, match="cannot be written") as caught:
        bring("emil@example.org\nnobody\n", rejected_file=tmp_path / "nowhere" / "rejected.csv")
    assert "--report" in caught.value.next_step
    with pytest.raises(DigestError, match="cannot be written"):
        bring("emil@example.org\nnobody\n", rejected_file=tmp_path)
    assert everything(database) == before
    assert [path.name for path in Path(tmp_path).glob(".*")] == []


def test_many_people_are_listed_again_in_pages(database, cast, bring):
    bring("email\n" + "".join(f"reader{number}@example.org\n" for number in range(2500)))
    with database.read() as session:
        assert count_subscribers(session, newsletter_id=cast.newsletter) == 2504
        assert len(list_subscribers(session, newsletter_id=cast.newsletter)) == 1000


def test_ten_thousand_rows_are_quick_and_small() -> None:
    """A short form of the benchmark, whose full form imports 100,000 rows within a minute and 200 MB."""
    measured = measure(10_000)
    assert (measured["new"], measured["rejected"], measured["duplicates"]) == (9800, 100, 100)
    assert measured["cpu_seconds"] < 6, "by the processor's time: others may use the machine too"
    assert measured["peak_mb"] < 200
