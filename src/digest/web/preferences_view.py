"""A profile as its page shows it: names instead of ids, in the reader's language."""

from datetime import date, datetime
from typing import Any
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError

from digest.actions import choices
from digest.actions.profile import Choice, Profile
from digest.core.waves import is_once_a_day
from digest.core.zones import find_zone, local_date
from digest.render.rhythm import rhythms
from digest.render.words import Words, words_for
from digest.web.choosing import pause_days

PLACES = tuple(
    sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))
)
"""Time zones as people choose them: by a place."""


def view_of(profile: Profile, *, now: datetime) -> dict[str, Any]:
    """The values of `web/preferences.html.j2`."""
    words, person = words_for(profile.language), profile.subscriber
    return {
        "person": person,
        "zones": PLACES,
        "languages": _languages(profile),
        "choices": [_view_choice(one, profile, words, now) for one in profile.choices if one.is_active],
        "others": [
            {"slug": one.newsletter.slug, "name": one.newsletter.name, "was": one.tie is not None}
            for one in profile.choices
            if not one.is_active
        ],
    }


def _view_choice(choice: Choice, profile: Profile, words: Words, now: datetime) -> dict[str, Any]:
    tie, newsletter = choice.tie, choice.newsletter
    assert tie
    zone = profile.subscriber.zone or newsletter.zone
    chosen = set(tie.topics) or {topic.slug for topic in choice.topics}
    paused: date | None = None
    if tie.paused_until and tie.is_paused(now):
        paused = local_date(tie.paused_until, find_zone(zone))
    return {
        "slug": newsletter.slug,
        "name": newsletter.name,
        "cadences": rhythms(choice.cadences, words),
        "cadence": choice.cadence_id,
        "topics": [(topic.slug, topic.name, topic.slug in chosen) for topic in choice.topics],
        "hours": _hours(choice, words),
        "hour": tie.hour,
        "zone": zone,
        "paused": words.span(paused, paused) if paused else None,
        "earlier": bool(choices.catches_up(tie, now)),
        "days": pause_days(zone, now),
    }


def _hours(choice: Choice, words: Words) -> list[tuple[int, str]]:
    """Hours of the day to choose from: where its readers' clocks count, and a cadence of it has one issue a day at most."""
    fits = choice.newsletter.reader_zones and any(is_once_a_day(line.rule) for line in choice.cadences)
    return [(hour, words.hour(hour)) for hour in range(24)] if fits else []


def _languages(profile: Profile) -> list[tuple[str, str]]:
    """Those that a newsletter of theirs offers, by their own names; empty where there is no choice."""
    offered = {
        tag: None
        for one in profile.choices
        if one.is_active
        for tag in (one.newsletter.language, *one.newsletter.languages)
    }
    if profile.subscriber.language:
        offered[profile.subscriber.language] = None
    return [(tag, own_name(tag)) for tag in offered] if len(offered) > 1 else []


def own_name(tag: str) -> str:
    """A language's name in itself."""
    try:
        return (Locale.parse(tag, sep="-").get_display_name() or tag).capitalize()
    except (ValueError, UnknownLocaleError):
        return tag
