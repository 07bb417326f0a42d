"""A rule that is cited as "docs/page.md ID" stands in that page: in code, templates, tests and docs."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ID = r"[A-Z]\d{1,2}"
CITED = re.compile(rf"docs/([a-z-]+)\.md ({ID}(?:(?:, ?| and |[-–]){ID})*)")
DEFINED = re.compile(rf"^(?:#+ |- )?(?:\*\*)?({ID})(?:\*\*)? ", re.MULTILINE)
FOLDERS = {"src": "*.py", "tests": "*.py", "templates": "*.j2", "docs": "*.md"}


def texts() -> Iterator[tuple[Path, str]]:
    files = [file for folder, kind in FOLDERS.items() for file in (ROOT / folder).rglob(kind)]
    for file in [*files, *ROOT.glob("*.md")]:
        yield file, file.read_text(encoding="utf-8")


def ids(cited: str) -> set[str]:
    """S3, S8–S10 → S3, S8, S9, S10."""
    found = set(re.findall(ID, cited))
    for letter, first, last in re.findall(r"([A-Z])(\d+)[-–][A-Z](\d+)", cited):
        found |= {f"{letter}{number}" for number in range(int(first), int(last) + 1)}
    return found


@pytest.mark.parametrize("page", ["fetching", "semantics", "sources"])
def test_every_rule_that_is_cited_stands_in_its_page(page: str) -> None:
    defined = set(DEFINED.findall((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")))
    cited = {(str(file), each) for file, text in texts() for name, spoken in CITED.findall(text) if name == page
             for each in ids(spoken)}  # fmt: skip
    assert len(cited) > 3
    assert {(file, each) for file, each in cited if each not in defined} == set()


def test_every_page_that_is_named_is_there() -> None:
    named = {(file, page) for file, text in texts() for page in re.findall(r"docs/[a-z/0-9-]+\.md", text)}
    assert [(str(file), page) for file, page in named if not (ROOT / page).exists() and file != Path(__file__)] == []
