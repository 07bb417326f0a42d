"""Notices have a loop of their own: somebody who has just confirmed does not wait for a long issue."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from tests.processes import Inbox, add_sending_issue, mail_server
from tests.workers.test_embedded import open_app, until

from digest.app import App
from digest.clock import system_clock
from digest.config import MailSettings, SmtpSettings
from digest.core.states import NoticeKind
from digest.store.database import Database
from digest.store.issues import list_issues
from digest.store.notices import insert_notice, list_notices
from digest.workers.embedded import serve


def test_a_long_issue_delays_no_notice(sqlite_database: Database, tmp_path: Path) -> None:
    add_sending_issue(sqlite_database, 60)

    async def live(inbox: Inbox, app: App) -> None:
        stop, knock = asyncio.Event(), asyncio.Event()
        daemon = asyncio.create_task(serve(app, heartbeat=timedelta(seconds=60), stop=stop, knock=knock))
        await until(lambda: len(inbox.log) >= 2)
        with sqlite_database.write() as session:
            query = text("SELECT newsletter_id, subscriber_id FROM subscription WHERE state = 'active'")
            newsletter, reader = session.execute(query).first() or (0, 0)
            insert_notice(
                session, kind=NoticeKind.WELCOME, newsletter_id=newsletter, subscriber_id=reader, now=system_clock()
            )
        knock.set()
        await until(lambda: is_accepted(sqlite_database), seconds=10)
        with sqlite_database.read() as session:
            assert [str(issue.state) for issue in list_issues(session)] == ["sending"]
        stop.set()
        await asyncio.wait_for(daemon, 20)

    with mail_server(seconds=0.5) as (inbox, port):
        app = open_app(sqlite_database, tmp_path)
        smtp = SmtpSettings(host="127.0.0.1", port=port, security="plain", connections=2)
        settings = {"smtp": smtp, "mail": MailSettings(transport="smtp")}
        asyncio.run(live(inbox, replace(app, settings=app.settings.model_copy(update=settings))))


def is_accepted(database: Database) -> bool:
    with database.read() as session:
        return [str(one.state) for one in list_notices(session)] == ["accepted"]
