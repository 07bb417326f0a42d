"""`digest newsletter`: what is sent, as whom, how often, under which policies."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.ask import ask, ask_cadence, can_ask, here_zone
from digest.cli.context import open_app
from digest.cli.newsletter_warnings import warn, warn_of_choices
from digest.cli.options import AsJson, Yes
from digest.cli.output import confirm, note, print_facts, print_json, print_table
from digest.core.states import CatchUp, Door, GroupBy

if TYPE_CHECKING:
    from digest.actions.newsletters import NewsletterView
    from digest.app import App

app = typer.Typer(name="newsletter", no_args_is_help=True, help="What is sent, as whom, and how often.")

Slug = Annotated[
    str, typer.Argument(metavar="SLUG", help="Its short name, as in links: lower-case letters, digits, hyphens.")
]
Cadences = Annotated[
    list[str] | None,
    typer.Option(
        "--cadence", metavar="RULE", help='How often, "RULE" or "NAME=RULE"; may be repeated (docs/cadences.md).'
    ),
]
POLICIES: dict[str, tuple[Any, str, str]] = {
    "name": (str, "--name", "Its name, as readers see it."),
    "sender_address": (str, "--sender", "The address it comes from."),
    "sender_name": (str, "--sender-name", "Who it comes from, as mail programs show it. [default: its name]"),
    "reply_to": (str, "--reply-to", "Where answers go, if not to the sender."),
    "language": (str, "--language", "Its language, a tag such as en or pt-BR. [default: en]"),
    "languages": (
        list[str],
        "--offer-language",
        'Also in this one, for readers who chose it; may be repeated; "": in no other.',
    ),
    "zone": (str, "--zone", "Its time zone, an IANA name such as Europe/Berlin. [default: UTC]"),
    "postal_address": (str, "--postal-address", "The sender's postal address; many countries' laws demand it."),
    "site_url": (str, "--site-url", "Its home page."),
    "theme": (str, "--theme", "The folder of templates. [default: editorial]"),
    "theme_variables": (list[str], "--theme-variable", "For the theme; may be repeated (docs/templates.md)."),
    "group_by": (GroupBy, "--group-by", "How posts are grouped. [default: day]"),
    "min_posts": (int, "--min-posts", "Fewer wait for the next issue; an empty one is never sent. [default: 1]"),
    "max_posts": (int, "--max-posts", 'Shown in full; the rest are "N more" lines. [default: 20]'),
    "max_per_source": (int, "--max-per-source", "Shown in full of one source. [default: 10]"),
    "max_rollovers": (int, "--max-rollovers", "After so many thin periods it goes out anyway. [default: 4]"),
    "max_variants": (int, "--max-variants", "Of one issue, for readers who choose topics. [default: 20]"),
    "catch_up": (CatchUp, "--catch-up", "What becomes of slots missed by a downtime. [default: merge]"),
    "max_late_hours": (int, "--max-late-hours", "An issue later than this waits for the next. [default: 48]"),
    "approval": (bool, "--approval/--no-approval", "Whether an issue waits for: digest issue approve."),
    "approve_within_hours": (int, "--approve-within", "Hours until it goes out without approval; 0: never."),
    "editor": (str, "--editor", "Who signs the editor's note."),
    "private": (
        bool,
        "--private/--public",
        "Whether its issues stand on the web: archive and feeds. [default: public]",
    ),
    "measure_clicks": (
        bool,
        "--measure-clicks/--no-measure-clicks",
        "Whether clicks in mails are counted, by post and never by person (docs/web.md). [default: no]",
    ),
    "utm_source": (
        str,
        "--utm-source",
        'Links in mails say where a visitor came from, as this source; "": they do not.',
    ),
    "signup": (Door, "--signup", "Whether anybody may sign up on its page (docs/web.md). [default: open]"),
    "goodbye": (bool, "--goodbye/--no-goodbye", "Whether who leaves gets a notice that says so."),
    "test_subjects": (
        int,
        "--test-subjects",
        "Percent of readers on whom two subjects are tried, where clicks are counted; 0: none (docs/ranking.md).",
    ),
    "test_subject_hours": (int, "--test-subject-hours", "Hours until the others get the better one. [default: 4]"),
    "weights": (
        list[str],
        "--weight",
        "For what leads; may be repeated (docs/ranking.md). [default: recency=1]",
    ),
    "reader_zones": (
        bool,
        "--reader-zones/--one-zone",
        "Whether each reader gets it by their own clock: zone, and hour if chosen (docs/cadences.md). [default: one]",
    ),
    "first_zone": (
        str,
        "--first-zone",
        "With --reader-zones: by whose clock issues close. [default: Pacific/Kiritimati, UTC+14]",
    ),
    "quiet_hours": (
        str,
        "--quiet-hours",
        'Like "22:00-07:00", by each reader\'s clock: no mail before their end; "": none.',
    ),
    "sending_windows": (
        list[str],
        "--window",
        'Mail goes out only then, like "mon-fri 08:00-20:00" in its zone; may be repeated; "": always.',
    ),
}
"""Field of `Newsletter` → type, option, help. Defaults are the fields' own."""
_METAVARS = {
    "languages": "TAG",
    "theme_variables": "NAME=VALUE",
    "weights": "FACTOR=NUMBER",
    "sending_windows": "HOURS",
}


def with_policies(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each policy: they arrive as keyword arguments, None where not given."""
    signature = inspect.signature(command, eval_str=True)
    own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    policies = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[kind | None, typer.Option(option, metavar=_METAVARS.get(name), help=text)],
        )
        for name, (kind, option, text) in POLICIES.items()
    ]
    command.__signature__ = signature.replace(parameters=[*own, *policies])  # type: ignore[attr-defined]
    return command


@app.command()
@with_policies
def add(
    context: typer.Context,
    slug: Slug,
    *,
    cadence: Cadences = None,
    as_json: AsJson = False,
    **policies: Any,
) -> None:
    """Add a newsletter. On a terminal it asks.

    For what is missing. --cadence is like "weekly on mon at 08:00" (docs/cadences.md); many countries' laws demand a
    --postal-address.

    Example: digest newsletter add week --sender a@example.org --zone Asia/Tokyo
    """
    from digest.actions.newsletters import add_newsletter

    opened = open_app(context)
    values = _given(policies)
    complete(values, slug)
    rules = cadence or ask_cadence()
    _check_look(opened, values.get("theme", "editorial"), values.get("theme_variables", {}))
    view = add_newsletter(opened.database, slug=slug, cadences=rules, now=opened.clock(), **values)
    _print(view, as_json=as_json)
    warn(view)
    note(f"added {slug}", next_step=f"digest source add --newsletter {slug} URL")


@app.command("list")
def list_all(
    context: typer.Context,
    removed: Annotated[bool, typer.Option("--removed", help="Also those that were removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the newsletters.

    Example: digest newsletter list
    """
    from digest.actions.newsletters import view_newsletter
    from digest.store.newsletters import list_newsletters

    with open_app(context).database.read() as session:
        views = [view_newsletter(session, each.slug) for each in list_newsletters(session, removed=removed)]
    if as_json:
        print_json([_as_document(view) for view in views])
        return
    rows = [
        (n.slug, n.name, n.sender_address, n.zone, "; ".join(line.rule for line in view.cadences), n.state)
        for view in views
        for n in [view.newsletter]
    ]
    print_table(rows, head=("slug", "name", "sender", "zone", "cadences", "state"))
    if not views:
        note("there is no newsletter yet", next_step="digest newsletter add SLUG")


@app.command()
def show(context: typer.Context, slug: Slug, as_json: AsJson = False) -> None:
    """Show a newsletter with its policies and cadences.

    Example: digest newsletter show week
    """
    from digest.actions.newsletters import view_newsletter

    with open_app(context).database.read() as session:
        view = view_newsletter(session, slug)
    _print(view, as_json=as_json)


@app.command()
@with_policies
def edit(
    context: typer.Context,
    slug: Slug,
    *,
    cadence: Cadences = None,
    remove_cadence: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="The name of a cadence to remove; may be repeated.")
    ] = None,
    as_json: AsJson = False,
    **policies: Any,
) -> None:
    """Change what is given, keep the rest.

    An empty text ("") clears what may be empty. A --cadence of a new name is added; one of a known name, or the only one there is, gets the new rule: posts that
    wait keep waiting, and only slots after now follow it.

    Example: digest newsletter edit week --cadence "daily at 07:00" --max-posts 12
    """
    from digest.actions.newsletters import edit_newsletter, view_newsletter
    from digest.errors import NothingToDo

    opened = open_app(context)
    values = _given(policies)
    if not (values or cadence or remove_cadence):
        raise NothingToDo("nothing to change was given", next_step="digest newsletter edit --help lists what can be")
    with opened.database.read() as session:
        before = view_newsletter(session, slug).newsletter
    if "weights" in values:
        given = before.weights | values["weights"]
        values["weights"] = {name: weight for name, weight in given.items() if weight != ""}
    if {"theme", "theme_variables"} & values.keys():
        variables = before.theme_variables | values.pop("theme_variables", {})
        look = {name: value for name, value in variables.items() if value != ""}
        _check_look(opened, values.get("theme", before.theme), look)
        values |= {"theme_variables": look} if look != before.theme_variables else {}
    view = edit_newsletter(
        opened.database,
        slug,
        cadences=cadence or (),
        remove_cadences=remove_cadence or (),
        now=opened.clock(),
        **values,
    )
    _print(view, as_json=as_json)
    warn_of_choices(view.newsletter)
    note(f"changed {slug}", next_step=f"digest plan --newsletter {slug} shows when it goes out")


@app.command()
def remove(
    context: typer.Context,
    slug: Slug,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove a newsletter. Nothing of it is sent any more.

    If it ever made an issue or had subscribers, its history is kept.

    Example: digest newsletter remove week --yes
    """
    from digest.actions.newsletters import remove_newsletter, view_newsletter
    from digest.errors import NothingToDo

    opened = open_app(context)
    with opened.database.read() as session:
        newsletter = view_newsletter(session, slug).newsletter
    if newsletter.state == "removed":
        raise NothingToDo(f"{slug} was removed already")
    confirm(f"Remove {newsletter.name} ({slug})? Nothing of it will be sent any more.", yes=yes)
    kept = remove_newsletter(opened.database, slug, now=opened.clock())
    if as_json:
        print_json({"slug": slug, "removed": True, "history_kept": kept})
    note(f"removed {slug}; its history is kept" if kept else f"deleted {slug}; it had no history")


def _check_look(opened: "App", theme: str, variables: dict[str, Any]) -> None:
    """A theme that is not there or cannot be read is refused here, not when the next issue is due."""
    from digest.render.look import look_of

    look_of(theme, variables, opened.settings.path(opened.settings.templates))


def complete(values: dict[str, Any], slug: str) -> None:
    """Ask for what is missing, or take the defaults where nobody can be asked."""
    from digest.actions.newsletters import check_address, check_values
    from digest.errors import UsageError

    asking, title = can_ask(), slug.replace("-", " ").title()
    check_values(values)
    if "name" not in values:
        values["name"] = ask("Its name", default=title) if asking else title
    if "sender_address" not in values:
        if not asking:
            raise UsageError("the sender's address is missing", next_step="add --sender news@example.org")
        values["sender_address"] = ask("The address it comes from", check=check_address)
    if asking and "sender_name" not in values:
        values["sender_name"] = ask("Who it comes from", default=values["name"])
    if asking and "zone" not in values:
        values["zone"] = ask("Its time zone", default=here_zone(), check=lambda zone: check_values({"zone": zone}))
    if asking and "postal_address" not in values:
        values["postal_address"] = ask("The sender's postal address, for the footer (empty: add it later)", default="")
    values.setdefault("sender_name", values["name"])


def _given(policies: dict[str, Any]) -> dict[str, Any]:
    """Those that were given; an empty text or 0 clears what may be empty."""
    values = {name: value for name, value in policies.items() if value is not None}
    for name in ("reply_to", "site_url", "editor", "utm_source", "approve_within_hours", "test_subjects", "first_zone",
                 "quiet_hours"):  # fmt: skip
        if name in values:
            values[name] = values[name] or None
    if "theme_variables" in values:
        values["theme_variables"] = _pairs(values["theme_variables"], "--theme-variable")
    if "weights" in values:
        values["weights"] = _pairs(values["weights"], "--weight")
    if "sending_windows" in values:
        values["sending_windows"] = [text for text in values["sending_windows"] if text.strip()]
    if "languages" in values:
        values["languages"] = [tag for text in values["languages"] for tag in text.split(",") if tag.strip()]
    return values


def _pairs(texts: list[str], option: str) -> dict[str, str]:
    from digest.errors import UsageError

    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and all(part.isidentifier() for part in name.split("."))):
            raise UsageError(
                f"{option} {text!r} is not NAME=VALUE", next_step="digest newsletter edit --help tells what it takes"
            )
        pairs[name] = value
    return pairs


def _print(view: "NewsletterView", *, as_json: bool) -> None:
    from digest.core.zones import say_local

    document = _as_document(view)
    if as_json:
        print_json(document)
        return
    cadences = document.pop("cadences")
    print_facts({name.replace("_", " "): value for name, value in document.items()
                 if name not in {"theme_variables", "weights"}}
                | {f"theme {name}": value for name, value in document["theme_variables"].items()}
                | {f"weight of {name}": value for name, value in document["weights"].items()})  # fmt: skip
    print_table(
        [
            (each["name"], each["rule"], each["zone"], say_local(each["next"], view.newsletter.zone))
            for each in cadences
        ],
        head=("cadence", "rule", "zone", "next"),
    )


def _as_document(view: "NewsletterView") -> dict[str, Any]:
    from dataclasses import asdict

    from digest.core.period import open_period

    document = asdict(view.newsletter)
    del document["id"]
    document["cadences"] = [
        {"name": line.name, "rule": line.rule, "zone": line.zone, "next": open_period(line)[0].at}
        for line in view.cadences
    ]
    return document
