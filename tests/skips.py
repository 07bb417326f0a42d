"""Where everything is demanded (CI=true), a skipped test fails the run, and the run says which it was.

One exception: tests marked `corpus` read other people's feeds, which are not ours to publish. A clone has none, so they
may skip where nobody said where the feeds are and the usual place has none; the run names them in any case.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import demanded

FEEDS = "DIGEST_TEST_FEEDS"
"""The variable that names the folder of real feeds."""
_skipped: list[str] = []
_excused: list[str] = []


def feeds_folder() -> Path:
    """Where the real feeds are: outside the repository, beside it unless the variable says otherwise."""
    return Path(os.environ.get(FEEDS) or Path(__file__).parents[2] / "shared" / "feeds")


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "corpus: reads real feeds from outside the repository; may skip without them")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what is skipped: a test."""
    _remember(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember what is skipped: a whole file."""
    _remember(report)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run that skips is no success."""
    if hasattr(session.config, "workeroutput"):  # one of several processes: what whole files skip, only it knows
        session.config.workeroutput["skipped"] = list(_skipped)
        session.config.workeroutput["excused"] = list(_excused)
        return
    if _skipped and demanded() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Hear from a process that is done what it skipped."""
    told: dict[str, Sequence[str]] = getattr(node, "workeroutput", {})
    _skipped.extend(line for line in told.get("skipped", ()) if line not in _skipped)
    _excused.extend(line for line in told.get("excused", ()) if line not in _excused)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name them, under a heading of their own."""
    if _excused:
        terminalreporter.section("NOT TESTED: the real feeds are not here", yellow=True)
        for line in _excused:
            terminalreporter.write_line(line)
    if _skipped and demanded():
        terminalreporter.section("FAILED: nothing may be skipped here", red=True)
        for line in _skipped:
            terminalreporter.write_line(line)


def _remember(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        may_skip = (
            "corpus" in getattr(report, "keywords", ()) and not os.environ.get(FEEDS) and not feeds_folder().exists()
        )
        (_excused if may_skip else _skipped).append(f"{report.nodeid}: {reason}")
