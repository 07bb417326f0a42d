"""`python -m tests.make_catalogues`: brings the gettext catalogues up to date with the words of program and templates.

Translations are kept; new words come in untranslated (tests/render/test_catalogues.py names them), and words that nothing
uses any more go out.
"""

from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from digest.render.catalogues import FOLDER

ROOT = Path(__file__).parents[1]
_KEYWORDS = {"_": None, "n": (1, 2)}
_PLACES = (
    (ROOT / "src" / "digest" / "web", [("**.py", "python")]),
    (ROOT / "src" / "digest" / "render", [("**.py", "python")]),
    (ROOT / "templates", [("**.j2", "jinja2.ext:babel_extract")]),
)
_OPTIONS = {"**.j2": {"trimmed": "false", "silent": "false", "extensions": "", "encoding": "utf-8"}}


def messages() -> Catalog:
    """Every message that the program and its templates show to readers."""
    found = Catalog(fuzzy=False)
    for folder, methods in _PLACES:
        for name, _line, message, _comments, _context in _extract(folder, methods):
            flags = ("python-brace-format",) if "{" in str(message) else ()
            found.add(message, locations=[(name, 1)], flags=flags)
    return found


def catalogues() -> Iterator[tuple[Path, Catalog]]:
    """The file and the catalogue of each language."""
    for file in sorted(FOLDER.glob("*/LC_MESSAGES/digest.po")):
        with file.open("rb") as source:
            yield file, read_po(source, locale=file.parent.parent.name)


def is_whole(message: Message) -> bool:
    """Whether every form of it is translated."""
    forms = message.string if isinstance(message.string, tuple) else (message.string,)
    return all(forms) and not message.fuzzy


def _extract(folder: Path, methods: list[tuple[str, str]]) -> Iterator[tuple[str, int, object, list[str], str | None]]:
    return iter(extract_from_dir(folder, methods, _OPTIONS, keywords=_KEYWORDS))  # type: ignore[arg-type]


def main() -> None:
    """Write every catalogue anew."""
    template = messages()
    for file, catalogue in catalogues():
        catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
        catalogue.obsolete.clear()
        with file.open("wb") as out:
            write_po(out, catalogue, width=110, sort_output=True, no_location=True)
        missing = [message.id for message in catalogue if message.id and not is_whole(message)]
        print(f"{file.parent.parent.name}: {len(catalogue)} messages, {len(missing)} to translate")


if __name__ == "__main__":
    main()
