"""Scenario 4: the database goes away: restarted at once, cut off during a commit, locked for too long, full."""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from itertools import count

from sqlalchemy import make_url

from tests.torture.cells import stderr
from tests.torture.cluster import Cluster, running_cluster
from tests.torture.crash_points import is_done
from tests.torture.harness import Bench, Place, is_stopped, open_bench, wait_until
from tests.torture.invariants import Result, examine

RECIPIENTS, CONNECTIONS = 40, 4
EXPECTED = {0, 4, 75, 74, 70, 69, 1}
ADDRESSES = [f"reader{number}@x.example" for number in range(RECIPIENTS)]


def run(bench: Bench, *, seed: int, short: bool, kills: int, faults: int) -> Iterator[Result]:
    """What can happen to this kind of database."""
    if bench.kind == "sqlite":
        for seconds in (1.5,) if short else (1.5, 4.0, 60.0):
            yield locked(bench, seed, seconds)
        for kilobytes in (8, 40, 150) if short else range(4, 260, 4):
            yield full(bench, seed, kilobytes)
        return
    for commit in (3, 8) if short else count(1):  # the eighth is a statement that commits itself
        rounds = [cut(bench, seed, commit, after=after) for after in (False, True)]
        yield from rounds
        if not any(one.faults for one in rounds):
            break  # these runs had fewer commits
    with running_cluster() as cluster, open_bench("postgres", cluster.server, forks=bench.forks) as own:
        for event in (20, 90) if short else range(5, 300, 5):
            yield restarted(own, cluster, seed, event)


def locked(bench: Bench, seed: int, seconds: float) -> Result:
    """Somebody else holds the write lock, for longer than the worker's busy timeout."""
    result = Result("database", bench.kind, seed)
    with bench.place(ADDRESSES, connections=CONNECTIONS, busy_timeout=0.2, patience=5.0) as place:
        place.start_mail(patience=5.0)
        locker, _ = place.other("locker", seconds=seconds, after=0.25)
        _end(place, place.work(), result, seconds=120)
        place.finish(locker, 90)
        _rest(place, result, broken=1)
    return _at(result, f"locked for {seconds} s")


def full(bench: Bench, seed: int, kilobytes: int) -> Result:
    """No file of the worker may grow beyond a size: the disk is full somewhere on the way."""
    result = Result("database", bench.kind, seed)
    with bench.place(ADDRESSES, connections=CONNECTIONS, patience=5.0) as place:
        place.start_mail(patience=5.0)
        _end(place, place.work(file_limit=kilobytes * 1024), result, seconds=60)
        # One batch of the ledger can find no space and the next, smaller one some: two messages a connection.
        _rest(place, result, broken=1)
    return _at(result, f"full after {kilobytes} KB")


def cut(bench: Bench, seed: int, commit: int, *, after: bool) -> Result:
    """The connection ends during the n-th commit: before Postgres hears of it, or before we hear from Postgres."""
    result = Result("database", bench.kind, seed)
    with bench.place(ADDRESSES, connections=CONNECTIONS, patience=5.0) as place:
        url = make_url(place.url)
        host, port = url.query.get("host", url.host), url.query.get("port", url.port or 5432)
        place.start_mail(patience=5.0)
        _, proxy = place.other("proxy", host=host, port=int(port), at=commit, after=after)
        through = url.difference_update_query(["host", "port"]).set(host="127.0.0.1", port=proxy)
        through = through.update_query_dict({"sslmode": "disable", "gssencmode": "disable"})
        work = place.work(database=through.render_as_string(hide_password=False))
        _end(place, work, result, seconds=60)
        _rest(place, result, broken=int((place.folder / "cut").exists()))
    return _at(result, f"cut {'after' if after else 'before'} commit {commit}")


def restarted(bench: Bench, cluster: Cluster, seed: int, event: int) -> Result:
    """Postgres is restarted at once, in mid-send: the worker waits at that event on the wire meanwhile."""
    result = Result("database", bench.kind, seed)
    with bench.place(ADDRESSES, connections=CONNECTIONS, patience=20.0) as place:
        place.start_mail(patience=20.0)
        pid = place.work(wire={"at": event, "signal": int(signal.SIGSTOP)})
        wait_until(lambda: is_stopped(pid))
        cluster.restart()
        place.database.engine.dispose()
        os.kill(pid, signal.SIGCONT)
        _end(place, pid, result, seconds=60)
        place.aim.drop()
        _rest(place, result, broken=1)
    return _at(result, f"restarted at event {event}")


def _at(result: Result, where: str) -> Result:
    result.violations = [f"{line}: {where}" for line in result.violations]
    return result


def _end(place: Place, pid: int, result: Result, *, seconds: float) -> None:
    status = place.finish(pid, seconds)
    if status not in EXPECTED:
        result.violations.append(f"[crashed] the worker ended with {status}: {stderr(place)}")


def _rest(place: Place, result: Result, *, broken: int) -> None:
    """The database is well again; a broken database leaves no more unknown than a kill."""
    for _ in range(4):
        place.clock.jump(timedelta(minutes=16))
        place.run_kept()
        if is_done(place):
            break
    examine(place, result, connections=CONNECTIONS, kills=place.kills + broken)
    result.kills, result.faults = place.kills, result.faults + broken
