"""An export is safe in a spreadsheet, and an import reads it back exactly."""

import csv
import json
import stat
from io import StringIO

import pytest
from tests.cast import KEY, NOW, Cast, add_newsletter, add_subscriber, add_subscription, assemble

from digest.actions.checked_list import check_list
from digest.actions.export_subscribers import export_subscribers, write_file, write_stream
from digest.actions.import_subscribers import import_subscribers
from digest.core.states import SubscriptionState
from digest.errors import DigestError

HOSTILE = [
    ("+anna@example.org", '=HYPERLINK("http://evil.example","x")'),
    ("=1+1@example.org", "@SUM(1)"),
    ("'+quoted@example.org", "'=quoted"),
    ("-x@example.org", "\uff1dfull width"),
    ("semi@example.org", "Anna;=1+1"),
    ("quote@example.org", 'Anna "A", Berg'),
    ("plain@example.org", "Zoë 山田"),
]


@pytest.fixture
def cast(database) -> Cast:
    with database.write() as session:
        cast = assemble(session)
        for address, name in HOSTILE:
            add_subscription(session, cast.newsletter, add_subscriber(session, address, name=name))
        add_subscriber(session, "of-no-newsletter@example.org")
        return cast


def test_no_cell_of_an_export_begins_like_a_formula(database, cast):
    file = StringIO()
    assert write_stream(file, export_subscribers(database, newsletter_id=cast.newsletter)) == 11
    rows = list(csv.reader(StringIO(file.getvalue())))
    assert len(rows) == 12
    assert not [cell for row in rows for cell in row if cell[:1] in set("=+-@\t\r＝＋－＠")]
    assert '"Anna;=1+1"' in file.getvalue(), "a spreadsheet that splits at semicolons finds a quoted cell"


def test_an_import_reads_an_export_back_exactly(database, cast, tmp_path):
    path = tmp_path / "export.csv"
    with database.write() as session:
        other = add_newsletter(session, "other")
    write_file(path, export_subscribers(database, newsletter_id=cast.newsletter))
    before = list(export_subscribers(database, newsletter_id=cast.newsletter))
    with check_list(path, secret=KEY) as people:
        same = import_subscribers(database, people, newsletter_id=cast.newsletter, now=NOW)
        import_subscribers(database, people, newsletter_id=other, now=NOW)
    assert not same.changed_anything
    assert list(export_subscribers(database, newsletter_id=cast.newsletter)) == before
    copied = {line["address"]: line for line in export_subscribers(database, newsletter_id=other)}
    for line in before:
        if line["status"] == "suppressed":
            assert line["address"] not in copied
        else:
            same = ("name", "status", "language", "zone", "consent_at", "consent_text", "confirmed_at", "ended_at")
            assert {name: copied[line["address"]][name] for name in same} == {name: line[name] for name in same}
            assert line["consent_origin"] in copied[line["address"]]["consent_origin"]


def test_an_export_of_one_state_holds_only_that(database, cast):
    people = export_subscribers(database, newsletter_id=cast.newsletter, state=SubscriptionState.PENDING)
    assert [line["address"] for line in people] == ["ben@example.org"]


def test_an_export_as_json_is_one_document_with_the_values_as_they_are(database, cast):
    file = StringIO()
    write_stream(file, export_subscribers(database, newsletter_id=cast.newsletter), as_json=True)
    lines = json.loads(file.getvalue())
    assert [(line["address"], line["name"]) for line in lines[4:]] == HOSTILE
    assert lines[0]["consent_at"] == "2017-07-15T07:05:00Z"


def test_a_file_is_written_whole_and_for_its_owner_only(database, cast, tmp_path):
    path = tmp_path / "export.csv"
    path.write_text("before")

    def broken():
        yield from list(export_subscribers(database, newsletter_id=cast.newsletter))[:2]
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        write_file(path, broken())
    assert path.read_text() == "before"
    assert [found.name for found in tmp_path.glob(".export*")] == []
    write_file(path, export_subscribers(database, newsletter_id=cast.newsletter))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(DigestError, match="cannot be written"):
        write_file(tmp_path / "nowhere" / "x.csv", iter(()))
