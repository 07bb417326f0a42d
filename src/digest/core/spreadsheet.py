"""Cells that a spreadsheet would run as formulas, guarded and laid open again, exactly.

A cell that begins with one of these characters is executed by Excel, LibreOffice and Google Sheets when a CSV file is
opened (OWASP, "CSV injection"). An apostrophe before it makes it text. A valid address may begin with `+` or `=`, and a
name with `-`, so the reader takes off exactly what the writer put on.
"""

import re

_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # the last four are their full-width forms


def guard_cell(text: str) -> str:
    """The cell as it may stand in a file that people open in a spreadsheet."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguard_cell(text: str) -> str:
    """What `guard_cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
