"""`digest links`: the keys that sign what readers open, from their mails."""

import typer

from digest.cli.context import open_app
from digest.cli.options import AsJson, Yes
from digest.cli.output import confirm, note, print_json

app = typer.Typer(name="links", no_args_is_help=True, help="The keys that sign readers' links.")


@app.command()
def rotate(context: typer.Context, yes: Yes = False, as_json: AsJson = False) -> None:
    """Sign new links with a new key.

    Links of old mails go on working: every older key stays, and still verifies. A daemon that runs takes the new one by itself. Refused while an issue is on its way,
    because a message has the same bytes on every attempt.

    Example: digest links rotate --yes
    """
    from digest.errors import Conflict
    from digest.secret_files import add_key
    from digest.store.sending import issues_on_their_way

    opened = open_app(context)
    with opened.database.read() as session:
        if busy := issues_on_their_way(session):
            told = " and ".join(f"issue {number} of {slug}" for slug, number in busy)
            on_its_way, is_done = (
                ("is on its way", "it is done") if len(busy) == 1 else ("are on their way", "all are done")
            )
            slug, number = busy[0]
            raise Conflict(
                f"{told} {on_its_way}, with links of the present key",
                next_step=f"wait until {is_done}, or end it: digest issue cancel {number} --newsletter {slug}",
            )
    file = opened.settings.link_keys_file
    confirm(f"Make a new key in {file} and sign all links with it from now on?", yes=yes)
    add_key(file)
    kept = len(opened.settings.link_keys())
    if as_json:
        print_json({"file": str(file), "keys": kept})
    note(
        f"new links are signed with a new key; {kept} in {file}",
        next_step=f"back up {file.parent}: without these keys nobody can leave by an old mail",
    )
