"""MJML template → HTML, and where in a theme's files it was written what cannot be laid out.

A document is put together of many files, and its own lines are nobody's. So where one is broken it is filled once more, with a mark before
each line of each file, and the last mark before the place tells file and line.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader
from jinja2.environment import Environment

from digest.errors import TemplateError
from digest.render.convert import convert
from digest.render.look import Look
from digest.render.markup import JINJA
from digest.render.sandbox import BoundedSandbox, render_bounded
from digest.render.stamps import stamps_of
from digest.render.templates import FAULTS, environment

_MARK = re.compile("\ue000(\\d+)\ue001")
_LINES = re.compile(
    r"^(?:[ \t]*(?:\{%(?:(?!%\}).)*%\}|\{#(?:(?!#\}).)*#\}))*(?=[^\n])", re.MULTILINE
)  # what leads stays first


def lay_out(look: Look, name: str, values: Mapping[str, Any]) -> str:
    """The HTML of the template `name` with these values.

    Raises:
        TemplateError: the template is broken; says in which file and line.
    """
    mjml = look.fill(name, values)
    try:
        return convert(mjml, file=f"{look.theme.name}/{name}")
    except TemplateError as error:
        place = _written_at(look, name, values, mjml, error.position) if error.position is not None else None
        if place is None:
            raise
        said = error.message.partition(": ")[2]
        raise TemplateError(f"{place[0]}, line {place[1]}: {said}", next_step=error.next_step) from None


def _written_at(look: Look, name: str, values: Mapping[str, Any], mjml: str, position: int) -> tuple[str, int] | None:
    """File and line; None where marks would change what is rendered."""
    made = environment(look.folders, stamps_of(look.folders))
    loader = _Marking(made.loader or BaseLoader())
    marking = made.overlay(loader=loader)
    if isinstance(marking, BoundedSandbox):
        marking.known = {}  # not the templates that were compiled without marks
    try:
        marked = render_bounded(marking.get_template(name), {"theme": look.theme, **values})
    except (TemplateError, *FAULTS):
        return None
    if _MARK.sub("", marked) != mjml:
        return None
    place, seen = None, 0
    for mark in _MARK.finditer(marked):
        seen += len(mark[0])
        if mark.end() - seen > position:
            break
        place = loader.places[int(mark[1])]
    return place


class _Marking(BaseLoader):
    """What another loader finds, with a mark before each line."""

    def __init__(self, inner: BaseLoader) -> None:
        self.inner, self.places = inner, list[tuple[str, int]]()

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, file, is_fresh = self.inner.get_source(environment, template)
        return "".join(self._marked(source, str(Path(file or template)))), file, is_fresh

    def _marked(self, source: str, file: str) -> Iterator[str]:
        inside = [found.span() for found in JINJA.finditer(source)]
        last = 0
        for begin in (found.end() for found in _LINES.finditer(source)):
            if any(start < begin < end for start, end in inside):
                continue
            yield f"{source[last:begin]}\ue000{len(self.places)}\ue001"
            self.places.append((file, source.count("\n", 0, begin) + 1))
            last = begin
        yield source[last:]
