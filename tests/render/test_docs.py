"""docs/templates.md can fail: it names every file, variable and name that a template may use."""

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from digest.paths import shipped
from digest.render import view
from digest.render.pictures import PictureView

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs/templates.md").read_text(encoding="utf-8")
EDITORIAL = shipped("templates") / "issue/editorial"
VIEWS = (view.IssueView, view.NoteView, view.GroupView, view.PostView, view.LineView, view.LinkView, PictureView)


@pytest.mark.parametrize("file", sorted(file.name for file in EDITORIAL.iterdir()))
def test_every_file_of_the_theme_is_listed(file: str) -> None:
    assert file in DOC


@pytest.mark.parametrize("kind", VIEWS, ids=lambda kind: kind.__name__)
def test_every_name_that_a_template_sees_is_listed(kind: type) -> None:
    missing = [
        field.name for field in fields(kind) if f"`{field.name}`" not in DOC and f"issue.{field.name}" not in DOC
    ]
    assert missing == []


def test_every_variable_is_listed() -> None:
    theme = tomllib.loads((EDITORIAL / "theme.toml").read_text(encoding="utf-8"))
    names = [
        name if not isinstance(value, dict) else [f"{name}.{part}" for part in value] for name, value in theme.items()
    ]
    flat = [part for name in names for part in ([name] if isinstance(name, str) else name)]
    assert [name for name in flat if not name.startswith("dark.") and f"`{name}`" not in DOC] == []
    assert set(theme["light"]) == set(theme["dark"])
