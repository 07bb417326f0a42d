"""Which tests begin: the long ones, dealt out over the processes, so that none works alone at the end.

The order is random (pytest-randomly). A minute of kills that begins last is a minute in which the other core waits.
"""

from itertools import cycle

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """After the shuffle, in each process alike."""
    told: dict[str, int] = getattr(config, "workerinput", {})
    items[:] = deal(items, hands=told.get("workercount", 1))


def deal(items: list[pytest.Item], *, hands: int) -> list[pytest.Item]:
    """Each hand is what one process gets at first (xdist's worksteal): files of long tests, whole, then others."""
    files: dict[str, list[pytest.Item]] = {}
    quick = []
    for item in items:
        if item.get_closest_marker("slow"):
            files.setdefault(item.nodeid.partition("::")[0], []).append(item)
        else:
            quick.append(item)
    dealt: list[list[pytest.Item]] = [[] for _ in range(hands)]
    for file, hand in zip(sorted(files.values(), key=_patience, reverse=True), cycle(dealt), strict=False):
        hand.extend(file)
    for number, hand in enumerate(dealt):
        left = sum(map(len, dealt[number:])) + len(quick)  # of whom worksteal gives an even share
        room = max(0, left // (hands - number) - len(hand))
        hand.extend(quick[:room])
        del quick[:room]
    return [item for hand in dealt for item in hand] + quick


def _patience(file: list[pytest.Item]) -> float:
    """The longest time-out that a file asks for: no better guess of its time is written anywhere."""
    asked = [mark.args[0] for item in file if (mark := item.get_closest_marker("timeout"))]
    return max(asked, default=0)
