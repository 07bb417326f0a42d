"""The spool: outcomes that a sender holds while the database is away, kept on the disk until a turn takes them up.

    settle fails ─▶ one file, synced ─▶ (the database is back) ─▶ compare-and-set by owner and fence ─▶ commit ─▶ removed

A file is written beside its place and renamed into it when it is whole, and nobody writes to it afterwards: two processes
may take up the same one, because a row takes an outcome once. No addresses: a server's words are kept without them.
"""

import json
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from digest.core.addresses import hide_addresses
from digest.core.people import Claimed, Outcome
from digest.core.policy import NextStep
from digest.errors import DatabaseError
from digest.store import deliveries, destinations, refusals
from digest.store.codec import decode, encode
from digest.store.database import Database, Session
from digest.store.deliveries import Settlement

log = logging.getLogger(__name__)

_WHOLE, _UNFINISHED = ".jsonl", ".part"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenUp:
    """What became of spooled outcomes: rows that took theirs, and outcomes that no row waits for any more."""

    settled: int = 0
    passed: int = 0  # written down before, or an admin has decided meanwhile


class Spool:
    """A folder of such files. It is made, for its owner only, when the first outcome has to be kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, settlements: Sequence[Settlement], *, at: datetime) -> Path | None:
        """These outcomes as a file, on the disk when this returns. None where there are none.

        Raises:
            OSError: the folder cannot be written.
        """
        if not settlements:
            return None
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole = self.folder / f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(8)}{_WHOLE}"
        draft = whole.with_suffix(_UNFINISHED)
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.writelines(json.dumps(_as_line(one, at)) + "\n" for one in settlements)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(whole)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync_folder(self.folder)
        return whole

    def take_up(self, database: Database) -> TakenUp:
        """Write down what is kept; a file goes when its outcomes are committed. Safe in several processes at once.

        A row that the reaper has called uncertain meanwhile takes its outcome too. A line that is torn is left out.

        Raises:
            DatabaseBusy: the database is still away; everything stays.
            DatabaseError: anything else the database refused, or a folder that cannot be read; everything stays.
        """
        try:
            return self._take_up(database)
        except OSError as error:
            raise DatabaseError(
                f"the spool {self.folder} cannot be read: {error.strerror}",
                next_step="give the folder to the user that digest runs as; outcomes may lie in it",
            ) from error

    def _take_up(self, database: Database) -> TakenUp:
        settled = passed = 0
        for file in self._files():
            kept = tuple(_read(file))
            with database.write() as session:
                taken = sum(_settle(session, one, at) for one, at in kept)
            file.unlink(missing_ok=True)
            settled, passed = settled + taken, passed + len(kept) - taken
            log.warning(
                "outcomes were taken up", extra={"file": file.name, "settled": taken, "passed": len(kept) - taken}
            )
        return TakenUp(settled=settled, passed=passed)

    def _files(self) -> list[Path]:
        """Whole ones, oldest first. Not `glob`, for which a folder that it may not read is an empty one."""
        with suppress(FileNotFoundError):
            return sorted(file for file in self.folder.iterdir() if file.suffix == _WHOLE)
        return []


def _settle(session: Session, settlement: Settlement, at: datetime) -> int:
    """Whether the row took it; then it tells of its address and its destination, too, as it would have at once."""
    if taken := deliveries.settle(session, [settlement], now=at):
        # The address is not in the file, and is still in the ledger.
        address = deliveries.address_of(session, settlement.delivery.id)
        known = settlement._replace(delivery=settlement.delivery._replace(address=address))
        issue_id = settlement.delivery.issue_id
        destinations.note_answers(session, issue_id, [known], doubted=destinations.doubted(session), now=at)
        refusals.suppress_dead(session, [known], now=at)
    return taken


def _as_line(settlement: Settlement, at: datetime) -> dict[str, Any]:
    outcome = settlement.outcome._replace(reply=hide_addresses(settlement.outcome.reply))
    delivery = settlement.delivery._replace(address="", name="")
    return {"at": at.isoformat(), "delivery": delivery._asdict() | {
        "dated": delivery.dated.isoformat(),
        "trying_since": delivery.trying_since.isoformat() if delivery.trying_since else None,
    }, "outcome": outcome._asdict(), "step": encode(settlement.step)}  # fmt: skip


def _read(file: Path) -> Iterator[tuple[Settlement, datetime]]:
    """The outcomes of one file; none where another process has taken it up."""
    with suppress(FileNotFoundError):
        for number, line in enumerate(file.read_bytes().splitlines(), start=1):
            try:
                data = json.loads(line)
                settlement = Settlement(
                    delivery=decode(Claimed, data["delivery"]),
                    outcome=decode(Outcome, data["outcome"]),
                    step=decode(NextStep, data["step"]),
                )
                at = datetime.fromisoformat(data["at"])
            except (ValueError, KeyError, TypeError):  # pydantic's and json's errors are ValueErrors
                log.warning("a line of the spool cannot be read", extra={"file": file.name, "line": number})
            else:
                yield settlement, at


def _sync_folder(folder: Path) -> None:
    """The name itself must outlive a power cut; systems that cannot sync a folder keep it their own way."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
