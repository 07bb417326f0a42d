"""A guard: what it keeps, where it stands, and which tests must miss it."""

from dataclasses import dataclass


class Moved(Exception):
    """The text of a guard is not there exactly once: the program has changed, and the table must follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Words of one file, and what stands there instead. `before` occurs in it exactly once."""

    file: str  # from the top of the repository
    before: str
    after: str

    def made_in(self, text: str) -> str:
        """The file's text with the edit.

        Raises:
            Moved: the words are not there, or more than once.
        """
        found = text.count(self.before)
        if found != 1:
            raise Moved(f"{self.file} has these words {found} times instead of once: {self.before!r}")
        return text.replace(self.before, self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What protects the readers in one place. Several edits where one alone would leave a second hand on it."""

    name: str
    keeps: str  # in one sentence
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]  # node ids; at least one must fail without the guard
