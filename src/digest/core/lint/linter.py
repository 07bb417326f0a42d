"""Every rule over a mail."""

from collections.abc import Collection

from digest.core.lint import (  # noqa: F401 - they register their rules
    content_rules,
    feature_rules,
    link_rules,
    message_rules,
    picture_rules,
    structure_rules,
    style_rules,
)
from digest.core.lint.finding import RULES, Finding, Severity
from digest.core.lint.mail import Mail

MOST = 20
"""Findings of one rule that are told one by one; the others are counted in the last of them."""

__all__ = ["RULES", "lint"]


def lint(mail: Mail, *, ignore: Collection[str] = (), only: Severity | None = None) -> tuple[Finding, ...]:
    """What is wrong with it, the worst first, then by place; with `only`, what is as bad as that."""
    found: list[Finding] = []
    for rule in RULES.values():
        if rule.id in ignore or only not in {None, rule.severity}:
            continue
        hits = list(rule.find(mail))
        if len(hits) > MOST:
            hits = [
                *hits[: MOST - 1],
                hits[MOST - 1]._replace(said=f"{hits[MOST - 1].said}; and {len(hits) - MOST} more"),
            ]
        found += [
            Finding(
                rule=rule.id,
                severity=rule.severity,
                said=hit.said,
                line=hit.line,
                column=hit.column,
                element=hit.element,
                why=rule.why,
                mend=rule.mend,
            )
            for hit in hits
        ]
    order = list(Severity)
    return tuple(sorted(found, key=lambda one: (order.index(one.severity), one.line, one.column, one.rule)))
