"""Ctrl-C is heard from the first moment on: while the program itself is still being loaded."""

import sys
from pathlib import Path

import pytest
from tests.command import run_digest

BLOW = """
import os
import signal
import sys
from digest.cli.start import start

signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite run in the background may have left it ignored

class Blow:
    def find_spec(self, name, *_):
        if name == "{module}":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Blow())
start()
"""


@pytest.mark.parametrize("module", ["digest.cli.main", "typer", "typer.core", "sqlalchemy", "digest.store.database"])
def test_ctrl_c_while_the_program_is_loaded_is_one_sentence(module: str, tmp_path: Path) -> None:
    done = run_digest("subscriber", "list", cwd=tmp_path, command=[sys.executable, "-c", BLOW.format(module=module)])
    assert (done.returncode, done.stdout) == (130, "")
    (told,) = done.stderr.splitlines()
    assert told.startswith("interrupted; nothing ")
