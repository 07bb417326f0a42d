"""The port that envelopes leave by. One conversation a call; what the other side said comes back as data."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from digest.core.people import Envelope, Outcome

BeforeDot = Callable[[], Awaitable[bool | Envelope]]
"""The durable commit of `inflight`. False means: do not finish this message, break off so that it is never accepted.

An envelope says yes, and is the one that its caller sends next: a transport may announce it along with the dot.
"""


class Transport(Protocol):
    """Takes envelopes until closed."""

    async def open(self) -> None:
        """Be ready to send; a wrong host, certificate or password shows here, before anything is claimed.

        Raises:
            TransportError: nothing can be sent now.
            SettingsError: nothing can ever be sent with these settings.
        """

    async def send(self, envelope: Envelope, *, before_dot: BeforeDot) -> Outcome:
        """Hand over one message. `before_dot` is awaited once, after all but the message's end is out.

        Raises:
            TransportError: no conversation could be begun; certain that nothing was sent.
        """

    async def close(self) -> None:
        """Take leave; messages in hand are finished before."""
