"""The complete sweep: `python -m tests.sweep_slots [ZONE…]`. Every zone of tzdata, aliases too, 2000-2040; takes long.

Changes of clocks are looked for every 15 minutes, around each a daily rule at every tenth minute of the day is
compared with the oracle; then 40 years of slots are counted: one for each local day or week, but for a midnight in a day that a zone skipped.
"""

import sys
from datetime import UTC, datetime
from itertools import pairwise

from tests.core import oracle
from tests.core.test_slots import check_change, slots_between


def main(names: list[str]) -> None:
    """Print one line a zone; stop at the first difference."""
    for name in names or oracle.zones():
        changes = list(oracle.transitions(name, step=900))
        for change in changes:
            check_change(name, change, every=10)
        for rule in ("daily at 00:00", "daily at 02:30", "weekly on sun at 02:00", "weekly on mon at 00:00"):
            slots = slots_between(rule, name, oracle.FIRST, oracle.LAST)
            days = 1 if rule.startswith("daily") else 7
            assert all(a < b for (a, _), (b, _) in pairwise(slots)), (name, rule)
            odd = [b for (_, a), (_, b) in pairwise(slots) if (b - a).days != days]
            assert len(odd) <= sum(after - before >= 86400 for _, before, after in changes), (name, rule, odd)
        print(f"{name}: {len(changes)} changes", flush=True)
    print(f"all agree, {datetime.fromtimestamp(oracle.FIRST, UTC):%Y} to {datetime.fromtimestamp(oracle.LAST, UTC):%Y}")


if __name__ == "__main__":
    main(sys.argv[1:])
