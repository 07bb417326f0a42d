"""What the templates see: the issue in words, sizes and safe links. Plain text everywhere but in `note.html`."""

from dataclasses import dataclass, field

from digest.render.pictures import PictureView


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """A name and where it leads; None leads nowhere."""

    text: str
    link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostView:
    """A post shown in full."""

    number: int  # from 1, in reading order
    title: str  # short, for lists
    heading: str  # the title, or the whole first sentence of a post that has none
    made: bool  # the post has no title of its own
    link: str | None
    source: str
    facts: tuple[str, ...]  # source, author, date, minutes: what this issue needs to tell posts apart
    topics: tuple[str, ...]
    lead: str
    quote: str
    image: PictureView | None
    pictures: tuple[PictureView, ...]  # the further ones that have captions
    also_in: tuple[LinkView, ...]
    pinned: bool
    language: str | None  # where it differs from the issue's
    direction: str | None
    shortened: bool = False  # the budget took its pictures and quote
    echoed: bool = False  # the issue's title, just above, says it already: a post alone


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """Posts under one heading."""

    kind: str
    label: str
    posts: tuple[PostView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A post as one line of "more posts"."""

    title: str
    link: str | None
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """The editor's note; `html` is clean and may be mailed as it is."""

    html: str
    text: str
    author: str
    links: tuple[str, ...]  # those of the HTML, for the text part
    direction: str | None = None  # where it differs from the issue's


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueView:
    """The whole issue. Merge fields stand in `address`, `reader`, `unsubscribe_url` and `preferences_url`."""

    language: str
    direction: str
    name: str
    number: int
    span: str
    title: str
    subject: str
    preheader: str
    summary: str
    sources: int
    note: NoteView | None
    groups: tuple[GroupView, ...]
    more: tuple[LineView, ...]
    left_out: int = 0  # lines that the budget cut
    sender: str
    postal_address: str
    site_url: str | None
    web_url: str | None
    archive_url: str | None
    reader: str = field(repr=False)
    address: str = field(repr=False)
    why: str = field(repr=False)  # the reader gets this
    unsubscribe_url: str = field(repr=False)
    preferences_url: str | None = field(repr=False)
    canary_url: str | None = None  # where nobody goes but programs that follow every link

    @property
    def posts(self) -> tuple[PostView, ...]:
        """The posts shown in full, in reading order."""
        return tuple(post for group in self.groups for post in group.posts)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeView:
    """A mail about one subscription. Nothing in it is open: it is rendered for its one reader."""

    language: str
    direction: str
    name: str
    subject: str
    preheader: str
    heading: str
    words: str = field(repr=False)
    button: LinkView | None = field(repr=False)
    small: str  # beneath the button
    posts_heading: str = ""
    posts: tuple[LinkView, ...] = ()
    why: str = field(repr=False)
    sender: str
    postal_address: str
    site_url: str | None
    archive_url: str | None
    unsubscribe_url: str | None = field(repr=False)
    preferences_url: str | None = field(repr=False)
    # What the parts it shares with the issue ask for.
    number: int = 0
    span: str = ""
    web_url: str | None = None
