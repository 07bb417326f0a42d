"""Signatures beside the lanes: most of one's time needs no interpreter, so that other cores can make them."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from digest.actions.step_threads import StepThreads
from digest.core.people import Envelope, Sign

Made = Envelope | Exception
"""A message, or why there is none."""

SignLater = Callable[[dict[int, Envelope]], "asyncio.Future[dict[int, Made]]"]
"""Some messages, by whatever they are called, to the same with their signatures."""


@contextmanager
def signing(signer: Sign | None) -> Iterator[SignLater | None]:
    """What signs envelopes in one of as many threads as there are cores; None where nobody signs."""
    if signer is None:
        yield None
        return
    # More than there are cores would only take the interpreter from each other and from the loop.
    threads = StepThreads("signing", number=_cores())
    try:
        yield lambda envelopes: threads.run(partial(_sign, envelopes, signer))
    finally:
        threads.close()


def _sign(envelopes: dict[int, Envelope], signer: Sign) -> dict[int, Made]:
    return {number: _signed(envelope, signer) for number, envelope in envelopes.items()}


def _signed(envelope: Envelope, signer: Sign) -> Made:
    """A fault belongs to its own message alone."""
    try:
        return envelope.signed(signer)
    except Exception as fault:  # noqa: BLE001 - raised where this message is asked for
        return fault


def _cores() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS, not on Windows
        return os.cpu_count() or 1
