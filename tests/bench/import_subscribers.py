"""How fast, and in how much memory, a list is imported: `python -m tests.bench.import_subscribers [ROWS] [DATABASE-URL]`.

The work runs in a process of its own, so that its peak is its own.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.memory import peak_megabytes

DOMAINS = [f"{name}{number}.example" for name in ("mail", "post", "web", "bücher") for number in range(200)]
FIRST = ["Anna", "Ben", "Carl", "Dora", "Émile", "Zoë", "Łukasz", "Ирина", "José", "Siân"]


def write_list(path: Path, rows: int) -> None:
    """A Mailchimp export: one row in a hundred is broken, one in fifty a duplicate."""
    dice = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        file.write("Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,LEID,TAGS\n")
        for number in range(rows):
            same = number - number % 50 // 49
            shown = "not an address" if number % 100 == 99 else f"reader{same}@{DOMAINS[same % len(DOMAINS)]}"
            name = f'{dice.choice(FIRST)},"Berg, Jr. {number}"'
            times = f"2016-0{number % 9 + 1}-11 10:11:12,192.0.2.{number % 250},2016-0{number % 9 + 1}-11 10:15:00"
            file.write(f'{shown},{name},4,{times},{number},"a,b"\n')


def measure(rows: int, url: str | None = None) -> dict[str, float]:
    """Import so many rows in a new process; seconds, rows a second, peak memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "subscribed_members.csv"
        write_list(path, rows)
        command = [sys.executable, "-m", "tests.bench.import_subscribers", "--child", str(path)]
        done = subprocess.run(
            [*command, url or f"sqlite:///{folder}/digest.db"], capture_output=True, text=True, check=True
        )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _child(path: Path, url: str) -> None:
    from digest.actions.checked_list import check_list
    from digest.actions.import_subscribers import import_subscribers
    from digest.clock import system_clock
    from digest.store.database import Database
    from digest.store.newsletters import add_newsletter, list_newsletters
    from digest.store.schema import upgrade

    database = Database(url)
    upgrade(database)
    now = system_clock()
    with database.write() as session:
        if not list_newsletters(session):
            add_newsletter(session, slug="w", now=now, name="W", sender_name="W", sender_address="w@example.org")
        newsletter = list_newsletters(session)[0]
    start, cpu = time.perf_counter(), time.process_time()
    with check_list(path, secret=b"k" * 32, rejected_file=path.with_suffix(".rejected.csv")) as people:
        checked = time.perf_counter()
        report = import_subscribers(database, people, newsletter_id=newsletter.id, now=now, consent="by the form")
        rows = people.rows + people.rejected
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    database.close()
    print(
        json.dumps(
            {
                "rows": rows,
                "new": report.counts["new"],
                "rejected": people.rejected,
                "duplicates": people.duplicates,
                "seconds": round(seconds, 2),
                "cpu_seconds": round(cpu, 2),
                "seconds_in_transaction": round(start + seconds - checked, 2),
                "rows_per_second": round(rows / seconds),
                "peak_mb": round(peak_megabytes(), 1),
            }
        )
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(Path(sys.argv[2]), sys.argv[3])
    else:
        print(json.dumps(measure(int((sys.argv[1:] or ["100000"])[0]), *sys.argv[2:3]), indent=2))
