"""Threads for one sender's steps, which follow each other by the hundred a second: the store's, and signatures.

`asyncio.to_thread` takes 57 µs of CPU a call on uvloop and 110 on asyncio's loop, most of it in copied contexts and chained
futures; a queue and a future 25 and 55.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

_Job = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class StepThreads:
    """Do steps in the order in which they are asked for. Whoever makes them closes them: they keep the process alive."""

    def __init__(self, name: str, *, number: int = 1) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._number = number
        for _ in range(number):
            threading.Thread(target=self._work, name=name).start()

    def run(self, step: Callable[[], T]) -> "asyncio.Future[T]":
        """What `step` returns or raises. It is done even where nobody waits for it any more."""
        answer: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((step, answer))
        return answer

    def close(self) -> None:
        """No step after those that are asked for."""
        for _ in range(self._number):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            step, answer = job
            result, fault = None, None
            try:
                result = step()
            except BaseException as error:  # noqa: BLE001 - raised where the step was asked for
                fault = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(_tell, answer, result, fault)
            del job, step, answer, result, fault  # or a batch would be kept until the next one


def _tell(answer: "asyncio.Future[Any]", result: object, fault: BaseException | None) -> None:
    if answer.done():  # cancelled
        return
    if fault is None:
        answer.set_result(result)
    else:
        answer.set_exception(fault)
