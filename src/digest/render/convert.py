"""MJML → HTML by mrml: taken apart and checked before, guarded, put right and put together afterwards."""

import re
from functools import lru_cache

from mjml import mjml2html

from digest.errors import TemplateError
from digest.render.harden import harden
from digest.render.layout import Gapped, Kinds, cut
from digest.render.put_right import put_right

_OFFSET = re.compile(r"position (\d+)")
_LEFTOVER = re.compile(r"</?mj-[a-z-]+")


def convert(mjml: str, *, file: str) -> str:
    """The HTML of a rendered template; `file` names it in errors.

    Raises:
        TemplateError: broken nesting, too large, or refused by mrml.
    """
    document = harden(mjml, file=file)
    kinds = Kinds(document)
    return kinds.put_together(_laid_out(kinds.sheet(), document.mark, file))


@lru_cache(maxsize=16)
def _laid_out(sheet: str, mark: str, file: str) -> tuple[Gapped, ...]:
    """What mrml makes of a sheet. Kept: variants of an issue differ in words and in how many there are, hardly in kinds.

    `fonts={}` keeps mrml from linking web fonts; without a loader it refuses mj-include.
    """
    try:
        html: str = mjml2html(sheet, fonts={})
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - pyo3's PanicException is no Exception
        raise _meaning(error, sheet, file) from None
    if ("<mj-" in html or "</mj-" in html) and (leftover := _LEFTOVER.search(html)):
        raise TemplateError(
            f"{file}: {leftover[0]}> was not rendered", next_step="check that it stands where MJML allows it"
        )
    return cut(put_right(html), mark)


def _meaning(error: BaseException, mjml: str, file: str) -> TemplateError:
    found = _OFFSET.search(str(error))
    near = ""
    if found:
        start = int(found[1])
        near = " near " + repr(mjml.encode()[max(0, start - 10) : start + 50].decode(errors="replace"))
    return TemplateError(
        f"{file}: MJML cannot be rendered: {error}{near}", next_step="check the elements around that place"
    )
