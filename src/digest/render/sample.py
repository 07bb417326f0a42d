"""An invented issue that has everything an issue can have, to look at a theme with: no database, no blog needed.

Its posts are in several languages; the one in the issue's own language leads.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from digest.core.model import (
    AlsoIn,
    Card,
    EditorNote,
    Issue,
    IssueContent,
    IssueGroup,
    IssuePost,
    Newsletter,
    Picture,
)
from digest.core.states import IssueState

MERGE_KEY = "sample0key"
_BASE = "https://lowermillplots.blogspot.com/2017/08/"
_START = datetime(2017, 8, 7, tzinfo=UTC)


def sample_newsletter(theme: str, *, language: str = "en", variables: Mapping[str, Any] | None = None) -> Newsletter:
    """The newsletter of the sample issue."""
    return Newsletter(
        id=1,
        slug="lower-mill",
        name="Lower Mill Weekly",
        sender_name="Lower Mill Weekly",
        sender_address="news@lowermill.example",
        zone="UTC",
        language=language,
        theme=theme,
        theme_variables=dict(variables or {}),
        postal_address="Plot 14, Lower Mill Lane, Millbrook",
        site_url="https://lowermillplots.blogspot.com/",
    )


def sample_issue(language: str = "en") -> Issue:
    """Issue 12 of it: pinned, by day, by blog, by topic, earlier, and in one line each."""
    spoken = language.partition("-")[0]
    own = [post for post in _posts() if post.card.language == spoken]
    others = [post for post in _posts() if post.card.language != spoken]
    first, *rest = [*own, *others]
    content = IssueContent(
        newsletter="Lower Mill Weekly",
        number=12,
        period_start=_START,
        period_end=_START + timedelta(days=7),
        zone="UTC",
        language=language,
        groups=(
            IssueGroup(kind="pinned", label="", posts=(replace(first, pinned=True),)),
            IssueGroup(kind="day", label="2017-08-11", posts=tuple(rest[:3])),
            IssueGroup(kind="day", label="2017-08-09", posts=tuple(rest[3:5])),
            IssueGroup(kind="source", label=rest[5].source, posts=(rest[5],)),
            IssueGroup(kind="topic", label=rest[6].card.topics[0], posts=(rest[6],)),
            IssueGroup(kind="earlier", label="", posts=tuple(replace(post, late=True) for post in rest[7:])),
        ),
        more=_more(),
        note=EditorNote(
            text="The seed swap is on Saturday. Bring envelopes, please: https://lowermillplots.blogspot.com/swap",
            html='<p>The seed swap is on <b>Saturday</b>. Bring <a href="https://lowermillplots.blogspot.com/swap">'
            "envelopes</a>, please.</p>",
            author="Wren",
        ),
    )
    return Issue(
        id=12,
        newsletter_id=1,
        cadence_id=1,
        number=12,
        slot_key="2017-08-14T00:00",
        period_start=content.period_start,
        period_end=content.period_end,
        due_at=content.period_end,
        state=IssueState.FROZEN,
        merge_key=MERGE_KEY,
        content=content,
    )


def _picture(name: str, width: int, height: int, **words: Any) -> Picture:
    return Picture(src=f"https://images.lowermill.example/{name}", width=width, height=height, **words)


def _post(number: int, day: int, *, source: str = "Notes from Lower Mill Allotments", **card: Any) -> IssuePost:
    link = f"{_BASE}{number}.html"
    shown = Card(**{"author": "Wren Ashdown", "language": "en", "link": link, "minutes": 2, **card})
    at = datetime(2017, 8, day, 8 + number % 9, 20, tzinfo=UTC)
    return IssuePost(post_id=number, source_id=1, source=source, card=shown, at=at)


def _posts() -> tuple[IssuePost, ...]:
    return (
        _post(
            1, 11,
            title="Why the compost went cold & what fixed it",
            topics=("compost", "how-to"),
            lead="A heap that was steaming in June had dropped to eleven degrees by Tuesday, and I could not see why. It was "
            "too dry in the middle: three cans of water and one turn brought it back within two days.",
            quote="“Turn it, wet it, and leave it alone,” said Marjorie, who has won the heap cup nine times.",
            pictures=(
                _picture("heap-thermometer.jpg", 1200, 900, alt="A thermometer in a compost heap",
                         caption="Eleven degrees. Photo: M. Tull"),
                _picture("shed-book-page.png", 640, 480, caption="The shed book, page 61"),
            ),
        ),
        _post(
            2, 11,
            title="The beans have finally climbed past the top of the canes, and the…",
            title_made=True,
            lead="The beans have finally climbed past the top of the canes, and the first pods were ready before breakfast "
            "today. We counted forty-one pods on the south row and nineteen on the shaded one.",
            pictures=(_picture("first-runner-beans.jpg", 1200, 800, alt="A colander of runner beans on a wooden bench"),),
        ),
        _post(
            3, 10, source="Kleingarten Unterhaching", author="Jörg Weiß", language="de",
            title="Drei Sorten Bohnen im Vergleich",
            topics=("Bohnen",),
            lead="Feuerbohne, Neckarkönigin und Blauhilde standen nebeneinander, im selben Boden und mit gleich viel Wasser. "
            "Am meisten trug die Blauhilde, am besten schmeckte uns die Neckarkönigin.",
        ),
        _post(
            4, 9, source="باغچهٔ پشت‌بام", author="مریم رضایی", language="fa",
            title="ریحان را کِی می‌چینیم؟",
            topics=("سبزی",),
            lead="پیش از گل دادن، صبح زود و با قیچی تیز. دو برگ پایین را نگه می‌داریم تا بوته دوباره جان بگیرد؛ "
            "هفتهٔ بعد باز می‌شود چید.",
        ),
        _post(
            5, 9, source="حديقة السطح", author="سلمى حداد", language="ar",
            title="كيف نسقي النعناع في الصيف",
            topics=("ريّ",),
            lead="نسقيه في الصباح الباكر من الأسفل لا من الأعلى، ونترك التربة تجفّ قليلًا بين مرّة وأخرى. الظلّ بعد الظهر "
            "يكفيه شرّ الحرّ.",
        ),
        _post(
            6, 9, source="屋上菜園だより", author="佐藤みどり", language="ja",
            title="夏の豆は朝に採る",
            topics=("豆",),
            lead="日が高くなる前に採った豆は、昼に採ったものより甘い。今週は三つの畝で採れた時間と味を比べてみました。"
            "結果は予想どおりでした。",
        ),
        _post(
            7, 8, source="Le potager d’en bas", author="Hélène Roux", language="fr",
            title="Faut-il pailler en août ?",
            topics=("paillage",),
            lead="Oui, mais après la pluie : un paillis posé sur une terre sèche la garde sèche. Cinq centimètres de foin "
            "suffisent entre les rangs.",
        ),
        _post(
            8, 8, source="El huerto de abajo", author="Inés Ferrer", language="es",
            title="Tomates que no se agrietan",
            topics=("tomates",),
            lead="Regar poco y a menudo, siempre a la misma hora. Desde que lo hacemos así, ni uno solo se ha abierto.",
        ),
        replace(
            _post(9, 2, title="A new roof for the shed", topics=("shed",), lead="Four of us, two ladders and one afternoon. "
                  "The old felt came off in one piece.", pictures=(_picture("shed-roof-felt.jpg", 1280, 854,
                  alt="A shed without its roof", caption="Felt down, battens on, kettle next"),)),
            also_in=(AlsoIn(source="Millbrook Post", link="https://millbrookpost.example/shed"),
                     AlsoIn(source="Shed of the Month", link=None)),
        ),
    )  # fmt: skip


def _more() -> tuple[IssuePost, ...]:
    titles = ("Seed swap: Saturday, 2 pm", "Blackfly, and the ladybirds that came for it", "Water butts: who has room?")
    return tuple(_post(20 + number, 8, title=title, lead="") for number, title in enumerate(titles))
