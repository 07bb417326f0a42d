"""The schema: content. People, the ledger and the log stand in `people_tables`.

States are plain strings with a CHECK: native enums are painful to migrate. Every datetime column is UTC and aware
(SQLModel refuses naive ones). No `from __future__ import annotations` here: it breaks SQLModel's reading of them.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary, text
from sqlalchemy import UniqueConstraint as Unique
from sqlmodel import Field

from digest.core.states import (
    CatchUp,
    ClaimState,
    Door,
    GroupBy,
    IssueState,
    RuleKind,
    SourceKind,
    SourceState,
    UseState,
)
from digest.store.base import Row, json_column, long_text, one_of, reference


class MetaRow(Row, table=True):
    """Facts about this database: the secret key's fingerprint, by name."""

    __tablename__ = "meta"
    name: str = Field(primary_key=True)
    value: str


class NewsletterRow(Row, table=True):
    """A product: what is sent, as whom, under which policies."""

    __tablename__ = "newsletter"
    __table_args__ = (one_of("group_by", GroupBy), one_of("catch_up", CatchUp), one_of("signup", Door),
                      one_of("state", UseState))  # fmt: skip
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    name: str
    sender_name: str
    sender_address: str
    reply_to: str | None = None
    language: str = "en"
    languages: list[Any] = json_column(list)
    zone: str = "UTC"
    theme: str = "editorial"
    theme_variables: dict[str, Any] = json_column(dict)
    site_url: str | None = None
    postal_address: str = ""
    group_by: str = GroupBy.DAY
    min_posts: int = 1
    max_posts: int = 20
    max_per_source: int = 10
    max_rollovers: int = 4
    max_variants: int = 20
    catch_up: str = CatchUp.MERGE
    max_late_hours: int = 48
    approval: bool = False
    approve_within_hours: int | None = None
    editor: str | None = None
    private: bool = False
    measure_clicks: bool = False
    utm_source: str | None = None
    signup: str = Door.OPEN
    goodbye: bool = False
    test_subjects: int | None = None
    test_subject_hours: int = 4
    weights: dict[str, Any] = json_column(dict)
    reader_zones: bool = False
    first_zone: str | None = None
    quiet_hours: str | None = None
    sending_windows: list[Any] = json_column(list)
    state: str = UseState.ACTIVE
    created_at: datetime


class CadenceRow(Row, table=True):
    """How often a newsletter goes out; its own line of claims and issues."""

    __tablename__ = "cadence"
    __table_args__ = (Unique("newsletter_id", "name"), one_of("state", UseState))
    id: int | None = Field(default=None, primary_key=True)
    newsletter_id: int = reference("newsletter", index=False)
    name: str
    rule: str
    zone: str
    started_at: datetime
    last_slot_at: datetime | None = None
    rollovers: int = 0
    state: str = UseState.ACTIVE


class TopicRow(Row, table=True):
    """What a newsletter writes about, as its readers may choose it."""

    __tablename__ = "topic"
    __table_args__ = (Unique("newsletter_id", "slug"),)
    id: int | None = Field(default=None, primary_key=True)
    newsletter_id: int = reference("newsletter", index=False)
    slug: str
    name: str
    created_at: datetime


class TopicRuleRow(Row, table=True):
    """Which posts are of a topic (core/topics): those of a source, of a label, or one that the admin named."""

    __tablename__ = "topic_rule"
    __table_args__ = (Unique("topic_id", "kind", "pattern"), one_of("kind", RuleKind))
    id: int | None = Field(default=None, primary_key=True)
    topic_id: int = reference("topic", index=False)
    kind: str
    pattern: str  # of labels, or of a source's title and address; the id of a source or of a post
    wanted: bool = True  # False: what it matches is not of the topic
    created_at: datetime


class SourceRow(Row, table=True):
    """Where posts come from, with all that polite fetching must remember (docs/fetching.md F1–F17)."""

    __tablename__ = "source"
    __table_args__ = (one_of("kind", SourceKind), one_of("state", SourceState))
    id: int | None = Field(default=None, primary_key=True)
    url: str = Field(unique=True)
    kind: str = SourceKind.FEED
    title: str = ""
    home: str | None = None
    zone: str = "UTC"
    language: str | None = None
    state: str = SourceState.ACTIVE
    interval_minutes: int = 60
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    hub: str | None = None
    next_check: datetime | None = None
    last_check: datetime | None = None
    not_before: datetime | None = None  # the server asked to be left alone until then (F11)
    polling_until: datetime | None = None  # the lease of the process that polls it now
    last_success: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    problem: str | None = long_text(null=True)
    moved_to: str | None = None  # a permanent redirect seen once; followed for good when seen again after 24 h (F9)
    moved_seen_at: datetime | None = None
    url_history: list[Any] = json_column(list)
    most_per_poll: int = 0  # the 90-day maximum of new posts in one poll (S8)
    most_per_poll_at: datetime | None = None
    created_at: datetime


class SourceBodyRow(Row, table=True):
    """The last two bodies of a source, gzipped, for replay and debugging (F16)."""

    __tablename__ = "source_body"
    id: int | None = Field(default=None, primary_key=True)
    source_id: int = reference("source")
    fetched_at: datetime
    content_type: str | None = None
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class HostRow(Row, table=True):
    """A host that asked to be left alone (F11), remembered across restarts."""

    __tablename__ = "host"
    name: str = Field(primary_key=True)
    not_before: datetime | None = None
    refused_urls: list[Any] = json_column(list)


class NewsletterSourceRow(Row, table=True):
    """Which sources a newsletter reads. One fetch serves all its newsletters (F17)."""

    __tablename__ = "newsletter_source"
    __table_args__ = (Unique("newsletter_id", "source_id"),)
    id: int | None = Field(default=None, primary_key=True)
    newsletter_id: int = reference("newsletter", index=False)
    source_id: int = reference("source")
    quota: int | None = None  # overrides the newsletter's max_per_source
    weight: int | None = None  # 0 to 10, for what leads; NULL: as any (core/ranking)
    added_at: datetime


class PostRow(Row, table=True):
    """One item of a source, keyed so that it enters the store once. Keys are kept for ever."""

    __tablename__ = "post"
    __table_args__ = (Unique("source_id", "key"),)
    id: int | None = Field(default=None, primary_key=True)
    source_id: int = reference("source", index=False)
    key: str
    title: str = long_text()
    card: dict[str, Any] = json_column(dict)
    canonical: str | None = Field(default=None, index=True)
    published: datetime | None = None
    updated: datetime | None = None
    date_raw: str | None = None
    seen_at: datetime
    effective_at: datetime
    missing_since: datetime | None = None  # gone from a 200 although older ones are still there (S10)
    text: str = long_text()
    html: str = long_text()
    body_hash: str = ""
    note: bool = False
    position: int = 0


class PostKeyRow(Row, table=True):
    """A post's other keys: the same post under a changed id or scheme (P6)."""

    __tablename__ = "post_key"
    __table_args__ = (Unique("source_id", "key"),)
    id: int | None = Field(default=None, primary_key=True)
    source_id: int = reference("source", index=False)
    post_id: int = reference("post")
    key: str


class ClaimRow(Row, table=True):
    """A post's place in one cadence: the recorded membership (S1). Nothing deletes it."""

    __tablename__ = "claim"
    __table_args__ = (
        Unique("cadence_id", "post_id"),
        one_of("state", ClaimState),
        Index("ix_claim_pending", "cadence_id", "effective_at", sqlite_where=text("state = 'pending'"),
              postgresql_where=text("state = 'pending'")),
        Index("ix_claim_merged", "merged_into", sqlite_where=text("state = 'merged'"), postgresql_where=text("state = 'merged'")),
    )  # fmt: skip
    id: int | None = Field(default=None, primary_key=True)
    cadence_id: int = reference("cadence", index=False)
    post_id: int = reference("post")
    state: str
    effective_at: datetime
    reason: str | None = None
    issue_id: int | None = reference("issue", null=True, on_delete="SET NULL")
    merged_into: int | None = Field(default=None)
    pinned: bool = False


class NoteRow(Row, table=True):
    """An editor's note; waits for the next issue, then belongs to it."""

    __tablename__ = "note"
    id: int | None = Field(default=None, primary_key=True)
    newsletter_id: int = reference("newsletter")
    text: str = long_text()
    html: str = long_text()
    author: str | None = None
    written_at: datetime
    issue_id: int | None = reference("issue", null=True, on_delete="SET NULL")


class IssueRow(Row, table=True):
    """The numbered edition of one newsletter, cadence and period. The UNIQUE slot decides who makes it."""

    __tablename__ = "issue"
    __table_args__ = (
        Unique("newsletter_id", "cadence_id", "slot_key"),
        Unique("newsletter_id", "number"),
        one_of("state", IssueState),
    )
    id: int | None = Field(default=None, primary_key=True)
    newsletter_id: int = reference("newsletter", index=False)
    cadence_id: int = reference("cadence")
    number: int | None = None
    slot_key: str
    period_start: datetime
    period_end: datetime
    due_at: datetime
    state: str = Field(index=True)
    reason: str | None = None
    approve_by: datetime | None = None
    subject_until: datetime | None = None
    merge_key: str = ""
    expected: int | None = None
    content: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    created_at: datetime
    sending_at: datetime | None = None
    resumed_at: datetime | None = None
    sender_refusals: int = 0  # since the last acceptance or resume: outlives the processes that count
    sender: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    done_at: datetime | None = None


class VariantRow(Row, table=True):
    """An issue as rendered for one set of posts in one language; parts are NULL until rendered."""

    __tablename__ = "variant"
    __table_args__ = (Unique("issue_id", "key"),)
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = reference("issue", index=False)
    key: str
    language: str
    shown: list[Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))  # ids of posts; NULL: all
    second: bool = False  # under the second of two subjects (core/subjects)
    earlier: list[Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))  # of other issues; NULL: none
    away: list[Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))  # of other issues, from a pause
    subject: str | None = long_text(null=True)
    preheader: str | None = long_text(null=True)
    html: str | None = long_text(null=True)
    text: str | None = long_text(null=True)


class ChoiceRow(Row, table=True):
    """What an issue's readers had chosen when its deliveries were made: one row for all who had chosen the same."""

    __tablename__ = "choice"
    __table_args__ = (Unique("issue_id", "topics", "language", "owed"),)
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = reference("issue", index=False)
    topics: str = long_text()  # the JSON of the subscription, as text
    language: str = ""
    owed: str = long_text()
    readers: int
    variant_id: int | None = reference("variant", null=True, index=False)  # NULL: nothing for them, they are skipped
