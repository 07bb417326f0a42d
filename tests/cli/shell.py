"""The program, run in the process of the test: for tests that need many commands and no real start."""

import sys

import pytest

from digest.cli.main import main


class Shell:
    """Runs one command after another: its exit code, output and messages."""

    def __init__(self, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.capsys, self.patch = capsys, patch

    def __call__(self, *words: str) -> tuple[int, str, str]:
        self.patch.setattr(sys, "argv", ["digest", *words])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        done = self.capsys.readouterr()
        return code, done.out, done.err
