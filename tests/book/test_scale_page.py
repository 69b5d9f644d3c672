"""What was measured of cut chains stands on its page, from the file and from nowhere else."""

import json

import pytest

from revealed.foundation.paths import project_root
from revealed.report.scale import measured


def test_every_number_of_the_file_is_on_the_page_and_its_words_are_escaped(tmp_path) -> None:
    made = {
        "machine": "<b>", "date": "2026-01-02", "command": "run & look",
        "rows": [{"way": "one <way>", "jobs": 12345, "seconds": 1.5, "speed_up": None}],
        "merge": [{"rows": 2000000, "new_seconds": 3.25}],
    }  # fmt: skip
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "scale.json").write_text(json.dumps(made))
    shown = measured(tmp_path)
    for text in (
        "one &lt;way&gt;",
        "12,345",
        ">1.5<",
        "2,000,000",
        "3.25",
        "&lt;b&gt;",
        "run &amp;",
    ):
        assert text in shown
    assert "<b>" not in shown


def test_a_checkout_without_measurements_says_so(tmp_path) -> None:
    assert "Nothing has been measured" in measured(tmp_path)


def test_the_committed_file_shows_that_tables_do_not_depend_on_the_cut() -> None:
    path = project_root() / "benchmarks" / "scale.json"
    if not path.is_file():
        pytest.skip("benchmarks/scale.json has not been measured")
    made = json.loads(path.read_text())
    assert {row["tables_different"] for row in made["rows"]} == {0}
    assert len({row["answers"] for row in made["rows"]}) == 1
    assert "rv-number" in measured(project_root())
