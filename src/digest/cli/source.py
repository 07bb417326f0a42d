"""`digest source`: where posts come from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.clocks import clocks_of
from digest.cli.context import open_app
from digest.cli.options import STDOUT, AsJson, DryRun, Newsletter, OnlyNewsletter, Yes
from digest.cli.output import confirm, note, print_facts, print_json, print_table
from digest.core.ranking import HEAVIEST
from digest.core.states import MAX_INTERVAL_MINUTES, MIN_INTERVAL_MINUTES

if TYPE_CHECKING:
    from digest.app import App
    from digest.core.model import Source

PARTLY_DONE = 3
EACH_RUN = "each run"
"""Files and folders cost nobody anything: every run looks at them (actions/gather)."""

app = typer.Typer(name="source", no_args_is_help=True, help="Where posts come from: feeds, folders of Markdown.")


@app.command()
def check(
    context: typer.Context,
    where: Annotated[
        str, typer.Argument(metavar="FILE-OR-URL", help="A feed's address, a file, a folder of Markdown.")
    ],
    zone: Annotated[str, typer.Option(help="The time zone of dates that state none.")] = "UTC",
    base: Annotated[str | None, typer.Option(help="For a file: the address that it came from.")] = None,
    stored: Annotated[
        bool, typer.Option("--stored", help="Of a source, by its number: what it sent last; nobody is asked.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read a feed or file without storing anything.

    Shows what was understood of it. A folder of Markdown may be given too.

    Example: digest source check https://example.org/feed.xml
    """
    import asyncio

    from digest.actions.check import check_source, check_stored
    from digest.config import Settings
    from digest.core.zones import canonical_zone
    from digest.edges import make_fetcher
    from digest.sources.check import describe_feed

    zone = canonical_zone(zone)
    if stored:
        feed = asyncio.run(check_stored(open_app(context).database, where))
    else:
        fetcher = make_fetcher(Settings.load(context.find_root().obj))
        feed = asyncio.run(check_source(where, fetcher=fetcher, zone=zone, base=base))
    for problem in feed.problems:
        note(f"warning: {problem}")
    described = describe_feed(feed)
    if as_json:
        print_json(described)
        return
    print_facts({"title": feed.title or "(none)", "format": feed.format, "home": feed.home, "posts": len(feed.posts)})
    rows = [_row(post, zone) for post in described["posts"]]
    print_table(rows, head=("published", "title", "link", "picture", "minutes"))


def _row(post: dict[str, Any], zone: str) -> tuple[Any, ...]:
    from datetime import datetime

    from digest.core.zones import say_local

    made = " (made)" if post["title_made"] else ""
    at = say_local(datetime.fromisoformat(post["published"]), zone, weekday=False) if post["published"] else None
    return (at, post["title"] + made, post["link"], (post["image"] or {}).get("src"), post["minutes"])


# ── what newsletters read ───────────────────────────────────────────────────────────────────────────────────────────

Name = Annotated[str, typer.Argument(metavar="SOURCE", help="Its number, address or title.")]
Zone = Annotated[str | None, typer.Option(help="The time zone of dates that state none. [default: UTC]")]
Interval = Annotated[
    int | None,
    typer.Option(min=MIN_INTERVAL_MINUTES, max=MAX_INTERVAL_MINUTES, help="Minutes between two looks. [default: 60]"),
]
Quota = Annotated[
    int | None, typer.Option(min=0, help="Posts of it shown in full in an issue; 0: as the newsletter has it.")
]

Weight = Annotated[
    int | None,
    typer.Option(
        min=0, max=HEAVIEST, help="How much a newsletter likes it, for what leads (docs/ranking.md); 5: as any."
    ),
]


@app.command()
def add(
    context: typer.Context,
    where: Annotated[str, typer.Argument(metavar="URL|PATH", help="A feed, a home page, a file or a folder.")],
    newsletter: Newsletter = None,
    title: Annotated[str | None, typer.Option(help="What to call it, if not what it calls itself.")] = None,
    zone: Zone = None,
    quota: Quota = None,
    interval: Interval = None,
    include_last: Annotated[
        int | None, typer.Option(min=0, help="Take so many of its newest posts into the next issue, however old.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let a newsletter read a source.

    Of a home page, the feed is found. Older posts are taken as seen; those of the period in the making go into its issue, ten at most.

    Example: digest source add https://blog.example.org
    """
    import asyncio

    from digest.actions.sources import add_source
    from digest.core.zones import canonical_zone

    zone = canonical_zone(zone) if zone else None
    opened = open_app(context)
    added = asyncio.run(
        add_source(
            opened.database,
            where,
            fetcher=opened.fetcher(),
            now=opened.clock(),
            newsletter=newsletter,
            title=title,
            zone=zone,
            interval_minutes=interval or 60,
            quota=quota or None,
            include_last=include_last,
            on_look=lambda url: note(f"looking at {url}"),
        )
    )
    if as_json:
        print_json(added)
    else:
        print_facts(_told(opened, added.source) | {"newsletter": added.newsletter, "posts": added.posts})
    step = f"digest preview --newsletter {added.newsletter} shows the next issue"
    note(f"{added.newsletter} reads {added.source.title} now", next_step=step)


@app.command("list")
def list_all(context: typer.Context, newsletter: OnlyNewsletter = None, as_json: AsJson = False) -> None:
    """List the sources, who reads them and how they are.

    Example: digest source list --newsletter week
    """
    from digest.store.newsletters import get_newsletter
    from digest.store.posts import count_posts
    from digest.store.sources import list_readings, list_sources

    with open_app(context).database.read() as session:
        newsletter_id = get_newsletter(session, newsletter).id if newsletter else None
        sources = list_sources(session, newsletter_id=newsletter_id)
        readings, posts, clocks = list_readings(session), count_posts(session), clocks_of(session)
    readers = {one.id: [r.slug for r in readings if r.source_id == one.id] for one in sources}
    if as_json:
        print_json([_facts(one) | {"newsletters": readers[one.id], "posts": posts.get(one.id, 0)} for one in sources])
        return
    if not sources:
        note("no newsletter reads anything yet", next_step="digest source add URL")
        return
    rows = [
        (one.id, one.title, one.state, ", ".join(readers[one.id]), posts.get(one.id, 0),
         clocks.say(one.next_check) if one.kind == "feed" else EACH_RUN, one.shown,
         one.problem)
        for one in sources
    ]  # fmt: skip
    print_table(rows, head=("number", "title", "state", "newsletters", "posts", "next look", "address", "problem"))


@app.command()
def edit(
    context: typer.Context,
    source: Name,
    newsletter: Newsletter = None,
    url: Annotated[str | None, typer.Option(help="Its new address; the next look starts afresh.")] = None,
    title: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    zone: Zone = None,
    quota: Quota = None,
    weight: Weight = None,
    interval: Interval = None,
    as_json: AsJson = False,
) -> None:
    """Change a source.

    Example: digest source edit 3 --interval 360 --quota 5
    """
    import asyncio

    from digest.actions.sources import check_address, edit_source
    from digest.core.zones import canonical_zone
    from digest.errors import UsageError

    zone = canonical_zone(zone) if zone else None
    given = {"url": url, "title": title, "zone": zone, "interval_minutes": interval}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes and quota is None and weight is None:
        raise UsageError("nothing was to be changed", next_step="digest source edit --help lists what can be")
    opened = open_app(context)
    if url:
        asyncio.run(check_address(opened.database, source, url, fetcher=opened.fetcher()))
    edited = edit_source(
        opened.database, source, now=opened.clock(), newsletter=newsletter, quota=quota, weight=weight, **changes
    )
    if weight is not None:
        _tell_weight(opened, newsletter)
    _show(opened, edited, as_json=as_json)


def _tell_weight(opened: "App", slug: str | None) -> None:
    """A weight of a source counts for nothing where sources have none."""
    from digest.actions.choose_newsletter import choose_newsletter

    with opened.database.read() as session:
        newsletter = choose_newsletter(session, slug)
    if not newsletter.weights.get("source"):
        note(
            f"{newsletter.slug} gives sources no weight yet",
            next_step=f"digest newsletter edit {newsletter.slug} --weight source=0.5",
        )


@app.command()
def pause(context: typer.Context, source: Name, as_json: AsJson = False) -> None:
    """Look at a source no more, until it is resumed.

    What was gathered stays.

    Example: digest source pause 3
    """
    from digest.actions.sources import pause_source

    opened = open_app(context)
    _show(opened, pause_source(opened.database, source, now=opened.clock()), as_json=as_json)


@app.command()
def resume(context: typer.Context, source: Name, as_json: AsJson = False) -> None:
    """Look at a source again.

    Also at one that was gone or dead.

    Example: digest source resume 3
    """
    from digest.actions.sources import resume_source

    opened = open_app(context)
    _show(opened, resume_source(opened.database, source, now=opened.clock()), as_json=as_json)


@app.command()
def remove(
    context: typer.Context,
    source: Name,
    newsletter: OnlyNewsletter = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Read a source no more.

    Its posts that wait for an issue are excluded; those once mailed are never mailed again, even if it comes back.

    Example: digest source remove 3 --yes
    """
    from digest.actions.sources import remove_source
    from digest.store.sources import get_source

    opened = open_app(context)
    with opened.database.read() as session:
        found = get_source(session, source)
    confirm(f"Remove {found.title or found.shown}?", yes=yes)
    _, excluded = remove_source(opened.database, str(found.id), now=opened.clock(), newsletter=newsletter)
    if as_json:
        print_json({**_facts(found), "newsletter": newsletter, "excluded": excluded})
    note(f"removed {found.title or found.shown}; {excluded} waiting posts were excluded")


@app.command("import")
def import_list(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.opml", help="A list of feeds, as feed readers export it.")],
    newsletter: Newsletter = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let a newsletter read every feed of an OPML list.

    None is fetched now: digest run does, politely. Exits with 3 where some were refused.

    Example: digest source import feeds.opml --dry-run
    """
    from digest.actions.sources import import_sources
    from digest.errors import DigestError
    from digest.sources.opml import read_opml

    try:
        body = file.read_bytes()
    except OSError as fault:
        raise DigestError(f"{file} cannot be read: {fault.strerror}", next_step="give an OPML file") from fault
    opened = open_app(context)
    done = import_sources(opened.database, read_opml(body), now=opened.clock(), newsletter=newsletter, dry_run=dry_run)
    if as_json:
        print_json(done)
    would = "would be " if dry_run else ""
    note(f"{len(done.added)} {would}added, {len(done.present)} there already, {len(done.refused)} refused")
    for url, why in done.refused:
        note(f"refused: {url}: {why}")
    if done.refused:
        raise typer.Exit(PARTLY_DONE)


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE.opml", help="Where to; else, or with -, stdout.")] = None,
    newsletter: OnlyNewsletter = None,
    as_json: AsJson = False,
) -> None:
    """Write the list of feeds as OPML, for any feed reader.

    Example: digest source export feeds.opml
    """
    from digest.actions.sources import export_sources
    from digest.errors import DigestError
    from digest.sources.opml import write_opml

    opened = open_app(context)
    outlines = export_sources(opened.database, newsletter=newsletter)
    if as_json:
        print_json(outlines)
        return
    body = write_opml(outlines, title=f"What {newsletter or 'digest'} reads", now=opened.clock())
    if file is None or file == STDOUT:
        typer.echo(body.decode())
        return
    try:
        file.write_bytes(body)
    except OSError as fault:
        raise DigestError(f"{file} cannot be written: {fault.strerror}", next_step="choose another place") from fault
    note(f"wrote {len(outlines)} feed{'' if len(outlines) == 1 else 's'} to {file}")


def _show(opened: "App", source: "Source", *, as_json: bool) -> None:
    if as_json:
        print_json(_facts(source))
    else:
        print_facts(_told(opened, source))


def _told(opened: "App", source: "Source") -> dict[str, Any]:
    """For people: minutes are called so, and a folder has neither them nor an hour."""
    with opened.database.read() as session:
        facts = clocks_of(session).shown(_facts(source))
    if source.kind == "feed":
        return facts | {"interval": f"{source.interval_minutes} minutes"}
    return {name: value for name, value in facts.items() if name != "interval"} | {"next_check": EACH_RUN}


def _facts(source: "Source") -> dict[str, Any]:
    return {
        "number": source.id,
        "title": source.title,
        "address": source.shown,
        "kind": source.kind,
        "home": source.home,
        "state": source.state,
        "zone": source.zone,
        "interval": source.interval_minutes,
        "next_check": source.next_check,
        "last_success": source.last_success,
        "problem": source.problem,
    }
