"""What the help calls the values of options: a word in capitals, where the library has the name of a Python type."""

import re
from typing import Any

from typer.core import TyperCommand

_NAMES = {
    "ADDRESS": ("address", "new_address", "reply_to", "sender", "sender_address"),
    "DIR": ("images", "into", "out"),
    "FILE": ("config", "file", "output", "smtp_password_file"),
    "HOST": ("smtp_host",),
    "HOUR": ("hour",),
    "HOURS": ("approve_within_hours", "max_late_hours", "quiet_hours", "test_subject_hours"),
    "MINUTES": ("interval",),
    "N": ("days", "include_last", "limit", "max_per_source", "max_posts", "max_rollovers", "max_variants", "min_posts", "quota", "weight"),
    "NAME": ("author", "cadence", "editor", "encoding", "name", "sender_name", "smtp_username", "utm_source"),
    "NUMBER": ("issue",),
    "PART": ("search",),
    "PERCENT": ("test_subjects",),
    "PORT": ("smtp_port",),
    "TAG": ("language",),
    "TEXT": ("consent", "note_text", "postal_address", "text", "title", "why"),
    "THEME": ("theme",),
    "URL": ("base", "base_url", "database", "site_url", "url"),
    "ZONE": ("first_zone", "zone"),
    "tls|starttls|plain": ("smtp_security",),
}  # fmt: skip
WORDS = {name: word for word, names in _NAMES.items() for name in names}
"""Parameter → what stands for its value. One of a few words needs none: the help lists them."""


class SpokenCommand(TyperCommand):
    """A command whose help has no names of types."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        for parameter in self.params:
            parameter.metavar = getattr(parameter, "metavar", None) or WORDS.get(parameter.name or "")

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Without the library's braces around a single word."""
        return [re.sub(r"^\{([^|]+)\}", r"\1", piece) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments and options with their help: of an argument the word that stands for it, bounds in words."""
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            params = [one for one in self.get_params(ctx) if one.param_type_name == kind]
            rows = [(one, record) for one in params if (record := one.get_help_record(ctx))]
            if rows:
                with formatter.section(title):
                    formatter.write_dl([_told(one, *record) for one, record in rows])


def _told(parameter: Any, name: str, text: str) -> tuple[str, str]:
    word = parameter.metavar if parameter.param_type_name == "argument" else re.sub(r"<(.+)>", r"\1", name)
    text = re.sub(r"(\d+)<=x<=(\d+)(?=[^\[]*\]$)", r"\1 to \2", text)
    return word, re.sub(r"x>=(\d+)(?=[^\[]*\]$)", r"at least \1", text)
