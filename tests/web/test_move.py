"""Another address: confirmed from the old one and from the new one, whoever asked."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text
from tests import cast
from tests.cast import Cast
from tests.web.served import Served
from tests.web.test_leave import everything

from digest.actions.notice_mail import Bureau, mail_of
from digest.core.links import Purpose, sign
from digest.core.states import NoticeKind
from digest.store.database import Database
from digest.store.notices import claim_notices
from digest.store.subscribers import find_subscriber_by_id


@pytest.fixture
def page(people: Cast) -> str:
    return f"/preferences/{sign(cast.KEY, Purpose.PREFERENCES, people.anna)}"


def links(site: Served, database: Database) -> dict[NoticeKind, tuple[str, str]]:
    """To whom each notice goes, and the path of its link."""
    now = site.app.clock()
    bureau = Bureau(key=cast.KEY, link_key=cast.KEY, base_url="https://n.example")
    with database.write() as session:
        queued = claim_notices(session, owner="one", limit=9, now=now, lease_until=now)
    found = {}
    for notice in queued:
        message = mail_of(database, notice, bureau).message.decode().replace("=\r\n", "")
        match = re.search(r"https://n\.example(/move/[\w.-]+)", message)
        assert match, message
        found[notice.kind] = (notice.address, match[1])
    return found


def address_of(database: Database, who: int) -> str:
    with database.read() as session:
        person = find_subscriber_by_id(session, who)
    assert person
    return person.address


@pytest.mark.parametrize("first", [NoticeKind.MOVE_FROM, NoticeKind.MOVE_TO])
def test_it_is_made_when_both_ends_have_confirmed_it(
    site: Served, database: Database, people: Cast, page: str, first: NoticeKind
) -> None:
    assert "both addresses" in site.post(page, {"do": "move", "address": "anna@new.example"}).body
    assert site.knocks == [1]
    sent = links(site, database)
    assert {kind: to for kind, (to, _) in sent.items()} == {
        NoticeKind.MOVE_FROM: "anna@example.org", NoticeKind.MOVE_TO: "anna@new.example"
    }  # fmt: skip
    before = everything(database)
    for _, path in sent.values():
        assert all(site.get(path, method).status in {200, 204} for method in ("GET", "HEAD", "OPTIONS"))
    assert everything(database) == before
    (second,) = sent.keys() - {first}
    for _ in range(2):
        assert "Half done" in site.post(sent[first][1]).body
        assert address_of(database, people.anna) == "anna@example.org"
    assert "Your address is changed" in site.post(sent[second][1]).body
    assert address_of(database, people.anna) == "anna@new.example"
    assert site.post(sent[second][1]).status == 404, "it is over"


def test_an_address_that_cannot_be_had_gets_the_same_answer_and_only_itself_no_mail(
    site: Served, database: Database, page: str
) -> None:
    free = site.post(page, {"do": "move", "address": "free@new.example"})
    with database.write() as session:
        session.execute(text("DELETE FROM notice"))
    taken = site.post(page, {"do": "move", "address": "BEN@example.org"})
    assert (taken.status, taken.body) == (free.status, free.body)
    sent = links(site, database)
    assert {kind: to for kind, (to, _) in sent.items()} == {NoticeKind.MOVE_FROM: "anna@example.org"}
    assert "Half done" in site.post(sent[NoticeKind.MOVE_FROM][1]).body, "nor does the old address learn it"
    assert site.post(page, {"do": "move", "address": "anna@example.org"}).status == 400
    assert site.post(page, {"do": "move", "address": "x"}).status == 400
    assert "too often" in site.post(page, {"do": "move", "address": "again@new.example"}).body


def test_one_address_is_asked_once_a_day_whoever_names_it(site: Served, database: Database, people: Cast) -> None:
    for who in (people.anna, people.carl, people.anna):
        path = f"/preferences/{sign(cast.KEY, Purpose.PREFERENCES, who)}"
        site.post(path, {"do": "move", "address": "stranger@new.example"})
    with database.read() as session:
        asked = session.execute(text("SELECT count(*) FROM notice WHERE kind = 'move-to'")).scalar_one()
    assert asked == 1


def test_links_end_with_the_next_wish_and_forged_ones_tell_nothing(
    site: Served, database: Database, people: Cast, page: str, tmp_path: Path
) -> None:
    assert tmp_path.is_dir()
    site.post(page, {"do": "move", "address": "one@new.example"})
    old = links(site, database)[NoticeKind.MOVE_TO][1]
    site.post(page, {"do": "move", "address": "two@new.example"})
    assert site.post(old).status == 404
    assert site.get(f"/move/{sign(cast.KEY, Purpose.PREFERENCES, people.anna, 2, 1, 999999)}").status == 404
    assert site.get("/move/x").status == 404
