"""Servers inside the process of the tests that leave no connection open behind them.

A client that is killed, or a browser that connects in advance, may be heard of only when its server is about to end. Its
transport would be left to the garbage collector, which complains in the middle of some other test.
"""

import asyncio

from aiosmtpd.controller import Controller


def drop_connections(loop: asyncio.AbstractEventLoop) -> None:
    """Whatever this loop still holds; its next turn closes them."""
    for transport in list(loop._transports.values()):  # type: ignore[attr-defined]
        transport.abort()


class MailController(Controller):
    """aiosmtpd in a thread of its own."""

    def cancel_tasks(self, stop_loop: bool = True) -> None:
        drop_connections(self.loop)
        super().cancel_tasks(stop_loop)
