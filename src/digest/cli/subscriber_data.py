"""`digest subscriber export-data` and `erase`: for the admin who answers a letter."""

from typing import Annotated

import typer

from digest.cli.context import open_app
from digest.cli.options import AsJson, Yes
from digest.cli.output import confirm, note, print_json

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An email address, however it is written.")]


def export_data(context: typer.Context, address: Address, as_json: AsJson = True) -> None:  # noqa: ARG001 - it is JSON always
    """Print all that is kept about a person.

    Subscriptions, consents, deliveries, events, as one JSON document: the same that their own page gives them.

    Example: digest subscriber export-data anna@example.org
    """
    from digest.actions.personal_data import personal_data

    opened = open_app(context)
    with opened.database.read() as session:
        told = personal_data(session, address, secret=opened.key)
    print_json(told)


def erase(context: typer.Context, address: Address, yes: Yes = False, as_json: AsJson = False) -> None:
    """Erase a person for good. Cannot be undone.

    Every trace but a keyed hash, which keeps imports from bringing them back.

    Example: digest subscriber erase anna@example.org --yes
    """
    from digest.actions.erasure import erase as erase_person
    from digest.store.subscribers import get_subscriber

    opened = open_app(context)
    with opened.database.read() as session:
        person = get_subscriber(session, address)
    confirm(f"Erase {person.address} for good?", yes=yes)
    clean = erase_person(opened.database, address, secret=opened.key, now=opened.clock())
    if as_json:
        print_json({"erased": True, "subscriber_id": person.id, "files_are_clean": clean})
    if clean:
        note("erased; nothing is left in the database's files. Backups made earlier still hold them")
        return
    step = "digest db tidy, when nothing else uses the database" if opened.database.is_sqlite else None
    note(
        "erased; free space and the write-ahead log may hold the address for a while, and so do backups", next_step=step
    )
