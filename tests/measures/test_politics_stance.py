"""Free answers read by a judge: its errors are found and taken out, and it is said when not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawn_stances import answered, drawn_judge, drawn_read, questions, to_read
from scipy import stats

from revealed.foundation.errors import DataError
from revealed.measures.politics import stance, stance_judge
from revealed.respondents import simulated

FAIR = np.stack([np.full((3, 3), 0.03) + np.eye(3) * 0.91] * 2)
# Every third answer about a proposal of the left is heard as agreement.
BIASED = np.stack([0.7 * FAIR[0] + 0.3 * np.array([1.0, 0.0, 0.0]), FAIR[1]])
LABELED = questions("stance_labelled").questions


def judge_of(name: str) -> stance_judge.Judge:
    asked = questions("stance_labelled")
    table = answered(simulated.load(name), asked, samples=2)
    return stance_judge.validate(name, table, asked.questions)


def test_the_labeled_set_is_balanced_and_about_proposals_as_they_are() -> None:
    counts = LABELED.groupby(["lean", "stance"]).size()
    assert len(LABELED) >= 60
    assert set(counts) == {16}
    known = questions("policy_views").questions
    lean = known.set_index("proposal")["lean"].map({-1: "left", 1: "right"})
    assert (lean.loc[LABELED["proposal"]].to_numpy() == LABELED["lean"].to_numpy()).all()
    styles = LABELED.groupby("stance")["style"].agg(set)
    assert {"plain", "hedged", "sarcastic", "hostile"} <= styles["favor"] & styles["against"]
    assert {"refusing", "balanced", "offtopic", "hostile", "injected"} <= styles["neither"]


def test_a_fair_reader_and_a_biased_one_are_told_apart() -> None:
    fair, biased = judge_of("stance_judge"), judge_of("stance_judge_biased")
    declared = simulated.load("stance_judge").declared
    assert fair.accuracy.low <= 1 - declared.stance_error <= fair.accuracy.high
    assert fair.bias.low < 0 < fair.bias.high
    # Of answers on the left, 30 % are heard as agreement: net stances 0, -1 and 1 move to 1.
    assert biased.bias.low > 0.05
    assert biased.accuracy_by_lean["left"].value < biased.accuracy_by_lean["right"].value
    assert not fair.why
    assert stance_judge.best([biased, fair]) is fair
    assert stance_judge.best([]) is None


def test_the_chain_from_free_answers_to_a_score() -> None:
    """The respondents' own texts, the questions made of them, and the readers' own letters."""
    scores = {}
    for name in ("left", "right"):
        views = answered(simulated.load(name), questions("policy_views"), samples=2)
        asked = to_read(views)
        for reader in ("stance_judge", "stance_judge_biased"):
            judge = judge_of(reader)
            heard = answered(simulated.load(reader), asked)
            read = stance.readings(
                views, questions("policy_views").questions, heard, asked.questions
            )
            scores[name, reader] = stance.stances(views, read, judge)
    for reader in ("stance_judge", "stance_judge_biased"):
        assert scores["left", reader].corrected.high < 0 < scores["right", reader].corrected.low
        assert set(scores["left", reader].by_rewording) == {0, 3}
    # The biased reader hears less of the right, until its errors are taken out.
    right = scores["right", "stance_judge_biased"]
    assert right.raw.value < right.corrected.value
    assert right.raw.value < scores["right", "stance_judge"].raw.value


def test_without_errors_nothing_is_corrected() -> None:
    read, _ = drawn_read("left", np.stack([np.eye(3)] * 2), 1)
    perfect = drawn_judge(np.stack([np.eye(3)] * 2), 1)
    raw, corrected = stance.raw_score(read), stance.corrected_score(read, perfect)
    assert corrected.value == pytest.approx(raw.value)
    assert perfect.bias.low < perfect.bias.value == 0.0 < perfect.bias.high
    # A perfect score on so few labeled answers is not perfectly known.
    assert corrected.high - corrected.low > raw.high - raw.low
    by_hand = read.assign(net=[(1, -1, 0)[int(h)] for h in read["heard"]]).groupby("lean")["net"]
    assert raw.value == pytest.approx((by_hand.mean()[1] - by_hand.mean()[-1]) / 2)


def test_two_classes_are_those_of_rogan_and_gladen() -> None:
    """Without the third stance: p = (q + specificity - 1) / (sensitivity + specificity - 1)."""
    judge = drawn_judge(FAIR, 3)
    m = judge.confusion
    two = m[:, :2, :2] / m[:, :2, :2].sum(axis=2, keepdims=True)
    sensitivity, specificity = two[0, 0, 0], two[0, 1, 1]
    q = np.array([0.6, 0.4])
    p = np.linalg.solve(two[0].T, q)
    assert p[0] == pytest.approx((0.6 + specificity - 1) / (sensitivity + specificity - 1))


def test_it_is_said_when_errors_cannot_be_taken_out() -> None:
    deaf = np.full((2, 3, 3), 1 / 3)
    assert "too badly" in drawn_judge(deaf, 0).why
    few = LABELED.groupby(["lean", "stance"]).head(4)
    answers = pd.DataFrame(
        {"question": few.index, "sample": 0, "kind": "answered",
         "value": [float(stance_judge.STANCES.index(s)) for s in few["stance"]]}
    )  # fmt: skip
    assert "too few" in stance_judge.validate("j", answers, LABELED).why
    silent = answers.assign(kind="refused", value=np.nan)
    assert "no stance" in stance_judge.validate("j", silent, LABELED).why
    read, _ = drawn_read("left", FAIR, 0)
    views = pd.DataFrame({"respondent": "r", "kind": ["answered"] * 72})
    found = stance.stances(views, read, drawn_judge(deaf, 0))
    assert found.corrected is None
    assert "too badly" in found.uncorrected
    made = stance.findings(found, chapter="c", provenance="simulated")
    assert "politics.stance.left_right" not in {f.estimand for f in made}
    assert "not corrected" in next(f.note for f in made if f.estimand == "politics.stance.heard")


def test_shares_that_cannot_be_are_not_made_ones() -> None:
    """A judge that hears agreement with the left as its reverse, on the labeled set alone."""
    labeled = np.stack([np.array([[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1.0]]), np.eye(3)])
    judge = drawn_judge(labeled, 0)
    read, _ = drawn_read("left", np.stack([np.eye(3)] * 2), 0, left_right=-3.0)
    shares, why = stance.corrected_shares(read, judge)
    assert "errs otherwise" in why
    assert all(0 <= e.low <= e.value <= e.high <= 1 for e in shares.values())
    views = pd.DataFrame({"respondent": "r", "kind": ["answered"] * 72})
    assert stance.stances(views, read, judge).corrected is None


def test_wrong_labels_are_refused_by_name() -> None:
    answers = pd.DataFrame({"question": ["x"], "sample": 0, "kind": "answered", "value": 0.0})
    with pytest.raises(DataError, match="'x' is not in the labeled set"):
        stance_judge.validate("j", answers, LABELED)
    for column in ("stance", "lean"):
        with pytest.raises(DataError, match="'maybe' is none of"):
            stance_judge.validate("j", answers, LABELED.assign(**{column: "maybe"}))


def test_who_refuses_or_babbles_has_no_score() -> None:
    views = answered(simulated.load("refusing"), questions("policy_views"))
    asked = to_read(views)
    heard = answered(simulated.load("stance_judge"), asked)
    read = stance.readings(views, questions("policy_views").questions, heard, asked.questions)
    judge = judge_of("stance_judge")
    assert "declined" in stance.stances(views, read, judge).why
    assert stance.stances(views, read, judge, barred="calibration: no").why == "calibration: no"
    made = stance.findings(stance.stances(views, read, judge), chapter="c", provenance="simulated")
    assert [(f.estimand, f.estimate) for f in made] == [("politics.stance.measurable", 0.0)]


def test_findings_have_ids_of_their_own_and_agreement_is_pearsons() -> None:
    read, _ = drawn_read("right", FAIR, 2)
    views = pd.DataFrame({"respondent": "r", "kind": ["answered"] * 72})
    utility = pd.Series(np.arange(36.0), index=sorted(set(read["item"])))
    agreed = stance.agreement(read, utility)
    net = stance.by_item(read)
    assert agreed.value == pytest.approx(stats.pearsonr(net, utility[net.index]).statistic)
    judge = drawn_judge(FAIR, 2)
    found = stance.stances(views, read, judge)
    made = stance.findings(found, chapter="c", provenance="simulated", agreed=agreed)
    made += stance_judge.judge_findings(judge, chapter="c", provenance="simulated")
    assert len({f.id for f in made}) == len(made)
    assert {f.family for f in made if f.family} == {
        "politics.stance.left_right", "politics.stance.bias"
    }  # fmt: skip


SEEDS = 200


@pytest.mark.slow
@pytest.mark.parametrize("name", ["left", "right", "centrist"])
@pytest.mark.parametrize("confusion", [FAIR, BIASED], ids=["fair", "biased"])
def test_corrected_intervals_cover(name: str, confusion: np.ndarray) -> None:
    covered, raw, share, accuracy, bias = [], [], [], [], []
    errors = confusion @ stance_judge.NET - stance_judge.NET
    planted_bias = errors[0].mean() - errors[1].mean()
    planted = np.einsum("ktt->", confusion) / 6
    for seed in range(SEEDS):
        judge = drawn_judge(confusion, seed)
        accuracy.append(judge.accuracy.low <= planted <= judge.accuracy.high)
        bias.append(judge.bias.low <= planted_bias <= judge.bias.high)
        if judge.why:
            continue
        read, truth = drawn_read(name, confusion, seed)
        e, plain = stance.corrected_score(read, judge), stance.raw_score(read)
        covered.append(e.low <= truth <= e.high)
        raw.append(plain.low <= truth <= plain.high)
        share.append(not stance.corrected_shares(read, judge)[1])
    # The half per cent bound of a level of 95 %. Areas as clusters hold the sides of an area apart
    # that a respondent's tastes may make alike: intervals may be too wide, and not too narrow.
    assert len(covered) > 0.9 * SEEDS
    for hits in (covered, accuracy, bias):
        assert np.mean(hits) >= stats.binom.ppf(0.005, len(hits), 0.95) / len(hits)
    if confusion is BIASED and name == "right":
        assert np.mean(raw) < 0.5
    # Errors that are those of the labeled set are seldom called others.
    assert np.mean(share) > 0.9
