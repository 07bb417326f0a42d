"""The event loop: uvloop's where it is installed (`digest[speed]`), else asyncio's own."""

import asyncio
import ctypes
import gc
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

_NEW_OBJECTS = 5_000
"""After so many more the garbage collector looks for cycles. Python's 700 are twenty messages in hand: 6 % of a sender's loop."""


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """What `main` returns, from a loop of its own."""
    _share_arenas()
    gc.set_threshold(_NEW_OBJECTS)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _share_arenas() -> None:
    """Two heaps for all threads: glibc gives each its own, which keeps what was freed. 3 MB of a sender's 88."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # musl has one heap, and no such call
            ctypes.CDLL(None).mallopt(-8, 2)  # M_ARENA_MAX of mallopt(3)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return uvloop.new_event_loop


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` at SIGTERM and Ctrl-C, in the loop that runs."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError, ValueError, RuntimeError):  # not on Windows, not outside the main thread
            loop.add_signal_handler(number, stop.set)
