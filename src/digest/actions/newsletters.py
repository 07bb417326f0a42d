"""Newsletters and their cadences: add, edit, remove.

 what was typed ─▶ check ─▶ store ─▶ claims for what is there ─▶ the log

A change of a cadence's rule or zone keeps what waits for its next issue; only boundaries after the change follow the
new rule (docs/semantics.md S14). What has made issues is never deleted: its state becomes removed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from digest.actions.admit import admit_cadence
from digest.core.cadence import Cadence, parse
from digest.core.languages import canonical_language
from digest.core.lines import is_line
from digest.core.model import CadenceLine, Newsletter
from digest.core.period import coming_slots, start_of_rule
from digest.core.ranking import check_weights
from digest.core.states import ClaimState
from digest.core.subjects import LARGEST, SMALLEST
from digest.core.waves import closing_zone, parse_quiet, parse_windows
from digest.core.zones import canonical_zone, find_zone, first_instant, local_date
from digest.errors import Conflict, NotFound, UsageError
from digest.store import newsletters as store
from digest.store import sending
from digest.store.claims import list_claims, move_claim
from digest.store.database import Database, Session
from digest.store.events import record
from digest.store.issues import list_issues, lock_newsletter
from digest.store.owed import carry_over, served_by

CADENCE_REMOVED = "its cadence was removed"
NEWSLETTER_REMOVED = "its newsletter was removed"
_WAITING = (ClaimState.PENDING, ClaimState.HELD)
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
_NAMED = re.compile(r"([a-z0-9][a-z0-9-]*)\s*=\s*(.+)", re.IGNORECASE)
_LEAST = {"min_posts": 0, "max_posts": 1, "max_per_source": 1, "max_rollovers": 0, "max_variants": 1, "max_late_hours": 1,
          "approve_within_hours": 1, "test_subjects": SMALLEST, "test_subject_hours": 1}  # fmt: skip
_MOST = {"test_subjects": LARGEST, "test_subject_hours": 48, "max_late_hours": 8760, "approve_within_hours": 8760}
_MOST |= dict.fromkeys(("min_posts", "max_posts", "max_per_source", "max_rollovers", "max_variants"), 10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterView:
    """A newsletter with its active cadences."""

    newsletter: Newsletter
    cadences: tuple[CadenceLine, ...]


def view_newsletter(session: Session, slug: str) -> NewsletterView:
    """A newsletter as its admin sees it.

    Raises:
        NotFound: there is none.
    """
    newsletter = store.get_newsletter(session, slug)
    return NewsletterView(newsletter=newsletter, cadences=store.list_cadences(session, newsletter.id))


def add_newsletter(
    database: Database, *, slug: str, cadences: Sequence[str], now: datetime, **values: Any
) -> NewsletterView:
    """A new newsletter with its cadences, each "RULE" or "NAME=RULE".

    Raises:
        Conflict: the slug or the name of a cadence is taken.
        UsageError: a value or a rule is not understood.
    """
    check_slug(slug)
    values = check_values(values)
    with database.write() as session:
        newsletter = store.add_newsletter(session, slug=slug, now=now, **values)
        record(session, "newsletter.added", at=now, newsletter_id=newsletter.id, slug=slug)
        for name, cadence in read_cadences(cadences, today=local_date(now, find_zone(newsletter.zone))):
            _add_cadence(session, newsletter, name, cadence, now=now)
        return view_newsletter(session, slug)


def edit_newsletter(
    database: Database,
    slug: str,
    *,
    cadences: Sequence[str] = (),
    remove_cadences: Sequence[str] = (),
    now: datetime,
    **changes: Any,
) -> NewsletterView:
    """Change a newsletter; a cadence of a new name is added, one of a known name gets the new rule.

    A rule without a name goes to the only cadence there is. Cadences in the newsletter's zone follow it, or the first of
    its readers' zones.

    Raises:
        NotFound: there is no such newsletter or cadence.
        UsageError: a value or a rule is not understood.
        Conflict: the newsletter was removed, or its only cadence would be.
    """
    changes = check_values(changes)
    with database.write() as session:
        before = store.get_newsletter(session, slug)
        if before.state == store.REMOVED:
            raise Conflict(f"{slug} was removed; only its history is kept", next_step="digest newsletter add SLUG")
        lock_newsletter(session, before.id)  # no issue begins to go out while its readers go over to another cadence
        newsletter = store.update_newsletter(session, before.id, **changes)
        if changes:
            record(session, "newsletter.edited", at=now, newsletter_id=before.id, fields=sorted(changes))
        for line in store.list_cadences(session, newsletter.id):
            if line.zone == closing_zone(before) != closing_zone(newsletter):
                _move_cadence(session, line, newsletter, now=now)
        for text in cadences:
            _put_cadence(session, newsletter, text, alone=len(cadences) == 1, now=now)
        for name in remove_cadences:
            _remove_cadence(session, newsletter, name, now=now)
        return view_newsletter(session, slug)


def remove_newsletter(database: Database, slug: str, *, now: datetime) -> bool:
    """Remove a newsletter: for good where nothing was ever made or sent, else its state becomes removed.

    Its issues that are not done are cancelled in the same transaction: a message past its final dot is out, no other.

    Returns whether its history was kept: issues, deliveries, and why each subscriber was written to.

    Raises:
        NotFound: there is none.
    """
    with database.write() as session:
        newsletter = store.get_newsletter(session, slug)
        lock_newsletter(session, newsletter.id)  # before its issues, as who makes deliveries does
        kept = store.has_history(session, newsletter.id)
        record(session, "newsletter.removed", at=now, newsletter_id=newsletter.id, slug=slug, kept=kept)
        if kept:
            for line in store.list_cadences(session, newsletter.id):
                _exclude_waiting(session, line, now=now, reason=NEWSLETTER_REMOVED)
            for issue in list_issues(session, newsletter_id=newsletter.id, states=sending.UNFINISHED):
                sending.cancel(session, issue.id, reason=NEWSLETTER_REMOVED, now=now)
            store.update_newsletter(session, newsletter.id, state=store.REMOVED)
        else:
            store.delete_newsletter(session, newsletter.id)
        return kept


def check_slug(slug: str) -> None:
    """A slug can stand in a link.

    Raises:
        UsageError: this one cannot.
    """
    if not _SLUG.fullmatch(slug):
        raise UsageError(
            f"{slug!r} is no slug", next_step="use lower-case letters, digits and hyphens: it goes into links"
        )


def check_values(values: dict[str, Any]) -> dict[str, Any]:
    """The values in their canonical form: zone, language, addresses, numbers.

    Raises:
        UsageError: one of them is wrong, named.
    """
    checked = dict(values)
    for name, check in (("zone", canonical_zone), ("language", check_language), ("sender_address", check_address),
                        ("reply_to", _check_reply_address), ("site_url", _check_url), ("first_zone", canonical_zone),
                        ("quiet_hours", _check_quiet), ("sending_windows", _check_windows)):  # fmt: skip
        if checked.get(name):
            checked[name] = check(checked[name])
    if checked.get("languages"):
        checked["languages"] = list(dict.fromkeys(map(check_language, checked["languages"])))
    _check_numbers(checked)
    if "weights" in checked:
        try:
            checked["weights"] = check_weights(checked["weights"])
        except ValueError as error:
            raise UsageError(str(error), next_step="give one like image=0.5") from None
    for name in ("name", "sender_name"):
        if name in checked and not is_line(checked[name]):
            raise UsageError(f"the {name.replace('_', ' ')} is empty or not one printable line")
    return checked


def _check_numbers(values: dict[str, Any]) -> None:
    for name, least in _LEAST.items():
        if (number := values.get(name)) is not None and number < least:
            raise UsageError(f"{name.replace('_', ' ')} is {number}", next_step=f"the least is {least}")
    for name, most in _MOST.items():
        if (number := values.get(name)) is not None and number > most:
            raise UsageError(f"{name.replace('_', ' ')} is {number}", next_step=f"the most is {most}")


def _check_quiet(words: str) -> str:
    try:
        quiet = parse_quiet(words)
    except ValueError as error:
        raise UsageError(str(error), next_step='"" takes them away') from None
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (quiet.start, quiet.end))


def _check_windows(texts: Sequence[str]) -> list[str]:
    try:
        parse_windows(texts)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return [text.strip().lower() for text in texts]


def _check_reply_address(address: str) -> str:
    """As `check_address`, and of plain letters before the @: Reply-To is in mail for readers without SMTPUTF8 as well."""
    checked = check_address(address)
    if not checked.rpartition("@")[0].isascii():
        raise UsageError(
            f"the reply address {checked} has letters beyond ASCII before its @: not every server takes mail with it",
            next_step="give one like news@example.org",
        )
    return checked


def check_address(address: str) -> str:
    """The normal form of an email address (RFC 5321); nothing is asked of the network.

    Raises:
        UsageError: it is none.
    """
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - slow to import

    try:
        return validate_email(address.strip(), check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        raise UsageError(f"{address!r} is no email address: {error}", next_step="give one like news@example.org") from (
            error
        )


def check_language(tag: str) -> str:
    """The canonical form of a language tag (BCP 47).

    Raises:
        UsageError: there is no such language.
    """
    try:
        return canonical_language(tag)
    except ValueError as error:
        raise UsageError(str(error), next_step="give one like en, de or pt-BR") from None


# ── cadences ────────────────────────────────────────────────────────────────────────────────────────────────────────


def split_cadence(text: str) -> tuple[str | None, str]:
    """("daily", "daily at 07:00") of "daily=daily at 07:00"; without a name None and the rule."""
    named = _NAMED.fullmatch(text.strip())
    return (named[1].lower(), named[2]) if named else (None, text)


def read_cadences(texts: Sequence[str], *, today: date) -> tuple[tuple[str, Cadence], ...]:
    """Those of a new newsletter by name, each "RULE" or "NAME=RULE".

    Raises:
        UsageError: a rule is not understood.
        Conflict: two have the same name.
    """
    found = dict[str, Cadence]()
    for text in texts:
        given, rule = split_cadence(text)
        cadence = parse(rule, today=today)
        name = given or cadence.name
        if name in found:
            raise Conflict(f"two cadences are called {name!r}", next_step=f"give one another name: {name}-2={rule}")
        found[name] = cadence
    return tuple(found.items())


def _put_cadence(session: Session, newsletter: Newsletter, text: str, *, alone: bool, now: datetime) -> None:
    """Give a known cadence its new rule, else add one. A rule that comes `alone` and unnamed is for the only one."""
    name, rule = split_cadence(text)
    cadence = _parse_here(rule, newsletter, now)
    lines = store.list_cadences(session, newsletter.id)
    known = next((line for line in lines if line.name == (name or cadence.name)), None)
    if known is None and name is None and alone and len(lines) == 1:
        known = lines[0]
    if known is None:
        _add_cadence(session, newsletter, name or cadence.name, cadence, now=now)
        return
    if name is None and known.name == parse(known.rule).name:  # a name made from the rule follows it
        store.update_cadence(session, known.id, name=cadence.name)
    _change_cadence(session, known, cadence, known.zone, now=now)


def _parse_here(rule: str, newsletter: Newsletter, now: datetime) -> Cadence:
    return parse(rule, today=local_date(now, find_zone(newsletter.zone)))


def _add_cadence(session: Session, newsletter: Newsletter, name: str, cadence: Cadence, *, now: datetime) -> None:
    line = store.add_cadence(
        session,
        newsletter.id,
        name=name,
        rule=str(cadence),
        zone=closing_zone(newsletter),
        started_at=start_of_rule(cadence, closing_zone(newsletter), now=now),
    )
    admit_cadence(session, line=line, now=now)
    record(session, "cadence.added", at=now, newsletter_id=newsletter.id, cadence=name, rule=line.rule, zone=line.zone)


def _change_cadence(session: Session, line: CadenceLine, cadence: Cadence, zone: str, *, now: datetime) -> None:
    if (str(cadence), zone) == (line.rule, line.zone):
        return
    started = start_of_rule(cadence, zone, now=now, line=line)
    store.update_cadence(session, line.id, rule=str(cadence), zone=zone, started_at=started)
    record(session, "cadence.changed", at=now, newsletter_id=line.newsletter_id, cadence=line.name,
           rule=str(cadence), zone=zone, was_rule=line.rule, was_zone=line.zone)  # fmt: skip


def _move_cadence(session: Session, line: CadenceLine, newsletter: Newsletter, *, now: datetime) -> None:
    """The same rule by another clock. By its readers' clocks the next wall time is not lost where the first of them has passed it."""
    cadence, zone = parse(line.rule), closing_zone(newsletter)
    coming = next(iter(coming_slots(line))).wall if newsletter.reader_zones else None
    _change_cadence(session, line, cadence, zone, now=now)
    if coming and (at := first_instant(coming, find_zone(zone))) <= now:
        store.update_cadence(session, line.id, started_at=at)


def _remove_cadence(session: Session, newsletter: Newsletter, name: str, *, now: datetime) -> None:
    """Its subscribers go over to the newsletter's first cadence; what waits in it is excluded, with a reason."""
    lines = store.list_cadences(session, newsletter.id)
    line = next((line for line in lines if line.name == name), None)
    if line is None:
        names = ", ".join(line.name for line in lines)
        raise NotFound(f"{newsletter.slug} has no cadence {name!r}", next_step=f"it has: {names or 'none'}")
    if len(lines) == 1:
        raise Conflict(
            f"{name!r} is the only cadence of {newsletter.slug}", next_step="change it, or remove the newsletter"
        )
    went = (line.id, None) if line == lines[0] else (line.id,)  # who names no cadence gets the first
    carry_over(session, went, served_by(session, line.id, now=now))
    moved = store.free_subscriptions(session, line.id)
    if store.count_issues(session, cadence_id=line.id):
        _exclude_waiting(session, line, now=now, reason=CADENCE_REMOVED)
        # The name becomes free for another cadence; the number keeps it unique.
        store.update_cadence(session, line.id, state=store.REMOVED, name=f"{name} (removed {line.id})")
    else:
        store.delete_cadence(session, line.id)
    record(session, "cadence.removed", at=now, newsletter_id=newsletter.id, cadence=name, subscriptions_moved=moved)


def _exclude_waiting(session: Session, line: CadenceLine, *, now: datetime, reason: str) -> None:
    for claim in list_claims(session, cadence_id=line.id, states=_WAITING):
        move_claim(session, claim_id=claim.id, state=ClaimState.EXCLUDED, from_states=_WAITING, reason=reason)
        record(session, "post.excluded", at=now, newsletter_id=line.newsletter_id, post_id=claim.post_id,
               cadence_id=line.id, reason=reason)  # fmt: skip


def _check_url(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", url.strip()):
        raise UsageError(f"{url!r} is no web address", next_step="give one like https://example.org")
    return url.strip()
