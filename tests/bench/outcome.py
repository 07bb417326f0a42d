"""What one run of a sender was: the figures that every sender has."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Of one sender, once."""

    messages: int
    seconds: float  # from the first message to the last
    cpu: float  # seconds of the sending processes, user and system, over the same stretch
    received: int  # by the sink's own count
    accepted: int | None = None  # by the ledger's count, where there is a ledger
    ledger_cpu: float | None = None  # of `cpu`, in threads that speak with the database
    whole_cpu: float | None = None  # from exec to exit: with start-up, and making the deliveries
    peak_mb: float | None = None

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU a message."""
        return self.cpu / self.messages * 1e6

    @property
    def whole_cpu_us(self) -> float | None:
        """Microseconds of CPU a message, with everything from exec to exit."""
        return self.whole_cpu and self.whole_cpu / self.messages * 1e6

    @property
    def ledger_us(self) -> float | None:
        """Microseconds of CPU a row in the threads that speak with the database."""
        return self.ledger_cpu and self.ledger_cpu / self.messages * 1e6
