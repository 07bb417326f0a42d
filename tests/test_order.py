"""The long tests begin, and every process has some of them."""

from dataclasses import dataclass

import pytest

from tests.order import deal


@dataclass(frozen=True)
class Item:
    """What is asked of a test: its name and its marks."""

    nodeid: str
    patience: int | None = None

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return None if self.patience is None else {"slow": pytest.mark.slow, "timeout": pytest.mark.timeout(self.patience)}[name].mark  # fmt: skip


FILES = (("a", 2, 0), ("b", 3, 600), ("c", 40, None), ("d", 1, 300), ("e", 1, 0))
ITEMS = [Item(f"{file}.py::{number}", patience) for file, tests, patience in FILES for number in range(tests)]


def files_of(items: list[Item]) -> str:
    return "".join(item.nodeid[0] for item in items)


def test_every_process_begins_with_long_tests_and_whole_files() -> None:
    dealt = deal(ITEMS, hands=3)
    assert sorted(dealt, key=ITEMS.index) == ITEMS
    shares = dealt[:15], dealt[15:31], dealt[31:]  # 47 by worksteal's division
    assert [files_of(share)[:4] for share in shares] == ["bbbe", "dccc", "aacc"]


def test_one_process_has_them_first() -> None:
    assert files_of(deal(ITEMS, hands=1)) == "bbb" + "d" + "aa" + "e" + "c" * 40
