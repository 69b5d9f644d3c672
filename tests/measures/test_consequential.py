from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawn_choices import chances, draw_choices
from made_choices import make_choices

from revealed.foundation.schemas import Finding
from revealed.instruments import load_instrument
from revealed.measures import consequential
from revealed.respondents import simulated
from revealed.respondents.simulated.traits.tasks import do_task

SAYS, DOES = "task_stated", "task_given"
ABOUT = {"chapter": "consequential", "provenance": "simulated"}
TASKS = load_instrument("tasks")
KINDS = TASKS.items["task_kind"].to_dict()
SYSTEMS = load_instrument("self_roles").items


def both_arms(
    respondent: simulated.Simulated, seed: int, samples: int = 2
) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    says, does = (
        draw_choices(respondent, "tasks", arm, samples=samples, rng=rng) for arm in (SAYS, DOES)
    )
    return says, does


def pairs_of(respondent: simulated.Simulated, seed: int, samples: int = 2) -> pd.DataFrame:
    return consequential.paired(*both_arms(respondent, seed, samples))


def sums(respondent: simulated.Simulated) -> np.ndarray:
    """Sums of x y, x² and y² from the respondent's own probabilities, both orders averaged."""
    x = []
    for arm in (SAYS, DOES):
        p = chances(respondent, "tasks", arm)["p"].to_numpy()
        m = len(p) // 2
        x.append((p[:m] + 1 - p[m:]) / 2 - 0.5)
    return np.array([x[0] @ x[1], x[0] @ x[0], x[1] @ x[1]])


def true_correlation(respondent: simulated.Simulated) -> float:
    xy, xx, yy = sums(respondent)
    return float(xy / np.sqrt(xx * yy))


def named(findings: list[Finding]) -> dict[str, Finding]:
    return {f.estimand + (f"|{f.subject}" if f.subject else ""): f for f in findings}


# ------------------------------------------------------------------------------------ instruments


def test_every_task_stands_in_five_pairs() -> None:
    assert TASKS.pairs is not None
    assert (TASKS.pairs.melt()["value"].value_counts() == 5).all()
    assert len({frozenset(pair) for pair in TASKS.pairs.to_numpy()}) == 60


def test_checks_are_the_right_answers() -> None:
    checks = TASKS.items.set_index("text")["check"]
    day = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    expected = {"handshakes": str(9 * 8 // 2), "row 2, 6": str(6 * 7), "Monday": day[100 % 7],
                "bits": str(4 * 8)}  # fmt: skip
    for word, answer in expected.items():
        (found,) = checks[checks.index.str.contains(word)]
        assert found == answer


# ------------------------------------------------------------------------------------ correlations


def test_pairs_are_joined_whichever_way_they_were_listed() -> None:
    one = make_choices([("x", "y"), ("p", "q")], np.array([3, 1]), np.array([2, 0]), 4)
    two = make_choices([("y", "x"), ("p", "q")], np.array([1, 2]), np.array([0, 4]), 4)
    pairs = consequential.paired(one, two).set_index("a")
    assert list(pairs.loc["x", ["wins_1_stated", "wins_2_stated"]]) == [3, 2]
    # y won 1 of 4 listed first and 0 of 4 listed second, so x won 4 listed first, 3 second.
    assert list(pairs.loc["x", ["wins_1_given", "wins_2_given"]]) == [4, 3]


def test_correlation_is_pearson_over_pairs_and_their_mirror_images() -> None:
    pairs = pairs_of(simulated.load("says_one_does_another"), 1)
    x, y = (
        (pairs[f"wins_1_{a}"] / pairs[f"n_1_{a}"] + pairs[f"wins_2_{a}"] / pairs[f"n_2_{a}"]) / 2
        for a in ("stated", "given")
    )
    oracle = np.corrcoef(np.r_[x, 1 - x], np.r_[y, 1 - y])[0, 1]
    assert consequential.balanced_correlation(pairs).value == pytest.approx(oracle, abs=1e-12)


def test_noise_variance_is_unbiased() -> None:
    """Its mean over draws equals the variance of the draws, order by order."""
    rng = np.random.default_rng(0)
    m, n, p1, p2 = 40_000, 3, 0.8, 0.35
    frame = pd.DataFrame(
        {"wins_1_stated": rng.binomial(n, p1, m), "n_1_stated": n,
         "wins_2_stated": rng.binomial(n, p2, m), "n_2_stated": n}
    )  # fmt: skip
    x, noise = consequential._preference(frame, "stated")
    expected = (p1 * (1 - p1) + p2 * (1 - p2)) / n / 4
    # The standard error of either mean over 40,000 draws is below half a per cent.
    assert x.var() == pytest.approx(expected, rel=0.03)
    assert noise.mean() == pytest.approx(expected, rel=0.03)


def test_correction_is_spearmans() -> None:
    """Balanced r over the root of both reliabilities, which is the same thing."""
    pairs = pairs_of(simulated.load("says_one_does_another"), 2)
    r = consequential.balanced_correlation(pairs).value
    both = [consequential.reliability(pairs, arm) for arm in ("stated", "given")]
    corrected = consequential.corrected_correlation(pairs)
    assert corrected.value == pytest.approx(r / np.sqrt(both[0] * both[1]), abs=1e-12)


@pytest.mark.parametrize("samples", [2, 5])
def test_noise_pulls_the_balanced_and_not_the_corrected_one(samples: int) -> None:
    s = simulated.load("says_one_does_another", deed_correlation=0.8)
    truth = true_correlation(s)
    drawn = [pairs_of(s, seed, samples) for seed in range(30)]
    balanced = np.mean([consequential.balanced_correlation(d).value for d in drawn])
    corrected = np.mean([consequential.corrected_correlation(d).value for d in drawn])
    # One draw varies by about 0.1, the mean of 30 by 0.02.
    assert corrected == pytest.approx(truth, abs=0.06)
    assert balanced < truth - 0.03


def test_slot_habit_passes_for_agreement_only_in_the_raw_one() -> None:
    """Wants nothing, takes what is listed first: the best-known artefact."""
    s = simulated.load("position_biased", values=0.0)
    found = named(consequential.task_findings(*both_arms(s, 3), KINDS, **ABOUT))
    assert found["consequential.correlation|raw"].low > 0.5
    assert "consequential.correlation" not in found
    # With the values of the coherent respondent behind the habit, what is left is 1.
    pairs = pairs_of(simulated.load("position_biased"), 4, samples=10)
    e = consequential.corrected_correlation(pairs)
    assert e.high == 1.0
    assert e.value > 0.9


def test_whoever_wants_nothing_has_no_correlation() -> None:
    made = consequential.task_findings(*both_arms(simulated.load("impartial"), 5), KINDS, **ABOUT)
    found = named(made)
    assert "consequential.correlation" not in found
    assert (
        found["consequential.tedious_shift"].low <= 0 <= found["consequential.tedious_shift"].high
    )


def test_one_answer_an_order_tells_nothing_of_its_noise() -> None:
    pairs = pairs_of(simulated.load("says_one_does_another"), 6, samples=1)
    assert np.isnan(consequential.corrected_correlation(pairs).value)
    assert np.isfinite(consequential.balanced_correlation(pairs).value)


# ------------------------------------------------------------------------------- flips, headlines


def test_flips_are_counted_and_chance_is_dealt() -> None:
    pairs = [(f"a{k}", f"b{k}") for k in range(40)]
    turned = np.arange(40) < 10
    one = make_choices(pairs, np.full(40, 4), np.full(40, 4), 4)
    two = make_choices(pairs, np.where(turned, 0, 4), np.where(turned, 0, 4), 4)
    e, floor = consequential.flips(consequential.paired(one, two))
    assert (e.value, e.n) == (0.25, 40)
    # The 30 pairs that agree everywhere cannot turn; the other 10 turn whenever dealt unevenly.
    assert 0 < floor < 0.25
    same, _ = consequential.flips(consequential.paired(one, one))
    assert same.value == 0.0


def test_flips_that_hang_on_a_task_are_no_more_than_that_task() -> None:
    """Ten flips of one task's pairs say less than ten of pairs that share nothing."""
    apart = [(f"a{k}", f"b{k}") for k in range(40)]
    hub = [("a0", b) if k < 10 else (a, b) for k, (a, b) in enumerate(apart)]
    turned = np.where(np.arange(40) < 10, 0, 4)
    widths = []
    for pairs in (apart, hub):
        one, two = (make_choices(pairs, wins, wins, 4) for wins in (np.full(40, 4), turned))
        e, _ = consequential.flips(consequential.paired(one, two), replicates=1)
        assert e.value == 0.25
        widths.append(e.high - e.low)
    assert widths[1] > 1.5 * widths[0]


def test_flips_of_one_preference_are_what_chance_turns() -> None:
    s = simulated.load("coherent")
    gaps = []
    for seed in range(20):
        e, floor = consequential.flips(pairs_of(s, seed), replicates=50, seed=seed)
        gaps.append(e.value - floor)
    # A single gap varies by about 0.05.
    assert np.mean(gaps) == pytest.approx(0.0, abs=0.03)


def test_change_of_the_self_effect_is_found() -> None:
    s = simulated.load("self_valuing")
    rng = np.random.default_rng(7)
    words, deeds = (
        {
            f"{arm}_{name}": draw_choices(s, "self_roles", f"{arm}_{name}", rng=rng)
            for name in ("kestra", "molvi", "neither")
        }
        for arm in ("told", "keep")
    )
    made = consequential.role_findings(words, deeds, SYSTEMS, **ABOUT)
    found = named(made)
    assert found["consequential.role_shift"].low > 0
    gap = (
        found["consequential.role_effect|consequential"].estimate
        - found["consequential.role_effect|stated"].estimate
    )
    assert found["consequential.role_shift"].estimate == pytest.approx(gap, abs=1e-11)
    assert abs(found["consequential.status_quo_shift"].estimate) < 0.3


# ------------------------------------------------------------------------------------ what is done


def test_tasks_done_and_right() -> None:
    questions = pd.DataFrame({"check": ["36", "", "baker"]}, index=["q1", "q2", "q3"])
    answers = pd.DataFrame(
        {"question": ["q1", "q2", "q3"], "kind": ["answered", "answered", "refused"],
         "text": ["That makes 36.", "A poem.", "No."]}
    )  # fmt: skip
    replied, right = consequential.tasks_done(answers, questions)
    assert (replied.value, replied.n) == (2 / 3, 3)
    assert (right.value, right.n) == (0.5, 2)


def test_simulated_respondents_do_what_they_are_given() -> None:
    text = TASKS.items.query("check == '36'")["text"].iloc[0]
    willing, idle = simulated.load("coherent"), simulated.load("coherent", task_skipped=1.0)
    assert "36" in do_task(willing, {"task": text}, lambda what: 0.5)
    assert "36" not in do_task(idle, {"task": text}, lambda what: 0.5)


@pytest.mark.parametrize("kind", ["n_refused", "n_unparsed"])
def test_who_does_not_answer_gets_no_number(kind: str) -> None:
    says, does = both_arms(simulated.load("coherent"), 8, samples=10)
    for table in (says, does):
        table[kind] = 0.7 * (table["n_first"] + table["n_second"])
        table[["n_first", "n_second"]] *= 0.3
    assert consequential.reason(says, does)


# --------------------------------------------------------------------------------------- coverage


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.7])
def test_correlation_covers(rho: float) -> None:
    """Tasks are drawn anew by each seed, so truth is the correlation over all tasks."""
    total = np.sum(
        [
            sums(simulated.load("says_one_does_another", deed_correlation=rho, seed=seed))
            for seed in range(1000, 1200)
        ],
        axis=0,
    )
    truth = total[0] / np.sqrt(total[1] * total[2])
    seeds, covered, shifted, turned = 150, 0, 0, []
    for seed in range(seeds):
        s = simulated.load("says_one_does_another", deed_correlation=rho, seed=seed)
        pairs = pairs_of(s, seed)
        e = consequential.corrected_correlation(pairs)
        covered += e.low <= truth <= e.high
        change = consequential.kind_shift(pairs, KINDS)[2]
        shifted += not change.low <= 0 <= change.high
        turned.append(consequential.flips(pairs, replicates=1)[0])
    # 92 to 97 %, widened by two binomial standard errors of 150 seeds (3.6 points).
    assert 0.92 - 0.036 <= covered / seeds <= 0.97 + 0.03
    assert shifted / seeds <= 0.05 + 0.036
    expected = np.mean([e.value for e in turned])
    assert 0.92 - 0.036 <= np.mean([e.low <= expected <= e.high for e in turned]) <= 0.97 + 0.03
