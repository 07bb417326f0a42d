"""Scenario 7: a web process that is killed at random while readers leave by one click: who was answered 200 has left."""

import http.client
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from sqlalchemy import text

from digest.core.links import Purpose, sign
from tests import cast
from tests.torture.cells import stderr
from tests.torture.harness import Bench, Place
from tests.torture.invariants import Result

READERS, CLIENTS, KILLS_A_ROUND = 1500, 4, 40
SHORT_READERS, SHORT_KILLS = 400, 15
BODY = "List-Unsubscribe=One-Click"
HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Host": "localhost"}


@dataclass
class Crowd:
    """Readers who want to leave, and those who were told that they have."""

    waiting: SimpleQueue[int] = field(default_factory=SimpleQueue)
    told: list[int] = field(default_factory=list)
    broken: int = 0  # answers that were cut off by a kill
    is_over: bool = False


def run(bench: Bench, *, seed: int, short: bool, kills: int, faults: int) -> Iterator[Result]:
    """Rounds until there were so many kills (200 in the long form)."""
    wanted = min(kills, SHORT_KILLS if short else 200)
    done = 0
    while done < wanted:
        result = one_round(
            bench, seed, readers=SHORT_READERS if short else READERS, most=min(KILLS_A_ROUND, wanted - done)
        )
        yield result
        done += max(1, result.kills)
        seed += 1


def one_round(bench: Bench, seed: int, *, readers: int, most: int) -> Result:
    """So many kills, or as many as fit until everybody has left; then one process that is left alone."""
    dice, result, crowd = random.Random(seed), Result("goodbyes", bench.kind, seed), Crowd()
    with bench.place([f"reader{number}@x.example" for number in range(readers)]) as place:
        ties = _ties(place)
        for number in range(readers):
            crowd.waiting.put(sorted(ties)[number])
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        clients = [threading.Thread(target=_leave, args=(crowd, ties, port)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            while place.kills < most and not crowd.waiting.empty():
                _serve_and_kill(place, port, dice.uniform(0.0, 0.15), result)
                _check(place, crowd, result)
        finally:
            crowd.is_over = True
            for client in clients:
                client.join()
        result.recipients, result.kills = len(crowd.told), place.kills
        result.extra = {"broken": crowd.broken}
        _check(place, crowd, result)
    return result


def _serve_and_kill(place: Place, port: int, after: float, result: Result) -> None:
    """A web process, ended by SIGKILL so many seconds after it answers."""
    pid, _ = place.other("web", web_port=port)
    _wait_until_up(port)
    time.sleep(after)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    status = place.finish(pid)
    if status != -signal.SIGKILL:
        result.violations.append(f"[crashed] the pages ended with {status}: {stderr(place)} (seed {result.seed})")


def _leave(crowd: Crowd, ties: dict[int, int], port: int) -> None:
    """One client: post, and try again whatever was not answered by 200."""
    while not crowd.is_over:
        try:
            who = crowd.waiting.get(timeout=0.05)
        except Empty:
            continue
        token = sign(cast.KEY, Purpose.UNSUBSCRIBE, who, ties[who])
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
                connection.request("POST", f"/unsubscribe/{token}", BODY, HEADERS)
                status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        if status == 200:
            crowd.told.append(who)
        else:
            crowd.broken += 1
            crowd.waiting.put(who)
            time.sleep(0.05)


def _check(place: Place, crowd: Crowd, result: Result) -> None:
    """Who was told so has left, whatever was killed since."""
    told = list(crowd.told)
    with place.database.read() as session:
        ended = set(session.execute(text("SELECT subscriber_id FROM subscription WHERE state = 'ended'")).scalars())
    if lost := sorted(set(told) - ended):
        result.lost += len(lost)
        result.violations.append(f"[lost] told that they have left, and have not: {lost} (seed {result.seed})")


def _ties(place: Place) -> dict[int, int]:
    with place.database.read() as session:
        rows = session.execute(text("SELECT subscriber_id, newsletter_id FROM subscription WHERE state = 'active'"))
        return {row.subscriber_id: row.newsletter_id for row in rows}


def _wait_until_up(port: int) -> None:
    for _ in range(400):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with suppress(OSError, http.client.HTTPException), closing(connection):
            connection.request("OPTIONS", "/unsubscribe/x", headers=HEADERS)
            connection.getresponse().read()
            return
        time.sleep(0.02)
