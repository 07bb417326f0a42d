"""MJML → HTML by mrml: hardened before, guarded, put right afterwards."""

import re

from mjml import mjml2html

from digest.errors import TemplateError
from digest.render.harden import harden
from digest.render.put_right import put_right

_OFFSET = re.compile(r"position (\d+)")
_LEFTOVER = re.compile(r"</?mj-[a-z-]+")


def convert(mjml: str, *, file: str) -> str:
    """The HTML of a rendered template; `file` names it in errors.

    `fonts={}` keeps mrml from linking web fonts; without a loader it refuses mj-include.

    Raises:
        TemplateError: broken nesting, too large, or refused by mrml.
    """
    hardened = harden(mjml, file=file)
    try:
        html: str = mjml2html(hardened, fonts={})
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - pyo3's PanicException is no Exception
        raise _meaning(error, hardened, file) from None
    if leftover := _LEFTOVER.search(html):
        raise TemplateError(
            f"{file}: {leftover[0]}> was not rendered", next_step="check that it stands where MJML allows it"
        )
    return put_right(html)


def _meaning(error: BaseException, mjml: str, file: str) -> TemplateError:
    found = _OFFSET.search(str(error))
    near = ""
    if found:
        start = int(found[1])
        near = " near " + repr(mjml.encode()[max(0, start - 10) : start + 50].decode(errors="replace"))
    return TemplateError(
        f"{file}: MJML cannot be rendered: {error}{near}", next_step="check the elements around that place"
    )
