"""`digest serve`: the daemon."""

import typer

from digest.cli.context import open_app
from digest.cli.pages import remark_on_pages


def serve(context: typer.Context) -> None:
    """Gather, publish and deliver until stopped.

    What is due is asked of the database, so a restart forgets nothing and other commands are heeded within a minute.
    SIGTERM and Ctrl-C finish the messages in hand, then stop. Logs go to stderr ([logs] in digest.toml).

    Example: digest --config /srv/digest/digest.toml serve
    """
    from digest.errors import Interrupted
    from digest.event_loop import run_async
    from digest.logs import set_up_logs
    from digest.workers.embedded import serve as serve_until_stopped

    app = open_app(context)
    set_up_logs(app.settings.logs.level, app.settings.logs.format)
    remark_on_pages(app.settings)
    app.transport()  # settings that cannot work are said now, not at the first slot
    app.signer()
    try:
        run_async(serve_until_stopped(app))
    except KeyboardInterrupt as broken:
        raise Interrupted("interrupted; what was sent is recorded", next_step="start it again to go on") from broken
