"""`digest theme` and `digest preview --sample`: the real command, in a folder without a database."""

import json
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from tests.command import run_digest

from digest.render.templates import theme_names

ROOT = Path(__file__).parents[2]


def digest(*words: str | Path, cwd: Path, code: int = 0) -> tuple[str, str]:
    done = run_digest(*words, cwd=cwd)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


def test_a_theme_of_ones_own_is_made_edited_checked_and_looked_at(tmp_path: Path) -> None:
    made, told = digest("theme", "new", "ours", "--from", "cards", "--json", cwd=tmp_path)
    folder = tmp_path / "templates" / "issue" / "ours"
    assert json.loads(made)["files"] == ["theme.toml"]
    assert "digest theme check ours" in told
    toml = folder / "theme.toml"
    toml.write_text(
        toml.read_text().replace('# accent = "#4B3295"', 'accent = "#A61E4D"').replace("# [light]", "[light]")
    )
    said = json.loads(digest("theme", "show", "ours", "--json", cwd=tmp_path)[0])
    assert said["light.accent"] == {"value": "#A61E4D", "file": str(toml)}
    assert said["picture_width"]["value"] == 576, "from cards"
    assert said["sections.quotes"]["file"].endswith("editorial/theme.toml")
    assert "ours can be used" in digest("theme", "check", "ours", cwd=tmp_path)[1]
    digest("theme", "preview", "ours", "--language", "de", "--out", "look", cwd=tmp_path)
    assert "#A61E4D" in (tmp_path / "look" / "ours" / "de" / "issue.html").read_text(encoding="utf-8")
    listed = [line.split("\t")[:2] for line in digest("theme", "list", cwd=tmp_path)[0].splitlines()[1:]]
    assert listed == [
        ["cards", "shipped"],
        ["compact", "shipped"],
        ["editorial", "shipped"],
        ["ours", "yours"],
        ["plain", "shipped"],
    ]


def test_in_a_checkout_the_shipped_themes_are_nobodys_own() -> None:
    listed = digest("theme", "list", cwd=ROOT)[0].splitlines()
    assert [line.split("\t")[:2] for line in listed[1:]] == [[name, "shipped"] for name in theme_names()]


@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        ("theme.toml", 'base = "cards"\n[light]\naccent = "#FFF0F0"\n', "the nearest light.accent that has it is #"),
        ("post.mjml.j2", "<mj-colum/>\n", "post.mjml.j2, line 1, column 1: there is no component <mj-colum>"),
        (
            "footer.mjml.j2",
            "<mj-section><mj-column><mj-text>{{ issue.adress }}</mj-text></mj-column></mj-section>",
            "line 1",
        ),
        ("post.mjml.j2", "{% include '/etc/passwd' %}", "missing"),
    ],
)
def test_what_is_wrong_with_a_theme_is_said_with_its_place(tmp_path: Path, name: str, words: str, says: str) -> None:
    digest("theme", "new", "ours", "--from", "cards", cwd=tmp_path)
    (tmp_path / "templates" / "issue" / "ours" / name).write_text(words)
    assert says in digest("theme", "check", "ours", cwd=tmp_path, code=1)[1]


def test_a_theme_whose_mails_would_be_held_back_is_refused_and_files_that_nothing_includes_are_named(
    tmp_path: Path,
) -> None:
    digest("theme", "new", "ours", cwd=tmp_path)
    folder = tmp_path / "templates" / "issue" / "ours"
    (folder / "fotter.mjml.j2").write_text("<mj-section/>\n")
    assert "no part includes fotter.mjml.j2" in digest("theme", "check", "ours", cwd=tmp_path)[1]
    (folder / "footer.mjml.j2").write_text(
        "<mj-section><mj-column><mj-text>{{ issue.postal_address }}</mj-text></mj-column></mj-section>\n"
    )
    said, told = digest("theme", "check", "ours", cwd=tmp_path, code=1)
    assert "unsubscribe" in said
    assert "would be held back" in told
    checked = json.loads(digest("theme", "check", "ours", "--json", cwd=tmp_path, code=1)[0])
    assert "unsubscribe" in {one["rule"] for one in checked["findings"]}
    assert checked["unused"] == ["fotter.mjml.j2"]


def test_names_that_are_taken_or_unknown_are_refused(tmp_path: Path) -> None:
    assert "there is a theme cards already" in digest("theme", "new", "cards", cwd=tmp_path, code=1)[1]
    assert "there are: cards, compact, editorial, plain" in digest("theme", "show", "nope", cwd=tmp_path, code=1)[1]
    digest("theme", "new", "../x", cwd=tmp_path, code=1)
    assert "no words in 'xx'" in digest("theme", "preview", "cards", "--language", "xx", cwd=tmp_path, code=2)[1]
    assert not (tmp_path / "templates" / "x").exists()
    full = json.loads(digest("theme", "new", "all", "--from", "plain", "--full", "--json", cwd=tmp_path)[0])
    assert {"issue.mjml.j2", "masthead.mjml.j2", "theme.toml"} <= set(full["files"])
    assert digest("theme", "check", "all", cwd=tmp_path)[1].startswith("all can be used"), "nothing is amiss in a copy"


def test_the_sample_is_written_in_every_theme_and_language(tmp_path: Path) -> None:
    written = json.loads(digest("preview", "--sample", "--all", "--out", "all", "--json", cwd=tmp_path)[0])
    assert len(written) == 4 * 7
    for one in written:
        files = {kind: tmp_path / path for kind, path in one["files"].items()}
        message = message_from_bytes(files["eml"].read_bytes(), policy=policy.default)
        assert message["subject"] == one["subject"]
        home = files["html"].parent
        assert {"confirm.html", "welcome.txt", "goodbye.html"} <= {file.name for file in home.iterdir()}
        welcome = message_from_bytes((home / "welcome.eml").read_bytes(), policy=policy.default)
        assert f"<title>{welcome['subject']}</title>" in (home / "welcome.html").read_text(encoding="utf-8")
        assert files["text"].stat().st_size > 1000
        assert "images/heap-thermometer.jpg" in files["html"].read_text(encoding="utf-8")


def test_options_of_the_sample_need_it(tmp_path: Path) -> None:
    assert "--sample" in digest("preview", "--all", cwd=tmp_path, code=2)[1]
