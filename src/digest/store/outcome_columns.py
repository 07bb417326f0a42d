"""What a server said, as the columns of the row that it was about: a delivery or a notice."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, literal

from digest.core.people import Outcome
from digest.core.policy import NextStep

LONGEST_REPLY = 500
"""Characters of a reply that are kept."""


def outcome_columns(
    outcome: Outcome, step: NextStep, *, trying_since: ColumnElement[Any], now: datetime
) -> dict[str, Any]:
    """The answer and what it leads to. The first answer begins the 48 hours, which `trying_since` keeps.

    Not where it is still to come: a clock that was ahead wrote it, and nothing would ever be given up.
    """
    return {
        "state": str(step.state),
        "not_before": step.not_before,
        "reason": step.reason,
        "code": outcome.code,
        "enhanced": outcome.enhanced,
        "reply": outcome.reply[:LONGEST_REPLY].replace("\x00", ""),
        "phase": outcome.phase,
        "lease_until": None,
        "settled_at": now,
        "trying_since": case((trying_since <= now, trying_since), else_=literal(now, trying_since.type)),
    }
