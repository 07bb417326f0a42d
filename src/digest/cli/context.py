"""What a command needs of the deployment, opened when first needed: `open_app`, or only its database."""

from typing import TYPE_CHECKING

import typer

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
    app = App.open(Settings.load(root.obj))
    root.call_on_close(app.close)
    return app


def open_database(context: typer.Context) -> "Database":
    """The database of the settings as it is: missing, older or damaged, for the commands that mend it.

    Raises:
        SettingsError: the settings are wrong.
    """
    from digest.app import connect
    from digest.config import Settings

    root = context.find_root()
    database = connect(Settings.load(root.obj))
    root.call_on_close(database.close)
    return database
