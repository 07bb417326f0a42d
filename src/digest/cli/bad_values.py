"""A value that an option cannot take, in our words: which option, what was given, what it takes, what to do next.

Typer's words are those of the library that it checks values by, and differ from version to version of it.
"""

import re
from typing import Any

import typer

from digest.errors import UsageError

_CHOICE = re.compile(r"^(?:Value error, )?(?P<given>'.*?'|\S+) is not one of (?P<known>.+?)\.?$", re.DOTALL)
_KINDS = {"int": "a whole number", "float": "a number", "bool": "yes or no", "datetime": "a date"}
_MOST = 40
"""Characters of a value that are said again."""
_BOUNDS = {"greater_than_equal": ("ge", "at least {}"), "less_than_equal": ("le", "at most {}")}


def in_our_words(fault: typer.BadParameter) -> UsageError:
    """The same fault, as the program says faults."""
    context, option = fault.ctx, _name(fault)
    step = f"{context.command_path} --help tells what each option takes" if context else "--help tells more"
    if chosen := _CHOICE.match(fault.message):
        known = chosen["known"].replace("'", "")
        return UsageError(f"{option}{chosen['given']} is not one of: {known}", next_step=f"choose one of them; {step}")
    return UsageError(f"{option}{_fault(fault)}", next_step=step)


def quoted(given: object) -> str:
    """What was given, text between quotation marks; of something long its beginning."""
    if not isinstance(given, str):
        return repr(given)
    return repr(given if len(given) <= _MOST else f"{given[:_MOST]}…")


def _name(fault: typer.BadParameter) -> str:
    if (parameter := fault.param) is None:
        return ""
    names = [one for one in parameter.opts if one.startswith("--")] or parameter.opts[:1]
    return f"{names[0]}: " if names[0].startswith("-") else f"{names[0].upper()}: "


def _fault(fault: typer.BadParameter) -> str:
    """What is wrong with the value, by the kind of what the library found where it tells."""
    errors: Any = getattr(fault.__cause__, "errors", list)()
    first: dict[str, Any] = errors[0] if errors else {"type": "", "input": ""}
    given, kind = quoted(first["input"]), first["type"]
    if kind in _BOUNDS:
        limit, words = _BOUNDS[kind]
        return f"{given} is not {words.format(first['ctx'][limit])}"
    if wanted := _KINDS.get(kind.partition("_")[0]):
        return f"{given} is not {wanted}"
    return fault.message.removeprefix("Value error, ").rstrip(".")
