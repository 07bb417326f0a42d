"""Signatures beside the lanes: most of one's time needs no interpreter, so that other cores can make them."""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

from digest.actions.step_threads import StepThreads
from digest.core.people import Envelope, Sign

SignLater = Callable[[Envelope], Awaitable[Envelope]]


@contextmanager
def signing(signer: Sign | None) -> Iterator[SignLater | None]:
    """What signs an envelope in one of as many threads as there are cores; None where nobody signs."""
    if signer is None:
        yield None
        return
    # More than there are cores would only take the interpreter from each other and from the loop.
    threads = StepThreads("signing", number=_cores())
    try:
        yield lambda envelope: threads.run(partial(envelope.signed, signer))
    finally:
        threads.close()


def _cores() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS, not on Windows
        return os.cpu_count() or 1
