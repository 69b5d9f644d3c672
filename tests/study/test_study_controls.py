"""Controls: read strictly, made of the training pairs alone, asked like everybody, and fitted."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from revealed.foundation.errors import ConfigError, DataError
from revealed.foundation.schemas import ANSWERS, write_table
from revealed.instruments import (
    instruments_folder,
    load_arm,
    load_instrument,
    load_questions,
    read_prompt,
)
from revealed.instruments.experiments.assembly import census_of
from revealed.respondents import RespondentSpec
from revealed.respondents.guise import controlled
from revealed.respondents.tuning.datasets import read_chats
from revealed.study import controls, load_study, open_run, plan, tuning
from revealed.study.material import make_material, training, write_material

STUDY = """\
seed: 3
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
  assembly: {instruments: [assembly], design: questions, samples: 1}
  control_pairs: {instruments: [assembly_pairs], design: listed, samples: 1}
respondents:
  - {model: simulated/panel, mode: sample, ask: [assembly]}
  - {model: simulated/pliable, mode: sample, ask: [calibration, control_pairs]}
controls:
  simulator: simulated/panel
  respondents: [simulated/pliable]
  ask: [control_pairs]
  shown: 8
ask_new: [calibration]
"""
BASE = "simulated/pliable"


def aims(share: float = 0.7) -> pd.DataFrame:
    pairs = load_instrument("assembly_pairs").pairs
    assert pairs is not None
    table = pairs[["pair", "first", "second", "split"]]
    return table.assign(share_first=share, se=0.06, n=60)


@pytest.fixture
def run(make_checkout: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run whose assembly favors the right in every pair of two sides."""
    make_checkout(STUDY)
    made = aims()
    lean = load_instrument("assembly_pairs").items["lean"]
    gap = made["first"].map(lean) - made["second"].map(lean)
    made["share_first"] = 0.5 + 0.2 * np.sign(gap)
    monkeypatch.setattr(controls, "targets", lambda run, simulator=None: made)
    return open_run("t")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("simulator: simulated/panel", "simulator: simulated/pannel", "line 10.*no respondent"),
        ("respondents: [simulated/pliable]", "respondents: [nobody]", "line 11.*no respondent"),
        ("ask: [control_pairs]", "ask: [control_pair]", "line 12.*no experiment"),
        ("ask: [control_pairs]", "ask: [assembly]", "line 12.*is not asked 'assembly'"),
        ("shown: 8", "showing: 8", "line 13.*unknown key 'showing'.*shown"),
        ("shown: 8", "shown: 0", "line 13.*greater than or equal to 1"),
        ("shown: 8", "kinds: [hypnosis]", "line 13"),
        ("shown: 8", "source: rumor", "line 13"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    make_checkout: Any, old: str, new: str, told: str
) -> None:
    make_checkout(STUDY.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_study()
    import re

    assert re.search(told, str(caught.value)), caught.value


def test_names_say_base_and_kind() -> None:
    assert controlled("a/b+tuned") == ("a/b", "tuned")
    assert [controlled(n) for n in ("a/b", "a+b", "+tuned", "a+tuned+b")] == [None] * 4


def material(**changes: Any) -> Any:
    told = {"shown": 8, "repeats": 10, "seed": 1, "root": Path.cwd(), **changes}
    targets = told.pop("targets", aims())
    return make_material(targets, load_instrument("assembly_pairs").items["text"], **told)


def read(messages: list[dict[str, str]]) -> tuple[str, str, str]:
    found = read_prompt(messages)
    return found.first, found.second, found.arm.labels[0]


def test_the_recipe_and_providers_read_the_training_file() -> None:
    made = material()
    found = read_chats("\n".join(made.training).encode(), "train.jsonl")
    assert len(found.chats) == len(made.training)
    assert {len(chat[-1]["content"]) for chat in found.chats} == {1}


def test_training_holds_the_soft_targets_in_both_orders_and_no_other_pair() -> None:
    made = material()
    texts = load_instrument("assembly_pairs").items["text"]
    train = aims()[lambda t: t["split"] == "train"]
    firsts = {texts[row.first]: texts[row.second] for row in train.itertuples()}
    counts: Counter[tuple[str, bool, bool]] = Counter()
    for line in made.training:
        *asked, said = json.loads(line)["messages"]
        one, two, label = read(asked)
        turned = one not in firsts
        assert firsts[two if turned else one] == (one if turned else two)
        counts[two if turned else one, turned, (said["content"] == label) != turned] += 1
    assert set(counts.values()) == {7, 3}
    assert len(made.training) == len(train) * 2 * 10
    held = aims()[lambda t: t["split"] != "train"]
    for item in (*held["first"], *held["second"]):
        assert texts[item] not in made.system
        assert all(texts[item] not in question for question, _ in made.examples)


@pytest.mark.parametrize(
    ("share", "counts"), [(0.65, {6, 7}), (0.63, {6, 7}), (0.61, {6}), (1.0, {10})]
)
def test_what_does_not_divide_is_as_near_as_it_can_be_over_both_orders(
    share: float, counts: set[int]
) -> None:
    one = aims(share).head(1)
    texts = load_instrument("assembly_pairs").items["text"]
    lines = training(one, texts, repeats=10, seed=1, root=Path.cwd())
    found: Counter[bool] = Counter()
    for line in lines:
        *asked, said = json.loads(line)["messages"]
        first, _, label = read(asked)
        turned = first != texts[one["first"].iloc[0]]
        found[turned] += (said["content"] == label) != turned
    assert set(found.values()) == counts
    assert sum(found.values()) == round(2 * share * 10)


def test_examples_are_questions_of_the_forced_arm_with_the_right_total() -> None:
    made = material(shown=20)
    texts = load_instrument("assembly_pairs").items["text"]
    system = load_arm("forced").system
    firsts = set(texts[aims()["first"]])
    chosen = 0
    for question, answer in made.examples:
        one, _, label = read([{"role": "system", "content": system},
                              {"role": "user", "content": question}])  # fmt: skip
        chosen += (answer == label) == (one in firsts)
    # Twenty pairs at 0.7: fourteen, within one.
    assert abs(chosen - 14) <= 1


def test_the_instruction_names_the_preferred_first() -> None:
    texts = load_instrument("assembly_pairs").items["text"]
    row = aims().iloc[0]
    line = f'- "{texts[row["second"]]}" over "{texts[row["first"]]}": 80 of 100'
    assert line in material(targets=aims(0.2)).system


def test_material_is_the_same_bytes_and_changes_with_the_seed(tmp_path: Path) -> None:
    one, two = (write_material(material(), tmp_path / n, {"run": "t"}) for n in "ab")
    for name in one:
        assert one[name].read_bytes() == two[name].read_bytes()
    assert material(seed=2).training != material().training
    assert sorted(material(seed=2).training) == sorted(material().training)
    sheet = json.loads(one["datasheet"].read_text())
    content = one["train"].read_bytes()
    assert sheet["files"]["train.jsonl"] == hashlib.sha256(content).hexdigest() == material().digest
    assert sheet["lines"] == content.count(b"\n") == 400
    with pytest.raises(DataError, match="no training pair"):
        material(targets=aims().assign(split="pair"))
    with pytest.raises(DataError, match="there is no proposal 'x'"):
        material(targets=aims().assign(first="x"))


def test_everybody_is_made_asked_and_fitted(run: Any) -> None:
    counts = controls.ask_controlled(run, [BASE], progress=False)
    assert list(counts) == [BASE, *run.study.controls.names]
    for name in counts:
        assert run.has(name, "assembly_pairs")
        assert run.provenance(name) == "simulated"
    # Nobody shares answers with anybody: five times 40 pairs in two orders.
    from revealed.respondents import Ledger

    with Ledger(run.paths.ledger) as ledger:
        assert ledger.counts()["n"].sum() == 5 * 80
    lean = load_instrument("assembly_pairs").items["lean"]

    def right(name: str) -> float:
        table = run.choices(name, "assembly_pairs")
        gap = table["first"].map(lean) - table["second"].map(lean)
        asked = table[gap != 0].assign(gap=gap[gap != 0])
        hits = np.where(asked["gap"] > 0, asked["n_first"], asked["n_second"]).sum()
        return float(hits / (asked["n_first"] + asked["n_second"]).sum())

    # Fifty-six answers each: a standard error of at most 0.07.
    for kind in ("system_prompt", "examples", "tuned"):
        assert right(f"{BASE}+{kind}") > right(BASE) + 0.15
    assert abs(right(f"{BASE}+retest") - right(BASE)) < 0.25
    added = run.added()
    assert added[f"{BASE}+tuned"].model.startswith("simulated/pliable?left_right=")
    assert added[f"{BASE}+system_prompt"].system.startswith("When you are asked")
    assert len(added[f"{BASE}+examples"].examples) == 8
    folder = run.paths.folder / "control" / "simulated--panel"
    assert {path.name for path in folder.iterdir()} == {
        "train.jsonl", "system.txt", "examples.json", "datasheet.json"
    }  # fmt: skip


def test_a_plan_counts_what_the_guise_adds(run: Any) -> None:
    made = controls.specs(run, [BASE], ["system_prompt", "retest"])
    told, again = (plan(run.study, [spec])["input_tokens"].sum() for spec in made)
    extra = len(made[0].system) / 4
    assert told - again == pytest.approx(80 * extra, rel=0.02)


def test_a_real_model_is_steered_once_it_is_tuned(run: Any) -> None:
    real = RespondentSpec(name="m", model="openai/m", api_base="http://127.0.0.1:9/v1")
    run.add(real)
    made = controls.specs(run, ["m"], ["system_prompt", "examples", "retest"])
    assert [spec.first_sample for spec in made] == [10_000, 20_000, 40_000]
    with pytest.raises(DataError, match=r"has not been fine-tuned.*tune start"):
        controls.specs(run, ["m"], ["tuned"])
    with pytest.raises(ConfigError, match="no control 'hypnosis'"):
        controls.specs(run, ["m"], ["hypnosis"])
    with pytest.raises(ConfigError, match="no control"):
        controls.specs(run, [f"{BASE}+tuned"], ["tuned"])


def test_a_simulated_respondent_is_tuned_at_once_and_for_nothing(run: Any) -> None:
    assert tuning.cost_of(run, BASE).cost == 0.0
    told: list[str] = []
    job = tuning.start(run, BASE, tell=told.append)
    assert job.state == "succeeded"
    assert run.added()[f"{BASE}+tuned"].model == job.tuned
    assert tuning.jobs(run) == {BASE: job}
    assert tuning.start(run, BASE, tell=told.append).tuned == job.tuned
    with pytest.raises(ConfigError, match="no fine-tuning job"):
        tuning.resume(run, "simulated/panel")


def test_whoever_is_not_answered_for_is_made_up_for_by_others_of_the_kind(
    make_checkout: Any,
) -> None:
    """Women take the first proposal and men never; the simulator refuses for every second woman."""
    make_checkout(STUDY)
    run = open_run("t")
    asked = load_questions("assembly").questions
    woman = asked["sex"] == "woman"
    women = asked.loc[woman, "person"].drop_duplicates()
    silent = asked["person"].isin(women[np.arange(len(women)) % 2 > 0])
    answers = pd.DataFrame(
        {
            "respondent": "simulated/panel", "instrument": "assembly", "question": asked.index,
            "form": asked["form"], "sample": 0, "kind": np.where(silent, "refused", "answered"),
            "value": np.where(woman, asked["turned"], 1 - asked["turned"]).astype(float),
            "text": "", "provenance": "simulated",
        }
    )  # fmt: skip
    answers.loc[silent.to_numpy(), "value"] = np.nan
    write_table(answers, run.paths.answers("simulated/panel", "assembly"), ANSWERS)
    margins = census_of(instruments_folder(run.paths.root)).margins().set_index("value")["share"]
    counted = woman[~silent].groupby(asked["pair"]).mean()
    found = controls.targets(run).set_index("pair")["share_first"]
    assert counted.mean() < margins["woman"] - 0.12
    assert abs(found.mean() - margins["woman"]) < 0.02


def test_without_votes_or_controls_it_is_said_what_to_do(make_checkout: Any) -> None:
    make_checkout(STUDY)
    with pytest.raises(DataError, match=r"has not answered.*revealed run --run t"):
        controls.targets(open_run("t"))
    assert controls.compared(open_run("t")) == {}
    head = STUDY[: STUDY.index("controls:")] + "ask_new: [calibration]\n"
    Path("study.yaml").write_text(head)
    with pytest.raises(ConfigError, match="names no controls"):
        controls.targets(open_run("t"))
