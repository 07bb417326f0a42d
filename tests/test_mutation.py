"""The table of guards is right, and a guard that is taken away is missed. The whole of it: `python -m tests.mutation`."""

import ast
from collections.abc import Iterator

import pytest

from tests.mutation.guard import Edit, Guard, Moved
from tests.mutation.guards import GUARDS
from tests.mutation.trial import ROOT, Copy, open_copy

CHEAPEST = ("answer: uncertain is held", "bytes: Message-ID")
POLICY = "src/digest/core/policy.py"
POLICY_TEST = "tests/core/test_policy.py::test_an_unknown_outcome_is_held"


@pytest.fixture(scope="module")
def copy() -> Iterator[Copy]:
    with open_copy() as copy:
        yield copy


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_stands_where_the_table_says(guard: Guard) -> None:
    texts = {edit.file: (ROOT / edit.file).read_text(encoding="utf-8") for edit in guard.edits}
    for edit in guard.edits:
        texts[edit.file] = edit.made_in(texts[edit.file])
    for text in texts.values():
        ast.parse(text)


def test_the_tests_of_every_guard_are_there(copy: Copy) -> None:
    copy.check(sorted({test for guard in GUARDS for test in guard.tests}), only_look=True)


def test_the_page_lists_every_guard() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert [guard.name for guard in GUARDS if f"| {guard.name} |" not in page] == []


def test_each_guard_has_a_name_of_its_own() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)


@pytest.mark.parametrize("name", CHEAPEST)
def test_a_guard_that_is_taken_away_is_missed(copy: Copy, name: str) -> None:
    (guard,) = [guard for guard in GUARDS if guard.name == name]
    assert copy.try_without(guard).failing == guard.tests[0]


def test_an_edit_that_takes_no_guard_away_survives_and_the_copy_is_as_before(copy: Copy) -> None:
    words = "again = min(now + _wait(outcome, tries, blame), deadline)"
    idle = Edit(file=POLICY, before=f"{words}\n", after=f"{words}  #\n")
    assert copy.try_without(Guard(name="idle", keeps="Nothing.", edits=(idle,), tests=(POLICY_TEST,))).failing is None
    assert (copy.root / POLICY).read_bytes() == (ROOT / POLICY).read_bytes()


@pytest.mark.parametrize("words", ["no such words", "NextStep"])
def test_a_guard_that_has_moved_is_an_error(words: str) -> None:
    with pytest.raises(Moved, match=rf"{POLICY} has these words \d+ times instead of once"):
        Edit(file=POLICY, before=words, after="").made_in((ROOT / POLICY).read_text(encoding="utf-8"))
