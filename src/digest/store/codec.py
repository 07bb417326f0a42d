"""Frozen values ↔ JSON columns."""

from typing import Any, TypeVar

from pydantic import TypeAdapter

Value = TypeVar("Value")

_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def encode(value: Any) -> Any:
    """A frozen value as plain JSON values."""
    return _adapter(type(value)).dump_python(value, mode="json")


def decode(kind: type[Value], data: Any) -> Value:
    """The frozen value that `encode` took apart.

    Raises:
        pydantic.ValidationError: the column does not hold such a value.
    """
    value: Value = _adapter(kind).validate_python(data)
    return value
