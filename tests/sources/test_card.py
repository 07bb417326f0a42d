"""Cards: pictures and captions, leads, titles, topics, language (docs/sources.md, Cards)."""

from datetime import UTC, datetime

import pytest

from digest.core.model import Card, ParsedPost, Picture
from digest.sources.body import Kind, read_body
from digest.sources.card import RawPost, make_post
from digest.sources.excerpt import clip, language_tag, reading_minutes
from digest.sources.keys import make_posts
from digest.sources.pictures import is_resizable, resize, thumbnail

BASE = "https://blog.example.org/p.html"
IMAGE = '<img src="https://e.org/{}.jpg" width="640" height="400"{}>'


def post(markup: str, **more: object) -> ParsedPost:
    given: dict = {"guid": "1", "title": "T", "markup": markup, "bases": (BASE,), **more}
    (made,) = make_posts([RawPost(**given)], home=BASE, zone="Europe/Berlin")
    return made


def card(markup: str, **more: object) -> Card:
    return post(markup, **more).card


# ── pictures ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "markup",
    [
        '<table class="tr-caption-container"><tr><td>{}</td></tr><tr><td class="tr-caption">A <b>cap</b></td></tr></table>',
        "<figure>{}<figcaption>A <b>cap</b></figcaption></figure>",
        '<div class="wp-caption alignleft">{}<p class="wp-caption-text">A <b>cap</b></p></div>',
    ],
)
def test_captions_of_blogger_html_and_wordpress_belong_to_their_picture_not_to_the_text(markup: str) -> None:
    made = card(markup.format(IMAGE.format("a", "")) + "<p>The text itself stands here, long enough to lead.</p>")
    assert made.image is not None
    assert made.image.caption == "A cap"
    assert made.lead == "The text itself stands here, long enough to lead."


def test_a_caption_of_white_space_is_none() -> None:
    made = card(f"<figure>{IMAGE.format('a', '')}<figcaption>&nbsp; </figcaption></figure>")
    assert made.image is not None
    assert made.image.caption is None


def test_the_captioned_picture_leads_and_every_captioned_one_is_kept() -> None:
    figures = [f"<figure>{IMAGE.format(n, '')}<figcaption>{n}</figcaption></figure>" for n in ("b", "c")]
    made = card(IMAGE.format("a", "") + "".join(figures) + IMAGE.format("d", ""))
    assert [(one.src[-5:], one.caption) for one in made.pictures] == [("b.jpg", "b"), ("c.jpg", "c")]


@pytest.mark.parametrize(
    "image",
    [
        '<img src="https://feeds.feedburner.com/~r/x/~4/y" width="1" height="1">',
        '<img src="https://e.org/a.jpg" width="1" height="1">',
        '<img src="https://e.org/a.jpg" width="60" height="60">',
        '<img src="data:image/png;base64,AAAA">',
        '<img src="https://e.org/a.svg">',
        '<img class="wp-smiley" src="https://e.org/a.png">',
        '<img src="https://s.w.org/images/core/emoji/1.png">',
        '<img src="https://www.gravatar.com/avatar/1">',
        '<img src="https://medium.com/_/stat?event=x">',
        '<img src="ftp://e.org/a.jpg">',
        "<img>",
    ],
)
def test_pixels_emoji_avatars_and_statistics_are_no_pictures(image: str) -> None:
    assert card(image + "<p>Text.</p>").image is None


def test_the_picture_around_which_a_larger_one_is_linked_knows_its_full_form() -> None:
    made = card(f'<a href="/large.jpg">{IMAGE.format("a", "")}</a>')
    assert made.image == Picture(
        src="https://e.org/a.jpg", full="https://blog.example.org/large.jpg", width=640, height=400
    )


def test_lazy_pictures_are_found_where_a_script_would_find_them() -> None:
    made = card('<img src="data:image/gif;base64,R0" data-src="/a.jpg">')
    assert made.image is not None
    assert made.image.src == "https://blog.example.org/a.jpg"
    made = card('<img srcset="/s.jpg 320w, /l.jpg 1280w">')
    assert made.image is not None
    assert made.image.src == "https://blog.example.org/l.jpg"


@pytest.mark.parametrize(
    ("attributes", "alt", "is_made"),
    [
        (' alt="Beans on a bench"', "Beans on a bench", False),
        (' alt=""', "A caption", True),
        ("", "A caption", True),
        (' alt="IMG_1234.JPG"', "A caption", True),
        (' alt="a"', "A caption", True),
    ],
)
def test_the_alt_text_is_the_posts_else_the_caption_never_a_file_name(attributes: str, alt: str, is_made: bool) -> None:
    made = card(f"<figure>{IMAGE.format('a', attributes)}<figcaption>A caption</figcaption></figure>")
    assert made.image is not None
    assert (made.image.alt, made.image.alt_made) == (alt, is_made)


@pytest.mark.parametrize(
    ("url", "large"),
    [
        ("https://1.bp.blogspot.com/-a/b/c/s72-c/x.jpg", "https://1.bp.blogspot.com/-a/b/c/w1200/x.jpg"),
        ("https://1.bp.blogspot.com/-a/b/c/s1600-h/x.jpg", "https://1.bp.blogspot.com/-a/b/c/w1200/x.jpg"),
        ("https://1.bp.blogspot.com/-a/b/c/w400-h300/x.jpg", "https://1.bp.blogspot.com/-a/b/c/w1200/x.jpg"),
        ("https://1.bp.blogspot.com/-a/b/c/w72-h72-p-k-no-nu/x.jpg", "https://1.bp.blogspot.com/-a/b/c/w1200/x.jpg"),
        (
            "https://blogger.googleusercontent.com/img/b/R29/s320/x",
            "https://blogger.googleusercontent.com/img/b/R29/w1200/x",
        ),
        (
            "https://blogger.googleusercontent.com/img/a/AVv=s72-c",
            "https://blogger.googleusercontent.com/img/a/AVv=w1200",
        ),
        ("https://lh3.googleusercontent.com/abc=w640-h480", "https://lh3.googleusercontent.com/abc=w1200"),
    ],
)
def test_bloggers_seven_forms_of_sizes_are_enlarged(url: str, large: str) -> None:
    assert is_resizable(url)
    assert resize(url, "w1200") == large
    found = thumbnail(url, width=72, height=72)
    assert found is not None
    assert found.src == large


def test_other_hosts_addresses_are_never_rewritten() -> None:
    assert not is_resizable("https://e.org/s72-c/x.jpg")


def test_a_picture_beside_the_body_serves_where_the_body_has_none() -> None:
    extra = Picture(src="https://e.org/t.jpg")
    assert card("<p>Text.</p>", extras=(extra,)).image == extra
    made = card(IMAGE.format("a", ""), extras=(extra,))
    assert made.image is not None
    assert made.image.src == "https://e.org/a.jpg"


# ── text ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_line_breaks_part_paragraphs_and_one_does_not() -> None:
    assert read_body("One<br>line<br /> <br>Two<p>Three</p>").paragraphs == ("One line", "Two", "Three")


def test_headings_quotes_lists_code_and_tables_are_no_paragraphs() -> None:
    body = read_body(
        "<h2>H</h2><blockquote><p>Q</p></blockquote><ul><li>L</li></ul><pre>C</pre><table><tr><td>T</td></tr></table>P"
    )
    assert [(block.kind, block.text) for block in body.blocks] == [
        (Kind.HEADING, "H"),
        (Kind.QUOTE, "Q"),
        (Kind.ITEM, "L"),
        (Kind.CODE, "C"),
        (Kind.TABLE, "T"),
        (Kind.PARAGRAPH, "P"),
    ]


def test_the_lead_is_whole_sentences_of_the_first_paragraph() -> None:
    text = "Dr. Okafor came at 6.40 a.m. to look at the beans. She was pleased. Nobody else was there."
    assert card(f"<p>{text}</p><p>More.</p>").lead == text.removesuffix(" Nobody else was there.")


def test_a_thin_first_paragraph_takes_the_next_one_in() -> None:
    assert card("<p>Hello!</p><p>The beans have climbed past the canes.</p>").lead == (
        "Hello! The beans have climbed past the canes."
    )


def test_one_sentence_that_is_too_long_is_clipped_at_a_word() -> None:
    lead = card(f"<p>{'word ' * 100}</p>").lead
    assert len(lead) <= 280
    assert lead.endswith("word…")


@pytest.mark.parametrize("jump", ['<a name="more"></a>', "<!--more-->", '<span id="more-12"></span>'])
def test_the_authors_own_jump_break_ends_the_lead(jump: str) -> None:
    assert card(f"<p>Short start.</p>{jump}<p>The rest of it all.</p>").lead == "Short start."


@pytest.mark.parametrize(
    ("written", "lead"),
    [
        ("The beans have climbed past the […]", "The beans have climbed past the…"),
        ("The beans have climbed. Continue reading Beans →", "The beans have climbed…"),
        ("<p>The beans.</p><p>The post Beans appeared first on Plots.</p>", "The beans."),
        ("<p>The beans have climbed.</p><p>View Entire Post ›</p>", "The beans have climbed."),
        ("The beans have climbed (more…)", "The beans have climbed…"),
        ('<p>The beans.</p><p class="button-wrapper"><a href="/s">Subscribe now</a></p>', "The beans."),
        ('<p>The beans.</p><div class="sharedaddy sd-sharing"><h3>Share this</h3><p>Facebook</p></div>', "The beans."),
    ],
)
def test_what_blog_software_appends_is_left_out(written: str, lead: str) -> None:
    assert card(written).lead == lead


@pytest.mark.parametrize(
    ("markup", "lead"),
    [
        ("<p>Beans climb</p><p>They are past the top of the canes now.</p>", "They are past the top of the canes now."),
        ("<p>Beans climb Ann Tull, 3 May</p><p>They are past the top.</p>", "They are past the top."),
        (
            "<p>Beans climb up the canes.</p><p>They are past the top.</p>",
            "Beans climb up the canes. They are past the top.",
        ),
        ("<p>Beans climb The Mill Times</p>", "Beans climb The Mill Times"),
        ("<p>Beans climb</p>", ""),
    ],
)
def test_the_lead_does_not_say_the_title_again(markup: str, lead: str) -> None:
    assert card(markup, title="Beans climb").lead == lead


def test_a_quote_is_kept_where_it_is_neither_short_nor_long() -> None:
    assert card("<blockquote>Hm.</blockquote><blockquote>Turn it, wet it, leave it.</blockquote>").quote == (
        "Turn it, wet it, leave it."
    )


def test_sentences_of_a_script_without_spaces_are_joined_without_one() -> None:
    whole = "スライドもステージもなく、参加者は六十人だった。マイクを取り上げると、話はどう変わるのか。"
    assert card(f"<p>{whole}つぎの文。</p>", language="ja").lead == whole


def test_a_missing_title_is_made_from_the_text_else_a_caption_else_the_day() -> None:
    at = datetime(2017, 8, 10, 23, 40, tzinfo=UTC)
    figure = f"<figure>{IMAGE.format('a', '')}<figcaption>The first beans</figcaption></figure>"
    assert card("<p>Beans! More.</p>", title="").title == "Beans!"
    assert card(figure, title="").title == "The first beans"
    assert card(IMAGE.format("a", ""), title="", published=at).title == "Photo, 2017-08-11"
    made = card("", title="", published=at)
    assert (made.title, made.title_made) == ("Post, 2017-08-11", True)


def test_reading_time_is_hidden_under_a_minute_and_counts_cjk_by_characters() -> None:
    assert reading_minutes("word " * 200) == 0
    assert reading_minutes("word " * 500) == 2
    assert reading_minutes("字" * 1_000) == 2


def test_clipping_never_exceeds_its_limit() -> None:
    assert clip("a" * 100, 70) == "a" * 69 + "…"
    assert clip("short", 70) == "short"


def test_topics_come_once_each_in_their_order() -> None:
    assert card("x", topics=("Beans", " beans ", "", "How\nto")).topics == ("Beans", "How to")


@pytest.mark.parametrize(
    ("stated", "tag"), [("en_us", "en-US"), ("DE", "de"), ("zh-hant-tw", "zh-Hant-TW"), ("English", None), ("", None)]
)
def test_a_stated_language_becomes_a_tag(stated: str, tag: str | None) -> None:
    assert language_tag(stated) == tag


def test_an_unstated_language_is_told_from_eighty_letters_on() -> None:
    german = "Die Bohnen sind endlich über die Spitzen der Stangen geklettert, und die ersten Schoten waren reif. "
    assert card(f"<p>{german}</p>").language == "de"
    assert card("<p>Kurz und gut.</p>").language is None
    assert card(f"<p>{german}</p>", language="en").language == "en"


# ── what is kept ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_edit_changes_the_body_hash_and_new_markup_alone_does_not() -> None:
    assert post("<p>Beans</p>").body_hash == post("<div>Beans</div>").body_hash
    assert post("<p>Beans</p>").body_hash != post("<p>Peas</p>").body_hash
    assert post("<p>Beans</p>").body_hash != post("<p>Beans</p>", title="Other").body_hash


def test_controls_are_stripped_everywhere() -> None:
    made = post("<p>Be\x00an\x1b[31ms\ufffe</p>")
    assert made.text == "Bean[31ms"


def test_a_note_keeps_its_markup_clean_and_with_absolute_addresses() -> None:
    markup = "<p onclick='x()'>H\x1bi <a href='/a'>a</a><a href='javascript:x'>b</a><script>evil()</script><iframe src='//e'></iframe></p>"
    raw = RawPost(title="T", markup=markup, bases=(BASE,), note=True)
    html = make_post(raw, key="k", other_keys=(), home=None, zone="UTC").html
    assert 'href="https://blog.example.org/a"' in html
    assert not any(word in html for word in ("onclick", "script", "iframe", "evil", "\x1b"))


def test_a_processing_instruction_in_a_caption_is_passed_over() -> None:
    markup = '<figure><img src="https://a.example/1.png" width="640"><figcaption>a <?php x ?>b</figcaption></figure>'
    assert card(markup).pictures[0].caption == "a b"
