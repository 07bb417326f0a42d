"""`digest topic`: what a newsletter writes about, as its readers may choose it."""

from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.context import open_app
from digest.cli.options import AsJson, Newsletter, Yes
from digest.cli.output import confirm, note, print_json, print_table

if TYPE_CHECKING:
    from digest.app import App
    from digest.core.model import Newsletter as Owner

app = typer.Typer(name="topic", no_args_is_help=True, help="What a newsletter writes about, for readers to choose.")

Slug = Annotated[str, typer.Argument(help="Its short name: lower-case letters, digits, hyphens.")]


@app.command()
def add(
    context: typer.Context,
    slug: Slug,
    *,
    newsletter: Newsletter = None,
    name: Annotated[str | None, typer.Option(help="As readers see it. [default: made from the slug]")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a topic that readers may choose.

    On their preferences page and when they join. Who chooses none gets all.

    Example: digest topic add food --name "Food and drink"
    """
    from digest.actions.topics import add_topic

    opened = open_app(context)
    chosen = _choose(opened, newsletter)
    topic = add_topic(opened.database, chosen, slug, name=name, now=opened.clock())
    if as_json:
        print_json(topic)
    note(f"readers of {chosen.name} may choose {topic.name}")


@app.command("list")
def list_all(context: typer.Context, newsletter: Newsletter = None, as_json: AsJson = False) -> None:
    """List the topics of a newsletter.

    With how many active readers have chosen each.

    Example: digest topic list --newsletter week
    """
    from digest.store.topics import count_choices, list_topics

    opened = open_app(context)
    chosen = _choose(opened, newsletter)
    with opened.database.read() as session:
        topics, counts = list_topics(session, chosen.id), count_choices(session, chosen.id)
    rows = [{"slug": one.slug, "name": one.name, "chosen_by": counts.get(one.slug, 0)} for one in topics]
    if as_json:
        print_json(rows)
        return
    print_table([tuple(row.values()) for row in rows], head=("slug", "name", "chosen by"))
    if not rows:
        note(f"{chosen.name} has no topics: every reader gets all", next_step="digest topic add SLUG")


@app.command()
def remove(
    context: typer.Context, slug: Slug, newsletter: Newsletter = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Remove a topic.

    Who had chosen it keeps their other topics; who had chosen it alone gets all again.

    Example: digest topic remove food --yes
    """
    from digest.actions.topics import remove_topic
    from digest.store.topics import get_topic

    opened = open_app(context)
    chosen = _choose(opened, newsletter)
    with opened.database.read() as session:
        topic = get_topic(session, chosen.id, slug)
    confirm(f"Remove the topic {topic.name} from {chosen.name} and from its readers' choices?", yes=yes)
    count = remove_topic(opened.database, chosen, slug, now=opened.clock())
    if as_json:
        print_json({"slug": slug, "removed": True, "chosen_by": count})
    note(f"removed {slug}; {count:,} had chosen it")


def _choose(opened: "App", slug: str | None) -> "Owner":
    from digest.actions.choose_newsletter import choose_newsletter

    with opened.database.read() as session:
        return choose_newsletter(session, slug)
