"""`digest serve`: the daemon, and the readers' pages."""

from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.context import open_app
from digest.cli.output import note

if TYPE_CHECKING:
    from digest.app import App


def serve(
    context: typer.Context,
    *,
    only_web: Annotated[
        bool, typer.Option("--only-web", help="Serve the readers' pages and nothing else: another process sends.")
    ] = False,
) -> None:
    """Gather, publish and deliver until stopped.

    Serves the readers' pages, too, where web.base_url is set (docs/web.md). What is due is asked of the database, so a restart forgets nothing and other commands are heeded within a minute.
    SIGTERM and Ctrl-C finish the messages in hand, then stop. Logs go to stderr ([logs] in digest.toml).

    Example: digest --config /srv/digest/digest.toml serve
    """
    from digest.errors import Interrupted, SettingsError
    from digest.event_loop import run_async
    from digest.logs import set_up_logs

    app = open_app(context)
    web = app.settings.web
    set_up_logs(app.settings.logs.level, app.settings.logs.format)
    if only_web and not web.base_url:
        raise SettingsError(
            "web.base_url is not set: nobody could reach the pages", next_step="set base_url under [web] in digest.toml"
        )
    if not only_web:
        app.transport()  # settings that cannot work are said now, not at the first slot
        app.signer()
    if not web.base_url:
        note("no pages are served: readers leave by a mail to the reply address", next_step="docs/web.md tells how")
    try:
        run_async(_serve(app, with_mail=not only_web, with_web=bool(web.base_url and (web.serve or only_web))))
    except KeyboardInterrupt as broken:
        raise Interrupted("interrupted; what was sent is recorded", next_step="start it again to go on") from broken


async def _serve(app: "App", *, with_mail: bool, with_web: bool) -> None:
    """Both at once; where one cannot go on, the other is stopped, too."""
    import asyncio
    from collections import deque
    from datetime import datetime

    from digest.event_loop import stop_on_signals

    stop, bell = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    stop_on_signals(stop)
    work, turns = [], deque[datetime](maxlen=1)
    if with_mail:
        from digest.workers.embedded import serve as serve_mail

        work.append(serve_mail(app, stop=stop, knock=bell, on_turn=turns.append))
    if with_web:
        from digest.web.desk import Desk
        from digest.web.server import serve_site

        def knock() -> None:  # from whichever thread
            loop.call_soon_threadsafe(bell.set)

        desk = Desk(app=app, knock=knock, turned_at=lambda: turns[-1] if turns else None)
        work.append(serve_site(desk, stop=stop))
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        task.result()
