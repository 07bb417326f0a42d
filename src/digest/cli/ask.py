"""Questions on a terminal. Everything that is asked has an option too, so that scripts are never asked."""

import sys
from collections.abc import Callable
from pathlib import Path

import typer

from digest.cli.output import note


def can_ask() -> bool:
    """Whether a person sits there."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(
    question: str,
    *,
    default: str | None = None,
    check: Callable[[str], object] | None = None,
    secret: bool = False,
) -> str:
    """Ask until the answer passes the check, whose usage error is shown. An empty answer takes the default, and blanks are empty."""
    from digest.errors import UsageError

    while True:
        answer: str = typer.prompt(
            question, default=default, err=True, hide_input=secret, show_default=bool(default) and not secret
        ).strip()
        if not answer and default is None:
            continue
        try:
            if check and answer:
                check(answer)
        except UsageError as error:
            note(error.message, next_step=error.next_step)
        else:
            return answer or str(default)


def ask_cadence() -> list[str]:
    """How often, asked on a terminal: once a week where nobody can be asked."""
    usual = "weekly on mon at 08:00"
    return [ask("How often", default=usual, check=lambda text: check_cadences([text])) if can_ask() else usual]


def check_cadences(texts: list[str]) -> None:
    """Refuse now what would be refused when the newsletter is made."""
    from digest.actions.newsletters import read_cadences
    from digest.clock import system_clock

    read_cadences(texts, today=system_clock().date())


def here_zone() -> str:
    """The zone that this machine seems to be in, as a suggestion; UTC where it does not say."""
    parts = Path("/etc/localtime").resolve().parts
    name = "/".join(parts[parts.index("zoneinfo") + 1 :]) if "zoneinfo" in parts else ""
    return name if "/" in name and not name.startswith("Etc/") else "UTC"
