"""The benchmark of readers' choices in short: what it counts adds up, and choices stay cheap beside the list itself."""

from pathlib import Path

from tests.bench.readers import LANGUAGES, fill, run


def test_a_short_run_adds_up(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/readers.db"
    fill(url, 1500, chosen=True)
    found = run(url)
    assert (found.readers, found.issues, found.posts) == (1500, 1, 19)
    assert found.variants == 20, "as many as may be"
    assert 1100 < found.deliveries < 1300, "four in five"
    assert 0 < found.shown_more < found.deliveries / 2
    assert set(found.seconds) == {"freeze", "render", "deliveries"}
    assert found.seconds["render"] / found.variants < 0.25, "0.02 on an idle machine"
    assert len(LANGUAGES) == 4
