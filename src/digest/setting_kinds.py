"""What a setting may be, in words, and whether what stands there is that: numbers and truths, which pydantic takes too kindly.

To pydantic `true` is 1, `"7"` is 7 and `inf` a number above 0. The file has types of its own, so none of these is meant; and
variables, which have none, are read here.
"""

import ipaddress
import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path", SecretStr: "secret text"}  # fmt: skip
_WHOLE = re.compile(r"[+-]?[0-9](?:_?[0-9]){0,17}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:[eE][+-]?[0-9]{1,3})?")
_TRUTHS = {**dict.fromkeys(("true", "1", "yes", "on", "t", "y"), True), **dict.fromkeys(("false", "0", "no", "off", "f", "n"), False)}  # fmt: skip
_FAULTS = {
    "literal": "it must be {expected}",
    "string": "it must be text, between quotation marks",
    "path": "it must be text, between quotation marks",
    "tuple": "it must stand between [ and ], as a list",
    "dict": "it must be a table, with lines of its own",
    "model": "it must be a table, with lines of its own",
}
"""By the types of pydantic's errors, or their first word: its own sentences speak of inputs and of Python."""
_NO_HOST = re.compile(r"[\s/@:\[\]]")
_LONG = 100_000
"""From here on, digits are told in groups of three."""


def kind_of(info: FieldInfo) -> str:
    """In words: `whole number from 1 to 65535`, `"a" or "b"`, `list of text`."""
    return _kind(info.annotation, info.metadata)


def entry_of(info: FieldInfo) -> type[BaseModel] | None:
    """What a list or table of tables is made of; None where it is neither."""
    kinds = (kind for kind in get_args(info.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel))
    return next(kinds, None)


def is_list(info: FieldInfo) -> bool:
    """Whether it has several values."""
    return get_origin(info.annotation) is tuple


def check_kind(info: FieldInfo, value: object) -> None:
    """Whether a number, a truth, a path or a list of numbers is one.

    Raises:
        ValueError: it is none, in words: what it must be.
    """
    kind, metadata = _bare(info.annotation, info.metadata)
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        item, metadata = _bare(get_args(kind)[0], [])
        for number, one in enumerate(value, start=1):
            if fault := _fault(item, metadata, one):
                raise ValueError(f"entry {number}: {fault}")
    elif value is not None and (fault := _fault(kind, metadata, value)):
        raise ValueError(fault)


def check_host(value: str | None) -> str | None:
    """A host alone: a port or a scheme with it would be looked for as a name, and a blank breaks EHLO.

    Raises:
        ValueError: it is more, or none.
    """
    if value is None or (value and value.isprintable() and not _NO_HOST.search(value)):
        return value
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        fault = (
            "it must be a host's name or address alone, such as mail.example.org" if value else "it must not be empty"
        )
        raise ValueError(fault) from None


def check_networks(value: tuple[str, ...], *, strict: bool) -> tuple[str, ...]:
    """Networks alone; strict: with their first address.

    Raises:
        ValueError: one of them is none, in words.
    """
    for number, text in enumerate(value, start=1):
        try:
            ipaddress.ip_network(text, strict=strict)
        except ValueError:
            raise ValueError(f"entry {number}: it must be {_network_meant(text)}") from None
    return value


def _network_meant(text: str) -> str:
    try:
        return f"{ipaddress.ip_network(text, strict=False)}, the network that {text} is in"
    except ValueError:
        return "a network such as 10.1.0.0/16"


def given_variables() -> dict[str, str]:
    """Ours of the environment, in whatever case they are written; in capitals one counts before another."""
    ours = [name for name in os.environ if name.upper().startswith("DIGEST_")]
    return {name.upper(): os.environ[name] for name in sorted(ours, key=str.isupper)}


def is_told_by(info: FieldInfo, text: str | None, place: tuple[int | str, ...]) -> bool:
    """Whether the text of its variable has what stands at `place`; of a table of tables, some may be the file's."""
    if text is None or is_list(info) or not entry_of(info):
        return text is not None
    return all(key in read_json(text) for key in place[2:3])


def read_variable(info: FieldInfo, text: str) -> Any:
    """What the text of a variable says; the text itself where it does not say that: it is refused by whoever checks it."""
    kind, _ = _bare(info.annotation, info.metadata)
    if is_list(info) or entry_of(info):
        return read_json(text)
    plain = text.strip()
    if kind in {int, float} and (is_whole := _WHOLE.fullmatch(plain) or _NUMBER.fullmatch(plain)):
        return int(plain) if is_whole.re is _WHOLE else float(plain)
    return _TRUTHS.get(plain.lower(), text) if kind is bool else text


def read_json(text: str) -> Any:
    """JSON; the text itself where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def words_of(error: "ErrorDetails") -> str:
    """What is wrong, of what pydantic found, in our words."""
    kind = error["type"]
    if words := _FAULTS.get(kind) or _FAULTS.get(kind.partition("_")[0]):
        return words.format(**error.get("ctx", {}))
    return error["msg"].removeprefix("Value error, ")


def _fault(kind: Any, metadata: list[Any], value: object) -> str | None:
    if kind is bool:
        return None if isinstance(value, bool) else "it must be true or false"
    if kind is Path:
        return "it must not be empty" if value == "" else None
    if kind not in {int, float} or _fits(kind, metadata, value):
        return None
    quoted = ", without quotation marks" if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) else ""
    return f"it must be a {_kind(kind, metadata)}{quoted}"


def _fits(kind: type, metadata: list[Any], value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(value, float) and not (math.isfinite(value) and (kind is float or value.is_integer())):
        return False
    bounds = dict(_bounds(metadata))
    return (
        bounds.get("ge", value) <= value <= bounds.get("le", value)
        and ("gt" not in bounds or value > bounds["gt"])
    )  # fmt: skip


def _kind(annotation: Any, metadata: list[Any]) -> str:
    kind, metadata = _bare(annotation, metadata)
    inner = [each for each in get_args(kind) if each is not Ellipsis]
    if get_origin(kind) is Literal:
        return " or ".join(f'"{value}"' for value in inner)
    is_tuple = get_origin(kind) is tuple
    if any(isinstance(each, type) and issubclass(each, BaseModel) for each in inner):
        return "list of tables" if is_tuple else "table of tables"
    if is_tuple:
        item, metadata = _bare(inner[0], [])
        return f"list of {_WORDS[item]}{'' if item is str else 's'}{_range(metadata)}"
    return _WORDS[kind] + _range(metadata)


def _range(metadata: list[Any]) -> str:
    bounds = {name: f"{bound:,}" if bound >= _LONG else str(bound) for name, bound in _bounds(metadata)}
    if "gt" in bounds:
        return f" above {bounds['gt']}, {bounds['le']} at most"
    return f" from {bounds['ge']} to {bounds['le']}" if bounds else ""


def _bounds(metadata: list[Any]) -> Iterator[tuple[str, float]]:
    for each in metadata:
        inner = each.metadata if isinstance(each, FieldInfo) else [each]
        yield from ((name, getattr(one, name)) for one in inner for name in ("ge", "gt", "le") if hasattr(one, name))


def _bare(annotation: Any, metadata: list[Any]) -> tuple[Any, list[Any]]:
    """Without `| None`, and an Annotated taken apart."""
    if type(None) in get_args(annotation):
        (annotation,) = (each for each in get_args(annotation) if each is not type(None))
    if get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        return annotation, [*metadata, *more]
    return annotation, metadata
