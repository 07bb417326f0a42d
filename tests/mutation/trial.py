"""A copy of the sources, and what its tests say when a guard is taken out of it. The checkout is never edited."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.guard import Guard
from tests.mutation.inside import MARK

ROOT = Path(__file__).parents[2]
PYTEST = ("-n", "0", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--tb=short", "--timeout=60")
_NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__")
_LONGEST = 300.0


class Broken(Exception):
    """The tests could not be run as they should, so they prove nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a guard's removal."""

    guard: Guard
    failing: str | None  # the first test that fails without it; None: nobody missed it
    seconds: float


class Copy:
    """The tree that is edited."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def check(self, tests: Sequence[str], *, only_look: bool = False) -> None:
        """The tests pass while every guard is there; `only_look`: they are there, and are not run.

        Raises:
            Broken: they do not.
        """
        code, failed, said = self._run(tests, *(["--collect-only"] if only_look else []))
        if code:
            names = ", ".join(name for name, _ in failed)
            raise Broken(f"tests fail although nothing was taken away: {names or said}")

    def try_without(self, guard: Guard) -> Verdict:
        """Run a guard's tests without it.

        Raises:
            Moved: the guard is not where the table says.
            Broken: no test failed by itself: a fixture did, or none was found.
        """
        began = time.monotonic()
        with self._without(guard):
            code, failed, said = self._run(guard.tests, "-x")
        if code not in {0, 1} or any(when != "call" for _, when in failed):
            raise Broken(f"{guard.name}: the tests could not be run without it: {failed or said}")
        failing = failed[0][0] if failed else None
        return Verdict(guard=guard, failing=failing, seconds=time.monotonic() - began)

    @contextmanager
    def _without(self, guard: Guard) -> Iterator[None]:
        files = {edit.file: self.root / edit.file for edit in guard.edits}
        before = {name: (path.read_text(encoding="utf-8"), path.stat().st_mtime_ns) for name, path in files.items()}
        try:
            for edit in guard.edits:
                path = files[edit.file]
                path.write_text(edit.made_in(path.read_text(encoding="utf-8")), encoding="utf-8")
            yield
        finally:
            for name, (text, modified) in before.items():
                files[name].write_text(text, encoding="utf-8")
                os.utime(files[name], ns=(modified, modified))  # compiled code is known by it

    def _run(self, tests: Sequence[str], *options: str) -> tuple[int, list[tuple[str, str]], str]:
        """Pytest's exit code, what failed and when, and the end of what it said."""
        path = os.pathsep.join([str(self.root / "src"), str(self.root)])
        # Without compiled code of what was edited: it is known by its time and size only.
        given = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "tests.mutation.inside", *PYTEST, *options, *tests]
        try:
            done = subprocess.run(command, cwd=self.root, env=given, capture_output=True, text=True, check=False,
                                  timeout=_LONGEST)  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise Broken(f"the tests did not end within {_LONGEST:.0f} seconds: {' '.join(tests)}") from error
        lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
        if not lines:
            raise Broken(f"the tests gave no result: {done.stderr[-2000:] or done.stdout[-2000:]}")
        result = json.loads(lines[-1].removeprefix(MARK))
        said = f"pytest ended with {result['code']}: {done.stderr[-2000:] or done.stdout[-2000:]}"
        return result["code"], [(name, when) for name, when in result["failed"]], said


@contextmanager
def open_copy() -> Iterator[Copy]:
    """A copy of this checkout as it is now, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="digest-mutation-") as folder:
        root = Path(folder) / "digest"
        shutil.copytree(ROOT, root, ignore=_NOT_COPIED)
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(root / "src")], check=True)
        yield Copy(root)
