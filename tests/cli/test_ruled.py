"""Tables on a terminal, narrow ones too, and plain lines in a pipe."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.cli.ruled import fit_columns

HEAD = ["address", "state", "reply"]
ROW = ["anna.with-a-long-name@newsletters.example.org", "accepted", "250 2.0.0 queued as 4F7C1A0B and so on and on"]

texts = st.text(alphabet="ab ", min_size=1, max_size=30)


@given(rows=st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(texts, min_size=n, max_size=n), min_size=1, max_size=6)),
       room=st.integers(1, 90))  # fmt: skip
def test_no_column_is_narrower_than_its_longest_word_and_all_fit(rows: list[list[str]], room: int) -> None:
    longest = [
        max(1, *(len(word) for cell in column for word in cell.split(" "))) for column in zip(*rows, strict=True)
    ]
    widths = fit_columns(rows, room)
    if widths is None:
        assert sum(longest) > room
        return
    assert sum(widths) <= room
    assert all(width >= least for width, least in zip(widths, longest, strict=True))


def show(columns: int) -> str:
    """What a terminal of so many columns shows."""
    code = f"from digest.cli.output import print_table; print_table([{ROW!r}], head={HEAD!r})"
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"}
    subprocess.run([sys.executable, "-c", code], stdout=theirs, env=environment, check=True)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", shown)  # bold


@pytest.mark.parametrize(("columns", "ruled"), [(200, True), (80, True), (69, False), (40, False)])
def test_no_word_is_cut_however_narrow_the_terminal(columns: int, ruled: bool) -> None:
    shown = show(columns)
    assert ROW[0] in shown
    assert all(word in shown for word in ROW[2].split())
    assert ("┃" in shown) is ruled
    if columns > len(ROW[0]):
        assert max(map(len, shown.splitlines())) <= columns


def test_in_a_pipe_a_table_is_lines_of_tabs(tmp_path: Path) -> None:
    code = f"from digest.cli.output import print_table; print_table([{ROW!r}], head={HEAD!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "\t".join(HEAD) + "\n" + "\t".join(ROW) + "\n"
