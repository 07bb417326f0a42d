"""`python -m tests.make_catalogues`: brings the gettext catalogues up to date with the words of program and templates.

Translations are kept; new words come in untranslated (tests/render/test_catalogues.py names them), and words that nothing
uses any more go out. `--add it` begins the catalogue of a language, its plurals as CLDR has them.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from babel import Locale, UnknownLocaleError
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


def begin(language: str) -> None:
    """An empty catalogue of a language (BCP 47), with its plural rule in the header.

    Raises:
        SystemExit: there is one already, or no such language.
    """
    file = FOLDER / language.replace("-", "_") / "LC_MESSAGES" / "digest.po"
    if file.exists():
        raise SystemExit(f"{file} is there already: translate it")
    try:
        catalogue = Catalog(locale=Locale.parse(language, sep="-"), project="digest", version="0.1", fuzzy=False)
    except (UnknownLocaleError, ValueError):
        raise SystemExit(f"{language!r} is no language that CLDR knows: write a tag such as it or pt-BR") from None
    catalogue.header_comment = (
        f"# {catalogue.locale.english_name} words of digest's emails and pages. Register: to be said here."
    )
    file.parent.mkdir(parents=True)
    with file.open("wb") as out:
        write_po(out, catalogue)


def main() -> None:
    """Write every catalogue anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--add", metavar="LANGUAGE", help="begin the catalogue of a language, such as it or pt-BR")
    if language := parser.parse_args().add:
        begin(language)
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
