"""`digest post`: what was gathered, and the editor's hand on it before an issue takes it."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.clocks import Clocks, clocks_of
from digest.cli.context import open_app
from digest.cli.options import AsJson, OnlyNewsletter
from digest.cli.output import note, print_facts, print_json, print_table

if TYPE_CHECKING:
    from digest.core.states import ClaimState
    from digest.store.database import Session
    from digest.store.places import Place

app = typer.Typer(name="post", no_args_is_help=True, help="Gathered posts: list, hold, release, exclude, pin.")

Words = Annotated[str, typer.Argument(metavar="POST", help="Its id, its link, or a part of its title.")]


class State(StrEnum):
    """What `--state` accepts: the states of a claim (core/states, which is too heavy for --help)."""

    BASELINE = "baseline"
    PENDING = "pending"
    HELD = "held"
    ISSUED = "issued"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"
    EXCLUDED = "excluded"


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[
        list[State] | None, typer.Option(metavar="|".join(State), help="Only in this state; may be given again.")
    ] = None,
    newsletter: OnlyNewsletter = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List posts and where each stands.

    That is its place in each newsletter's cadence.

    Example: digest post list --state held --state pending
    """
    from digest.core.states import ClaimState
    from digest.store.places import list_places

    with open_app(context).database.read() as session:
        places = list_places(
            session,
            newsletter_id=_newsletter_id(session, newsletter),
            states=[ClaimState(one) for one in state or ()],
            limit=limit,
        )
        clocks = clocks_of(session)
    _print(places, clocks, as_json=as_json)
    if not places:
        note(
            "no post is there" + (" that fits" if state else ""), next_step="digest source list tells when each is read"
        )


@app.command()
def show(context: typer.Context, post: Words, as_json: AsJson = False) -> None:
    """Show one post: what it says and where it stands.

    Example: digest post show "harbour lights"
    """
    from digest.store.places import find_post, list_places

    with open_app(context).database.read() as session:
        found = find_post(session, post)
        places, clocks = list_places(session, post_id=found.id), clocks_of(session)
    if as_json:
        print_json({"post": found, "places": places})
        return
    told = clocks.shown(
        {
            "id": found.id,
            "title": found.title,
            "link": found.link,
            "source": found.source,
            "author": found.card.author,
            "topics": ", ".join(found.card.topics),
            "counts_from": found.effective_at,
            "first_seen": found.seen_at,
            "lead": found.card.lead,
        }
    )
    print_facts(told)
    _print(places, clocks, as_json=False)


@app.command()
def hold(context: typer.Context, post: Words, newsletter: OnlyNewsletter = None, as_json: AsJson = False) -> None:
    """Keep a post out of the issues, until it is released.

    Example: digest post hold 17
    """
    _curate(context, post, "hold", newsletter, as_json=as_json)


@app.command()
def release(context: typer.Context, post: Words, newsletter: OnlyNewsletter = None, as_json: AsJson = False) -> None:
    """Let a post into the next issue after all.

    One that is held, excluded, withdrawn or from before the start.

    Example: digest post release https://blog.example/a-post.html
    """
    _curate(context, post, "release", newsletter, as_json=as_json)


@app.command()
def exclude(context: typer.Context, post: Words, newsletter: OnlyNewsletter = None, as_json: AsJson = False) -> None:
    """Never mail a post that waits or is held.

    digest post release takes it back.

    Example: digest post exclude "sponsored" --newsletter weekly
    """
    _curate(context, post, "exclude", newsletter, as_json=as_json)


@app.command()
def pin(context: typer.Context, post: Words, newsletter: OnlyNewsletter = None, as_json: AsJson = False) -> None:
    """Put a post at the head of its issue.

    Beyond every limit.

    Example: digest post pin 17 --newsletter weekly
    """
    _curate(context, post, "pin", newsletter, as_json=as_json)


@app.command()
def unpin(context: typer.Context, post: Words, newsletter: OnlyNewsletter = None, as_json: AsJson = False) -> None:
    """Take a pinned post down to its place.

    Example: digest post unpin 17
    """
    _curate(context, post, "unpin", newsletter, as_json=as_json)


def _curate(context: typer.Context, words: str, move: str, newsletter: str | None, *, as_json: bool) -> None:
    from digest.actions.curate import Move, curate_post
    from digest.errors import NothingToDo
    from digest.store.places import find_post

    opened = open_app(context)
    with opened.database.write() as session:
        post = find_post(session, words)
        moved = curate_post(
            session, post.id, Move(move), newsletter_id=_newsletter_id(session, newsletter), now=opened.clock()
        )
        clocks = clocks_of(session)
    if not moved:
        raise NothingToDo(f"post {post.id} {post.title!r} stands there already")
    note(f"post {post.id}: {post.title}")
    _print(moved, clocks, as_json=as_json)


def _newsletter_id(session: "Session", slug: str | None) -> int | None:
    from digest.store.newsletters import get_newsletter

    return get_newsletter(session, slug).id if slug else None


def _print(places: "tuple[Place, ...]", clocks: Clocks, *, as_json: bool) -> None:
    if as_json:
        print_json(places)
        return
    head = ("id", "date", "source", "title", "newsletter", "cadence", "state", "why")
    print_table([_row(place, clocks) for place in places], head=head)


def _row(place: "Place", clocks: Clocks) -> tuple[Any, ...]:
    state: ClaimState | str = f"{place.state}, pinned" if place.pinned else place.state
    why = f"issue {place.issue_number}" if place.issue_number else place.reason
    at = clocks.say(place.effective_at, place.newsletter)
    return (place.post_id, at, place.source, place.title, place.newsletter, place.cadence, state, why)
