"""The comparison with npm's mjml says what it lacks, counts what differs, and knows what it explains."""

import sys
from pathlib import Path

import pytest
from mjml import mjml2html
from PIL import Image

from digest.render.notice import NoticeKind
from tests import parity


def test_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["parity"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert parity.main() == 2
    assert "not compared: Node is not installed" in capsys.readouterr().err


def test_every_pixel_counts_and_what_one_picture_lacks_too() -> None:
    white, marked = (Image.new("RGB", (10, 10), "white") for _ in "12")
    marked.putpixel((3, 3), (255, 254, 255))
    longer = Image.new("RGB", (10, 12), "white")
    assert parity._differing(white, white) == 0
    assert parity._differing(white, marked) == 1
    assert parity._differing(white, longer) == 20


def test_every_template_is_compared_and_what_is_explained_is_found_in_it() -> None:
    made = dict(parity.documents())
    assert {name.partition("-")[0] for name in made} == {"cards", "compact", "editorial", "plain"}
    assert len(made) == 4 * (2 + len(NoticeKind) + 1)
    heights, bodies = (one.theirs for one in parity.EXPLAINED)
    assert heights.search(mjml2html(made["editorial-en-issue"], fonts={})), "mrml does it, too, before it is put right"
    theirs = '<body  class="bg" style="x">\n<div style="display:none">words</div>\n<div\n   aria-label="x">'
    assert bodies.sub(parity.EXPLAINED[1].ours, theirs) == (
        '<body style="x">\n<div style="display:none">words</div>\n<div class="bg"\n   aria-label="x">'
    )
