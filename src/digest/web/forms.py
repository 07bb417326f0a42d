"""Forms as they are posted: urlencoded or multipart, small, without files. Anything else is an empty form."""

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from digest.core.lines import printable

MOST_FIELDS = 50


async def read_form(request: Request) -> FormData:
    """The fields. An unreadable body is an empty form: one-click leaves whatever the mail program wrote."""
    try:
        return await request.form(max_files=0, max_fields=MOST_FIELDS)
    except (HTTPException, ValueError, UnicodeDecodeError):
        return FormData()
    except ClientDisconnect:
        return FormData()


def text_of(form: FormData, name: str, *, most: int = 500) -> str:
    """One field's words: stripped, without control characters, cut at `most`."""
    value = form.get(name)
    if not isinstance(value, str):
        return ""
    return printable(value).strip()[:most]
