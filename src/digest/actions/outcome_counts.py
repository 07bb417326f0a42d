"""How outcomes are counted in the report of whoever sends."""

from typing import Protocol

from digest.core.policy import NextStep
from digest.core.states import DeliveryState


class OutcomeCounts(Protocol):
    """A report with these numbers."""

    accepted: int
    uncertain: int
    deferred: int
    expired: int
    refused: int


def count_outcome(report: OutcomeCounts, step: NextStep) -> None:
    """One more of what this answer led to."""
    match step.state:
        case DeliveryState.ACCEPTED:
            report.accepted += 1
        case DeliveryState.UNCERTAIN:
            report.uncertain += 1
        case DeliveryState.QUEUED:
            report.deferred += 1
        case DeliveryState.EXPIRED:
            report.expired += 1
        case _:
            report.refused += 1
