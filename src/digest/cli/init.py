"""`digest init`: a folder with settings, secrets and a database, ready for the first newsletter."""

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.ask import ask, ask_cadence, can_ask, check_cadences
from digest.cli.bad_values import quoted
from digest.cli.fresh import Fresh, all_or_nothing
from digest.cli.given_url import said_of
from digest.cli.newsletter_warnings import warn
from digest.cli.options import AsJson
from digest.cli.output import note, print_json
from digest.cli.settings_file import settings_text

if TYPE_CHECKING:
    from digest.actions.newsletters import NewsletterView
    from digest.config import Settings

PARTLY = 3
MOST_PORTS = 65_535

Choices = dict[str, dict[str, Any]]


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder; made if missing.")] = Path(),
    *,
    database: Annotated[str | None, typer.Option(help="[default: sqlite:///digest.db in the folder]")] = None,
    base_url: Annotated[
        str | None, typer.Option(help="The https address of the readers' pages; unset, none are served.")
    ] = None,
    smtp_host: Annotated[str | None, typer.Option(help="Send through this server; else mails go to a folder.")] = None,
    smtp_port: Annotated[int | None, typer.Option(help="[default: by the security]")] = None,
    smtp_security: Annotated[
        str | None, typer.Option(help="How the connection is kept private. [default: starttls]")
    ] = None,
    smtp_username: Annotated[str | None, typer.Option(help="[default: no login]")] = None,
    smtp_password_file: Annotated[Path | None, typer.Option(help="Copied to secrets/smtp_password.")] = None,
    newsletter: Annotated[str | None, typer.Option(metavar="SLUG", help="The first newsletter's short name.")] = None,
    name: Annotated[str | None, typer.Option(help="Its name, as readers see it.")] = None,
    sender: Annotated[str | None, typer.Option(help="The address it comes from.")] = None,
    zone: Annotated[str | None, typer.Option(help="Its time zone, such as Europe/Berlin.")] = None,
    cadence: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            help='How often, "RULE" or "NAME=RULE"; may be repeated. [default: "weekly on mon at 08:00"]',
        ),
    ] = None,
    postal_address: Annotated[str | None, typer.Option(help="The sender's postal address.")] = None,
    source: Annotated[str | None, typer.Option(metavar="URL", help="The first blog or feed it reads.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a folder with settings, secrets and a database.

    On a terminal it asks. It never overwrites. Exits with 3 where only the first source could not be read.

    Example: digest init news --newsletter week --sender anna@example.org
    """
    folder = directory.absolute()
    _refuse_existing(folder / "digest.toml")
    if not smtp_host:
        of_server = {"--smtp-port": smtp_port, "--smtp-security": smtp_security,
                     "--smtp-username": smtp_username, "--smtp-password-file": smtp_password_file}  # fmt: skip
        _refuse_idle(of_server, what="a mail server", head="--smtp-host HOST")
    elif not smtp_username:
        _refuse_idle({"--smtp-password-file": smtp_password_file}, what="a login", head="--smtp-username NAME")
    if database is not None:
        with said_of("--database"):
            _refuse_database(database)
    smtp = _given(host=smtp_host, port=smtp_port, security=smtp_security or "starttls", username=smtp_username)
    chosen = _chosen(smtp if smtp_host else {}, database=_given(url=database), web=_given(base_url=base_url))
    password = _read_password(smtp_password_file) if smtp_password_file else None
    if can_ask() and not smtp_host:
        password = _ask_mail(chosen) or password
    values = _given(name=name, sender_address=sender, zone=zone, postal_address=postal_address)
    slug = newsletter or (_ask_slug() if can_ask() else "")
    if not slug:
        of_newsletter = {"--name": name, "--sender": sender, "--zone": zone, "--cadence": cadence,
                         "--postal-address": postal_address, "--source": source}  # fmt: skip
        _refuse_idle(of_newsletter, what="a newsletter", head="--newsletter SLUG")
    rules = _complete_newsletter(slug, values, cadence) if slug else []
    if slug and not source and can_ask():
        source = ask("A blog or feed that it reads (empty: later)", default="")
    with all_or_nothing() as fresh:
        settings = _write(folder, chosen, password=password, fresh=fresh)
        made = _open(settings, slug=slug, values=values, rules=rules, fresh=fresh)
    added = _add_source(settings, source, slug) if slug and source else False
    _tell(folder, settings, made, reads=added)
    if as_json:
        print_json({"folder": folder, "newsletter": slug or None, "source": source if added else None})
    if slug and source and not added:
        raise typer.Exit(PARTLY)


def _chosen(smtp: dict[str, Any], **sections: dict[str, Any]) -> Choices:
    return {"mail": {"transport": "smtp" if smtp else "maildir"}, "smtp": smtp, **sections}


def _refuse_existing(file: Path) -> None:
    from digest.errors import Conflict

    if file.exists():
        raise Conflict(f"{file} exists already; nothing was changed", next_step="edit it, or name another folder")


def _refuse_idle(options: dict[str, Any], *, what: str, head: str) -> None:
    """Options that say something of what is not named: else they were passed over in silence."""
    from digest.errors import UsageError

    if given := [option for option, value in options.items() if value is not None]:
        raise UsageError(f"{given[0]} is of {what}, and none is named; nothing was made", next_step=f"add: {head}")


def _refuse_database(url: str) -> None:
    """One that is none, or does not answer, while nothing is written yet. The file of SQLite is made in the folder, later."""
    from digest.errors import DatabaseBusy, DatabaseError
    from digest.store.database import Database
    from digest.store.schema import revision

    database = Database(url)
    try:
        if not database.is_sqlite:
            revision(database)
    except (DatabaseBusy, DatabaseError) as error:
        step = "see that the server runs and has this database, then run this again"
        raise type(error)(f"{error.message}; nothing was made", next_step=step) from error
    finally:
        database.close()


def _read_password(file: Path) -> str:
    from digest.errors import DigestError
    from digest.secret_files import reason_of

    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DigestError(f"{file} cannot be read: {reason_of(error)}", next_step="name another file") from error


def _ask_mail(chosen: Choices) -> str | None:
    """Where mail goes. Returns the password."""
    from digest.mail.smtp import PORTS

    host = ask("SMTP server (empty: keep messages in a folder for now)", default="", check=_check_host)
    if not host:
        return None
    security = ask(
        "Its security: tls, starttls or plain", default="starttls", check=lambda word: _check_security(word, host)
    )
    port = ask("Its port", default=str(PORTS[security]), check=_check_port)
    username = ask("User name (empty: no login)", default="")
    chosen["mail"] = {"transport": "smtp"}
    chosen["smtp"] = _given(
        host=host,
        port=None if int(port) == PORTS[security] else int(port),
        security=security,
        username=username or None,
    )
    return ask("Password", secret=True) if username else None


def _ask_slug() -> str:
    from digest.actions.newsletters import check_slug

    return ask("Short name of your first newsletter, for links (empty: later)", default="", check=check_slug)


def _check_host(word: str) -> None:
    from digest.errors import UsageError
    from digest.setting_kinds import check_host

    try:
        check_host(word)
    except ValueError as error:
        raise UsageError(f"{quoted(word)}: {error}", next_step="the port is asked for later") from error


def _check_security(word: str, host: str) -> None:
    from digest.errors import SettingsError, UsageError
    from digest.mail.plain_text import check_privacy

    if word not in {"tls", "starttls", "plain"}:
        raise UsageError(f"{word!r} is none of tls, starttls, plain")
    try:
        check_privacy(host, word, allow_plain_anywhere=False)
    except SettingsError as error:
        raise UsageError(error.message, next_step="choose tls or starttls") from error


def _check_port(word: str) -> None:
    from digest.errors import UsageError

    if not (re.fullmatch(r"[0-9]{1,5}", word) and 1 <= int(word) <= MOST_PORTS):
        raise UsageError(f"{quoted(word)} is no port", next_step=f"write a number from 1 to {MOST_PORTS}")


def _complete_newsletter(slug: str, values: dict[str, Any], cadences: list[str] | None) -> list[str]:
    """Fill in what is missing before anything is written. Returns the cadences."""
    from digest.actions.newsletters import check_slug
    from digest.cli.newsletter import complete

    check_slug(slug)
    check_cadences(cadences or [])
    complete(values, slug)
    return cadences or ask_cadence()


def _write(folder: Path, chosen: Choices, *, password: str | None, fresh: Fresh) -> "Settings":
    """The files. The settings are checked before the first is written.

    Raises:
        SettingsError: a choice is no valid setting, or the folder cannot be written.
    """
    from digest.config import SECRET_KEY_FILE, SMTP_PASSWORD_FILE, Settings
    from digest.errors import SettingsError

    text = settings_text(chosen)
    Settings.check(text)
    file, secrets = folder / "digest.toml", folder / "secrets"
    fresh.watch(file, secrets / SMTP_PASSWORD_FILE, secrets / SECRET_KEY_FILE, secrets, folder, *folder.parents)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        secrets.mkdir(mode=0o700, exist_ok=True)
        if password is not None:
            _write_new(secrets / SMTP_PASSWORD_FILE, password + "\n", mode=0o600)
        _write_new(file, text, mode=0o644)
    except OSError as error:
        raise SettingsError(
            f"{error.filename or folder} cannot be written: {error.strerror}", next_step="name another folder"
        ) from error
    return Settings.load(file)


def _write_new(file: Path, text: str, *, mode: int) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as handle:
        handle.write(text)


def _open(
    settings: "Settings", *, slug: str, values: dict[str, Any], rules: list[str], fresh: Fresh
) -> "NewsletterView | None":
    """Create the database, and the first newsletter in it."""
    from digest.actions.newsletters import add_newsletter
    from digest.app import App, connect
    from digest.store.schema import upgrade

    database = connect(settings)
    if database.path:
        fresh.watch(*(database.path.with_name(database.path.name + end) for end in ("", "-wal", "-shm", "-journal")))
    upgrade(database)
    database.close()
    app = App.open(settings)  # makes the secret key
    try:
        return add_newsletter(app.database, slug=slug, cadences=rules, now=app.clock(), **values) if slug else None
    finally:
        app.close()


def _add_source(settings: "Settings", where: str, slug: str) -> bool:
    """Let the newsletter read it. A blog that does not answer now must not undo the rest: it is told."""
    import asyncio

    from digest.actions.sources import add_source
    from digest.app import App
    from digest.errors import DigestError

    app = App.open(settings)
    try:
        asyncio.run(add_source(app.database, where, fetcher=app.fetcher(), now=app.clock(), newsletter=slug))
    except DigestError as error:
        note(f"{where} is not added: {error.message}", next_step=error.next_step)
        return False
    finally:
        app.close()
    return True


def _tell(folder: Path, settings: "Settings", made: "NewsletterView | None", *, reads: bool) -> None:
    note(f"made {folder}: digest.toml, secrets/ and the database")
    note("keep a copy of secrets/secret_key: links in mails hang on it")
    if settings.mail.transport == "maildir":
        note(f"messages go to the folder {settings.path(settings.mail.maildir)} until [mail] transport is smtp")
    elif settings.smtp.username and settings.smtp.password is None:
        note(f"the password of {settings.smtp.username} is missing: put it into {folder}/secrets/smtp_password")
    if made:
        warn(made)
    slug = made.newsletter.slug if made else "week"
    steps = [] if folder == Path.cwd() else [f"cd {shlex.quote(str(folder))}"]
    if not made:
        steps.append('digest newsletter add week --name "The Week" --sender you@example.org')
    steps += [] if reads else [f"digest source add --newsletter {slug} URL"]
    steps += ["digest subscriber add ADDRESS", "digest plan"]
    for step in steps:
        typer.echo(f"next: {step}", err=True)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
