"""`digest issue`: the numbered editions of a newsletter."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.clocks import Clocks
from digest.cli.context import open_app
from digest.cli.options import AsJson, Newsletter, OnlyNewsletter
from digest.cli.output import note as remark
from digest.cli.output import print_facts, print_json, print_table

if TYPE_CHECKING:
    from digest.actions.variants import VariantsView
    from digest.app import App
    from digest.core.model import EditorNote, Issue
    from digest.core.model import Newsletter as Owner
    from digest.store.database import Session
    from digest.store.waves import Wave

app = typer.Typer(name="issue", no_args_is_help=True, help="Issues: list, show, approve, stop, and the editor's note.")

_SELECTIONS = 4
"""Of a variant, in a table."""

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The issue's number.")]


@app.command("list")
def list_(
    context: typer.Context,
    newsletter: OnlyNewsletter = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 30,
    as_json: AsJson = False,
) -> None:
    """List issues, skipped ones too, and what each waits for.

    Example: digest issue list --newsletter weekly
    """
    from digest.store.issues import list_issues
    from digest.store.newsletters import get_newsletter, list_newsletters

    with open_app(context).database.read() as session:
        chosen = get_newsletter(session, newsletter).id if newsletter else None
        issues = list_issues(session, newsletter_id=chosen, limit=limit)
        owners = {one.id: one for one in list_newsletters(session, removed=True)}
    if as_json:
        print_json([summary(issue, owners[issue.newsletter_id].slug) for issue in issues])
        return
    head = ("newsletter", "number", "slot", "state", "posts", "deliveries", "why")
    print_table([_row(issue, owners[issue.newsletter_id]) for issue in issues], head=head)
    if not issues:
        remark("no issue was made yet", next_step="digest plan shows when the next is due")


@app.command()
def show(
    context: typer.Context,
    number: Annotated[int | None, typer.Argument(metavar="NUMBER", help="Its number; else the newest.")] = None,
    newsletter: Newsletter = None,
    as_json: AsJson = False,
) -> None:
    """Show an issue: period, state, posts, variants.

    Posts in reading order; a variant is what readers of the same choice of topics and language get, with how many they are. Where readers' own
    clocks count, when each wave of them is due.

    Example: digest issue show 12
    """
    from digest.actions.variants import view_variants
    from digest.store.newsletters import newsletter_of_id
    from digest.store.waves import list_waves

    opened = open_app(context)
    with opened.database.read() as session:
        issue = _shown(session, newsletter, number)
        owner = newsletter_of_id(session, issue.newsletter_id)
        variants = view_variants(session, issue, owner, now=opened.clock())
        waves = list_waves(session, issue.id)
    if as_json:
        facts = {one.name: getattr(issue, one.name) for one in fields(issue)}
        print_json({**facts, "variants": variants, "waves": waves})
        return
    clocks = Clocks([owner])
    print_facts(clocks.shown(_facts(issue)))
    content = issue.content
    if content is not None:
        rows = [
            (group.label or group.kind, post.post_id, post.source, post.card.title)
            for group in content.groups
            for post in group.posts
        ]
        rows += [("more", post.post_id, post.source, post.card.title) for post in content.more]
        print_table(rows, head=("group", "id", "source", "title"))
        _print_variants(variants)
        _print_waves(waves, clocks)


@app.command()
def note(
    context: typer.Context,
    newsletter: Newsletter = None,
    *,
    text: Annotated[str | None, typer.Option(help="The words, in Markdown.")] = None,
    file: Annotated[Path | None, typer.Option(help="A Markdown file with the words.")] = None,
    author: Annotated[str | None, typer.Option(help="Who signs; else the newsletter's editor.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take back the note that waits.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write, show or take back the next issue's note.

    The editor's note stands above the posts. Without --text, --file or --clear the note that waits is shown.

    Example: digest issue note --text "Three people wrote in about *clay*."
    """
    from digest.actions.choose_newsletter import choose_newsletter

    opened = open_app(context)
    with opened.database.read() as session:
        owner = choose_newsletter(session, newsletter)
    if clear:
        _clear_note(opened, owner)
    elif text is None and file is None:
        _show_note(opened, owner, as_json=as_json)
        return
    else:
        _write_note(opened, owner, _words(text, file), author=author)
    if as_json:
        print_json({"newsletter": owner.slug, "note": None if clear else _waiting(opened, owner)})


def _print_waves(waves: "tuple[Wave, ...]", clocks: Clocks) -> None:
    """When it is due to whom; a wave of many zones names the first of them."""
    if waves:
        rows = [
            (clocks.say(one.at), one.readers, ", ".join(one.zones[:3]) + (", …" if len(one.zones) > 3 else ""))
            for one in waves
        ]
        print_table(rows, head=("due", "readers", "zones"))


def _print_variants(seen: "VariantsView") -> None:
    rows = [
        (one.key, one.language, one.posts, one.readers, "; ".join(one.chosen[:_SELECTIONS])
         + (f"; and {len(one.chosen) - _SELECTIONS} more" if len(one.chosen) > _SELECTIONS else ""))
        for one in seen.variants
    ]  # fmt: skip
    print_table(rows, head=("variant", "language", "posts", "readers", "who chose"))
    if seen.empty:
        remark(f"{_readers(seen.empty, 'gets', 'get')} nothing: it has no post of their topics")
    if seen.more:
        remark(f"{_readers(seen.more, 'is', 'are')} shown more than they chose: theirs was not rendered",
               next_step="digest newsletter edit SLUG --max-variants N")  # fmt: skip


def _readers(number: int, one: str, many: str) -> str:
    return f"1 reader {one}" if number == 1 else f"{number:,} readers {many}"


def _shown(session: "Session", slug: str | None, number: int | None) -> "Issue":
    from digest.actions.choose_issue import choose_issue, newest_issue
    from digest.actions.choose_newsletter import choose_newsletter
    from digest.errors import NotFound

    owner = choose_newsletter(session, slug)
    if number is not None:
        return choose_issue(session, owner, number)
    newest = newest_issue(session, owner)
    if newest is None:
        raise NotFound(f"{owner.slug} has no issue yet", next_step="digest preview shows the next one as it stands")
    return newest


def summary(issue: "Issue", slug: str) -> dict[str, Any]:
    """An issue without its content, for programs."""
    return {"newsletter": slug, **_facts(issue)}


def _facts(issue: "Issue") -> dict[str, Any]:
    content = issue.content
    return {
        "id": issue.id,
        "number": issue.number,
        "slot": issue.slot_key,
        "state": str(issue.state),
        "reason": issue.reason,
        "period_start": issue.period_start,
        "period_end": issue.period_end,
        "posts": None if content is None else len(content.posts),
        "more": None if content is None else len(content.more),
        "approve_by": issue.approve_by,
        "deliveries": issue.expected,
        "sending_at": issue.sending_at,
        "done_at": issue.done_at,
    }


def _row(issue: "Issue", owner: "Owner") -> tuple[Any, ...]:
    facts, by = _facts(issue), Clocks([owner]).say(issue.approve_by)
    why = issue.reason or (f"goes out by itself at {by}" if by else None)
    return (owner.slug, issue.number, issue.slot_key, facts["state"], facts["posts"], issue.expected, why)


def _words(text: str | None, file: Path | None) -> str:
    from digest.errors import DigestError, UsageError
    from digest.secret_files import reason_of

    if text is not None and file is not None:
        raise UsageError("give the words by --text or by --file, not both")
    if file is None:
        return text or ""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise DigestError(
            f"{file} cannot be read: {reason_of(fault)}", next_step="give a file of UTF-8 text"
        ) from fault


def _write_note(opened: "App", owner: "Owner", text: str, *, author: str | None) -> None:
    from digest.actions.notes import write_note

    with opened.database.write() as session:
        write_note(session, owner, text, author=author, now=opened.clock())
    remark(f"the next issue of {owner.slug} carries this note", next_step=f"digest preview --newsletter {owner.slug}")


def _show_note(opened: "App", owner: "Owner", *, as_json: bool) -> None:
    from digest.errors import NothingToDo

    waiting = _waiting(opened, owner)
    if as_json:
        print_json({"newsletter": owner.slug, "note": waiting})
    elif waiting is None:
        raise NothingToDo(f"no note waits for the next issue of {owner.slug}", next_step="write one with --text")
    else:
        typer.echo(waiting.text)


def _waiting(opened: "App", owner: "Owner") -> "EditorNote | None":
    from digest.store.notes import waiting_note

    with opened.database.read() as session:
        return waiting_note(session, owner.id)


def _clear_note(opened: "App", owner: "Owner") -> None:
    from digest.errors import NothingToDo
    from digest.store.notes import clear_note

    with opened.database.write() as session:
        if not clear_note(session, owner.id):
            raise NothingToDo(f"no note waits for the next issue of {owner.slug}")
    remark(f"the next issue of {owner.slug} has no note")
