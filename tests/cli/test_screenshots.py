"""`digest preview --screenshots`: a sheet of pictures where there is a Chromium, plain words where there is none."""

import struct
from pathlib import Path

import pytest
from tests.command import run_digest

from digest.actions.screenshots import find_browser

WORDS = ("preview", "--sample", "--screenshots", "--out", "shown")


@pytest.mark.skipif(not find_browser(), reason="NO BROWSER: install Debian's chromium to test what readers see")
def test_a_sheet_shows_phone_and_desktop_light_and_dark(tmp_path: Path) -> None:
    done = run_digest(*WORDS, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    picture = tmp_path / "shown/editorial/en/sheet.png"
    assert "sheet.png" in done.stderr
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", head[16:])
    assert width == 2 * 375 + 2 * 700 + 5 * 24
    assert 3_000 < height <= 16_000, "the tallest of the four, whole"


def test_without_a_browser_it_says_what_to_install_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run_digest(*WORDS, cwd=tmp_path, env={"PATH": str(tmp_path / "empty")})
    assert done.returncode == 2
    assert "no browser to take pictures with" in done.stderr
    assert "apt install chromium" in done.stderr
    assert not (tmp_path / "shown").exists()


def test_a_browser_that_takes_no_picture_is_told_of(tmp_path: Path) -> None:
    broken = tmp_path / "bin/chromium"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 0\n")
    broken.chmod(0o755)
    done = run_digest(*WORDS, cwd=tmp_path, env={"PATH": f"{broken.parent}:/bin"})
    assert done.returncode == 2
    assert "the browser took no picture" in done.stderr
