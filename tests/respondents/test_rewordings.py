"""Proposals in other words: asked as such, known as the same item, refused where there are none."""

from __future__ import annotations

import pandas as pd
import pytest

from revealed.foundation.errors import ConfigError
from revealed.instruments import load_arm, load_instrument, read_prompt
from revealed.respondents import Ledger, RespondentSpec
from revealed.respondents.door import Door
from revealed.respondents.elicit import cells_of, elicit
from revealed.respondents.simulated.values import facts
from revealed.study import elicit_respondent, open_run, plan

POLICIES = load_instrument("policies")
SPEC = RespondentSpec(name="s", model="simulated/coherent", mode="sample")
PAIRS = pd.DataFrame(
    {"first": POLICIES.items.index[0:10:2], "second": POLICIES.items.index[1:10:2]}
).assign(samples=1, role="train")


@pytest.mark.parametrize("name", ["policies", "policies_world"])
def test_every_wording_is_known_as_its_item(name: str) -> None:
    instrument = load_instrument(name)
    for number in range(6):
        for item, text in instrument.texts(rewording=number).items():
            row = facts()[text].row
            assert (row["item"], row["rewording"]) == (item, number)
            assert row["text"] == instrument.items.loc[item, "text"]
            assert row["lean"] == instrument.items.loc[item, "lean"]


@pytest.mark.parametrize("number", range(1, 6))
def test_an_arm_shows_its_rewording_and_counts_for_the_item(number: int) -> None:
    texts = POLICIES.texts(rewording=number)
    cells = list(cells_of(Door(SPEC), POLICIES, load_arm(f"reworded_{number}"), PAIRS))
    assert len(cells) == 2 * len(PAIRS)
    for cell in cells:
        shown = read_prompt(cell.prompt.messages)
        assert (shown.first, shown.second) == (texts[cell.first], texts[cell.second])
    # Another prompt is another question to the ledger.
    written = cells_of(Door(SPEC), POLICIES, load_arm("forced"), PAIRS)
    asked = [cell.requests[0].question for cell in cells]
    assert not [cell for cell in written if cell.requests[0].question in asked]


def test_choices_between_rewordings_are_about_the_items(tmp_path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        table = elicit(SPEC, POLICIES, load_arm("reworded_2"), PAIRS, ledger, progress=False)
        assert set(table["first"]) == {*PAIRS["first"], *PAIRS["second"]}
        assert set(table["arm"]) == {"reworded_2"}
        assert (table["n_first"] + table["n_second"] == 1).all()


STUDY = """
seed: 1
experiments:
  reworded:
    instruments: [INSTRUMENT]
    arms: [forced, reworded_4]
    items: 20
    pairs_per_item: 2
    samples: 1
respondents:
  - model: simulated/coherent
    ask: [reworded]
"""


def test_what_has_no_rewordings_is_refused_before_anything_is_asked(make_checkout) -> None:
    make_checkout(STUDY.replace("INSTRUMENT", "outcomes"))
    run = open_run("default")
    with pytest.raises(ConfigError, match="'outcomes' has no rewording 4"):
        plan(run.study)
    with pytest.raises(ConfigError, match="'outcomes' has no rewording 4"):
        elicit_respondent(run, "simulated/coherent", progress=False)
    assert not run.paths.ledger.exists()


def test_a_study_asks_both_wordings_of_the_same_sample(make_checkout) -> None:
    make_checkout(STUDY.replace("INSTRUMENT", "policies"))
    run = open_run("default")
    planned = plan(run.study)
    elicit_respondent(run, "simulated/coherent", progress=False)
    tables = [
        run.choices("simulated/coherent", "policies", arm) for arm in ("forced", "reworded_4")
    ]
    assert [len(table) for table in tables] == planned["requests"].tolist()
    asked = [table[["first", "second", "role"]] for table in tables]
    assert asked[0].equals(asked[1])
    leans = POLICIES.items.loc[sorted({*asked[0]["first"]}), "lean"]
    assert (len(leans), leans.sum()) == (20, 0)
