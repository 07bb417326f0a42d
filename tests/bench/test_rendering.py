"""The benchmark of rendering runs, says what it lacks, and its ratios hold: milliseconds differ from machine to machine."""

import json
import sys
from pathlib import Path

import pytest

from digest.render.budget import fits
from digest.render.issue import render_issue
from tests.bench import rendering
from tests.npm_mjml import NoMjml, find_mjml
from tests.render import sample_issue as sample


def test_it_prints_a_document_without_node_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["rendering", "--rounds", "2", "--json", "--npm", str(tmp_path)])
    monkeypatch.setenv("PATH", str(tmp_path))
    rendering.main()
    said = json.loads(capsys.readouterr().out)
    assert set(said["steps"]) == set(rendering.ROWS)
    assert said["posts"] == 20
    assert "Node is not installed" in said["npm"]["missing"]
    (tmp_path / "node").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "node").chmod(0o755)
    with pytest.raises(NoMjml, match="npm install mjml"):
        find_mjml(tmp_path)


def test_the_issue_is_one_of_twenty_posts_shown_in_full() -> None:
    made = render_issue(rendering.twenty_posts(), sample.NEWSLETTER, language="en", web_url=rendering.WEB)
    assert made.fitted is not None
    assert (made.fitted.full, made.fitted.lines) == (20, 0)
    assert fits(made.html)
    assert made.html.count("<img") == 20
    assert made.html.count("<h3") == 20


def test_our_share_of_rendering_stays_small_beside_mrmls() -> None:
    steps, _ = rendering.measure(12)
    mrml = steps["mrml_whole"].least
    assert steps["variant_unseen"].least < 5 * mrml, "less than two when it was written"
    assert steps["render"].least < 30 * mrml, "fifteen when it was written"
