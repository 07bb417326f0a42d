"""The invariants: what the server wrote down against what the ledger says, once a round has come to rest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import text

from tests.torture.harness import Place
from tests.torture.oracle import Heard, read_lines, read_log

AT_REST = frozenset({"accepted", "refused", "skipped", "expired", "uncertain"})
NOT_SENT = frozenset({"refused", "skipped", "expired", "uncertain"})


@dataclass
class Result:
    """One round, or the sum of several."""

    scenario: str
    database: str
    seed: int
    recipients: int = 0
    kills: int = 0
    faults: int = 0
    lost: int = 0
    doubled: int = 0
    uncertain: int = 0
    rounds: int = 1
    late_goodbyes: int = 0  # messages whose dot was allowed before the reader left, and came after
    violations: list[str] = field(default_factory=list)
    extra: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Result") -> None:
        """Sum up."""
        for name in ("recipients", "kills", "faults", "lost", "doubled", "uncertain", "rounds", "late_goodbyes"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.violations += other.violations
        self.extra = dict(Counter(self.extra) + Counter(other.extra))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def examine(
    place: Place,
    result: Result,
    *,
    connections: int,
    resent: Mapping[str, int] | None = None,
    kills: int | None = None,
    ledger: Sequence[Mapping[str, Any]] | None = None,
) -> Heard:
    """Fill the result with what is true of this place now. `resent`: copies that the operator asked for, by reader.

    `ledger`: other rows than the deliveries, each with an `address` of its own and a `state`.
    """
    heard = read_log(place.folder / "oracle.jsonl")
    ledger = list_ledger(place) if ledger is None else ledger
    resent = resent or {}
    tell = _Teller(result)
    result.kills += place.kills if kills is None else kills
    result.faults += sum(heard.faults.values())
    result.recipients += len(ledger)
    _check_each(ledger, heard, resent, tell)
    _check_issues(place, tell)
    _check_goodbyes(place, heard, result, tell)
    result.uncertain += (held := sum(row["state"] == "uncertain" for row in ledger))
    most = (place.kills if kills is None else kills) * connections + heard.after_dot
    if held > most:
        tell("uncertain", f"{held} are uncertain, at most {most} can be")
    for key, hashes in heard.bodies.items():
        if len(hashes) > 1:
            tell("bytes", f"{key} went out as {len(hashes)} different messages")
    for who in {key.split(" ")[0] for key in heard.bodies}:
        ids = {key.split(" ")[1] for key in heard.bodies if key.startswith(f"{who} ")}
        if len(ids) > 1:
            tell("bytes", f"{who} was sent {len(ids)} Message-IDs")
    for what in heard.breaches:
        tell("wire", what)
    return heard


@dataclass
class _Teller:
    result: Result

    def __call__(self, kind: str, what: str) -> None:
        result = self.result
        result.violations.append(f"[{kind}] {what} ({result.scenario}, {result.database}, seed {result.seed})")


def _check_each(ledger: Sequence[Mapping[str, Any]], heard: Heard, resent: Mapping[str, int], tell: _Teller) -> None:
    seen = set()
    for row in ledger:
        who, state, copies = row["address"], row["state"], heard.times(row["address"])
        seen.add(who)
        if state not in AT_REST:
            tell.result.lost += copies == 0
            tell("rest", f"{who} is {state}, not at rest")
        if state == "accepted" and copies == 0:
            tell.result.lost += 1
            tell("lost", f"{who} is accepted, and the server has nothing")
        if copies and state not in {"accepted", "uncertain"}:
            tell("unknown", f"{who} is {state}, and the server has it")
        if copies > 1 + resent.get(who, 0):
            tell.result.doubled += 1
            tell("doubled", f"{who} got {copies} copies, {resent.get(who, 0)} of them asked for by the operator")
    for stranger in set(heard.accepted) - seen:
        tell("stranger", f"{stranger} got a message and is not in the ledger")


def _check_issues(place: Place, tell: _Teller) -> None:
    """One issue a period; each with as many rows as were expected."""
    with place.database.read() as session:
        slots = session.execute(
            text("SELECT cadence_id, slot_key, count(*) FROM issue GROUP BY cadence_id, slot_key HAVING count(*) > 1")
        ).all()
        counts = session.execute(
            text(
                "SELECT issue.id, issue.state, issue.expected, count(delivery.id) FROM issue"
                " LEFT JOIN delivery ON delivery.issue_id = issue.id GROUP BY issue.id, issue.state, issue.expected"
            )
        ).all()
    for _, slot, number in slots:
        tell("issue", f"{number} issues of the period {slot}")
    for issue, state, expected, rows in counts:
        if state in {"done", "cancelled"} and expected is not None and expected != rows:
            tell("issue", f"issue {issue} expected {expected} deliveries and has {rows}")
        if state not in {"done", "cancelled", "skipped"}:
            tell("rest", f"issue {issue} is {state} at the end")


def _check_goodbyes(place: Place, heard: Heard, result: Result, tell: _Teller) -> None:
    """No dot after an acknowledged goodbye, but for a message that was on its way when they left."""
    for goodbye in read_lines(place.folder / "goodbyes.jsonl"):
        for message in heard.accepted.get(goodbye["to"], ()):
            if message["at"] <= goodbye["at"]:
                continue
            if goodbye["known"]:
                result.late_goodbyes += 1
            else:
                tell("goodbye", f"{goodbye['to']} left, and got a message {message['at'] - goodbye['at']:.3f} s later")


def list_ledger(place: Place) -> list[dict[str, Any]]:
    """Every row of the ledger."""
    with place.database.read() as session:
        return [dict(row) for row in session.execute(text("SELECT * FROM delivery ORDER BY id")).mappings()]
