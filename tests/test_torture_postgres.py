"""The short form of every torture scenario on Postgres (tests/torture, docs/reliability.md)."""

from collections.abc import Iterator

import pytest

from tests import torturing
from tests.postgres import Server
from tests.torture.harness import Bench, open_bench

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def bench(postgres_server: Server) -> Iterator[Bench]:
    with open_bench("postgres", postgres_server, forked=True) as bench:
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
