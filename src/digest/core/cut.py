"""Some of an issue's posts, within limits of their own: what had no place beside the others is shown in full. Pure.

kept in full ─┐
kept lines ───┴▶ is there room? each source's first before any source's second ─▶ grouped anew
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from digest.core.model import IssueContent, IssueGroup, IssuePost
from digest.core.ranking import total
from digest.core.selection import arrange
from digest.core.states import GroupBy


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many posts are shown in full, and how they are grouped where the issue does not tell."""

    most: int
    per_source: int | None = None  # None: any number
    quotas: Mapping[int, int | None] = field(
        default_factory=dict
    )  # source → its own, if any; in the newsletter's order
    group_by: GroupBy = GroupBy.DAY

    def quota(self, source: int) -> int:
        """Of one source."""
        own = self.quotas.get(source)
        return next((number for number in (own, self.per_source) if number is not None), self.most)


def cut_content(content: IssueContent, keep: Collection[int], *, limits: Limits) -> IssueContent:
    """The posts to keep, in the places that they have; lines are shown in full as far as there is room."""

    def left(posts: Sequence[IssuePost]) -> tuple[IssuePost, ...]:
        return tuple(post for post in posts if post.post_id in keep)

    groups = tuple(IssueGroup(kind=one.kind, label=one.label, posts=left(one.posts)) for one in content.groups)
    cut = replace(content, groups=tuple(one for one in groups if one.posts), more=left(content.more))
    shown = _with_room(cut, limits)
    if not shown:
        return cut
    more = tuple(post for post in cut.more if post not in shown)
    return replace(cut, groups=_regrouped(content, cut, shown, limits), more=more)


def _with_room(cut: IssueContent, limits: Limits) -> list[IssuePost]:
    """The lines that can be posts."""
    room = limits.most - len(cut.posts)
    if room <= 0 or not cut.more:
        return []
    lines = {post.post_id for post in cut.more}
    places: Counter[int] = Counter()
    wanted: list[tuple[int, int, IssuePost]] = []
    for at, post in enumerate(_ranked((*cut.posts, *cut.more))):
        if post.pinned:
            continue
        if post.post_id in lines and places[post.source_id] < limits.quota(post.source_id):
            wanted.append((places[post.source_id], at, post))
        places[post.source_id] += 1
    return [post for _, _, post in sorted(wanted, key=lambda one: one[:2])[:room]]


def _regrouped(
    whole: IssueContent, cut: IssueContent, shown: Sequence[IssuePost], limits: Limits
) -> tuple[IssueGroup, ...]:
    kinds = [group.kind for group in whole.groups if group.kind in set(GroupBy)]
    pinned = tuple(group for group in cut.groups if group.kind == "pinned")
    placed = {post.post_id for group in pinned for post in group.posts}
    posts = _ranked([post for post in (*cut.posts, *shown) if post.post_id not in placed])
    late = tuple(post for post in posts if post.late)
    groups = arrange(
        [post for post in posts if not post.late], group_by=GroupBy(kinds[0]) if kinds else limits.group_by,
        zone=whole.zone, ranks={source: rank for rank, source in enumerate(limits.quotas)},
    )  # fmt: skip
    return (*pinned, *groups, *([IssueGroup(kind="earlier", label="", posts=late)] if late else ()))


def _ranked(posts: Sequence[IssuePost]) -> list[IssuePost]:
    """By score, then the newest first; between equals as they stand."""
    return sorted(posts, key=lambda post: (-total(post.points), -post.at.timestamp()))
