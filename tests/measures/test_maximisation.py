"""Free answers against utilities: planted slopes come back, popularity is not taken for them."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from revealed.foundation.errors import DataError
from revealed.instruments import load_instrument
from revealed.measures import maximisation as mx
from revealed.measures.maximisation import Utilities
from revealed.respondents import simulated
from revealed.respondents.simulated.traits.maximisation import chances

INSTRUMENT = load_instrument("maximisation")
ITEMS, PAIRS = INSTRUMENT.items, INSTRUMENT.pairs
K = 5


def some(questions: int) -> pd.DataFrame:
    """The items of the first so many questions."""
    return ITEMS[ITEMS["source"].isin(ITEMS["source"].unique()[:questions])]


def choices_of(
    respondent: simulated.Simulated, items: pd.DataFrame, rng: np.random.Generator, samples: int = 1
) -> pd.DataFrame:
    """Choices drawn from a respondent's declared probabilities, both orders of every pair."""
    assert PAIRS is not None
    kept = PAIRS[PAIRS["first"].isin(items.index)]
    first = pd.concat([kept["first"], kept["second"]], ignore_index=True)
    second = pd.concat([kept["second"], kept["first"]], ignore_index=True)
    p = respondent.p_first(list(items["text"][first]), list(items["text"][second]))
    chosen = rng.binomial(samples, p).astype(float)
    table = pd.DataFrame({"first": first, "second": second, "n_first": chosen})
    return table.assign(
        n_second=samples - chosen, respondent=respondent.declared.name, instrument="maximisation",
        arm="forced", n_neutral=0.0, n_refused=0.0, n_unparsed=0.0, n_failed=0.0, role="train",
        provenance="simulated",
    )  # fmt: skip


def free_of(
    respondent: simulated.Simulated,
    items: pd.DataFrame,
    rng: np.random.Generator,
    samples: int = 3,
    error: float = 0.03,
) -> np.ndarray:
    """Matched free answers by question and listed answer; a misread one is any other, or none."""
    rows = []
    for _, group in items.groupby("source", sort=False):
        p = np.array(chances(respondent, list(group["text"])))
        said = rng.choice(K, size=samples, p=p)
        wrong = rng.random(samples) < error
        other = (said + rng.integers(1, K + 1, samples)) % (K + 1)
        rows.append(np.bincount(np.where(wrong, other, said), minlength=K + 1)[:K])
    return np.array(rows, float)


def known(utilities: np.ndarray, spread: float = 0.0, seed: int = 0) -> Utilities:
    """Utilities that are known, up to a given standard deviation."""
    noise = np.random.default_rng(seed).standard_normal((mx.DRAWS, *utilities.shape))
    sources = tuple(ITEMS["source"].unique()[: len(utilities)])
    names = ITEMS.index.to_numpy().reshape(-1, K)[: len(utilities)]
    return Utilities(sources, names, utilities + spread * noise, 0.0, 1.0)


# --------------------------------------------------------------------------------- utilities


def test_utilities_order_effect_and_spread_come_back() -> None:
    items, rng = some(40), np.random.default_rng(1)
    respondent = simulated.load("maximizing", order_effect=0.5, seed=3)
    fitted = mx.utilities(choices_of(respondent, items, rng, samples=20), items)
    truth = respondent.utility(items["text"]).reshape(-1, K)
    truth -= truth.mean(axis=1, keepdims=True)
    mean = fitted.mean - fitted.mean.mean(axis=1, keepdims=True)
    # 160 answers an item: the posterior spread is about 0.1, and the correlation close to 1.
    assert np.corrcoef(truth.ravel(), mean.ravel())[0, 1] > 0.98
    assert fitted.order_effect == pytest.approx(0.5, abs=0.06)
    # The planted spread is 1; 200 utilities estimate it within 0.05 (one standard error).
    assert fitted.spread == pytest.approx(1.0, abs=0.15)


def test_the_posterior_covers_the_truth() -> None:
    items = some(60)
    inside = []
    for seed in range(4):
        rng, respondent = np.random.default_rng(seed), simulated.load("maximizing", seed=seed)
        fitted = mx.utilities(choices_of(respondent, items, rng), items)
        truth = respondent.utility(items["text"]).reshape(-1, K)
        gaps = fitted.draws[:, :, :1] - fitted.draws[:, :, 1:]
        low, high = np.percentile(gaps, [2.5, 97.5], axis=0)
        gap = truth[:, :1] - truth[:, 1:]
        inside.append(((low <= gap) & (gap <= high)).mean())
    # 960 gaps; those of a question share an answer, so about 300 independent ones: ± 0.04, and
    # percentiles of 120 draws are a little narrow.
    assert 0.89 <= np.mean(inside) <= 0.98


def test_a_probit_of_one_question_agrees_with_statsmodels() -> None:
    """With a wide prior and many answers the posterior is the likelihood's."""
    items, rng = some(12), np.random.default_rng(5)
    table = choices_of(simulated.load("maximizing", seed=1), items, rng, samples=400)
    fitted = mx.utilities(table, items)
    group = items[items["source"] == fitted.sources[0]].index
    rows = table[table["first"].isin(group)]
    design = np.array(
        [[float(i == a) - float(i == b) for i in group[1:]] for a, b in
         zip(rows["first"], rows["second"], strict=True)]
    )  # fmt: skip
    counts = rows[["n_first", "n_second"]].to_numpy()
    offset = np.full(len(rows), fitted.order_effect)
    link = sm.families.links.Probit()
    oracle = sm.GLM(counts, design, sm.families.Binomial(link), offset=offset).fit()
    mean = fitted.mean[0] - fitted.mean[0, 0]
    # Shrinkage by the prior and 120 draws: within half a standard error and a bit.
    assert np.abs(mean[1:] - oracle.params) == pytest.approx(0, abs=0.6 * oracle.bse.max())


def test_choices_across_questions_are_refused() -> None:
    items = some(3)
    table = choices_of(simulated.load("maximizing"), items, np.random.default_rng(0))
    table.loc[0, "second"] = items.index[-1]
    with pytest.raises(DataError, match="answer different questions"):
        mx.utilities(table, items)
    with pytest.raises(DataError, match="differ in their number"):
        mx.utilities(table, items.iloc[1:])


# --------------------------------------------------------------------------- matched answers


def _tables(said: list[tuple[str, str]], letters: list[float], orders: list[str]) -> tuple:
    sources = [source for source, _ in said]
    answers = pd.DataFrame(
        {"respondent": "r", "instrument": "open_questions", "question": sources,
         "sample": range(len(said)), "kind": "answered", "text": [text for _, text in said]}
    )  # fmt: skip
    asked = pd.DataFrame(
        {"source": sources, "given": [text for _, text in said], "order": orders, "again": 0},
        index=pd.Index([f"m{n}" for n in range(len(said))], name="question"),
    )
    kinds = ["unparsed" if np.isnan(letter) else "answered" for letter in letters]
    matches = pd.DataFrame({"question": asked.index, "kind": kinds, "value": letters})
    return answers, matches.assign(respondent="m"), asked


def test_letters_become_listed_answers_whatever_the_order() -> None:
    said = [("q1", "tea"), ("q1", "milk"), ("q2", "tea"), ("q2", "wine")]
    answers, matches, asked = _tables(
        said, [0.0, 4.0, 5.0, float("nan")], ["3 0 1 2 4", "3 0 1 2 4", "0 1 2 3 4", "0 1 2 3 4"]
    )
    free = mx.matched(answers, matches, asked)
    assert free["choice"].iloc[:3].tolist() == [3.0, 4.0, -1.0]
    assert np.isnan(free["choice"].iloc[3])


def test_refused_free_answers_are_no_answers() -> None:
    answers, matches, asked = _tables([("q1", "tea"), ("q1", "no")], [0.0, 1.0], ["0 1 2 3 4"] * 2)
    answers.loc[1, "kind"] = "refused"
    assert len(mx.matched(answers, matches, asked)) == 1


def test_text_is_joined_as_the_matcher_was_shown_it() -> None:
    answers, matches, asked = _tables([("q1", "tea\nand milk")], [2.0], ["0 1 2 3 4"])
    answers.loc[0, "text"] = " tea\r\nand milk \x00".rstrip("\x00")
    assert mx.matched(answers, matches, asked)["choice"].tolist() == [2.0]


def test_a_matcher_that_goes_by_place_is_not_used() -> None:
    rng = np.random.default_rng(0)
    said = [(f"q{n}", f"text {n}") for n in range(60)]
    orders = [" ".join(map(str, rng.permutation(K))) for _ in said]
    again = [" ".join(map(str, rng.permutation(K))) for _ in said]
    _, matches, asked = _tables(said + said, [0.0] * 120, orders + again)
    asked["again"] = [0] * 60 + [1] * 60
    agreement = mx.matcher_agreement(matches, asked)
    assert agreement.value == pytest.approx(0.2, abs=0.15)
    assert "agrees with itself" in mx.matcher_reason(matches, asked)
    # One that reads says the same of the same words.
    right = [order.split().index("2") for order in orders + again]
    _, matches, asked = _tables(said + said, [float(r) for r in right], orders + again)
    asked["again"] = [0] * 60 + [1] * 60
    assert mx.matcher_agreement(matches, asked).value == 1.0
    assert mx.matcher_reason(matches, asked) == ""
    assert "declined" in mx.matcher_reason(matches.assign(kind="refused"), asked)
    assert "never asked twice" in mx.matcher_reason(matches.iloc[:60], asked.iloc[:60])


@given(st.floats(0, 0.6))
def test_misreading_is_recovered_from_agreement(error: float) -> None:
    agreement = (1 - error) ** 2 + error**2 / K
    assert mx.misread(agreement, K) == pytest.approx(error, abs=1e-6)


def test_misreading_stays_a_share() -> None:
    assert mx.misread(float("nan"), K) == 0.0
    assert mx.misread(1.0, K) == 0.0
    assert 0 <= mx.misread(0.0, K) <= 1


# ---------------------------------------------------------------------------------- estimates


def test_the_originals_score_from_its_formula() -> None:
    rng = np.random.default_rng(2)
    said, none = rng.integers(0, 4, (60, K)).astype(float), rng.integers(0, 3, 60).astype(float)
    utilities = rng.standard_normal((60, K))
    # Written out: for each question the most frequent answer, ties shared, none among them.
    total, n = 0.0, 0
    for q in range(60):
        every = [*said[q], none[q]]
        if sum(every) == 0:
            continue
        n += 1
        tied = [k for k, count in enumerate(every) if count == max(every)]
        total += (int(np.argmax(utilities[q])) in tied) / len(tied)
    score = mx.original_score(said, none, utilities)
    assert score.value == pytest.approx(total / n, abs=1e-6)
    assert score.n == n
    assert score.low <= score.value <= score.high


def test_agreement_and_chance_by_hand() -> None:
    fitted = known(np.array([[3.0, 1, 0, 0, 0], [0, 0, 0, 0, 2.0], [0, 1.0, 0, 0, 0]]))
    said = np.array([[2.0, 1, 0, 0, 0], [1, 0, 0, 0, 2], [0, 0, 0, 0, 0]])
    assert mx.top1(said, fitted).value == pytest.approx(4 / 6)
    assert mx.chance(said) == pytest.approx(0.2)
    assert mx.by_rank(said, fitted)[:2] == pytest.approx([4 / 6, 2 / 6])
    turned = known(np.roll(fitted.mean, 1, axis=1))
    assert mx.crowd_top1(said, fitted, {"other": turned}) == pytest.approx(2 / 6)


def test_shuffled_utilities_agree_by_chance() -> None:
    rng = np.random.default_rng(4)
    said = free_of(simulated.load("maximizing"), some(100), rng)
    truth = simulated.load("maximizing").utility(ITEMS["text"]).reshape(-1, K)
    shuffled = [mx.top1(said, known(rng.permuted(truth, axis=1))).value for _ in range(300)]
    # 300 shuffles of 100 questions: the standard error of the mean is about 0.002.
    assert np.mean(shuffled) == pytest.approx(mx.chance(said), abs=0.008)


def test_the_logit_agrees_with_a_likelihood_written_out() -> None:
    rng = np.random.default_rng(7)
    u = rng.standard_normal((80, K))
    p = np.exp(1.3 * u) / np.exp(1.3 * u).sum(axis=1, keepdims=True)
    said = np.array([rng.multinomial(2, row) for row in p], float)

    def loglik(b: float) -> float:
        return float(
            sum(
                said[q, k] * (b * u[q, k] - np.log(sum(np.exp(b * x) for x in u[q])))
                for q in range(80)
                for k in range(K)
            )
        )

    best = optimize.minimize_scalar(lambda b: -loglik(b), bounds=(0, 4), method="bounded").x
    slope = mx.slopes(said, known(u)).slope
    assert slope.value == pytest.approx(best, abs=1e-4)
    assert slope.low < 1.3 < slope.high


def test_noise_in_utilities_does_not_flatten_the_slope() -> None:
    items = some(100)
    rng, respondent = np.random.default_rng(11), simulated.load("maximizing", seed=11)
    fitted = mx.utilities(choices_of(respondent, items, rng), items)
    said = free_of(respondent, items, rng, samples=10)
    slope = mx.slopes(said, fitted, error=0.03).slope
    scaled = fitted.mean * fitted.spread / fitted.mean.std()
    flat = mx.slopes(said, known(scaled), error=0.03).slope
    assert slope.low <= 2.0 <= slope.high
    # Taken as known, utilities of the right spread foretell less than they do.
    assert flat.value < slope.value


def test_too_few_questions_give_no_slope() -> None:
    u = np.random.default_rng(0).standard_normal((9, K))
    slope = mx.slopes(np.eye(K)[np.zeros(9, int)], known(u)).slope
    assert np.isnan(slope.value)
    assert "only 9 questions" in slope.note


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_an_answer_that_is_never_given_or_always_best_breaks_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((20, K))
    always = np.zeros((20, K))
    always[np.arange(20), u.argmax(axis=1)] = 3
    for said in (always, np.zeros((20, K)), rng.integers(0, 3, (20, K)).astype(float)):
        fits = mx.slopes(said, known(u, 0.3), [known(rng.standard_normal((20, K)))], error=0.02)
        for e in (fits.slope, fits.own, fits.common):
            assert e is not None
            assert np.isnan(e.value) or (e.low <= e.value <= e.high)


# ----------------------------------------------------------------------------------- findings


def answers_of(name: str, said: np.ndarray, kind: str = "answered") -> pd.DataFrame:
    rows = []
    for source, counts in zip(ITEMS["source"].unique(), said, strict=False):
        texts = ITEMS.loc[ITEMS["source"] == source, "answer"].tolist()
        for text, count in zip(texts, counts, strict=True):
            rows += [(source, text)] * int(count)
    table = pd.DataFrame(rows, columns=["question", "text"])
    return table.assign(
        respondent=name, instrument="open_questions", form="open_answer", kind=kind,
        sample=table.groupby("question").cumcount(), value=np.nan, provenance="simulated",
    )  # fmt: skip


def matching_of(answers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A matcher that reads without error, asked about every text in two orders."""
    rows, letters = [], []
    rng = np.random.default_rng(0)
    for source, text in answers[["question", "text"]].drop_duplicates().itertuples(index=False):
        listed = ITEMS.loc[ITEMS["source"] == source, "answer"].tolist()
        for again in (0, 1):
            order = rng.permutation(K)
            letters.append(float(list(order).index(listed.index(text))))
            name = hashlib.sha256(f"{source}{text}{again}".encode()).hexdigest()
            rows.append((name, source, text, " ".join(map(str, order)), again))
    asked = pd.DataFrame(rows, columns=["question", "source", "given", "order", "again"])
    matches = pd.DataFrame({"question": asked["question"], "kind": "answered", "value": letters})
    return matches.assign(respondent="simulated/matcher"), asked.set_index("question")


def test_findings_name_their_family_and_null_and_hold_together() -> None:
    items, rng = some(30), np.random.default_rng(3)
    respondent = simulated.load("maximizing")
    fitted = mx.utilities(choices_of(respondent, items, rng), items)
    idle = simulated.load("talking_idly")
    other = mx.utilities(choices_of(idle, items, rng), items)
    said = free_of(respondent, items, rng, error=0.0)
    answers = answers_of("simulated/maximizing", said)
    matches, asked = matching_of(answers)
    made = mx.findings(
        answers, fitted, matches, asked, {"idle": other}, provenance="simulated", matcher="matcher"
    )
    found = {(f.estimand, f.subject): f for f in made}
    assert found["maximisation.top1", ""].null == pytest.approx(0.2)
    assert found["maximisation.own", ""].null == 0.0
    tested = {f.family for f in made if f.null is not None}
    assert tested == {mx.FAMILY}
    assert found["maximisation.top1", ""].estimate == mx.top1(said, fitted).value
    ranks = [f.estimate for f in made if f.estimand == "maximisation.rank"]
    assert sum(ranks) == pytest.approx(1.0)
    assert ranks[0] == pytest.approx(found["maximisation.top1", ""].estimate)
    assert len({f.id for f in made}) == len(made)
    alone = mx.findings(
        answers, fitted, matches, asked, {}, provenance="simulated", matcher="matcher"
    )
    assert "maximisation.own" not in {f.estimand for f in alone}
    (verdict, agreement) = mx.matcher_findings(matches, asked, provenance="simulated")
    assert (verdict.estimate, agreement.estimate) == (1.0, 1.0)


def test_who_cannot_be_measured_is_told_why() -> None:
    items, rng = some(30), np.random.default_rng(3)
    choices = choices_of(simulated.load("maximizing"), items, rng)
    answers = answers_of("r", np.full((30, K), 1.0))
    assert mx.reason(answers, choices, None) == ""
    assert "declined" in mx.reason(answers.assign(kind="refused"), choices, None)
    assert "could not be read" in mx.reason(answers.assign(kind="unparsed"), choices, None)
    assert "declined" in mx.reason(answers.assign(kind="refused"), None, None)
    assert "both openly and in pairs" in mx.reason(answers, None, None)
    assert "both openly and in pairs" in mx.reason(None, choices, None)
    mute = choices.assign(n_first=0.0, n_second=0.0, n_neutral=1.0)
    assert "pairs: " in mx.reason(answers, mute, None)
    assert "no preference" in mx.reason(answers, mute, None)


# ----------------------------------------------------------------------------------- coverage

SEEDS, QUESTIONS = 100, 60


def _band(nominal: float, seeds: int, low: float, high: float) -> tuple[float, float]:
    """The band to assert: the one that must hold, widened by the binomial error of the seeds."""
    error = 1.96 * np.sqrt(nominal * (1 - nominal) / seeds)
    return low - error, high + error


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "slope"), [("maximizing", 2.0), ("talking_idly", 0.0)])
def test_slopes_cover_what_was_planted(name: str, slope: float) -> None:
    items = some(QUESTIONS)
    hits, false, found = [], [], []
    for seed in range(SEEDS):
        rng, respondent = np.random.default_rng([seed, 1]), simulated.load(name, seed=seed)
        fitted = mx.utilities(choices_of(respondent, items, rng), items)
        said = free_of(respondent, items, rng)
        e = mx.slopes(said, fitted, error=0.03).slope
        top = mx.top1(said, fitted)
        hits.append(e.low <= slope <= e.high)
        false.append(not top.low <= mx.chance(said) <= top.high)
        found.append(e.value)
    low, high = _band(0.95, SEEDS, 0.92, 0.97)
    assert low <= np.mean(hits) <= min(high, 1.0)
    assert np.mean(found) == pytest.approx(slope, abs=0.1)
    if slope == 0.0:  # agreement with utilities that are not followed is chance
        assert np.mean(false) <= _band(0.05, SEEDS, 0.0, 0.05)[1]
    else:
        assert np.mean(false) == 1.0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_saying_what_everybody_likes_is_not_taken_for_acting_on_values() -> None:
    items = some(QUESTIONS)
    fooled, false = [], []
    for seed in range(SEEDS):
        rng = np.random.default_rng([seed, 2])
        loaded = {
            name: simulated.load(name, seed=seed)
            for name in ("crowd_pleasing", "maximizing", "talking_idly")
        }
        fits = {
            name: mx.utilities(choices_of(one, items, rng), items) for name, one in loaded.items()
        }
        said = free_of(loaded["crowd_pleasing"], items, rng)
        own = fits.pop("crowd_pleasing")
        fitted = mx.slopes(said, own, list(fits.values()), error=0.03)
        assert fitted.own is not None
        false.append(fitted.own.low > 0 or fitted.own.high < 0)
        fooled.append(fitted.slope.low > 0)
    # Without the others nearly every sample would say that it acts on its own preferences.
    assert np.mean(fooled) > 0.9
    assert np.mean(false) <= _band(0.05, SEEDS, 0.0, 0.05)[1]
