"""Leaving by one click, by the page, and coming back."""

import pytest
from sqlalchemy import text
from tests import cast
from tests.cast import Cast
from tests.web.served import Served

from digest.core.links import Purpose, sign
from digest.store.database import Database

FORM = b"List-Unsubscribe=One-Click"


def token(people: Cast, who: int) -> str:
    return sign(cast.KEY, Purpose.UNSUBSCRIBE, who, people.newsletter)


def state_of(database: Database, who: int) -> tuple[str, str | None]:
    with database.read() as session:
        query = text("SELECT state, ended_why FROM subscription WHERE subscriber_id = :who")
        return tuple(session.execute(query, {"who": who}).one())


def everything(database: Database) -> list[object]:
    """Every row of every table."""
    with database.read() as session:
        if database.is_sqlite:
            names = "SELECT name FROM sqlite_master WHERE type = 'table'"
        else:
            names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        return [
            (name, sorted(map(repr, session.execute(text(f'SELECT * FROM "{name}"')))))
            for name in sorted(session.execute(text(names)).scalars())
        ]


@pytest.mark.parametrize("form", ["urlencoded", "multipart", "nothing"])
def test_one_click_leaves_as_mailbox_providers_call_it(
    site: Served, database: Database, people: Cast, form: str
) -> None:
    body, kind = {
        "urlencoded": (FORM, b"application/x-www-form-urlencoded"),
        "multipart": (
            b'--b0\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b0--\r\n',
            b"multipart/form-data; boundary=b0",
        ),
        "nothing": (b"", b"text/plain"),
    }[form]
    answer = site.raw(
        b"POST /unsubscribe/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
        b"Connection: close\r\n\r\n%s" % (token(people, people.anna).encode(), kind, len(body), body)
    )
    head = answer.split(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 200 ")
    assert b"location:" not in head
    assert b"set-cookie" not in head
    assert state_of(database, people.anna) == ("ended", "unsubscribed")


def test_a_second_click_says_the_same_and_keeps_the_first_time(site: Served, database: Database, people: Cast) -> None:
    path = f"/unsubscribe/{token(people, people.anna)}"
    first, kept = site.post(path, {"List-Unsubscribe": "One-Click"}), everything(database)
    second = site.post(path, {"List-Unsubscribe": "One-Click"})
    assert (first.status, first.body) == (second.status, second.body) == (200, "unsubscribed\n")
    assert everything(database) == kept


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_changes_nothing(site: Served, database: Database, people: Cast, method: str) -> None:
    before = everything(database)
    for path in ("", "/undo", "/why"):
        site.get(f"/unsubscribe/{token(people, people.anna)}{path}", method)
    assert everything(database) == before


def test_the_page_has_one_button_and_afterwards_undo_and_a_reason(
    site: Served, database: Database, people: Cast
) -> None:
    path = f"/unsubscribe/{token(people, people.anna)}"
    page = site.get(path)
    assert (page.status, page.body.count("<button>")) == (200, 1)
    assert "anna@example.org" in page.body
    left = site.post(path, {"page": "1"})
    assert (left.status, "You have left The Weekly" in left.body) == (200, True)
    assert state_of(database, people.anna) == ("ended", "unsubscribed")
    assert "Thank you." in site.post(f"{path}/why", {"why": "too-many"}).body
    with database.read() as session:
        told = session.execute(text("SELECT data FROM event WHERE kind = 'subscription.explained'")).scalar_one()
    assert "too-many" in str(told)
    back = site.post(f"{path}/undo")
    assert (back.status, "Welcome back" in back.body) == (200, True)
    assert state_of(database, people.anna) == ("active", None)


def test_undo_brings_back_nobody_who_left_otherwise(site: Served, database: Database, people: Cast) -> None:
    with database.write() as session:
        session.execute(
            text("UPDATE subscription SET ended_why = 'complaint' WHERE subscriber_id = :id"), {"id": people.dora}
        )
    assert site.post(f"/unsubscribe/{token(people, people.dora)}/undo").status == 404
    assert state_of(database, people.dora) == ("ended", "complaint")


def test_wrong_links_all_get_the_same_answer(site: Served, people: Cast) -> None:
    right = token(people, people.anna)
    wrong = ["x", right[:-1], right + "A", "2-1." + right.partition(".")[2], sign(b"other", Purpose.UNSUBSCRIBE, 1, 1)]
    wrong += [sign(cast.KEY, Purpose.PREFERENCES, people.anna), sign(cast.KEY, Purpose.UNSUBSCRIBE, 999, 1), "é" * 40]
    from urllib.parse import quote

    answers = {(one.status, one.body) for token_ in wrong for one in [site.get(f"/unsubscribe/{quote(token_)}")]}
    assert len(answers) == 1
    assert answers.pop()[0] == 404
