"""Language tags (BCP 47), as newsletters and people have them."""

from functools import lru_cache


@lru_cache(maxsize=1024)  # a list of 100,000 people names a few
def canonical_language(tag: str) -> str:
    """The canonical form of a tag: pt-BR of pt_br.

    Raises:
        ValueError: there is no such language.
    """
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - slow to import

    try:
        return str(Locale.parse(tag.strip().replace("_", "-"), sep="-")).replace("_", "-")
    except (UnknownLocaleError, ValueError):
        raise ValueError(f"{tag!r} is no language tag") from None
