"""Options that mean the same in every command, in the same words."""

from pathlib import Path
from typing import Annotated

import typer

STDOUT = Path("-")
"""A file's name that means the standard output, as everywhere."""

Newsletter = Annotated[
    str | None,
    typer.Option("--newsletter", "-n", metavar="SLUG", help="Which newsletter; not needed where there is only one."),
]
OnlyNewsletter = Annotated[
    str | None, typer.Option("--newsletter", "-n", metavar="SLUG", help="Only this newsletter; else all.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing, only say what would be done.")]
