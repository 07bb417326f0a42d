"""What a spam filter makes of each theme: SpamAssassin with its own rules and nothing of the network (`-L`)."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from digest.actions.sample_preview import preview_sample
from digest.render.templates import theme_names

PROGRAM = shutil.which("spamassassin") or "/usr/bin/spamassassin"
MOST = 1.0
_SCORE = re.compile(r"^X-Spam-Status: \w+, score=(-?[\d.]+)", re.MULTILINE)


@pytest.mark.skipif(not Path(PROGRAM).exists(), reason="NO SPAM FILTER: install Debian's spamassassin")
@pytest.mark.timeout(240)
@pytest.mark.slow
def test_no_theme_looks_like_spam(tmp_path: Path) -> None:
    languages = ("en", "de", "fa", "ja")
    files = []
    for theme, language in zip(theme_names(), languages, strict=True):
        file = tmp_path / f"{theme}.eml"
        file.write_bytes(preview_sample(theme, language).envelope.message)
        files.append(file)
    # One process for all: it takes a second to read its rules.
    command = [PROGRAM, "-L", f"--prefspath={tmp_path / 'prefs'}", *map(str, files)]
    # Its memory of mails goes into the test's folder, not into the home of whoever runs this.
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, errors="replace", env=os.environ | {"HOME": str(tmp_path)}
    )
    scores = [float(score) for score in _SCORE.findall(done.stdout)]
    assert len(scores) == len(files), done.stderr[-500:]
    assert max(scores) < MOST
