"""The sample blog's week as an issue, by hand: what the renderer gets."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from digest.core.model import Card, Issue, IssueContent, IssueGroup, IssuePost, Newsletter, Picture
from digest.core.states import IssueState

PDT = timezone(timedelta(hours=-7))
KEY = "q7Xk2Vw9"
BLOG = "Notes from Lower Mill Allotments"
PAGES = "https://lowermillplots.blogspot.com/2017/08/"


def picture(path: str, width: int, height: int, **more: Any) -> Picture:
    folder, _, name = path.rpartition("/")
    base = f"https://2.bp.blogspot.com/{folder}"
    return Picture(src=f"{base}/s{width}/{name}", full=f"{base}/s1600/{name}", width=width, height=height, **more)


def post(number: int, at: datetime, *, source: str = BLOG, **card: Any) -> IssuePost:
    card = {"title": f"Post {number}", "author": "Wren Ashdown", "language": "en", **card}
    return IssuePost(post_id=number, source_id=1, source=source, card=Card(**card), at=at)


BEANS = post(
    1,
    datetime(2017, 8, 11, 7, 42, tzinfo=PDT),
    title="The beans have finally climbed past the top of the canes, and the…",
    title_made=True,
    link=PAGES + "blog-post_11.html",
    lead="The beans have finally climbed past the top of the canes, and the first pods were ready before breakfast "
    "today. We counted forty-one pods on the south row and nineteen on the shaded one.",
    pictures=(
        picture(
            "-kQ8mVtR2bean/first-runner-beans.jpg",
            320,
            213,
            alt="A colander of runner beans on a wooden bench",
            caption="The first runner beans, picked at 6.40 this morning",
        ),
    ),
)
COMPOST = post(
    2,
    datetime(2017, 8, 10, 23, 40, tzinfo=PDT),
    title="Why the Compost Went Cold & What Fixed It",
    topics=("compost", "how-to"),
    link=PAGES + "why-compost-went-cold-what-fixed-it.html",
    lead="A heap that was steaming in June had dropped to eleven degrees by Tuesday, and I could not see why. It was "
    "too dry in the middle: three cans of water and one turn brought it back to 48\u00a0°C within two days.",
    quote="“Turn it, wet it, and leave it alone,” said Marjorie, who has won the heap cup nine times.",
    pictures=(
        picture("-Zp4xHn7Theap/heap-thermometer.jpg", 400, 300, caption="Eleven degrees. Eleven. Photo: M. Tull"),
        picture("-Yw2cLk9Tbook/shed-book-page.png", 320, 240, caption="The shed book, page 61"),
    ),
)
SWAP = post(
    3,
    datetime(2017, 8, 10, 9, 5, tzinfo=PDT),
    title="Seed swap: Saturday <2 pm>",
    topics=("events",),
    link=PAGES + "seed-swap-saturday-2-pm.html",
    lead="Bring labelled envelopes, a pencil and whatever you have too much of. There will be tea.",
)
LADYBIRDS = post(
    4,
    datetime(2017, 8, 9, 18, 21, tzinfo=PDT),
    title="Blackfly, and the ladybirds that came for it",
    topics=("pests",),
    link=PAGES + "blackfly-and-ladybirds-that-came-for-it.html",
    lead="On Sunday every broad bean tip was black. By Wednesday evening the ladybirds had cleared eight plants out "
    "of ten.",
    pictures=(picture("-Jb6rDs3Fbug/ladybird.jpg", 320, 320, alt="A ladybird on a bean tip"),),
)
ROOF = post(
    5,
    datetime(2017, 8, 7, 12, 0, tzinfo=PDT),
    title="A new roof for the shed",
    topics=("shed", "how-to"),
    link=PAGES + "a-new-roof-for-shed.html",
    lead="Four of us, two ladders and one afternoon. The old felt came off in one piece.",
    pictures=(picture("-Tn1gVe5Croof/shed-roof-felt.jpg", 640, 427, caption="Felt down, battens on, kettle next"),),
)


def day(label: str, *posts: IssuePost) -> IssueGroup:
    return IssueGroup(kind="day", label=label, posts=posts)


CONTENT = IssueContent(
    newsletter="Lower Mill Weekly",
    number=1,
    period_start=datetime(2017, 8, 7, tzinfo=PDT),
    period_end=datetime(2017, 8, 14, tzinfo=PDT),
    zone="America/Los_Angeles",
    language="en",
    groups=(
        day("2017-08-11", BEANS),
        day("2017-08-10", COMPOST, SWAP),
        day("2017-08-09", LADYBIRDS),
        day("2017-08-07", ROOF),
    ),
)
NEWSLETTER = Newsletter(
    id=1,
    slug="lower-mill",
    name="Lower Mill Weekly",
    sender_name="Lower Mill Weekly",
    sender_address="news@lowermill.example",
    zone="America/Los_Angeles",
    postal_address="Plot 14, Lower Mill Lane, Millbrook",
    site_url="https://lowermillplots.blogspot.com/",
)


def issue(frozen: IssueContent = CONTENT, **changes: Any) -> Issue:
    made = Issue(
        id=1,
        newsletter_id=1,
        cadence_id=1,
        number=frozen.number,
        slot_key="2017-08-14T00:00",
        period_start=frozen.period_start,
        period_end=frozen.period_end,
        due_at=frozen.period_end,
        state=IssueState.FROZEN,
        merge_key=KEY,
        content=frozen,
    )
    return replace(made, **changes)


def of(*posts: IssuePost, **changes: Any) -> Issue:
    """An issue of these posts under one day."""
    return issue(replace(CONTENT, groups=(day("2017-08-11", *posts),), **changes))
