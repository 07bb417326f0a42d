"""Issue → view: every string cleaned, every link checked, every date and word in the issue's language and zone."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from digest.core import merge
from digest.core.model import IssueContent, IssueGroup, IssuePost, Newsletter
from digest.core.nameless import kind_of
from digest.render.clean import clean_line, clean_link, clean_note, clean_text
from digest.render.direction import beside, direction_of_text
from digest.render.headline import clip, make_preheader, make_title
from digest.render.pictures import TALLEST, THUMBNAIL_WIDTH, fit_picture
from digest.render.view import GroupView, IssueView, LineView, LinkView, NoteView, PostView
from digest.render.words import Words, direction_of, words_for

LONGEST_TITLE = 120
"""Characters, in lists."""
_SENTENCE_END = re.compile(r"[.!?…。！？؟]+[\"'”’»)\]]*(?:\s+|$)|(?<=[。！？])")
_HREF = re.compile(r'href="([^"]*)"')


def compose_view(
    content: IssueContent,
    newsletter: Newsletter,
    *,
    key: str,
    language: str,
    width: int,
    tallest: float = TALLEST,
    web_url: str | None = None,
    archive_url: str | None = None,
    preferences: bool = False,
    lead: int = 0,
) -> IssueView:
    """The view of an issue, its pictures at most `width` pixels wide, its merge fields open under `key`.

    `lead`: the place of the post that leads its title, among the leading ones.
    `preferences`: its reader can change them on a page, also where the issue has no `web_url`.
    """
    posts = content.posts
    maker = _Maker(
        content=content,
        key=key,
        words=words_for(language),
        zone=ZoneInfo(content.zone),
        width=width,
        tallest=tallest,
        posts=posts,
        sources=_names((post.source for post in (*posts, *content.more)), key),
        authors=_names((post.card.author for post in posts if post.card.author), key),
    )
    groups = maker.groups()
    title, preheader = maker.headline([post for group in groups for post in group.posts], lead=lead)
    return IssueView(
        language=language,
        direction=maker.words.direction,
        name=maker.line(content.newsletter),
        number=content.number,
        span=maker.span(),
        title=title,
        subject=title,
        preheader=preheader,
        summary=maker.summary(),
        sources=len(maker.sources),
        note=maker.note(),
        groups=_echoed(groups, title),
        more=tuple(maker.more_line(post) for post in content.more),
        sender=maker.line(newsletter.sender_name),
        postal_address=maker.line(newsletter.postal_address),
        site_url=clean_link(newsletter.site_url),
        web_url=clean_link(web_url),
        archive_url=clean_link(archive_url),
        reader=merge.token(key, "name"),
        address=merge.token(key, "address"),
        why=maker.words._("You get this email because you subscribed to {newsletter} with {address}.").format(
            newsletter=maker.line(content.newsletter), address=merge.token(key, "address")
        ),
        unsubscribe_url=merge.token(key, "unsubscribe_url"),
        preferences_url=merge.token(key, "preferences_url") if preferences or clean_link(web_url) else None,
    )


def title_of(post: IssuePost, content: IssueContent, *, words: Words, key: str = "") -> str:
    """The title of a post of the issue; where it has neither title nor words, what it is and its day, in the reader's words."""
    if kind := kind_of(post.card):
        name = words._("Photo, {day}") if kind == "Photo" else words._("Post, {day}")
        return name.format(day=_short_day(post, content, words))
    return clean_line(post.card.title, key=key) or words._("Untitled")


def _short_day(post: IssuePost, content: IssueContent, words: Words) -> str:
    """Its day, with the year where the issue is of another."""
    zone = ZoneInfo(content.zone)
    return words.short_day(post.at.astimezone(zone).date(), year=content.period_end.astimezone(zone).year)


@dataclass(frozen=True, slots=True)
class _Maker:
    content: IssueContent
    key: str
    words: Words
    zone: ZoneInfo
    width: int
    tallest: float
    posts: tuple[IssuePost, ...]
    sources: tuple[str, ...]
    authors: tuple[str, ...]  # of the posts in full

    def line(self, text: str | None) -> str:
        return clean_line(text, key=self.key)

    def link(self, url: str | None) -> str | None:
        return clean_link(url, key=self.key)

    def local_day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def span(self) -> str:
        """The local days of [start, end): an end at midnight belongs to the day before."""
        last = self.local_day(self.content.period_end - timedelta(microseconds=1))
        return self.words.span(min(self.local_day(self.content.period_start), last), last)

    def headline(self, posts: Sequence[PostView], *, lead: int = 0) -> tuple[str, str]:
        """Title and preheader, of the leading posts; those without a title of their own come after the others."""
        place = {post.post_id: at for at, post in enumerate(self.content.leading)}
        ordered = sorted(posts, key=lambda post: (post.made, place[self.posts[post.number - 1].post_id]))
        titles = [post.title for post in ordered]
        leading = titles[lead : lead + 1] + titles[:lead] + titles[lead + 1 :]
        otherwise = f"{self.line(self.content.newsletter)}: {self.span()}"
        title = make_title(leading, count=len(posts), words=self.words, otherwise=otherwise)
        fillers = (*(post.lead for post in ordered[:1]), self.span(), self.summary())
        return title, make_preheader(leading, subject=title, fillers=fillers, words=self.words)

    def summary(self) -> str:
        """How many posts from where, how many in short, how long they take to read."""
        content, sources, authors = self.content, self.sources, self.authors
        shown = len({post.source for post in self.posts})
        if len(sources) == 1 and len(authors) == 1 and authors[0] != sources[0]:
            origin = self.words._("from {source}, by {author}").format(source=sources[0], author=authors[0])
        elif len(sources) == 1:
            origin = self.words._("from {source}").format(source=sources[0])
        else:
            origin = self.words.n("from {n} blog", "from {n} blogs", shown)
        posts = self.words.n("{n} post", "{n} posts", len(self.posts))
        minutes = sum(post.card.minutes for post in self.posts)
        parts = (
            self.words._("{posts} {origin}").format(posts=posts, origin=origin) if self.posts else "",
            self.words.n("{n} more in brief", "{n} more in brief", len(content.more)) if content.more else "",
            self.words.n("about {n} minute", "about {n} minutes", minutes) if minutes else "",
        )
        return beside((part for part in parts if part), self.words.direction, f" {self.words.dot} ")

    def note(self) -> NoteView | None:
        note = self.content.note
        if note is None:
            return None
        html = clean_note(note.html, key=self.key)
        text = clean_text(note.text, key=self.key).strip()
        links = tuple(dict.fromkeys(link.replace("&amp;", "&") for link in _HREF.findall(html)))
        own = direction_of_text(text)
        other = own if own != self.words.direction else None
        return NoteView(html=html, text=text, author=self.line(note.author), links=links, direction=other)

    def groups(self) -> tuple[GroupView, ...]:
        numbers = count(1)
        return tuple(
            GroupView(
                kind=group.kind,
                label=self.heading(group),
                posts=tuple(self.post(post, group.kind, next(numbers)) for post in group.posts),
            )
            for group in self.content.groups
            if group.posts
        )

    def heading(self, group: IssueGroup) -> str:
        known = {
            "pinned": self.words._("Pinned"),
            "earlier": self.words._("Earlier"),
            "away": self.words._("Earlier, while you were away"),
        }
        if group.kind == "day":
            try:
                day = self.words.day(date.fromisoformat(group.label))
                return day[:1].upper() + day[1:]  # a heading, in languages, too, whose days begin with a small letter
            except ValueError:
                return self.line(group.label)
        return known.get(group.kind) or self.line(group.label) or self.words._("Other posts")

    def post(self, post: IssuePost, kind: str, number: int) -> PostView:
        card = post.card
        title = title_of(post, self.content, words=self.words, key=self.key)
        heading, lead = self.opening(title, self.line(card.lead)) if card.title_made else (title, self.line(card.lead))
        quote = self.line(card.quote)
        pictures = [
            fit_picture(picture, width=self.width, key=self.key, tallest=self.tallest) for picture in card.pictures[:1]
        ]
        further = [fit_picture(picture, width=THUMBNAIL_WIDTH, key=self.key) for picture in card.pictures[1:]]
        is_foreign = card.language and not _same(card.language, self.words.language) and not kind_of(card)
        language = card.language if is_foreign else None
        # A post that names no language, or one that nobody knows, says by its letters which way it runs.
        runs = (None if kind_of(card) else direction_of(card.language)) or direction_of_text(f"{heading} {lead}")
        return PostView(
            number=number,
            title=clip(title, LONGEST_TITLE),
            heading=heading,
            made=card.title_made,
            link=self.link(card.link),
            source=clip(self.line(post.source), 60),
            facts=self.facts(post, kind),
            topics=tuple(clip(self.line(topic), 40) for topic in card.topics[:5] if self.line(topic)),
            lead=lead,
            quote="" if quote in lead else quote,
            image=next(iter(pictures), None),
            pictures=tuple(picture for picture in further if picture and picture.caption),
            also_in=tuple(LinkView(text=self.line(also.source), link=self.link(also.link)) for also in post.also_in),
            pinned=post.pinned and kind != "pinned",
            language=self.line(language) or None,
            direction=runs if language or runs != self.words.direction else None,
        )

    def facts(self, post: IssuePost, kind: str) -> tuple[str, ...]:
        """What the reader cannot know from the heading above or from there being one blog or author only."""
        minutes = post.card.minutes
        return tuple(
            fact
            for fact in (
                self.line(post.source) if len(self.sources) > 1 and kind != "source" else "",
                self.line(post.card.author) if len(self.authors) > 1 and post.card.author != post.source else "",
                self.short_day(post) if kind != "day" or post.late else "",
                self.words.n("{n} min read", "{n} min read", minutes) if minutes else "",
            )
            if fact
        )

    def short_day(self, post: IssuePost) -> str:
        return _short_day(post, self.content, self.words)

    def more_line(self, post: IssuePost) -> LineView:
        source = self.line(post.source) if len(self.sources) > 1 else ""
        facts = tuple(fact for fact in (source, self.short_day(post)) if fact)
        title = clip(title_of(post, self.content, words=self.words, key=self.key), LONGEST_TITLE)
        return LineView(title=title, link=self.link(post.card.link), facts=facts)

    @staticmethod
    def opening(title: str, lead: str) -> tuple[str, str]:
        """Heading and rest of a post without a title: its first sentence once, whole, though the title is clipped."""
        start = title.rstrip("…").rstrip()
        if not lead.startswith(start):
            return title, lead
        end = _SENTENCE_END.search(lead, max(len(start) - 1, 0))
        return (lead[: end.end()].strip(), lead[end.end() :].strip()) if end else (lead, "")


def _echoed(groups: tuple[GroupView, ...], title: str) -> tuple[GroupView, ...]:
    """The groups; of a single post that is called as the issue is, in its language, nothing is said twice."""
    if len(groups) != 1 or len(groups[0].posts) != 1:
        return groups
    post = groups[0].posts[0]
    is_echoed = post.heading == title and not post.language and not post.direction
    return (replace(groups[0], posts=(replace(post, echoed=is_echoed),)),)


def _names(names: Iterable[str | None], key: str) -> tuple[str, ...]:
    """Each name once, clean, in order."""
    return tuple(dict.fromkeys(clean_line(name, key=key) for name in dict.fromkeys(names)))


def _same(one: str, other: str) -> bool:
    return one.partition("-")[0].lower() == other.partition("-")[0].lower()
