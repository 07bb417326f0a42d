"""`digest issue page`: issues as pages on the web. It joins `cli/issue`."""

from pathlib import Path
from typing import Annotated

import typer

from digest.cli import issue_watch
from digest.cli.context import open_app
from digest.cli.options import AsJson, Newsletter
from digest.cli.output import note, print_json, print_table

app = issue_watch.app


@app.command()
def page(
    context: typer.Context,
    number: Annotated[
        int | None, typer.Argument(metavar="NUMBER", min=1, help="Its number; else all that have gone out.")
    ] = None,
    newsletter: Newsletter = None,
    *,
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("site"),
    base: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the folder will be on the web; else web.base_url.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write issues as pages for the web.

    Each becomes archive/SLUG/NUMBER/index.html, which any host of files can serve: one file, no script, nothing about any
    reader. After a new issue, write them all again: the one before then leads to it.

    Example: digest issue page --out site --base https://news.example.org
    """
    from digest.actions.pages import write_pages

    opened = open_app(context)
    settings = opened.settings
    pages = write_pages(
        opened.database,
        out,
        newsletter=newsletter,
        number=number,
        web_base=base or settings.web.base_url,
        templates=settings.path(settings.templates),
    )
    if as_json:
        print_json(pages)
        return
    print_table([(one.newsletter, one.number, one.file) for one in pages], head=("newsletter", "number", "file"))
    if pages[0].url is None:
        note("the pages name no address of their own", next_step="--base URL says where they will be")
