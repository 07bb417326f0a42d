"""The variants of an issue: which are wanted, which one a reader gets, and how many readers each has.

choices (store/recipients) ─▶ wishes ─▶ plan (core/variants) ─▶ rendered by publish ─▶ assigned when the deliveries are made
"""

import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from digest.core.cut import Limits
from digest.core.model import Issue, Newsletter, Variant
from digest.core.owed import owed_text
from digest.core.people import Subscriber, Subscription
from digest.core.variants import NOTHING, Choice, Finder, Wanted, Wish, content_for, plan_variants, wish_for
from digest.store.candidates import quotas_of
from digest.store.database import Session
from digest.store.issues import made_variants
from digest.store.owed import posts_told
from digest.store.recipients import count_choices, list_choices, made_for, wishes_of

_TOO_OLD = "they have all of it already"
_LATER = "what they are owed comes with a later one"
"""Why somebody who is owed something gets nothing of an issue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantView:
    """A variant as its admin sees it."""

    key: str
    language: str
    posts: int
    readers: int
    chosen: tuple[str, ...]  # the selections that became it, those of most readers first: "food, art"; "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantsView:
    """An issue's variants, as they were sent; before that as they would be now."""

    variants: tuple[VariantView, ...]  # those with most readers first
    empty: int  # readers of whose topics the issue has no post
    more: int  # readers who are shown more than they chose, because theirs was not rendered


def variants_for(
    session: Session, issue: Issue, newsletter: Newsletter, *, now: datetime, also: Choice | None = None
) -> tuple[Wanted, ...]:
    """What is to be rendered for those who read it now, with how many do; as if somebody had made `also` this choice."""
    choices = count_choices(session, issue, now=now)
    if also and not any(one._replace(readers=also.readers) == also for one in choices):
        choices = (*choices, also)
    languages = tuple(dict.fromkeys((newsletter.language, *newsletter.languages)))
    made = [one.key for one in made_variants(session, issue.id)]
    wishes = wishes_of(session, issue, choices)
    return plan_variants(wishes, languages=languages, most=newsletter.max_variants, made=made)


def showing(session: Session, issue: Issue, newsletter: Newsletter, variant: Variant) -> Issue:
    """The issue as if it had the posts of this variant alone."""
    if issue.content is None:
        return issue
    others = posts_told(session, issue, variant.earlier | variant.away)
    return replace(
        issue, content=content_for(issue.content, variant, others=others, limits=_limits(session, issue, newsletter))
    )


def _limits(session: Session, issue: Issue, newsletter: Newsletter) -> Limits:
    """Sources are looked up only where the issue has lines of "more"."""
    quotas = quotas_of(session, newsletter.id) if issue.content and issue.content.more else {}
    return Limits(
        most=newsletter.max_posts, per_source=newsletter.max_per_source, quotas=quotas, group_by=newsletter.group_by
    )


def variant_of(
    session: Session,
    issue: Issue,
    newsletter: Newsletter,
    reader: Subscriber | None,
    tie: Subscription | None,
    *,
    now: datetime,
) -> Variant | str:
    """What a reader got, or would get now, of an issue; or, in words, why that is nothing.

    A variant that was not rendered yet has the id 0.
    """
    made = made_variants(session, issue.id)
    if reader and issue.expected is not None:
        found, variant_id = made_for(session, issue_id=issue.id, subscriber_id=reader.id)
        if found:
            every = made_variants(session, issue.id, second=True)
            return next((one for one in every if one.id == variant_id), _no_post(tie))
    topics = json.dumps(list(tie.topics if tie else ()))
    owed = owed_text(tie.owed if tie else None)
    choice = Choice(topics=topics, language=(reader.language if reader else None) or "", owed=owed, readers=1)
    wish = next(iter(wishes_of(session, issue, (choice,))), None)
    if wish is None or wish.is_empty:
        return _TOO_OLD if wish is None else _no_post(tie)
    # Who is paused or not confirmed yet is not counted: this is what they would get otherwise.
    planned = _planned(session, issue, newsletter, made, now=now, also=choice) if issue.expected is None else made
    return Finder(planned).find(wish) or _LATER


def _no_post(tie: Subscription | None) -> str:
    topics = f" of their topics ({', '.join(tie.topics)})" if tie and tie.topics else ""
    had = " that they have not had" if not topics or (tie and tie.owed) else ""
    return f"no post{topics}{had}: skipped, empty"


def view_variants(session: Session, issue: Issue, newsletter: Newsletter, *, now: datetime) -> VariantsView:
    """Each variant with its readers."""
    made = made_variants(session, issue.id)
    known = {one.id: one for one in made}
    if issue.expected is None:
        planned = _planned(session, issue, newsletter, made, now=now)
        choices = count_choices(session, issue, now=now)
        wishes = wishes_of(session, issue, choices)
        finder = Finder(planned)
        pairs = [(wish, None if wish.is_empty else finder.find(wish)) for wish in wishes]
    else:
        planned = made
        pairs = [_as_sent(issue, choice, known.get(place or 0)) for choice, place in list_choices(session, issue.id)]
    every = len((*issue.content.posts, *issue.content.more)) if issue.content else 0
    readers: Counter[str] = Counter()
    selections: dict[str, Counter[str]] = {}
    for wish, variant in pairs:
        if variant:
            readers[variant.key] += wish.choice.readers
            words = (", ".join(sorted(wish.choice.slugs)) or "all") + (" (what they are owed)" if wish.exact else "")
            selections.setdefault(variant.key, Counter())[words] += wish.choice.readers
    views = [
        VariantView(
            key=one.key, language=one.language, posts=(every if one.shown is None else len(one.shown)) + len(one.earlier | one.away),
            readers=readers[one.key], chosen=tuple(words for words, _ in selections.get(one.key, Counter()).most_common()),
        )
        for one in planned
    ]  # fmt: skip
    return VariantsView(
        variants=tuple(sorted(views, key=lambda one: (-one.readers, one.key))),
        empty=sum(wish.choice.readers for wish, variant in pairs if variant is None),
        more=sum(wish.choice.readers for wish, variant in pairs if variant and variant.shown != wish.shown),
    )


def _as_sent(issue: Issue, choice: Choice, variant: Variant | None) -> tuple[Wish, Variant | None]:
    """A choice with the variant that it got: of what somebody was owed then, that is all that is known."""
    if not choice.owed:
        (wish,) = wish_for(issue.content, (choice,))
        return wish, variant
    shown = variant.shown if variant else NOTHING
    return Wish(
        choice=choice, shown=shown, exact=shown is not None or bool(variant and variant.earlier | variant.away)
    ), variant


def _planned(
    session: Session,
    issue: Issue,
    newsletter: Newsletter,
    made: tuple[Variant, ...],
    *,
    now: datetime,
    also: Choice | None = None,
) -> tuple[Variant, ...]:
    """What there will be when it is sent: what was rendered, and what will be rendered until then."""
    keys = {one.key for one in made}
    coming = tuple(
        Variant(
            id=0,
            issue_id=issue.id,
            key=one.key,
            language=one.language,
            shown=one.shown,
            earlier=one.earlier,
            away=one.away,
        )
        for one in variants_for(session, issue, newsletter, now=now, also=also)
        if one.key not in keys
    )
    return (*made, *coming)
