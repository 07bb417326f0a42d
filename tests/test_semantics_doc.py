"""docs/semantics.md can fail: every rule that is cited is there, every event of posts and issues too."""

import re
from pathlib import Path

import pytest

from digest.actions.curate import Move
from digest.core.states import CatchUp, ClaimState

ROOT = Path(__file__).parents[1]
DOC = (ROOT / "docs" / "semantics.md").read_text(encoding="utf-8")
SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.py"))}


def test_every_rule_that_code_cites_is_defined() -> None:
    cited = {f"S{n}" for code in SOURCES.values() for n in re.findall(r"\bS(\d{1,2})\b", code)}
    defined = set(re.findall(r"^## (S\d+) ", DOC, flags=re.MULTILINE))
    assert cited
    assert cited <= defined


@pytest.mark.parametrize("room", ["admit", "close", "publish", "curate"])
def test_every_event_is_listed(room: str) -> None:
    code = SOURCES[ROOT / "src" / "digest" / "actions" / f"{room}.py"]
    told = re.findall(r'events\.record\(\s*session,\s*"([a-z.]+)"', code)
    assert all(f"`{kind}`" in DOC for kind in told), told


@pytest.mark.parametrize("word", [*ClaimState, *CatchUp, *(f"post.{move}" for move in Move)])
def test_every_state_policy_and_move_is_told_of(word: str) -> None:
    assert f"`{word}`" in DOC
