"""Scenario 1: every fault of every phase, one cell a recipient; what comes of each is known beforehand."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import zip_longest

from tests.torture.faults import ANSWERS, CODES, ENDS, SILENT, Cell
from tests.torture.harness import Bench, Place
from tests.torture.invariants import Result, examine, list_ledger
from tests.torture.oracle import Heard, read_log

CONNECTIONS = 8
BY_RECIPIENT = ("rcpt", "data", "body", "dot", "after", "rset")
"""Phases in which the server knows whom a message is for; pipelined, MAIL too."""

BY_TURN = ("connect", "greeting", "ehlo", "starttls", "tls", "auth", "mail")
"""Phases of a connection: each fault is shown once, to whoever comes."""

GOODBYES = {"count": ("close 1", "close 2", "close 3", "421 5", "421 3", "421 2", "421 1"), "quit": ANSWERS["quit"]}
"""Ends of connections after so many messages; what the 421s teach is one message a connection, then QUIT, again and again."""


def recipient_cells(*, pipelining: bool) -> list[Cell]:
    """Each answer at the first attempt, at the first two, and deferrals for ever."""
    phases = ("mail", *BY_RECIPIENT) if pipelining else BY_RECIPIENT
    cells = [Cell(phase, answer, times) for phase in phases for answer in ANSWERS[phase] for times in (1, 2)
             if times == 1 or answer in CODES or answer in ENDS]  # fmt: skip
    # A refusal of the sender for ever would pause the issue for ever.
    always = [Cell(phase, code, 10**6) for phase in ("rcpt", "data", "dot") for code in CODES if code[0] == "4"]
    plain = [Cell("none", "none")] * (len(cells) // 2)  # so that no five refusals of the sender stand in a row
    return [cell for pair in zip_longest(cells + always, plain) for cell in pair if cell]


def turn_cells() -> dict[str, tuple[str, ...]]:
    """The faults of connections."""
    return {phase: ANSWERS[phase] for phase in BY_TURN}


def count_cells() -> int:
    """How many cells there are, on each database and with each policy."""
    by_recipient = sum(
        cell.phase != "none" for pipelining in (True, False) for cell in recipient_cells(pipelining=pipelining)
    )
    return by_recipient + sum(map(len, turn_cells().values())) + sum(map(len, GOODBYES.values()))


def run(bench: Bench, *, seed: int, short: bool, kills: int, faults: int) -> Iterator[Result]:
    """Pipelined, one by one, and encrypted; each with what nobody knows of held, and then sent again."""
    for rounds, patience in (
        (partial(recipients, pipelining=True), 0.4),
        (partial(recipients, pipelining=False), 0.4),
        (connections, 0.12),
        (goodbyes, 0.12),
    ):
        yield from patiently(partial(rounds, bench, seed), patience)


def patiently(rounds: Callable[[float], Iterator[Result]], patience: float) -> list[Result]:
    """The rounds; once more with patience of seconds where one went wrong.

    A server that gets no processor for a tenth of a second looks like one that hangs, and that is no fault of digest's.
    What is one goes wrong again.
    """
    results = list(rounds(patience))
    return list(rounds(2.0)) if any(one.violations for one in results) else results


def recipients(bench: Bench, seed: int, patience: float, *, pipelining: bool) -> Iterator[Result]:
    """One cell a recipient."""
    cells = recipient_cells(pipelining=pipelining)
    addresses = [f"cell-{number}@x.example" for number in range(len(cells))]
    with bench.place(addresses, connections=CONNECTIONS, patience=patience) as place:
        plan = {"cells": [(cell.phase, cell.answer, cell.times) for cell in cells]}
        place.start_mail(plan=plan, pipelining=pipelining, patience=patience)
        result, heard = _hold(place, bench.kind, seed, CONNECTIONS)
        _check_ends(place, cells, result, heard)
        result.extra = {"cells": sum(cell.phase != "none" for cell in cells)}
        yield result
        yield _resend(place, bench.kind, seed, CONNECTIONS)


def connections(bench: Bench, seed: int, patience: float) -> Iterator[Result]:
    """Faults of connections, over STARTTLS with a login; there are more readers than faults."""
    turns = turn_cells()
    addresses = [f"reader{number}@x.example" for number in range(200)]
    authority, certificates = bench.certificates()
    with bench.place(addresses, connections=2, patience=patience, authority=authority) as place:
        place.start_mail(plan={"turns": turns}, certificates=certificates, patience=patience)
        result, heard = _hold(place, bench.kind, seed, 2)
        shown = sum(number for phase, number in heard.faults.items() if phase in turns)
        result.extra = {"cells": sum(map(len, turns.values())), "turns_shown": shown}
        yield result
        yield _resend(place, bench.kind, seed, 2)


def goodbyes(bench: Bench, seed: int, patience: float) -> Iterator[Result]:
    """Every end after n messages, and every fault of QUIT, on which nothing depends."""
    addresses = [f"reader{number}@x.example" for number in range(17 + len(GOODBYES["quit"]))]
    with bench.place(addresses, connections=1, patience=patience) as place:
        place.start_mail(plan={"turns": GOODBYES}, patience=patience)
        result, heard = _hold(place, bench.kind, seed, 1)
        if any(row["state"] != "accepted" for row in list_ledger(place)):
            result.violations.append("[end] a goodbye cost somebody a message")
        result.extra = {
            "cells": sum(map(len, GOODBYES.values())), "turns_shown": sum(heard.faults[phase] for phase in GOODBYES)
        }  # fmt: skip
        yield result


def _hold(place: Place, kind: str, seed: int, most: int) -> tuple[Result, Heard]:
    """The policy of digest itself: what is unknown stays unknown."""
    result = Result("cells", kind, seed)
    _drive(place, result)
    return result, examine(place, result, connections=most)


def _resend(place: Place, kind: str, seed: int, most: int) -> Result:
    """The operator sends again whatever nobody knows of, and once more what was lost on that way, too."""
    before = sum(read_log(place.folder / "oracle.jsonl").faults.values())
    result, asked = Result("cells", kind, seed), Counter[str]()
    for _ in range(3):
        if not (held := [row["address"] for row in list_ledger(place) if row["state"] == "uncertain"]):
            break
        asked.update(held)
        place.operate("retry", **place.options)
        _drive(place, result)
    if any(row["state"] == "uncertain" for row in list_ledger(place)):
        result.violations.append("[end] the operator sent it three times, and some are still unknown")
    examine(place, result, connections=most, resent=asked)
    result.faults -= before
    return result


def _drive(place: Place, result: Result) -> None:
    status = place.run(verb="drive", runs=80, seconds=240)
    if status != 0:
        result.violations.append(f"[crashed] the worker ended with {status}: {stderr(place)}")


def _check_ends(place: Place, cells: list[Cell], result: Result, heard: Heard) -> None:
    """Each recipient came to the end that its cell leads to."""
    for row in list_ledger(place):
        cell = cells[int(row["address"].split("@")[0].removeprefix("cell-"))]
        if row["state"] not in expected_ends(cell):
            wanted = " or ".join(sorted(expected_ends(cell)))
            result.violations.append(f"[end] {cell} ended {row['state']} ({row['phase']} {row['code']}), not {wanted}")
        if cell.phase == "none" and heard.times(row["address"]) != 1:
            result.violations.append(
                f"[end] {row['address']}, who had no fault, got {heard.times(row['address'])} copies"
            )


def expected_ends(cell: Cell) -> set[str]:
    """Where docs/delivery.md says that a delivery ends which met this fault."""
    refusing = cell.answer.startswith("5")
    if cell.phase == "after" or (cell.phase == "dot" and cell.answer in SILENT):
        return {"uncertain"}
    if cell.phase == "body" and (cell.answer in SILENT or refusing):
        # A server that stops reading has the body in its buffers; one that hangs up may do so just after our dot.
        return {"uncertain"} if cell.answer == "hang" else {"accepted", "uncertain", "refused"}
    if cell.times > 100:
        return {"expired"}
    if refusing and cell.phase == "rcpt" and cell.answer != "554":
        return {"refused"}
    if cell.phase in {"data", "dot"} and cell.answer == "550":  # with 5.1.1: the address
        return {"refused"}
    return {"accepted"}


def stderr(place: Place) -> str:
    """The end of what the processes of a place complained of."""
    file = place.folder / "stderr"
    return file.read_text(encoding="utf-8", errors="replace")[-2000:] if file.exists() else ""
