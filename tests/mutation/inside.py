"""Run within the copy: makes sure that the program is the copy's, runs the tests, and prints what failed as JSON."""

import json
import sys
from pathlib import Path

import pytest

import digest

MARK = "result: "


class Failures:
    """A plugin of pytest that keeps what failed, in order; `when` is call, or the fixture's setup or teardown."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.found.append((report.nodeid, report.when))


def main() -> None:
    """With the arguments of pytest."""
    program = Path(digest.__file__).resolve()
    if not program.is_relative_to(Path.cwd().resolve()):
        raise SystemExit(f"the tests would not try the copy, but {program}")
    failures = Failures()
    code = pytest.main(sys.argv[1:], plugins=[failures])
    print(f"\n{MARK}{json.dumps({'code': int(code), 'failed': failures.found})}")


if __name__ == "__main__":
    main()
