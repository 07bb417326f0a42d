"""Joining by the form, ours and embedded, and confirming by the link of the mail."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests import cast
from tests.cast import Cast
from tests.web.served import Answer, Served, served
from tests.web.test_leave import everything

from digest.actions.signups import decide_signups
from digest.core.links import Purpose, sign, sign_until
from digest.core.signups import Caps
from digest.core.story import tell_consent
from digest.render.consent import consent_text
from digest.settings_sections import MailSettings, SmtpSettings
from digest.store.database import Database
from digest.store.newsletters import newsletter_of_id
from digest.store.notices import list_notices
from digest.store.people_story import tell_story
from digest.store.topics import add_topic
from digest.web.embed import ZONES
from digest.web.preferences_view import PLACES

FORM = "/subscribe/weekly"


class Moment:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = cast.NOW

    def __call__(self) -> datetime:
        return self.now

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Moment:
    return Moment()


@pytest.fixture
def site(database: Database, people: Cast, tmp_path: Path, clock: Moment) -> Iterator[Served]:
    with served(database, tmp_path, clock=clock) as site:
        yield site


def fields_of(page: Answer) -> dict[str, str]:
    """The hidden fields of a form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.body))


def join(site: Served, clock: Moment, address: str, **more: object) -> Answer:
    page = site.get(FORM)
    clock.later(seconds=5)
    return site.post(FORM, {**fields_of(page), "address": address, **more})


def signups(database: Database) -> list[dict[str, object]]:
    with database.read() as session:
        return [dict(row) for row in session.execute(text("SELECT * FROM signup ORDER BY id")).mappings()]


def notices(database: Database, now: datetime) -> list[tuple[str, str]]:
    decide_signups(database, caps=Caps(), key=cast.KEY, now=now)
    with database.read() as session:
        return [(str(one.kind), one.address) for one in reversed(list_notices(session))]


def test_a_sign_up_keeps_what_was_typed_chosen_and_agreed_to(
    site: Served, database: Database, people: Cast, clock: Moment
) -> None:
    with database.write() as session:
        session.execute(text("UPDATE newsletter SET languages = '[\"de\"]', reader_zones = TRUE"))
        daily = cast.add_cadence(session, people.newsletter, "daily", rule="daily at 07:00")
        for slug in ("beans", "mills"):
            add_topic(session, people.newsletter, slug=slug, name=slug.title(), now=cast.NOW)
        newsletter = newsletter_of_id(session, people.newsletter)
    page = site.get(f"{FORM}?lang=de")
    assert 'lang="de"' in page.body
    assert ('name="cadence"' in page.body, "Beans" in page.body, "Deutsch" in page.body) == (True, True, True)
    clock.later(seconds=5)
    chosen = {"cadence": daily, "topic": "mills", "language": "de", "zone": "Asia/Tokyo"}
    answer = site.post(FORM, {**fields_of(page), "address": " Eve@EXAMPLE.org ", **chosen})
    assert answer.status == 200
    (row,) = signups(database)
    told = consent_text(newsletter, language="de")
    assert told.text in page.body.replace("&#39;", "'")
    kept = ("address", "cadence_id", "language", "zone", "network", "text", "version", "page")
    assert [row[name] for name in kept] == [
        "Eve@example.org", daily, "de", "Asia/Tokyo", "127.0.0.1", told.text, "1-de", f"{site.base}{FORM}",
    ]  # fmt: skip
    assert "mills" in str(row["topics"])
    assert "beans" not in str(row["topics"])
    assert site.knocks == [1]


def test_everybody_gets_the_same_answer(site: Served, database: Database, people: Cast, clock: Moment) -> None:
    answers = {
        (got.status, got.body.replace(name, "X"), got.headers["content-security-policy"])
        for name in ("anna", "ben", "carl", "dora", "stranger")
        for got in [join(site, clock, f"{name}@example.org")]
    }
    assert len(answers) == 1
    assert len(signups(database)) == 5
    assert notices(database, clock.now) == [
        ("already", "anna@example.org"), ("confirm", "ben@example.org"), ("confirm", "dora@example.org"),
        ("confirm", "stranger@example.org"),
    ]  # fmt: skip


def test_programs_and_forms_of_other_sites_are_shown_the_form_once_more(
    site: Served, database: Database, clock: Moment
) -> None:
    """No signature, somebody else's, an old one: the page comes with what was typed, and its own button."""
    shown = fields_of(site.get(FORM))
    elsewhere = site.post(FORM, {"address": "eve@example.org"}, Referer="https://blog.example/about")
    assert (elsewhere.status, signups(database)) == (200, [])
    assert 'value="eve@example.org"' in elsewhere.body
    assert fields_of(elsewhere)["page"] == "https://blog.example/about"
    assert site.post(FORM, {**shown, "address": "eve@example.org"}).status == 200  # within a moment
    for nonce in ("", "x", shown["nonce"][:-1] + "-"):
        site.post(FORM, {**shown, "nonce": nonce, "address": "eve@example.org"})
    clock.later(hours=25)
    site.post(FORM, {**shown, "address": "eve@example.org"})
    assert signups(database) == []
    clock.later(hours=-25, seconds=3)
    assert "Check your inbox" in site.post(FORM, {**fields_of(elsewhere), "address": "eve@example.org"}).body
    assert [row["page"] for row in signups(database)] == ["https://blog.example/about"]


def test_what_nobody_sees_only_a_program_fills_in(site: Served, database: Database, clock: Moment) -> None:
    assert "Check your inbox" in join(site, clock, "eve@example.org", website="https://x.example").body
    assert signups(database) == []


@pytest.mark.parametrize(
    "address", ["", "eve", "eve@", "eve@localhost", "a b@example.org", "eve@example..org", '"e"@x.org']
)
def test_what_is_no_address_is_said_so_and_stays_in_the_form(
    site: Served, database: Database, clock: Moment, address: str
) -> None:
    answer = join(site, clock, address)
    assert (answer.status, signups(database)) == (400, [])
    assert 'role="alert"' in answer.body


def test_addresses_beyond_ascii_are_taken(site: Served, database: Database, clock: Moment) -> None:
    join(site, clock, "eve@BÜCHER.example")
    join(site, clock, "jöe@example.org")
    assert [row["address"] for row in signups(database)] == ["eve@xn--bcher-kva.example", "jöe@example.org"]


@pytest.mark.parametrize("takes", [True, False])
def test_letters_that_the_mail_server_does_not_take_are_refused_in_words(
    database: Database, people: Cast, tmp_path: Path, clock: Moment, *, takes: bool
) -> None:
    """They would be refused at sending only, when the reader waits for a mail. A domain has a form in ASCII."""
    sections = {"mail": MailSettings(transport="smtp"), "smtp": SmtpSettings(utf8_addresses=takes)}
    with served(database, tmp_path, clock=clock, sections=sections) as site:
        answer = join(site, clock, "jöe@example.org")
        assert (answer.status, "because of the letters before the @" in answer.body) == (
            200 if takes else 400,
            not takes,
        )
        assert join(site, clock, "eve@bücher.example").status == 200
        page = f"/preferences/{sign(cast.KEY, Purpose.PREFERENCES, people.anna)}"
        moved = site.post(page, {"do": "move", "address": "jöe@example.org"})
        assert ("because of the letters before the @" in moved.body) is not takes
    assert len(signups(database)) == 1 + takes


def test_a_slip_is_suggested_and_never_corrected(site: Served, database: Database, clock: Moment) -> None:
    with database.write() as session:
        session.execute(text("UPDATE newsletter SET reader_zones = TRUE"))
    doubt = join(site, clock, "eve@gmial.com", zone="Asia/Tokyo")
    assert "Did you mean" in doubt.body
    assert (doubt.body.count("<button"), signups(database)) == (2, [])
    site.post(FORM, {**fields_of(doubt), "address": "eve@gmial.com"})
    site.post(FORM, {**fields_of(doubt), "address": "eve@gmail.com"})
    assert [(row["address"], row["zone"]) for row in signups(database)] == [
        ("eve@gmial.com", "Asia/Tokyo"), ("eve@gmail.com", "Asia/Tokyo"),
    ]  # fmt: skip


def test_a_network_that_asks_too_often_is_told_when_to_come_back(
    database: Database, people: Cast, tmp_path: Path, clock: Moment
) -> None:
    with served(database, tmp_path, clock=clock) as site:
        answers = [join(site, clock, f"r{number}@example.org", lang="de") for number in range(21)]
    assert [one.status for one in answers] == [200] * 20 + [429]
    assert 'lang="de"' in answers[-1].body, "the form's language, not the browser's"
    assert "The Weekly" in answers[-1].body
    assert 0 < int(answers[-1].headers["retry-after"]) <= 3600
    assert len(signups(database)) == 20


def test_the_embedded_form_is_plain_html_that_posts_here(
    site: Served, database: Database, people: Cast, clock: Moment
) -> None:
    """With all that there is to choose; a script only behind it, and nothing from elsewhere."""
    with database.write() as session:
        session.execute(text("UPDATE newsletter SET languages = '[\"de\"]', reader_zones = TRUE"))
        cast.add_cadence(session, people.newsletter, "daily", rule="daily at 07:00")
        add_topic(session, people.newsletter, slug="mills", name="Mills & <Co>", now=cast.NOW)
    answer = site.get(f"{FORM}/embed?lang=de")
    assert answer.headers["content-type"].startswith("text/plain")
    form, script = answer.body.split("</form>")
    assert f'<form action="{site.base}{FORM}" method="post"' in form
    assert set(re.findall(r'name="(\w+)"', form)) == {
        "lang", "address", "cadence", "topic", "language", "zone", "website",
    }  # fmt: skip
    assert '<option value="de" lang="de" selected>Deutsch</option>' in form
    assert ("Mills &amp; &lt;Co&gt;" in form, "<option>Asia/Tokyo</option>" in form) == (True, True)
    assert not re.search(r"nonce|style|src=|https?://", form.replace(f"{site.base}{FORM}", ""))
    assert (script.count("<script>"), "http" in script) == (1, False)
    assert set(ZONES) <= set(PLACES)


def test_what_was_chosen_on_another_site_stands_in_our_form(site: Served, database: Database, people: Cast) -> None:
    with database.write() as session:
        session.execute(text("UPDATE newsletter SET languages = '[\"de\"]', reader_zones = TRUE"))
        daily = cast.add_cadence(session, people.newsletter, "daily", rule="daily at 07:00")
        add_topic(session, people.newsletter, slug="mills", name="Mills", now=cast.NOW)
        add_topic(session, people.newsletter, slug="beans", name="Beans", now=cast.NOW)
    chosen = {"cadence": daily, "topic": "mills", "language": "de", "zone": "Asia/Tokyo", "lang": "en"}
    shown = site.post(FORM, {"address": "eve@example.org", **chosen}).body
    for part in (f'value="{daily}" checked', 'value="mills" checked', 'lang="de" selected', "selected>Asia/Tokyo"):
        assert part in shown
    assert 'value="beans" checked' not in shown


def test_nobody_is_asked_for_a_clock_that_decides_nothing(site: Served, database: Database, clock: Moment) -> None:
    """And what a form that was pasted while it decided something still tells is not kept."""
    forms = f"{FORM}", f"{FORM}/embed"
    assert not any("zone" in site.get(form).body.lower() or "<script" in site.get(form).body for form in forms)
    assert "zone" not in site.post(FORM, {"address": "eve@example.org", "zone": "Asia/Tokyo"}).body.lower()
    join(site, clock, "eve@example.org", zone="Asia/Tokyo")
    with database.write() as session:
        session.execute(text("UPDATE newsletter SET quiet_hours = '22:00-07:00'"))
    assert all('name="zone"' in site.get(form).body for form in forms)
    join(site, clock, "frida@example.org", zone="Asia/Tokyo")
    join(site, clock, "gustav@example.org", zone="Mars/Olympus")
    assert [row["zone"] for row in signups(database)] == [None, "Asia/Tokyo", None]


@pytest.mark.parametrize("change", ["signup = 'closed'", "state = 'removed'"])
def test_a_closed_door_is_no_page(site: Served, database: Database, clock: Moment, change: str) -> None:
    with database.write() as session:
        session.execute(text(f"UPDATE newsletter SET {change}"))
    for answer in (site.get(FORM), site.get(f"{FORM}/embed"), site.post(FORM, {"address": "eve@example.org"})):
        assert answer.status == 404
    assert site.get("/subscribe/none").status == 404


def link_of(people: Cast, who: int, now: datetime) -> str:
    return f"/confirm/{sign_until(cast.KEY, Purpose.CONFIRM, who, people.newsletter, now=now)}"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_at_links_and_forms_changes_nothing(
    site: Served, database: Database, people: Cast, clock: Moment, method: str
) -> None:
    before = everything(database)
    for path in (
        FORM,
        f"{FORM}/embed",
        link_of(people, people.ben, clock.now),
        link_of(people, people.ben, clock.now) + "/again",
    ):
        site.get(path, method)
    assert everything(database) == before


def test_the_link_shows_one_button_and_the_button_subscribes_once(
    site: Served, database: Database, people: Cast, clock: Moment
) -> None:
    link = link_of(people, people.ben, clock.now)
    page = site.get(link)
    assert (page.status, page.body.count("<button>")) == (200, 1)
    assert "ben@example.org" in page.body
    done = site.post(link)
    assert "You are subscribed" in done.body
    kept = everything(database)
    assert site.post(link).body == done.body
    assert everything(database) == kept
    assert notices(database, clock.now) == [("welcome", "ben@example.org")]
    assert site.get(link_of(people, people.carl, clock.now)).status == 200
    assert "You have left" in site.post(link_of(people, people.dora, clock.now)).body
    wrong = {
        (one.status, one.body)
        for path in ("/confirm/x", link[:-1], link + "A", "/confirm/1-1.AAAA")
        for one in [site.get(path)]
    }
    assert len(wrong) == 1
    assert wrong.pop()[0] == 404


def test_a_link_that_is_too_old_offers_a_new_one(site: Served, database: Database, people: Cast, clock: Moment) -> None:
    link = link_of(people, people.ben, clock.now)
    clock.later(days=8)
    assert "This link is too old" in site.get(link).body
    assert "This link is too old" in site.post(link).body
    assert "Check your inbox" in site.post(f"{link}/again").body
    assert notices(database, clock.now) == [("confirm", "ben@example.org")]


def test_a_change_of_the_words_of_consent_is_another_version(database: Database, people: Cast) -> None:
    """Whoever changes them changes VERSION, and this."""
    with database.read() as session:
        told = consent_text(newsletter_of_id(session, people.newsletter), language="en")
    agreed = (
        "Yes, send me The Weekly by email. The Weekly uses my address for nothing else, and I can leave at any time by "
        "the link in every issue."
    )
    assert told == (agreed, "1-en")


def test_the_admin_sees_how_somebody_joined(site: Served, database: Database, people: Cast, clock: Moment) -> None:
    ask = join(site, clock, "eve@example.org")
    assert ask.status == 200
    notices(database, clock.now)
    with database.read() as session:
        story = tell_story(session, "eve@example.org", secret=cast.KEY)
    (tie,) = story.subscriptions.values()
    (agreed,) = tell_consent("weekly", tie)
    assert agreed.what == f'agreed by form (127.0.0.1, {site.base}{FORM}): "{tie.consent.text}" (words 1-en)'
    assert [str(one.kind) for one in story.notices] == ["confirm"]
    assert [one.kind for one in story.events] == ["subscription.asked"]
