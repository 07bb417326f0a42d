"""Parts of a template that stand in a loop, written once for what they are given: a post looks the same in each variant.

A template in the sandbox sees its context and nothing else, so what it writes follows from what it uses of that. Which
names and attributes these are is read from its source; what cannot be told so is written anew each time.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, NamedTuple

from jinja2 import nodes
from jinja2.runtime import Context, Undefined
from jinja2.utils import missing
from markupsafe import Markup

MOST = 1_000
"""Texts that are kept; then all are forgotten. A post takes some two KB."""

_CHANGING = (nodes.Extends, nodes.Block, nodes.Import, nodes.FromImport, nodes.NSRef, nodes.Macro, nodes.CallBlock)
_SIMPLE = frozenset({str, Markup, int, float, bool, type(None)})


_Used = tuple[tuple[str, tuple[str, ...] | None], ...]
"""Names of the context, each with the attributes that are used; None: all of it."""


class Uses(NamedTuple):
    """What a template uses."""

    names: frozenset[tuple[str, str | None]]  # of the context, each with the attribute, or without where more is used
    parts: frozenset[str]  # the templates that it includes
    in_loops: frozenset[str]  # those of them that stand in a loop
    follows: bool  # whether what it writes follows from these alone


def uses_of(template: nodes.Template) -> Uses:
    """What a template uses, itself, read from its source."""
    names, parts, in_loops = set[tuple[str, str | None]](), set[str](), set[str]()
    follows = True
    for node, is_in_loop in _walk(template, in_loop=False):
        if isinstance(node, nodes.Name | nodes.Getattr):
            name, attribute = (node.name, None) if isinstance(node, nodes.Name) else (_name_of(node), node.attr)
            if name and not (name == "loop" and is_in_loop):
                names.add((name, attribute))
        elif isinstance(node, nodes.Include) and isinstance(node.template, nodes.Const):
            parts.add(str(node.template.value))
            in_loops |= {str(node.template.value)} if is_in_loop else set()
        elif isinstance(node, (*_CHANGING, nodes.Include)) or (
            isinstance(node, nodes.Filter) and node.name == "random"
        ):
            follows = False
    return Uses(frozenset(names), frozenset(parts), frozenset(in_loops), follows)


def _name_of(node: nodes.Getattr) -> str | None:
    """Of whose attribute it is, where that is a name."""
    return node.node.name if isinstance(node.node, nodes.Name) else None


def _walk(node: nodes.Node, *, in_loop: bool) -> Iterator[tuple[nodes.Node, bool]]:
    """Every node, but for a name whose attribute alone is used; whether it stands in a loop of this template."""
    for child in node.iter_child_nodes():
        yield child, in_loop
        if not (isinstance(child, nodes.Getattr) and _name_of(child)):
            yield from _walk(child, in_loop=in_loop or isinstance(child, nodes.For))


class Repeats:
    """What the parts in loops wrote, of one environment."""

    def __init__(self, attribute: Callable[[Any, str], Any], is_ours: Callable[[Any], bool]) -> None:
        self._attribute, self._is_ours = attribute, is_ours
        self._uses: dict[str, Uses] = {}
        self._repeated: set[str] = set()
        self._known: dict[str, _Used | None] = {}
        self._texts: dict[Any, str] = {}

    def forget(self) -> None:
        """Nothing is kept of what was written until now."""
        self._texts.clear()

    def note(self, name: str | None, template: nodes.Template) -> None:
        """A template that is about to be compiled."""
        if name:
            uses = self._uses[name] = uses_of(template)
            self._repeated |= uses.in_loops
            self._known.clear()

    def written(self, name: str, context: Context, write: Callable[[], str], load: Callable[[str], object]) -> str:
        """What the template writes with this context, kept where it stands in a loop; `load` compiles one that it includes."""
        key = self._key(name, context, load) if name in self._repeated else None
        if key is None:
            return write()
        found = self._texts.get(key)
        if found is None:
            found = write()
            if len(self._texts) >= MOST:
                self._texts.clear()
            self._texts[key] = found
        return found

    def _key(self, name: str, context: Context, load: Callable[[str], object]) -> tuple[Any, ...] | None:
        if name not in self._known:
            self._known[name] = self._all(name, load)
        used = self._known[name]
        if used is None:
            return None
        marks: list[Any] = [name]
        try:
            for each, attributes in used:
                value = context.resolve_or_missing(each)
                if attributes is None:
                    marks.append(self._mark(value))
                elif value is not missing:
                    marks += [self._mark(self._attribute(value, one)) for one in attributes]
        except TypeError:
            return None
        return tuple(marks)

    def _all(self, name: str, load: Callable[[str], object]) -> "_Used | None":
        """What a template and those that it includes use; None where it does not follow from that."""
        names, seen, coming = set[tuple[str, str | None]](), set[str](), [name]
        while coming:
            each = coming.pop()
            if each in seen:
                continue
            seen.add(each)
            load(each)
            uses = self._uses[each]
            if not uses.follows:
                return None
            names |= uses.names
            coming += uses.parts
        whole = {each for each, attribute in names if attribute is None}
        parts = [
            (each, tuple(sorted(attribute for one, attribute in names if one == each and attribute is not None)))
            for each in sorted({each for each, _ in names} - whole)
        ]
        return (*((each, None) for each in sorted(whole)), *parts)

    def _mark(self, value: Any) -> Any:
        """What stands for a value: equal for equal ones of the same types.

        Raises:
            TypeError: nothing does.
        """
        kind = type(value)
        if kind is str or value is None or self._is_ours(value):
            return value
        if kind in _SIMPLE:
            return kind, value
        if kind is tuple or kind is list:
            return kind, tuple(map(self._mark, value))
        if value is missing or isinstance(value, Undefined):
            return missing
        if not isinstance(value, Mapping) and not is_dataclass(value):
            raise TypeError(kind)
        return (kind, value) if _is_hashable(value) else _Same(value)


def _is_hashable(value: object) -> bool:
    """Not so a theme, which has dicts in it."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


class _Same:
    """A value that nobody changes and that is equal to itself alone."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value
