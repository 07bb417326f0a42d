"""`digest topic`: what a newsletter writes about, as its readers may choose it."""

from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.context import open_app
from digest.cli.options import AsJson, Newsletter, Yes
from digest.cli.output import confirm, note, print_json, print_table

if TYPE_CHECKING:
    from digest.app import App
    from digest.core.model import Newsletter as Owner
    from digest.core.model import TopicRule

app = typer.Typer(name="topic", no_args_is_help=True, help="What a newsletter writes about, for readers to choose.")

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="Its short name: lower-case letters, digits, hyphens.")]


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

    On their preferences page and when they join. Who chooses none gets all. Posts labelled with its name are of it; `digest topic map` adds others.

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

    With the rules that say which posts are of each, how many posts of it wait for an issue, and how many readers have chosen it.

    Example: digest topic list --newsletter week
    """
    from digest.actions.topics import view_topics

    opened = open_app(context)
    chosen = _choose(opened, newsletter)
    with opened.database.read() as session:
        topics, waiting, of_none = view_topics(session, chosen)
    if as_json:
        print_json([{"slug": one.slug, "name": one.name, "chosen_by": one.chosen_by, "waiting": one.waiting,
                     "rules": [_rule(rule) for rule in one.rules]} for one in topics])  # fmt: skip
        return
    print_table([(one.slug, one.name, one.chosen_by, one.waiting, "; ".join(map(_words, one.rules))) for one in topics],
                head=("slug", "name", "chosen by", "posts waiting", "posts of"))  # fmt: skip
    if not topics:
        note(f"{chosen.name} has no topics: every reader gets all", next_step="digest topic add SLUG")
    elif of_none:
        note(f"{of_none} of {waiting} posts that wait are of no topic: only who chose all topics gets them",
             next_step="digest topic map SLUG --label PATTERN")  # fmt: skip


@app.command("map")
def map_(
    context: typer.Context,
    slug: Slug,
    *,
    newsletter: Newsletter = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE", help="Posts of this source; or of those whose title or address a * pattern matches."
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Posts with this label or tag; * stands for anything."),
    ] = None,
    post: Annotated[list[str] | None, typer.Option(metavar="POST", help="This post: its id, link or title.")] = None,
    not_: Annotated[
        bool, typer.Option("--not", help="What matches is not of the topic, whatever else matches.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Take these rules away.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say which posts are of a topic.

    By source, by label (a feed's categories, Markdown's tags) or by hand, each as often as you like; without any, shows the topic's rules. A rule of a post decides alone. Counts from the next issue on: what was issued keeps its topics.

    Example: digest topic map food --label "recipe*" --source "Lower Mill"
    """
    from digest.actions.topics import find_rules, map_topic, unmap_topic
    from digest.store.topics import get_topic, list_rules

    opened = open_app(context)
    chosen = _choose(opened, newsletter)
    if forget and not_:
        raise typer.BadParameter("--not and --forget don't go together")
    with opened.database.read() as session:
        get_topic(session, chosen.id, slug)
        given = find_rules(session, sources=source or (), labels=label or (), posts=post or ())
    if forget and given:
        unmap_topic(opened.database, chosen, slug, given, now=opened.clock())
    elif given:
        map_topic(opened.database, chosen, slug, given, wanted=not not_, now=opened.clock())
    with opened.database.read() as session:
        rules = [rule for rule in list_rules(session, chosen.id) if rule.topic == slug]
    if as_json:
        print_json({"topic": slug, "rules": [_rule(rule) for rule in rules]})
        return
    print_table([tuple(_rule(rule).values()) for rule in rules], head=("of", "pattern", "is"))
    if rules:
        note(
            f"from the next issue on, {slug} has what these match",
            next_step="digest topic list: how many posts wait of each",
        )
    else:
        note(f"no post is of {slug}", next_step=f"digest topic map {slug} --label PATTERN")


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


def _rule(rule: "TopicRule") -> dict[str, str]:
    return {"of": str(rule.kind), "pattern": rule.pattern, "is": "of it" if rule.wanted else "not of it"}


def _words(rule: "TopicRule") -> str:
    return f"{'' if rule.wanted else 'not '}{rule.kind} {rule.pattern}"


def _choose(opened: "App", slug: str | None) -> "Owner":
    from digest.actions.choose_newsletter import choose_newsletter

    with opened.database.read() as session:
        return choose_newsletter(session, slug)
