"""`digest preview`: an issue as files, on a loopback page or in the browser."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from digest.cli.context import open_app
from digest.cli.options import AsJson, Newsletter
from digest.cli.output import note, print_facts, print_json, print_table
from digest.cli.samples import open_in_browser

if TYPE_CHECKING:
    from digest.actions.preview import Preview, PreviewFiles


def preview(
    context: typer.Context,
    newsletter: Newsletter = None,
    issue: Annotated[
        int | None, typer.Option(min=1, help="An issue that was made; else the next one, as it stands.")
    ] = None,
    cadence: Annotated[str | None, typer.Option(help="Which cadence's next issue; else the first.")] = None,
    reader: Annotated[str, typer.Option("--as", metavar="ADDRESS", help="Whose message.")] = "reader@example.org",
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("preview"),
    images: Annotated[Path | None, typer.Option(help="Show pictures from this folder where file names match.")] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    serve: Annotated[
        int | None,
        typer.Option(min=0, max=65535, metavar="PORT", help="Serve it on 127.0.0.1, made anew on each load."),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="A sample issue instead; needs no database.")] = False,
    every: Annotated[bool, typer.Option("--all", help="With --sample: every theme in every language.")] = False,
    theme: Annotated[str | None, typer.Option(help="With --sample: this theme.")] = None,
    language: Annotated[str | None, typer.Option(help="With --sample: in this language.")] = None,
    screenshots: Annotated[
        bool,
        typer.Option("--screenshots", help="Also sheet.png: on phone and desktop, light and dark; needs Chromium."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show an issue as a reader would get it.

    Claims, records and sends nothing. Writes issue.html, issue.txt, issue.eml and page.html, the issue on the web. Links to leave are made for nobody. With --sample it is an invented issue that has everything an issue can have, in the editorial theme and English unless others are named.

    Example: digest preview --open
    """
    if screenshots:
        from digest.actions.screenshots import require_browser

        require_browser()  # before anything is written
    if sample:
        chosen = _Chosen(theme=theme, language=language, every=every, show=show, screenshots=screenshots)
        _sample(context, out, chosen, as_json=as_json)
        return
    if every or theme or language:
        raise typer.BadParameter("--all, --theme and --language go with --sample")
    from digest.actions.preview import READER, match_pictures, preview_issue, write_preview

    opened = open_app(context)
    signer = opened.signer()

    def make() -> "tuple[Preview, PreviewFiles]":
        made = preview_issue(
            opened.database,
            key=opened.key,
            now=opened.clock(),
            newsletter=newsletter,
            number=issue,
            cadence=cadence,
            reader=reader,
            web_base=opened.settings.web.base_url,
            templates=opened.settings.path(opened.settings.templates),
            signer=signer,
        )
        return made, write_preview(made, out, images=match_pictures(made.content, images) if images else None)

    made, files = make()
    if screenshots:
        from digest.actions.screenshots import take_pictures

        note(f"pictures: {take_pictures(files.html)}")
    _print(made, files, as_json=as_json)
    if not made.is_known and reader != READER:
        note(f"{reader} is no subscriber: this is what somebody without choices would get",
             next_step="digest subscriber list --search PART")  # fmt: skip
    if show and serve is None:
        open_in_browser(files.html.absolute().as_uri())
    if serve is not None:
        _serve(out, serve, make, show=show)


def _print(made: "Preview", files: "PreviewFiles", *, as_json: bool) -> None:
    from digest.core.zones import say_local

    content, outlook = made.content, made.outlook
    if as_json:
        facts = {"newsletter": made.newsletter.slug, "number": content.number, "drafted": made.drafted}
        words = {
            "subject": made.rendered.subject,
            "second_subject": made.second_subject,
            "preheader": made.rendered.preheader,
        }
        facts["fitted"] = made.rendered.fitted
        theirs = {
            "language": outlook.variant and outlook.variant.language,
            "posts": outlook.posts,
            "due": outlook.due,
            "not_sent": outlook.why,
            "is_subscriber": made.is_known,
        }
        print_json({**facts, **words, **theirs, "content": content, "held": made.held, "files": files})
        return
    print_facts({
        "issue": f"{content.number}{', as it would be now' if made.drafted else ''}",
        "period": f"{_wall(content.period_start, content.zone)} to {_wall(content.period_end, content.zone)} {content.zone}",
        "subject": made.rendered.subject,
        "preheader": made.rendered.preheader,
        "language": outlook.variant and outlook.variant.language,
        "gets": outlook.words,
        **({"due": say_local(outlook.due, made.zone)} if outlook.due else {}),
        "html": files.html,
        "text": files.text,
        "eml": files.eml,
        "page": files.page,
    })  # fmt: skip
    rows = [
        (group.label or group.kind, post.source, post.card.title) for group in content.groups for post in group.posts
    ]
    rows += [("more", post.source, post.card.title) for post in content.more]
    print_table(rows, head=("group", "source", "title"))
    fitted = made.rendered.fitted
    if fitted and fitted.is_shortened:
        note(f"shortened so that mail clients show all of it: {fitted.full} posts in full, {fitted.without_pictures} without"
             f" pictures, {fitted.lines} as lines, {fitted.left_out} only on the web",
             next_step="digest newsletter edit SLUG --max-posts N makes issues shorter")  # fmt: skip
    if made.second_subject:
        note(f"two subjects are tried, so that it may come as {made.second_subject!r}")
    for held in made.held:
        note(f"held: {held.title} ({held.reason or 'no reason given'})")
    if made.held:
        note(f"{len(made.held)} posts are held", next_step=f"digest post release {made.held[0].post_id}")


def _wall(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    theme: str | None
    language: str | None
    every: bool
    show: bool
    screenshots: bool


def _sample(context: typer.Context, out: Path, chosen: _Chosen, *, as_json: bool) -> None:
    from digest.cli.samples import write_and_print
    from digest.config import Settings

    settings = Settings.load(context.find_root().obj)
    write_and_print(
        settings,
        out,
        themes=(chosen.theme,) if chosen.theme else () if chosen.every else ("editorial",),
        spoken=(chosen.language,) if chosen.language else () if chosen.every else ("en",),
        show=chosen.show,
        screenshots=chosen.screenshots,
        as_json=as_json,
    )


def _serve(folder: Path, port: int, make: Callable[[], object], *, show: bool) -> None:
    from digest.cli.preview_server import preview_server

    with preview_server(folder, port, make) as server:
        address = f"http://127.0.0.1:{server.server_address[1]}/issue.html"
        note(f"serving {address}; Ctrl-C stops")
        if show:
            open_in_browser(address)
        server.serve_forever()
