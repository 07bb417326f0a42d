"""MJML → HTML by mrml: taken apart and checked before, guarded, put right and put together afterwards."""

import re
from dataclasses import dataclass
from functools import lru_cache

from mjml import mjml2html

from digest.errors import TemplateError
from digest.render.harden import harden
from digest.render.put_right import broken_up, in_lines, put_right

_OFFSET = re.compile(r"position (\d+)")
_LEFTOVER = re.compile(r"</?mj-[a-z-]+")


def convert(mjml: str, *, file: str) -> str:
    """The HTML of a rendered template; `file` names it in errors.

    Raises:
        TemplateError: broken nesting, too large, or refused by mrml.
    """
    hardened = harden(mjml, file=file)
    return _laid_out(hardened.components, hardened.mark, file).filled(hardened.words)


@dataclass(frozen=True, slots=True)
class _Layout:
    """HTML with gaps, and which words fill them; some fill two."""

    pieces: tuple[str, ...]
    order: tuple[int, ...]

    def filled(self, words: tuple[str, ...]) -> str:
        parts = [""] * (len(self.pieces) + len(self.order))
        parts[0::2], parts[1::2] = self.pieces, [in_lines(words[number]) for number in self.order]
        return "".join(parts)


@lru_cache(maxsize=16)
def _laid_out(components: str, mark: str, file: str) -> _Layout:
    """What mrml makes of the components. Kept: variants of an issue differ in words more often than in components.

    `fonts={}` keeps mrml from linking web fonts; without a loader it refuses mj-include.
    """
    try:
        html: str = mjml2html(components, fonts={})
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - pyo3's PanicException is no Exception
        raise _meaning(error, components, file) from None
    if ("<mj-" in html or "</mj-" in html) and (leftover := _LEFTOVER.search(html)):
        raise TemplateError(
            f"{file}: {leftover[0]}> was not rendered", next_step="check that it stands where MJML allows it"
        )
    parts = re.split(rf"{mark}(\d+);", put_right(html))
    return _Layout(tuple(map(broken_up, parts[0::2])), tuple(map(int, parts[1::2])))


def _meaning(error: BaseException, mjml: str, file: str) -> TemplateError:
    found = _OFFSET.search(str(error))
    near = ""
    if found:
        start = int(found[1])
        near = " near " + repr(mjml.encode()[max(0, start - 10) : start + 50].decode(errors="replace"))
    return TemplateError(
        f"{file}: MJML cannot be rendered: {error}{near}", next_step="check the elements around that place"
    )
