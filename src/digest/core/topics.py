"""Which of a newsletter's topics a post is of: the admin's rules over sources, labels and single posts. Pure.

A rule of the post itself decides alone. Else a post is of a topic where a rule of its source or of one of its labels matches,
and none that is marked `not` does. Labels are what the source gives: a feed's categories, a blog's labels, Markdown's `tags`.
"""

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import lru_cache

from digest.core.model import TopicRule
from digest.core.states import RuleKind


def topics_of(
    rules: Sequence[TopicRule], *, post_id: int, source_id: int, source: Iterable[str], labels: Iterable[str]
) -> tuple[str, ...]:
    """The topics' slugs in the order of the rules; `source` is what a pattern may match of it: its title, its address."""
    names, marks = tuple(source), tuple(labels)
    own = {rule.topic: rule.wanted for rule in rules if rule.kind is RuleKind.POST and rule.pattern == str(post_id)}
    verdicts: dict[str, bool] = {}
    for rule in rules:
        if _matches(rule, source_id=source_id, source=names, labels=marks):
            verdicts[rule.topic] = verdicts.get(rule.topic, True) and rule.wanted
    verdicts |= own
    order = dict.fromkeys(rule.topic for rule in rules)
    return tuple(topic for topic in order if verdicts.get(topic))


def is_pattern(words: str) -> bool:
    """Whether it stands for many names. A lone "?" does not: addresses have it."""
    return "*" in words


def _matches(rule: TopicRule, *, source_id: int, source: Sequence[str], labels: Sequence[str]) -> bool:
    if rule.kind is RuleKind.POST:
        return False
    if rule.kind is RuleKind.SOURCE and not is_pattern(rule.pattern):
        return rule.pattern == str(source_id)
    pattern = _compiled(rule.pattern)
    return any(pattern.match(name.casefold()) for name in (source if rule.kind is RuleKind.SOURCE else labels))


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.casefold()))
