"""The short form of every torture scenario on SQLite (tests/torture, docs/reliability.md)."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests import torturing
from tests.command import run_digest
from tests.torture.cells import patiently
from tests.torture.harness import Bench, open_bench
from tests.torture.invariants import Result

COMMAND = "import runpy; runpy.run_module('tests.torture', run_name='__main__')"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with open_bench("sqlite", forked=True) as bench:
        yield bench


def test_every_fault_of_every_phase_ends_as_it_should(bench: Bench) -> None:
    torturing.check_cells(bench)


def test_a_process_killed_at_a_commit_or_on_the_wire_loses_nobody_and_doubles_nobody(bench: Bench) -> None:
    torturing.check_crash_points(bench)


def test_processes_killed_at_random_under_faults_lose_nobody_and_double_nobody(bench: Bench) -> None:
    torturing.check_random_kills(bench)


def test_faults_of_every_kind_at_random_lose_nobody_and_double_nobody(bench: Bench) -> None:
    torturing.check_random_faults(bench)


def test_a_database_that_goes_away_loses_nobody_and_doubles_nobody(bench: Bench) -> None:
    torturing.check_broken_databases(bench)


def test_a_goodbye_that_was_acknowledged_survives_every_kill(bench: Bench) -> None:
    torturing.check_goodbyes(bench)


def test_a_notice_outlives_every_kill_and_goes_out_once(bench: Bench) -> None:
    torturing.check_notices(bench)


def test_a_frozen_worker_and_a_clock_that_jumps_double_nobody(bench: Bench) -> None:
    torturing.check_frozen(bench)


def test_the_command_goes_on_where_its_file_of_rounds_ends_and_prints_one_object(tmp_path: Path) -> None:
    file = tmp_path / "rounds"
    before = Result("random-kills", "sqlite", seed=7, recipients=60, kills=9, faults=5)
    other = Result("random-kills", "postgres", seed=99, recipients=60, kills=9)
    file.write_text("".join(json.dumps(one.as_dict()) + "\n" for one in (before, other)))
    words = [
        "--short",
        "--scenario",
        "random-kills",
        "--kills",
        "11",
        "--seed",
        "7",
        "--database",
        "sqlite://",
        "--json",
        "--results",
    ]
    done = run_digest(*words, file, cwd=Path(__file__).parents[1], code=COMMAND)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {"recipients", "kills", "faults", "lost", "doubled", "uncertain", "violations"} <= told.keys()
    rounds = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["seed"] for one in rounds[2:]] == [8]
    assert told["kills"] == 9 + rounds[2]["kills"] >= 11


def test_what_goes_wrong_twice_is_told_and_what_only_a_slow_machine_did_is_not() -> None:
    asked: list[float] = []

    def rounds(patience: float, *, violations: list[list[str]]) -> Iterator[Result]:
        asked.append(patience)
        yield Result("cells", "sqlite", 0, violations=violations.pop(0))

    assert patiently(partial(rounds, violations=[["late"], []]), 0.1)[0].violations == []
    assert patiently(partial(rounds, violations=[["lost"], ["lost"]]), 0.1)[0].violations == ["lost"]
    assert patiently(partial(rounds, violations=[[]]), 0.1)[0].violations == []
    assert asked == [0.1, 2.0, 0.1, 2.0, 0.1]
