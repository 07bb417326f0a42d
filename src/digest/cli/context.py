"""What a command needs of the deployment, opened when first needed: `open_app`, or only its database."""

import shlex
from typing import TYPE_CHECKING

import typer

from digest.cli.output import note

if TYPE_CHECKING:
    from digest.app import App
    from digest.store.database import Database


def open_app(context: typer.Context) -> "App":
    """Settings → App, closed with the command.

    Raises:
        SettingsError: the settings are wrong.
        DatabaseError: the database is missing, older or newer than the program.
    """
    from digest.app import App
    from digest.config import Settings

    root = context.find_root()
    settings = Settings.load(root.obj)
    for file in settings.open_secrets():
        note(f"warning: everybody on this machine may read {file}", next_step=f"chmod 600 {shlex.quote(str(file))}")
    app = App.open(settings)
    root.call_on_close(app.close)
    return app


def open_database(context: typer.Context, *, is_there: bool = False) -> "Database":
    """The database of the settings as it is: missing (unless it must be there), older or damaged, for the commands that mend it.

    Raises:
        SettingsError: the settings are wrong.
        DatabaseError: it must be there, and is not.
    """
    from digest.app import connect, step_without_database
    from digest.config import Settings
    from digest.store.schema import check_file

    root = context.find_root()
    settings = Settings.load(root.obj)
    database = connect(settings)
    root.call_on_close(database.close)
    if is_there:
        check_file(database, missing=step_without_database(settings))
    return database
