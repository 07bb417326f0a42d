"""The short form of every torture scenario on SQLite (tests/torture, docs/reliability.md)."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import torturing
from tests.torture.harness import Bench, open_bench

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with open_bench("sqlite") as bench:
        yield bench


def test_every_fault_of_every_phase_ends_as_it_should(bench: Bench) -> None:
    torturing.check_cells(bench)


def test_a_process_killed_at_a_commit_or_on_the_wire_loses_nobody_and_doubles_nobody(bench: Bench) -> None:
    torturing.check_crash_points(bench)


def test_processes_killed_at_random_under_faults_lose_nobody_and_double_nobody(bench: Bench) -> None:
    torturing.check_random_kills(bench)


def test_a_database_that_goes_away_loses_nobody_and_doubles_nobody(bench: Bench) -> None:
    torturing.check_broken_databases(bench)


def test_a_frozen_worker_and_a_clock_that_jumps_double_nobody(bench: Bench) -> None:
    torturing.check_frozen(bench)


def test_the_command_prints_one_object_and_appends_its_rounds(tmp_path: Path) -> None:
    words = [
        "--short",
        "--scenario",
        "random-kills",
        "--kills",
        "3",
        "--seed",
        "7",
        "--database",
        "sqlite://",
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture", *words, "--results", tmp_path / "rounds"],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {"recipients", "kills", "faults", "lost", "doubled", "uncertain", "violations"} <= told.keys()
    assert told["kills"] >= 3
    assert json.loads((tmp_path / "rounds").read_text().splitlines()[0])["seed"] == 7
