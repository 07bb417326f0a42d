"""The states and choices of the vocabulary, stored as plain strings with a CHECK."""

from enum import StrEnum


class SourceKind(StrEnum):
    """How a source is read."""

    FEED = "feed"  # RSS, Atom, RDF, JSON Feed, by HTTP
    FILE = "file"  # a feed, backup, Takeout or saved page on disk
    FOLDER = "folder"  # Markdown files with front matter


MIN_INTERVAL_MINUTES, MAX_INTERVAL_MINUTES = 30, 24 * 60
"""Between two looks at a source (docs/fetching.md F5). Here, because `digest --help` reads this file and little else."""


class UseState(StrEnum):
    """Whether a newsletter or a cadence is in use; what has a history is never deleted."""

    ACTIVE = "active"
    REMOVED = "removed"


class SourceState(StrEnum):
    """Whether a source is polled."""

    ACTIVE = "active"
    PAUSED = "paused"  # by the admin
    GONE = "gone"  # the server said 410
    DEAD = "dead"  # 30 days of failures; polled weekly


class ClaimState(StrEnum):
    """Where a post stands in one cadence; a post ever seen is in exactly one of these (docs/semantics.md S1)."""

    BASELINE = "baseline"  # older than our first look: never mailed
    PENDING = "pending"  # waits for the next issue
    HELD = "held"  # back-dated, resurfaced or a flood: waits for the admin
    ISSUED = "issued"  # in an issue, as a post or as a line of "N more"
    MERGED = "merged"  # the same story as another post that was issued
    WITHDRAWN = "withdrawn"  # taken down before the freeze
    EXCLUDED = "excluded"  # by the admin, or its source was removed


class IssueState(StrEnum):
    """The life of an issue. `frozen` has content, `draft` waits for approval, `sending` has deliveries."""

    FROZEN = "frozen"
    DRAFT = "draft"
    SENDING = "sending"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # empty, below the minimum, too late, merged into a later one: recorded, never silence


PUBLIC = (IssueState.SENDING, IssueState.PAUSED, IssueState.DONE)
"""Issues that readers have, or are getting: the web shows these alone."""


class SubscriptionState(StrEnum):
    """A subscriber's tie to a newsletter."""

    PENDING = "pending"
    ACTIVE = "active"
    ENDED = "ended"


class Door(StrEnum):
    """Whether a newsletter has a page where anybody may sign up."""

    OPEN = "open"
    CLOSED = "closed"


class NoticeKind(StrEnum):
    """What a notice is about."""

    CONFIRM = "confirm"
    WELCOME = "welcome"
    GOODBYE = "goodbye"
    ALREADY = "already"  # somebody signed up who is subscribed
    MOVE_FROM = "move-from"  # to the address that a person has, who asked to change it
    MOVE_TO = "move-to"  # to the one that they asked for


class DeliveryState(StrEnum):
    """The ledger's states (docs/semantics.md), and those of notices. Terminal: accepted, refused, skipped, expired. Uncertain is held."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    INFLIGHT = "inflight"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    SKIPPED = "skipped"
    EXPIRED = "expired"


TERMINAL = frozenset({DeliveryState.ACCEPTED, DeliveryState.REFUSED, DeliveryState.SKIPPED, DeliveryState.EXPIRED})


class OutcomeKind(StrEnum):
    """What the server said about one message: data, not exceptions."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"  # 4yz
    REFUSED = "refused"  # 5yz
    UNCERTAIN = "uncertain"  # the connection ended between the final dot and the reply (RFC 1047)
    UNSENT = "unsent"  # certain that nothing was accepted: the connection ended before the final dot


class CatchUp(StrEnum):
    """What happens to the slots missed while the scheduler was away (docs/semantics.md S13)."""

    MERGE = "merge"  # one combined issue titled with the span
    EACH = "each"  # every missed period its own issue, oldest first
    LATEST = "latest"  # only the newest period; older ones recorded as skipped, their posts roll into it
    NONE = "none"  # missed slots recorded as skipped, posts roll over to the next slot


class RuleKind(StrEnum):
    """What a topic's rule looks at."""

    SOURCE = "source"
    LABEL = "label"
    POST = "post"


class GroupBy(StrEnum):
    """How an issue's posts are grouped."""

    DAY = "day"
    SOURCE = "source"
    TOPIC = "topic"
