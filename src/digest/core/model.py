"""The vocabulary: frozen values. Read this first; then `states` and `people`.

 sources ─▶ posts ─▶ period ─▶ issue ─▶ rendered ─▶ envelope ─▶ outcome ─▶ ledger

Every datetime is aware and in UTC; a wall time appears only together with its zone. Values are named after their
stage in the flow: a `ParsedPost` is what a source said, a `Post` is one that the store keeps, an `IssuePost` is the
snapshot that an issue froze.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from digest.core.discretion import hide_password
from digest.core.ranking import total
from digest.core.states import CatchUp, ClaimState, Door, GroupBy, IssueState, RuleKind, SourceKind, SourceState

# ── posts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image of a post: `src` as the post shows it (width, height are of that), `full` the largest known form."""

    src: str
    full: str | None = None
    width: int | None = None
    height: int | None = None
    alt: str = ""  # empty means decorative; never a file name
    alt_made: bool = False  # the caption stands in for an alt text that the post does not give
    caption: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a reader sees of a post. Plain text everywhere: escaping belongs to the renderer."""

    title: str
    title_made: bool = False  # made from the text, a caption or the date: show the text once, not twice
    link: str | None = None
    author: str | None = None
    topics: tuple[str, ...] = ()
    language: str | None = None  # BCP 47, None where unknown
    lead: str = ""  # whole sentences, at most 280 characters
    quote: str | None = None
    pictures: tuple[Picture, ...] = ()  # the lead image first
    minutes: int = 0  # reading time; 0 means under a minute: not shown

    @property
    def image(self) -> Picture | None:
        """The lead image."""
        return self.pictures[0] if self.pictures else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedPost:
    """One item as its source gave it, read but not stored."""

    guid: str | None  # the id as written, None where the source gives none
    key: str  # identity within the source (docs/sources.md P6)
    other_keys: tuple[str, ...] = ()  # canonical link, id without scheme and www: the same post under a changed id
    card: Card
    link: str | None = None  # as written, made absolute; `card.link` is the one shown: direct and without tracking
    canonical: str | None = None  # for comparing only, never shown (P8)
    published: datetime | None = None  # only where the source states it
    updated: datetime | None = None  # likewise
    date_raw: str | None = None
    text: str = ""  # the body's plain text, for likeness and search
    html: str = ""  # a note's body, cleaned by the allow-list; posts are shown by their cards
    body_hash: str = ""  # sha256 of title, link and text: tells an edit
    note: bool = False  # an editor's note (Markdown front matter `kind: note`), not a post


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A document as parsed."""

    title: str | None
    url: str  # where it was read from
    home: str | None = None
    language: str | None = None
    format: str = ""  # "atom", "rss", "rdf", "json", "blogger-backup", "blogger-takeout", "page", "folder"
    posts: tuple[ParsedPost, ...] = ()  # document order
    next_page: str | None = None  # rel=next (P12)
    hub: str | None = None
    ttl: int | None = None  # seconds, from rss ttl or sy:updatePeriod (F6)
    problems: tuple[str, ...] = ()  # what could not be read while the rest could: one sentence each


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A stored source."""

    id: int
    url: str
    kind: SourceKind
    title: str
    home: str | None
    zone: str  # for dates that carry none
    language: str | None
    state: SourceState
    interval_minutes: int
    next_check: datetime | None
    last_success: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    problem: str | None = None

    @property
    def shown(self) -> str:
        """Its address as anybody may see it."""
        return hide_password(self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A stored post. `effective_at` is fixed at first sight (docs/semantics.md S3) and never moves."""

    id: int
    source_id: int
    key: str
    card: Card
    canonical: str | None
    published: datetime | None
    updated: datetime | None
    seen_at: datetime
    effective_at: datetime
    text: str = ""
    html: str = ""
    body_hash: str = ""
    note: bool = False
    position: int = 0  # in the document where it was first seen: breaks ties


# ── newsletters and issues ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsletter:
    """A product and its policies."""

    id: int
    slug: str
    name: str
    sender_name: str
    sender_address: str
    reply_to: str | None = None
    language: str = "en"
    languages: list[str] = field(default_factory=list)  # offered besides it, to readers who have chosen one of them
    zone: str = "UTC"
    theme: str = "editorial"
    theme_variables: dict[str, Any] = field(default_factory=dict)
    site_url: str | None = None
    postal_address: str = ""
    group_by: GroupBy = GroupBy.DAY
    min_posts: int = 1
    max_posts: int = 20  # shown in full; the rest become "N more" lines
    max_per_source: int = 10
    max_rollovers: int = 4  # after so many thin periods an issue goes out anyway (S12)
    max_variants: int = 20  # of one issue; the rarest choices get one that shows more (S16)
    catch_up: CatchUp = CatchUp.MERGE
    max_late_hours: int = 48
    approval: bool = False
    approve_within_hours: int | None = None  # None: waits for ever; else goes out by itself at the deadline
    editor: str | None = None
    private: bool = False  # it has no archive, no feeds and no place in the sitemap
    measure_clicks: bool = False  # links in mails lead over /c/, which counts them, never persons
    utm_source: str | None = None  # links in mails carry utm tags with this source
    signup: Door = Door.OPEN
    goodbye: bool = False  # whether who leaves gets a notice that says so
    test_subjects: int | None = None  # percent of readers on whom two subjects are tried (core/subjects)
    test_subject_hours: int = 4
    weights: dict[str, float] = field(default_factory=dict)  # of what leads, by factor (core/ranking)
    reader_zones: bool = False  # each reader's clock counts: their zone, and the hour that they chose (S18)
    first_zone: str | None = None  # with it: by whose clock periods close; None: where each day begins first
    quiet_hours: str | None = None  # "22:00-07:00", in each reader's zone: what falls into them waits for their end
    sending_windows: list[str] = field(default_factory=list)  # "mon-fri 08:00-20:00", in its zone; empty: at any time
    state: str = "active"  # active | removed


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceLine:
    """A stored cadence of a newsletter. `rule` is the canonical text that `core.cadence.parse` reads."""

    id: int
    newsletter_id: int
    name: str  # "weekly"; unique within the newsletter
    rule: str
    zone: str
    started_at: datetime  # slots before this are not ours; moves when the rule or zone changes (S14)
    last_slot_at: datetime | None = None  # the end of the newest period that was closed
    rollovers: int = 0
    state: str = "active"  # active | removed: kept for the issues it made


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What a newsletter writes about, as its readers may choose it."""

    id: int
    newsletter_id: int
    slug: str
    name: str  # as readers see it


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicRule:
    """Which posts are of a topic."""

    id: int
    topic: str  # its slug
    kind: RuleKind
    pattern: str  # of labels, or of a source's title and address; the id of a source or of a post
    wanted: bool = True  # False: what it matches is not of the topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A post's place in one cadence."""

    id: int
    cadence_id: int
    post_id: int
    state: ClaimState
    effective_at: datetime
    reason: str | None = None
    issue_id: int | None = None
    merged_into: int | None = None  # a post id
    pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlsoIn:
    """Another source that carried the same story."""

    source: str
    link: str | None
    post_id: int | None = None  # the copy


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePost:
    """A post as the issue froze it: later edits change the archive, never the mail."""

    post_id: int
    source_id: int
    source: str
    card: Card
    at: datetime  # effective_at
    also_in: tuple[AlsoIn, ...] = ()
    pinned: bool = False
    late: bool = False
    topics: tuple[str, ...] = ()  # the newsletter's, by slug: who has chosen one of them is shown it
    points: dict[str, float] = field(default_factory=dict)  # by factor; their sum is its score (core/ranking)
    body_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueGroup:
    """Posts under one heading. `kind` is day, source, topic, pinned or earlier.

    `label` is an ISO date for a day (in the newsletter's zone), a title for a source or topic, empty otherwise:
    words in a language are the renderer's.
    """

    kind: str
    label: str
    posts: tuple[IssuePost, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorNote:
    """Words of the editor above the posts; `html` is already clean."""

    text: str
    html: str
    author: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueContent:
    """What an issue says, frozen in the transaction that makes it."""

    newsletter: str  # its name
    number: int
    period_start: datetime
    period_end: datetime
    zone: str
    language: str
    groups: tuple[IssueGroup, ...]
    more: tuple[IssuePost, ...] = ()  # left out by a quota: one line each
    note: EditorNote | None = None

    @property
    def posts(self) -> tuple[IssuePost, ...]:
        """The posts shown in full, in reading order."""
        return tuple(post for group in self.groups for post in group.posts)

    @property
    def leading(self) -> tuple[IssuePost, ...]:
        """The same, the pinned first, then by their scores: what the issue is named after."""
        return tuple(sorted(self.posts, key=lambda post: (not post.pinned, -total(post.points))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """The numbered edition of one newsletter, cadence and period."""

    id: int
    newsletter_id: int
    cadence_id: int
    number: int | None  # skipped issues have none
    slot_key: str  # local wall time of the slot, "2017-08-14T08:00"; never a timestamp
    period_start: datetime
    period_end: datetime
    due_at: datetime  # the slot's instant
    state: IssueState
    reason: str | None = None
    approve_by: datetime | None = None
    subject_until: datetime | None = None  # two subjects are on trial until then; None: they are not, or no more
    merge_key: str = ""  # unguessable, one per issue: merge fields are %%key:field%%
    expected: int | None = None  # deliveries made when sending began
    content: IssueContent | None = None
    created_at: datetime | None = None
    sending_at: datetime | None = None
    resumed_at: datetime | None = None  # the last time
    sender_refusals: int = 0  # since the last acceptance or resume
    sender: dict[str, Any] | None = (
        None  # as whom it goes out, kept while it does: the bytes of every attempt are the same
    )
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What the budget made of an issue's posts, so that no mail client cuts it off."""

    full: int
    without_pictures: int = 0
    lines: int = 0  # of those that would have been in full
    left_out: int = 0  # named on the web only

    @property
    def is_shortened(self) -> bool:
        """Whether anything was taken away."""
        return bool(self.without_pictures or self.lines or self.left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Subject, HTML and text with the merge fields still open; one per variant."""

    subject: str
    preheader: str
    html: str
    text: str
    fitted: Fitted | None = None  # known where it was just rendered; not kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """An issue as rendered for one set of posts in one language."""

    id: int
    issue_id: int
    key: str  # "*/en": all of it in English; else a mark of its posts before the language
    language: str
    shown: frozenset[int] | None = None  # ids of the posts; None: all
    earlier: frozenset[int] = frozenset()  # posts of other issues, for who was owed them (core/owed)
    away: frozenset[int] = frozenset()  # posts of other issues, from a pause
    second: bool = False  # the same under the second of two subjects (core/subjects)
    rendered: Rendered | None = None
