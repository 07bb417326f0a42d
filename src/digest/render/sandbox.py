"""The sandbox of templates: what Jinja's own forbids, and bounds on time and memory (docs/decisions/0066).

A template may be copied from a stranger. It sees what it is given and nothing of the machine; it takes a bounded
number of steps, writes a bounded text, and makes no huge value on the way.
"""

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from contextvars import ContextVar
from functools import wraps
from itertools import islice
from typing import Any, cast

from jinja2 import Template, nodes
from jinja2.environment import Environment
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

MAX_STEPS = 1_000_000  # turns of loops, calls and filters of one rendering; 1,000 posts take some 30,000
CALL = 3  # steps that a call counts for, by the time it takes
MAX_TEXT = 10_000_000  # characters that one rendering writes
MAX_PIECE = 5_000_000  # characters or items of one value that a template makes
MAX_WIDTH = 10_000  # of a column, an indent, a batch
SHORT = 200  # characters of a value that are counted when they are written, not before: steps bound how many there are

_MAKERS = frozenset({"join", "format"})  # filters that may make something huge without an argument
_WIDE = re.compile(r"\d{5}|\*")  # a width in a format: {:100000}, %100000d, %*d

_left: ContextVar[list[int] | None] = ContextVar("steps and characters that are left", default=None)


def render_bounded(template: Template, values: Mapping[str, Any]) -> str:
    """The template with these values.

    Raises:
        SecurityError: it goes beyond a bound.
    """
    token = _left.set([MAX_STEPS, MAX_TEXT])
    try:
        return _written(template.generate(values))
    finally:
        _left.reset(token)


class BoundedSandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with loops, calls and filters counted, and what they make measured.

    `ours` are methods of our own that make small values of whatever they get; `filters` are checked as Jinja's are.
    """

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(
        self, *, filters: Mapping[str, Callable[..., Any]], ours: Iterable[Callable[..., Any]] = (), **options: Any
    ) -> None:
        super().__init__(**options, finalize=_spend_on)
        self.globals.clear()  # no lipsum, no cycler: less to explain
        self.globals["range"] = safe_range
        self.filters = {name: _bounded(name, call) for name, call in {**self.filters, **filters}.items()}
        self.filters |= {"(counted)": _counted, "(measured)": _measured}
        self.ours = frozenset(ours)
        self.known: dict[str, Template] = {}

    @staticmethod
    def concat(pieces: Iterable[str]) -> str:
        """What a block, a macro or `{% set %}` has written, as one text."""
        return _written(iter(pieces))

    def get_template(self, name: str | Template, *args: Any, **options: Any) -> Template:
        """A template by its name, compiled once: of each file there is one, as long as there is this environment."""
        found = self.known.get(name) if isinstance(name, str) else None
        if found is None:
            found = super().get_template(name, *args, **options)
            self.known[str(found.name)] = found
        return found

    def getattr(self, obj: Any, attribute: str) -> Any:
        """An attribute. A declared field of one of our values needs none of Jinja's checks: it is what was given."""
        kind = type(obj)
        if attribute in (_PLAIN[kind] if kind in _PLAIN else _plain_of(kind)):
            return getattr(obj, attribute)
        if kind is dict and attribute in obj and not hasattr(kind, attribute):
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator that could make something huge of two small values."""
        if operator == "%":
            _check_format(left)
        elif operator != "+":
            _check_product(operator, left, right)
        return _measured(super().call_binop(context, operator, left, right))

    def call(self, context: Context, callee: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A call of a macro, or of a value's method."""
        _spend(steps=CALL)
        if getattr(callee, "__func__", None) in self.ours:
            return callee(*args)
        method = getattr(callee, "__wrapped__", callee)  # Jinja wraps str.format
        owner = getattr(method, "__self__", None)
        _check_arguments(getattr(method, "__name__", ""), owner, (*args, *kwargs.values()))
        return _measured(super().call(context, callee, *args, **kwargs))

    def _generate(self, source: nodes.Template, *args: Any, **options: Any) -> str:
        """Jinja's hook before a template is compiled."""
        return super()._generate(_Bounds().visit(source), *args, **options)


class _Bounds(NodeTransformer):
    """Puts a filter around what no hook of the environment reaches: what a loop runs over, text joined with ~."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        node.iter = _filtered(node.iter, "(counted)")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        return _filtered(node, "(measured)")


_PLAIN: dict[type, frozenset[str]] = {
    LoopContext: frozenset({"index", "index0", "first", "last", "length", "revindex", "revindex0", "depth", "depth0"})
}
"""Attributes that need no check, of the types that were met."""


def _plain_of(kind: type) -> frozenset[str]:
    """The declared fields of a dataclass; of another type none."""
    fields = frozenset(name for name in getattr(kind, "__dataclass_fields__", ()) if not name.startswith("_"))
    _PLAIN[kind] = fields
    return fields


def _written(pieces: Iterator[str]) -> str:
    """The pieces as one text. Those of a template are taken as they are made, and no more of them than may be."""
    taken, size = list[str](), 0
    while some := list(islice(pieces, 16)):
        taken += some
        size += sum(map(len, some))
        if size > MAX_TEXT:
            if isinstance(pieces, Generator):  # thrown in there, so that it comes out with the line in hand
                pieces.throw(_too_long())
            raise _too_long()
    return "".join(taken)


class _Part(Template):
    """A template that gives all it writes as one piece: parts stand in parts, and each would hand on every piece."""

    @classmethod
    def _from_namespace(cls, environment: Environment, namespace: Any, globals: Any) -> Template:  # noqa: A002 - Jinja's name
        made = super()._from_namespace(environment, namespace, globals)
        write = made.root_render_func

        def as_one(context: Context) -> Iterator[str]:
            yield _written(write(context))

        made.root_render_func = as_one
        return made


BoundedSandbox.template_class = _Part


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(
        cast("nodes.Expr", node), name, [], [], None, None, lineno=node.lineno, environment=node.environment
    )


def _bounded(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    first = 1 if hasattr(call, "jinja_pass_arg") else 0  # the context or the environment goes in before the value

    def bounded(*args: Any, **kwargs: Any) -> Any:
        _spend(steps=1)
        others = (*args[first + 1 :], *kwargs.values())
        if name in _MAKERS or (others and not (_is_small(args[first]) and all(map(_is_smaller, others)))):
            _check_arguments(name, args[first], others)
        return _measured(call(*args, **kwargs))

    return wraps(call)(bounded)


def _is_small(value: Any) -> bool:
    return type(value) in {str, Markup} and len(value) < MAX_WIDTH


def _is_smaller(value: Any) -> bool:
    """What makes no huge value of a small one."""
    return (type(value) is int and value < SHORT) or (type(value) in {str, Markup} and len(value) < SHORT)


def _counted(values: Iterable[Any]) -> Iterable[Any]:
    """The values, each a step. Those that know their length keep it, for loop.length and loop.last."""
    if isinstance(values, Undefined) or not isinstance(values, Sized):
        return _steps(values)
    _spend(steps=len(values))
    return values


def _steps(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        _spend(steps=1)
        yield value


def _spend_on(value: Any) -> Any:
    if isinstance(value, str) and len(value) > SHORT:
        _spend(steps=0, text=len(value))
    return value


def _spend(*, steps: int, text: int = 0) -> None:
    left = _left.get()
    if left is None:
        return
    left[0] -= steps
    left[1] -= text
    if left[0] < 0:
        raise SecurityError(f"it takes more than {MAX_STEPS:,} steps")
    if left[1] < 0:
        raise _too_long()


def _too_long() -> SecurityError:
    return SecurityError(f"it writes more than {MAX_TEXT:,} characters")


def _measured(value: Any) -> Any:
    if isinstance(value, str | bytes | list | tuple):
        _check_size(len(value))
    return value


def _check_arguments(name: str, value: Any, others: Sequence[Any]) -> None:
    """Of a filter or a method: what it may make of a value and what is given with it."""
    if name in {"format", "format_map"}:
        _check_format(value)
    elif name == "join":
        parts = [part for many in (value, *others) if isinstance(many, list | tuple) for part in many]
        _check_size(sum(len(part) for part in parts if isinstance(part, str)))
    elif isinstance(value, str | list | tuple):
        widths = [other for other in others if isinstance(other, int)]
        texts = [len(other) for other in others if isinstance(other, str)]
        if max(widths, default=0) > MAX_WIDTH:
            raise SecurityError(f"a width or count is over {MAX_WIDTH:,}")
        lines = value.count("\n") + 1 if isinstance(value, str) else 1
        _check_size(max(max(widths, default=0) * lines, max(texts, default=0) * (len(value) + 1)))


def _check_product(operator: str, left: Any, right: Any) -> None:
    for many, times in ((left, right), (right, left)):
        if isinstance(many, str | bytes | list | tuple) and isinstance(times, int):
            _check_size(len(many) * times)
    if operator == "**" and isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > MAX_WIDTH:
        raise SecurityError("its power is too large a number")


def _check_format(text: Any) -> None:
    if isinstance(text, str) and _WIDE.search(text):
        raise SecurityError("its format has a width that is too large, or not known beforehand")


def _check_size(size: int) -> None:
    if size > MAX_PIECE:
        raise SecurityError(f"it makes a value of more than {MAX_PIECE:,} characters or items")
