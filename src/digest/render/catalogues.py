"""The gettext catalogues of the words that readers see: `locale/<language>/LC_MESSAGES/digest.po`.

A wheel carries them compiled. In a checkout they are compiled when it is installed; one that was edited since is read itself.
"""

import gettext
from functools import lru_cache
from io import BytesIO
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "locale"
SOURCE = "en"
"""The language of the words in the program; it has no catalogue."""


def languages() -> tuple[str, ...]:
    """The languages that the words are there in."""
    return (SOURCE, *sorted(folder.name for folder in FOLDER.iterdir() if (folder / "LC_MESSAGES").is_dir()))


def speaks(tag: str) -> bool:
    """Whether the words are there in a BCP 47 language: in de-AT as in de."""
    return tag.replace("_", "-").partition("-")[0].lower() in {name.partition("_")[0] for name in languages()}


@lru_cache(maxsize=64)
def catalogue_of(language: str) -> gettext.NullTranslations:
    """The words of a BCP 47 language, of the nearest one that is there (de of de-AT); English where none is."""
    parts = language.replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        name = "_".join(parts[:length])
        folder = FOLDER / name / "LC_MESSAGES"
        compiled, source = folder / "digest.mo", folder / "digest.po"
        if compiled.is_file() and not _is_newer(source, compiled):
            return gettext.GNUTranslations(BytesIO(compiled.read_bytes()))
        if source.is_file():
            return gettext.GNUTranslations(BytesIO(compile_catalogue(source)))
    return gettext.NullTranslations()


def _is_newer(source: Path, compiled: Path) -> bool:
    return source.is_file() and source.stat().st_mtime_ns > compiled.stat().st_mtime_ns


def compile_catalogue(source: Path) -> bytes:
    """The binary form of a catalogue."""
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - in a wheel nobody needs them
    from babel.messages.pofile import read_po  # noqa: PLC0415

    out = BytesIO()
    with source.open("rb") as file:
        write_mo(out, read_po(file))
    return out.getvalue()
