"""Threads for steps: in order, or side by side; what they raise is heard, and they end."""

import asyncio
import threading
import time

import pytest

from digest.actions.step_threads import StepThreads


def with_threads(number: int, use):
    async def talk():
        threads = StepThreads("tried", number=number)
        try:
            return await asyncio.wait_for(use(threads), 10)
        finally:
            threads.close()

    return asyncio.run(talk())


def test_one_does_a_step_after_another() -> None:
    done: list[int] = []

    async def use(threads: StepThreads) -> None:
        first = threads.run(lambda: (time.sleep(0.02), done.append(1)))
        second = threads.run(lambda: done.append(2))
        await asyncio.gather(first, second)

    with_threads(1, use)
    assert done == [1, 2]


def test_two_do_two_at_the_same_time() -> None:
    meet = threading.Barrier(2, timeout=5)

    async def use(threads: StepThreads) -> list[int]:
        return await asyncio.gather(threads.run(meet.wait), threads.run(meet.wait))

    assert sorted(with_threads(2, use)) == [0, 1]


def test_what_a_step_raises_is_raised_where_it_was_asked_for_and_the_next_one_is_done() -> None:
    async def use(threads: StepThreads) -> str:
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 / 0)
        forgotten = threads.run(lambda: time.sleep(0.02))
        forgotten.cancel()
        return await threads.run(lambda: "done")

    assert with_threads(1, use) == "done"


def test_closed_threads_end() -> None:
    async def use(threads: StepThreads) -> None:
        await threads.run(lambda: None)

    with_threads(3, use)
    until = time.monotonic() + 5
    while any(thread.name == "tried" for thread in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.01)
