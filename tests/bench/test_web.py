"""The short form of the pages' load test: two seconds of it, with the slow and the broken."""

from pathlib import Path

from digest.store.database import Database
from tests.bench import web
from tests.web.served import served


def test_twenty_at_once_among_slow_and_broken_clients_get_their_pages(tmp_path: Path) -> None:
    figures = web.measure(tmp_path, seconds=2)
    assert (figures.failed, figures.one_clicks_failed) == (0, 0), figures
    assert figures.requests > web.AT_ONCE
    assert figures.one_clicks > 0
    assert figures.troublemakers > 5
    assert figures.memory_late - figures.memory_early < 30, figures  # flat is what the long form tells


def test_where_there_is_no_wrk_a_client_of_ours_asks_for_every_page(tmp_path: Path) -> None:
    web.fill(tmp_path)
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    with served(database, tmp_path) as site:
        asked, seconds, failed, _ = web.python_load(site.port, 0.1)
    database.close()
    assert asked >= web.AT_ONCE
    assert (failed, seconds > 0.1) == (0, True)
