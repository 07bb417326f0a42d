"""An editor's own posts as Markdown files (docs/sources.md, Folders)."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.errors import SourceError
from digest.sources.folder import FILE_LIMIT, MOST_FILES, read_folder

FULL = """---
title: "A new roof: for the shed"
date: 2017-08-07T12:00:00-07:00
link: https://plots.example.org/roof
topics: [shed, how-to]
author: Wren
language: en
image: https://plots.example.org/roof.jpg
alt: A roof
caption: Felt down
---

Four of us, *two* ladders and one afternoon.

![x](pic.jpg)
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


def test_every_field_of_the_front_matter_reaches_the_post(tmp_path: Path) -> None:
    (post,) = read_folder(write(tmp_path, roof=FULL)).posts
    card = post.card
    assert (card.title, card.author, card.language) == ("A new roof: for the shed", "Wren", "en")
    assert (card.link, card.topics) == ("https://plots.example.org/roof", ("shed", "how-to"))
    assert post.published == datetime(2017, 8, 7, 19, tzinfo=UTC)
    assert card.lead == "Four of us, two ladders and one afternoon."
    assert card.image is not None
    assert (card.image.src, card.image.alt, card.image.caption) == (
        "https://plots.example.org/roof.jpg",
        "A roof",
        "Felt down",
    )
    assert post.guid == "roof.md"


def test_a_file_without_front_matter_is_a_post_too(tmp_path: Path) -> None:
    (post,) = read_folder(write(tmp_path, plain="Beans have climbed. More soon.")).posts
    assert (post.card.title, post.card.title_made) == ("Beans have climbed.", True)


def test_dates_without_a_zone_are_in_the_sources(tmp_path: Path) -> None:
    folder = write(tmp_path, day="---\ndate: 2017-08-11\n---\nx", hour="---\ndate: 2017-08-11 07:42\n---\ny")
    posts = read_folder(folder, zone="America/Los_Angeles").posts
    assert [post.published for post in posts] == [
        datetime(2017, 8, 11, 14, 42, tzinfo=UTC),
        datetime(2017, 8, 11, 7, tzinfo=UTC),
    ]


def test_a_note_is_marked_and_a_draft_is_left_out(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        note="---\nkind: note\ndate: 2017-08-13\n---\nDear readers\n\n- tea\n- cake\n\n> Yum.",
        draft="---\ndraft: true\n---\nx",
    )
    (post,) = read_folder(folder).posts
    assert (post.note, post.text) == (True, "Dear readers\n\n- tea\n\n- cake\n\n> Yum.")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("---\ntitle: [a\ndate: 2017-08-11\n---\nx", 3, "expected"),
        ("---\ntitle: A\nkind: page\n---\nx", 3, "kind must be post or note"),
        ("---\n\ntitle: {a: b}\n---\nx", 3, "title must be text"),
        ("---\ndraft: maybe\n---\nx", 2, "draft must be true or false"),
        ("---\ntitle: A\nx", 1, "no closing ---"),
        ("---\n- a\n---\nx", 2, "names and values"),
        ("---\ntitle: A\ndate: soon\n---\nx", 3, "date must be like 2017"),
    ],
)
def test_a_broken_file_is_named_with_its_line_and_does_not_stop_the_others(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    feed = read_folder(write(tmp_path, broken=text, good="Fine."))
    assert [post.text for post in feed.posts] == ["Fine."]
    (problem,) = feed.problems
    assert f"broken.md, line {line}: " in problem
    assert reason in problem


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"caf\xe9")
    assert "a.md: not UTF-8 at byte 3" in read_folder(tmp_path).problems[0]


def test_hidden_files_and_other_files_are_left_alone_and_subfolders_are_read(tmp_path: Path) -> None:
    (tmp_path / "sub" / ".git").mkdir(parents=True)
    for name in ("sub/a.md", "sub/.git/b.md", "c.txt", ".d.md"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    assert [post.guid for post in read_folder(tmp_path).posts] == ["sub/a.md"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is no folder"):
        read_folder(tmp_path / "nowhere")


def test_html_in_a_note_is_cleaned(tmp_path: Path) -> None:
    (note,) = read_folder(write(tmp_path, a="---\nkind: note\n---\nHi <script>x()</script> **you**")).posts
    assert "script" not in note.html
    assert "<strong>you</strong>" in note.html


def test_a_folder_without_markdown_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text("")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x.md").write_text("x")
    with pytest.raises(SourceError, match="has no Markdown file") as caught:
        read_folder(tmp_path)
    assert caught.value.next_step


def test_a_folder_of_too_many_files_is_refused(tmp_path: Path) -> None:
    for number in range(MOST_FILES + 1):
        (tmp_path / f"{number}.md").touch()
    with pytest.raises(SourceError, match="more than 10,000 Markdown files"):
        read_folder(tmp_path)


def test_a_file_that_is_too_large_is_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    feed = read_folder(write(tmp_path, large="x" * (FILE_LIMIT + 1), small="Hello there."))
    assert [post.card.title for post in feed.posts] == ["Hello there."]
    assert feed.problems == (f"{tmp_path / 'large.md'}: larger than 1 MiB",)


def test_references_in_front_matter_are_refused_before_they_expand(tmp_path: Path) -> None:
    laughs = "a0: &a0 [lol]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    feed = read_folder(write(tmp_path, bomb=f"---\n{laughs}topics: *a9\n---\nx", good="Hello there."))
    assert [post.card.title for post in feed.posts] == ["Hello there."]
    assert feed.problems == (f"{tmp_path / 'bomb.md'}, line 3: references (*name) are not read; write it out",)


def test_topics_are_words(tmp_path: Path) -> None:
    feed = read_folder(write(tmp_path, odd="---\ntags: [a, [b, c]]\n---\nx"))
    assert feed.problems == (f"{tmp_path / 'odd.md'}, line 2: tags must be a list of words",)
