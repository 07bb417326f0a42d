"""`digest demo`: the whole life of a newsletter in one command, on a sample blog and with no network.

migrations ─▶ newsletter, source, three subscribers (Friday) ─▶ one turn (Monday) ─▶ mailbox, preview
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.options import AsJson
from digest.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from digest.app import App, Report
    from digest.config import Settings

FOLDER = Path("digest-demo")
FRIDAY = datetime(2017, 8, 12, 3, 0, tzinfo=UTC)
"""Friday 11 August 2017, 20:00 in Los Angeles: the sample blog is added, its week still open."""
MONDAY = datetime(2017, 8, 14, 7, 5, tzinfo=UTC)
"""Monday 14 August 2017, 00:05 in Los Angeles: the issue of 7–13 August is due."""

SLUG = "lower-mill"
ANOTHER = "another folder: --into DIR"
READERS = (("anna@example.org", "Anna"), ("ben@example.org", "Ben"), ("chloe@example.org", "Chloé"))

FIRST_LINE = "# digest.toml of the demo."
SETTINGS = f"""\
{FIRST_LINE} docs/settings.md lists every setting.

[database]
url = "sqlite:///digest.db"

[mail]
transport = "maildir"      # "smtp" sends for real
maildir = "mailbox"

[web]
base_url = "https://digest.lower-mill.example"   # invented: links in the demo's mails lead nowhere
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    """What the demo did, and where to look."""

    folder: Path
    read: int
    report: "Report"
    issues: int
    accepted: int
    mailbox: Path
    messages: int
    subject: str
    html: Path
    text: Path


def demo(
    into: Annotated[Path, typer.Option(help="The folder that holds everything.")] = FOLDER,
    as_json: AsJson = False,
) -> None:
    """Show the whole life of a newsletter on a sample blog.

    An issue is made and delivered to three subscribers in a local mailbox. Nothing leaves this machine. Run it again: nothing is sent twice.

    Example: digest demo --into /tmp/digest-demo
    """
    import asyncio

    from digest.errors import SettingsError

    try:
        story = asyncio.run(_play(into))
    except OSError as error:
        raise SettingsError(
            f"{error.filename or into} cannot be used: {error.strerror}", next_step=f"name {ANOTHER}"
        ) from error
    _print(story, as_json=as_json)


async def _play(folder: Path) -> _Story:
    from digest.app import App, turn
    from digest.config import Settings

    _refuse_other(folder)
    settings = Settings.load(_prepare(folder))
    _refuse_elsewhere(settings)
    friday = _open(App, settings, FRIDAY)
    try:
        await _set_up(friday, folder)
    finally:
        friday.close()
    monday = _open(App, settings, MONDAY)
    try:
        report = await turn(monday)
        return _look(monday, folder, report)
    finally:
        monday.close()


def _refuse_other(folder: Path) -> None:
    """The demo's invented people must not end up in a newsletter that is somebody's.

    Raises:
        SettingsError: the folder holds settings or a database that the demo did not make.
    """
    from digest.errors import SettingsError

    settings, step = folder / "digest.toml", f"the demo wants a folder of its own; name {ANOTHER}"
    if settings.exists():
        if not settings.read_text(encoding="utf-8", errors="replace").startswith(FIRST_LINE):
            raise SettingsError(f"{settings} is not the demo's; nothing was changed", next_step=step)
    elif (folder / "digest.db").exists():
        raise SettingsError(f"{folder / 'digest.db'} is not the demo's; nothing was changed", next_step=step)


def _refuse_elsewhere(settings: "Settings") -> None:
    """Nothing leaves this machine, nor the folder: not by an edited file, not by a variable of the environment.

    Raises:
        SettingsError: the settings send mail, or name another database or mailbox.
    """
    from digest.errors import SettingsError

    own = f"sqlite:///{(settings.home / 'digest.db').resolve()}"
    for name, is_own in (
        ("[mail] transport", settings.mail.transport == "maildir"),
        ("[mail] maildir", settings.mail.maildir == Path("mailbox")),
        ("[database] url", settings.database_url == own),
    ):
        if not is_own:
            variable = "DIGEST_" + name.replace("[", "").replace("] ", "__").upper()
            raise SettingsError(
                f"{name} is not the demo's; the demo stays in its folder and sends nothing",
                next_step=f"unset {variable}, or take your change out of {settings.home / 'digest.toml'}",
            )


def _prepare(folder: Path) -> Path:
    """The folder with its settings and its own copy of the sample blog; nothing that is there is overwritten."""
    from digest.paths import sample

    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "digest.toml"
    for file, text in (
        (settings, SETTINGS),
        (_blog(folder), sample("blogger-sample.atom").read_text(encoding="utf-8")),
    ):
        if not file.exists():
            file.write_text(text, encoding="utf-8")
    return settings


def _open(kind: "type[App]", settings: Any, now: datetime) -> "App":
    from digest.app import connect
    from digest.store.schema import upgrade

    database = connect(settings)
    try:
        upgrade(database)
    finally:
        database.close()
    return kind.open(settings, clock=lambda: now)


async def _set_up(app: "App", folder: Path) -> None:
    """Newsletter, source and subscribers; what is there already stays as it is."""
    from digest.actions.newsletters import add_newsletter
    from digest.actions.sources import add_source
    from digest.actions.subscribe import add_subscriber
    from digest.core.people import Consent
    from digest.errors import Conflict, NothingToDo
    from digest.store.newsletters import list_newsletters

    now = app.clock()
    with app.database.read() as session:
        known = next((one for one in list_newsletters(session) if one.slug == SLUG), None)
    if known is None:
        known = add_newsletter(
            app.database,
            slug=SLUG,
            now=now,
            cadences=["weekly on mon at 00:00"],
            name="Notes from Lower Mill",
            sender_name="Notes from Lower Mill",
            sender_address="digest@lower-mill.example",
            zone="America/Los_Angeles",
            site_url="https://lowermillplots.blogspot.com/",
            postal_address="Lower Mill Allotments, 14 Mill Lane, Lower Mill",
        ).newsletter
    with suppress(Conflict, NothingToDo):  # a second run
        await add_source(
            app.database, str(_blog(folder).resolve()), fetcher=app.fetcher(), now=now, newsletter=SLUG, zone=known.zone
        )
    consent = Consent(
        at=now, how="command", origin="digest demo", text="I would like the weekly digest.", confirmed_at=now
    )
    for address, name in READERS:
        with suppress(Conflict, NothingToDo):
            add_subscriber(
                app.database, address, newsletter_id=known.id, secret=app.key, now=now, consent=consent, name=name
            )


def _look(app: "App", folder: Path, report: "Report") -> _Story:
    """What there is now: counts from the ledger and the mailbox, and the preview with its pictures."""
    import mailbox

    from digest.actions.preview import match_pictures, preview_issue, write_preview
    from digest.core.states import DeliveryState
    from digest.paths import sample
    from digest.store.issues import list_issues
    from digest.store.newsletters import get_newsletter
    from digest.store.sending import count_deliveries

    with app.database.read() as session:
        issues = [one for one in list_issues(session, newsletter_id=get_newsletter(session, SLUG).id) if one.number]
        accepted = sum(count_deliveries(session, one.id).get(DeliveryState.ACCEPTED, 0) for one in issues)
    made = preview_issue(
        app.database, key=app.key, now=app.clock(), newsletter=SLUG, number=1, web_base=app.settings.web.base_url
    )
    files = write_preview(made, folder / "preview", images=match_pictures(made.content, sample("images")))
    box = folder / app.settings.mail.maildir
    return _Story(
        folder=folder,
        read=len(made.content.posts),
        report=report,
        issues=len(issues),
        accepted=accepted,
        mailbox=box,
        messages=len(mailbox.Maildir(box)),
        subject=made.rendered.subject,
        html=files.html,
        text=files.text,
    )


def _print(story: _Story, *, as_json: bool) -> None:
    sent = story.report.delivered.accepted
    if as_json:
        print_json({
            "folder": story.folder, "posts": story.read, "issues": story.issues, "subject": story.subject, "accepted": story.accepted,
            "sent_now": sent, "mailbox": story.mailbox, "messages": story.messages, "html": story.html, "text": story.text,
        })  # fmt: skip
        return
    rows = (
        ("gather", f"{story.read} posts of 7–13 August 2017 from the sample blog", _blog(story.folder)),
        ("publish", f"issue {story.issues}: {story.subject}", story.html),
        ("", "the same as plain text", story.text),
        ("deliver", f"{sent} sent now, {story.accepted} delivered in all", story.mailbox),
    )
    print_table(rows, head=("step", "what happened", "where to look"), title="digest demo")
    note(
        f"open {story.html} in a browser" if sent else "everything had been delivered before; nothing was sent again",
        next_step="digest init my-newsletter",
    )


def _blog(folder: Path) -> Path:
    return folder / "sample-blog.atom"
