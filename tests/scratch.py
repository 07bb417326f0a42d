"""Where a test run keeps what it throws away, so that two cores spend their time on tests.

Measured on a rented machine: a commit of SQLite took 7.5 ms on its disk and 0.01 ms in memory, a database of Postgres
700 ms and 45 ms, and a start of `digest` 2.0 s without and 0.7 s with compiled modules. What a kill or a full disk does
to the data is the same in memory; only a power cut is not, and no test makes one.
"""

import contextlib
import gc
import importlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

MEMORY = Path("/dev/shm")
ENOUGH = 2 << 30  # bytes; containers often have 64 MB there


def scratch_root() -> Path:
    """A folder in memory where there is plenty, else the usual one for temporary files."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH
    return MEMORY if roomy else Path(tempfile.gettempdir())


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Before any worker or process of a test starts: they inherit this environment."""
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(scratch_root()))
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None) and (cache := getattr(session.config, "cache", None)):
        # Images of containers say so to stay small. Every `digest` would compile a hundred thousand lines again.
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(cache.mkdir("pycache")))


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Nothing that collecting makes is thrown away: looking for garbage meanwhile was a tenth of its CPU, in each process."""
    gc.disable()
    try:
        _load_by_turns(session.config)
        return (yield)
    finally:
        gc.enable()


def _load_by_turns(config: pytest.Config) -> None:
    """Each process of a whole run begins with other files: what one has compiled the others read, where a clone is new."""
    told: dict[str, Any] = getattr(config, "workerinput", {})
    if not told or [Path(place).name for place in config.args] != config.getini("testpaths"):
        return
    files = sorted(file.relative_to(config.rootpath) for file in (config.rootpath / "tests").rglob("test_*.py"))
    first = len(files) * int(told["workerid"].removeprefix("gw")) // told["workercount"]
    for file in (*files[first:], *files[:first]):
        with contextlib.suppress(Exception, pytest.skip.Exception):  # collecting will tell of it
            importlib.import_module(".".join(file.with_suffix("").parts))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Thousands of collected tests stay to the end: the collector of garbage need not walk them each time (a tenth of the CPU)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # what tests leave is seldom in cycles: collecting it less often saves a twelfth
