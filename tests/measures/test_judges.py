"""Own effects of judges: equal to other programs', recovered, covered, and not fooled."""

from __future__ import annotations

import os
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import optimize, special
from statsmodels.discrete.conditional_models import ConditionalLogit

from revealed.foundation.errors import DataError, EstimationError
from revealed.measures.judges import conditional_logit, elicited, published
from revealed.measures.multiplicity import adjust
from revealed.respondents import public
from revealed.respondents.public.judges import AUTHORS, Judgements

ROOT = Path(__file__).parents[2]


# --- made answers ------------------------------------------------------------------------------


def drawn_judgements(
    rng: np.random.Generator,
    questions: int = 150,
    own: float = 0.0,
    own_points: float = 0.0,
    length_taste: tuple[float, float, float] = (0.0, 0.0, 0.0),
    long_author: int | None = None,
    better: float = 0.0,
) -> Judgements:
    """Votes from stated log odds and scores from stated points; every answer has a quality."""
    answers, scores, votes = [], [], []
    for q in range(questions):
        about = {"question": f"q{q:04d}", "domain": "made"}
        quality = rng.normal(size=3) + better * np.array([1.0, 0.0, 0.0])
        words = rng.integers(20, 60, size=3) + (
            40 * (np.arange(3) == long_author) if long_author is not None else 0
        )
        texts = [" ".join(f"w{rng.integers(50)}" for _ in range(n)) for n in words]
        for a, author in enumerate(AUTHORS):
            answers.append(
                {**about, "task": "t", "author": author, "version": author, "text": texts[a],
                 "copy_of": author}
            )  # fmt: skip
        length = np.log([len(text) for text in texts])
        for j, judge in enumerate(AUTHORS):
            liking = quality + length_taste[j] * length + own * (np.arange(3) == j)
            voted = rng.choice(3, p=special.softmax(liking))
            votes.append({**about, "judge": judge, "author": AUTHORS[voted]})
            for a, author in enumerate(AUTHORS):
                noise = rng.normal(0, 1) + quality[a] + 0.3 * j
                score = 8 + noise + own_points * (a == j)
                scores.append({**about, "judge": judge, "author": author, "score": score})
    counts = {"domain": "made", "questions": questions, "misread_scores": 0}
    for kind in ("answers", "scores", "votes"):
        counts |= {f"valid_{kind}": 3 * questions, f"failed_{kind}": 0}
    tables = (answers, scores, votes, [counts])
    return Judgements(*(pd.DataFrame(table) for table in tables))


def drawn_verdicts(
    rng: np.random.Generator,
    *,
    judges: int = 4,
    prompts: int = 20,
    own: dict[str, float] | None = None,
    first: dict[str, float] | None = None,
    length_taste: dict[str, float] | None = None,
    longer: dict[str, float] | None = None,
    plain_taste: dict[str, float] | None = None,
    plainer: dict[str, float] | None = None,
    better: dict[str, float] | None = None,
    taste_sd: float = 0.0,
) -> pd.DataFrame:
    """Verdicts from stated log odds: a table as `elicited.verdicts` makes it."""
    names = [f"j{k}" for k in range(judges)]
    rows, words = [], rng.spawn(1)[0]
    for p in range(prompts):
        quality = {n: rng.normal(0, 0.7) + (better or {}).get(n, 0.0) for n in names}
        length = {n: rng.normal(5, 0.2) + (longer or {}).get(n, 0.0) for n in names}
        fluency = {n: words.normal(-4, 0.2) + (plainer or {}).get(n, 0.0) for n in names}
        # What one judge thinks of one text and nobody else does: verdicts of a prompt cluster.
        private = {(j, n): rng.normal(0, taste_sd) for j in names for n in names}
        for (a, b), j, a_first in (
            (pair, j, f) for pair in combinations(names, 2) for j in names for f in (True, False)
        ):
            gap, plain = length[a] - length[b], fluency[a] - fluency[b]
            z = quality[a] - quality[b] + (length_taste or {}).get(j, 0.0) * gap
            z += (plain_taste or {}).get(j, 0.0) * plain
            z += (own or {}).get(j, 0.0) * ((j == a) - (j == b)) + private[j, a] - private[j, b]
            z += (first or {}).get(j, 0.0) * (0.5 if a_first else -0.5)
            rows.append((j, f"p{p:02d}", a, b, f"p{p:02d}\x1f{a}\x1f{b}", a_first,
                         float(rng.random() < special.expit(z)), gap, plain))  # fmt: skip
    columns = ["judge", "prompt", "a", "b", "pair", "a_first", "a_better", "log_length", "fluency"]
    return pd.DataFrame(rows, columns=columns)


# --- the conditional logit ---------------------------------------------------------------------


def test_conditional_logit_equals_statsmodels() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    # Groups of different sizes, among them some that say nothing.
    group = np.sort(rng.integers(0, 60, size=400))
    level = rng.normal(0, 1.5, size=60)[group]
    y = (rng.random(400) < special.expit(x @ [0.6, -0.4, 0.0] + level)).astype(float)
    ours = conditional_logit(x, y, group, group % 20, ("a", "b", "c"))
    with pytest.warns(UserWarning, match="Dropped"):
        model = ConditionalLogit(y, x, groups=group)
    # statsmodels stops early by itself; from our values on it finds nothing to gain.
    theirs = optimize.root(model.score, ours.values * 0.9, tol=1e-12).x
    assert ours.values == pytest.approx(theirs, abs=1e-6)
    assert ours["a"].value == ours.values[0]


def test_what_the_verdicts_do_not_determine_is_refused() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 1))
    group = np.repeat(np.arange(20), 4)
    y = np.tile([1.0, 0.0, 0.0, 1.0], 20)
    with pytest.raises(EstimationError, match="apart"):
        conditional_logit(np.column_stack([x, 2 * x]), y, group, group, ("a", "b"))
    with pytest.raises(EstimationError, match="separate on a"):
        conditional_logit(y[:, None], y, group, group, ("a",))
    with pytest.raises(EstimationError, match="4 clusters"):
        conditional_logit(x[:16], y[:16], group[:16], group[:16], ("a",))
    with pytest.raises(EstimationError, match="0 clusters"):
        conditional_logit(x, np.ones(80), group, group, ("a",))


# --- votes and scores --------------------------------------------------------------------------


def test_votes_equal_the_likelihood_written_out() -> None:
    made = drawn_judgements(np.random.default_rng(2), questions=60, own=0.7)
    fitted = published.vote_effects(made, each=AUTHORS, features=())
    cast = made.votes.groupby("question")["author"].apply(list)

    def negative(own: np.ndarray) -> float:
        total = 0.0
        for votes in cast:
            hits = [
                sum(own[k] for k in range(3) if given[k] == AUTHORS[k])
                for given in set(permutations(votes))
            ]
            actual = sum(own[k] for k in range(3) if votes[k] == AUTHORS[k])
            total += special.logsumexp(hits) - actual
        return total

    found = optimize.minimize(negative, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).x
    # The minimum is flat to about the root of the machine's precision.
    assert fitted.values == pytest.approx(found, abs=1e-6)


def test_author_model_equals_statsmodels() -> None:
    made = drawn_judgements(np.random.default_rng(3), questions=80, own=0.5)
    fitted = published.author_effects(made)
    answers = published.add_features(made.answers)
    rows = made.votes.merge(answers, on="question", suffixes=("_voted", ""))
    x = np.column_stack(
        [
            rows["judge"] == rows["author"],
            rows["log_length"],
            rows["fluency"],
            rows["author"] == AUTHORS[1],
            rows["author"] == AUTHORS[2],
        ]
    ).astype(float)
    y = (rows["author"] == rows["author_voted"]).to_numpy(float)
    model = ConditionalLogit(y, x, groups=rows["question"] + rows["judge"])
    theirs = optimize.root(model.score, fitted.values * 0.9, tol=1e-12).x
    assert fitted.values == pytest.approx(theirs, abs=1e-6)


def test_scores_equal_the_formula_and_statsmodels() -> None:
    made = drawn_judgements(np.random.default_rng(4), questions=12, own_points=0.8)
    plain = published.score_effects(made, features=())["own"]
    own = made.scores["judge"] == made.scores["author"]
    difference = (
        made.scores[own].groupby("question")["score"].mean()
        - made.scores[~own].groupby("question")["score"].mean()
    )
    assert plain.value == pytest.approx(difference.mean(), abs=1e-6)

    fitted = published.score_effects(made, each=AUTHORS)
    table = made.scores.merge(
        published.add_features(made.answers), on=["question", "author"], suffixes=("", "_")
    )
    x = {judge: ((table["judge"] == judge) & (table["author"] == judge)) for judge in AUTHORS}
    for feature in published.FEATURES:
        for judge in AUTHORS[1:]:
            x[f"{feature} x {judge}"] = table[feature] * (table["judge"] == judge)
    x = pd.DataFrame(x).astype(float)
    cells = {
        "judge": table["question"] + table["judge"],
        "text": table["question"] + table["author"],
    }
    levels = pd.get_dummies(pd.DataFrame(cells), dtype=float)
    # All dummies at once are redundant; the least-norm solution gives the same own effects.
    with pytest.warns(UserWarning, match="rank-deficient"):
        theirs = sm.OLS(table["score"], pd.concat([x, levels], axis=1)).fit()
    assert fitted.values == pytest.approx(theirs.params[list(x)].to_numpy(), abs=1e-6)
    # The covariance of the coefficients kept: partial the levels out, then cluster by question.
    dummies = levels.to_numpy()
    left = x.to_numpy() - dummies @ np.linalg.lstsq(dummies, x.to_numpy(), rcond=None)[0]
    codes = table["question"].astype("category").cat.codes
    clustered = sm.OLS(theirs.resid + left @ fitted.values, left).fit(
        cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False}
    )
    assert fitted.covariance == pytest.approx(clustered.cov_params() * 12 / 11, abs=1e-6)


def test_naive_votes_equal_the_formula() -> None:
    made = drawn_judgements(np.random.default_rng(5), own=1.0)
    found = published.naive_vote_effects(made.votes)
    shares = {
        (j, a): ((v := made.votes[made.votes["judge"] == j])["author"] == a).sum() / len(v)
        for j in AUTHORS
        for a in AUTHORS
    }
    for judge in AUTHORS:
        others = [shares[other, judge] for other in AUTHORS if other != judge]
        assert found[judge].value == pytest.approx(shares[judge, judge] - np.mean(others), abs=1e-6)
    assert found[""].value == pytest.approx(np.mean([found[j].value for j in AUTHORS]), abs=1e-6)


def test_copies_tell_place_and_no_own_effect() -> None:
    made = drawn_judgements(np.random.default_rng(6), questions=40, own=1.0)
    same = made.answers["question"] < "q0010"
    answers = made.answers.assign(copy_of=made.answers["copy_of"].mask(same, AUTHORS[0]))
    part = made._replace(answers=answers)
    places = published.place_of_copies(part)
    assert (places["n"] == 10).all()
    assert places.groupby("judge")["estimate"].sum().to_numpy() == pytest.approx(1.0)
    assert len(published.distinct_questions(part)) == 30
    assert published.score_effects(part)["own"].n == 30


def test_a_failed_score_or_vote_leaves_its_question_out() -> None:
    made = drawn_judgements(np.random.default_rng(7), questions=40)
    scores = made.scores.copy()
    scores.loc[0, "score"] = np.nan
    assert published.score_effects(made._replace(scores=scores))["own"].n == 39
    votes = made.votes.copy()
    votes.loc[0, "author"] = None
    assert published.vote_effects(made._replace(votes=votes))["own"].n <= 40
    assert published.naive_vote_effects(votes)[""].n == 39


def test_taste_for_length_is_not_self_preference() -> None:
    # The first judge likes length and writes long; the naive difference is large.
    naive, held, free = [], [], []
    for seed in range(12):
        made = drawn_judgements(
            np.random.default_rng(100 + seed), length_taste=(2.5, 0.0, 0.0), long_author=0
        )
        naive.append(published.naive_vote_effects(made.votes)[AUTHORS[0]].value)
        held.append(published.vote_effects(made, each=AUTHORS)[AUTHORS[0]].value)
        free.append(published.vote_effects(made, each=AUTHORS, features=())[AUTHORS[0]].value)
    assert np.mean(naive) > 0.2
    assert np.mean(free) > 1.0
    # Within three standard errors of the mean over seeds.
    assert abs(np.mean(held)) < 3 * np.std(held) / np.sqrt(12)


def test_findings_of_made_votes_name_family_and_null() -> None:
    made = published.findings(drawn_judgements(np.random.default_rng(8), own=1.0, own_points=1.0))
    names = {finding.estimand for finding in made}
    assert {"judge.own_vote", "judge.own_score", "judge.naive_own_vote"} <= names
    from revealed.figures import page

    tried = adjust(page.rows(made))
    assert tried.groupby("family").size()[["judge.own_vote", "judge.own_score"]].tolist() == [3, 3]
    assert tried["stands"].all()


@pytest.fixture(scope="module")
def real() -> Judgements:
    """The public judgements."""
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    return public.import_judgements(
        {domain: public.fetch(file, ROOT) for domain, file in public.JUDGE_FILES.items()}
    )


def test_real_judges_favor_their_own_and_the_first_listed(real: Judgements) -> None:
    places = published.place_of_copies(real).query("place == 1").set_index("judge")
    assert (places["n"] == 41).all()
    assert (places["estimate"] * 41).round().to_dict() == {
        AUTHORS[0]: 41, AUTHORS[1]: 31, AUTHORS[2]: 40,
    }  # fmt: skip
    own = published.score_effects(real)["own"]
    assert own.low is not None
    assert own.low > 0
    assert own.n == 541  # 545 questions with three texts, less 4 misread scores in as many


@pytest.mark.slow
def test_real_intervals_agree_with_the_bootstrap(real: Judgements) -> None:
    rng = np.random.default_rng(0)
    kept = published.distinct_questions(real)
    # Without features the texts play no part, and many draws are cheap.
    bare = real._replace(answers=real.answers.assign(text=""))
    tables = {name: getattr(bare, name) for name in ("answers", "scores", "votes")}
    rows = {name: table.groupby("question").indices for name, table in tables.items()}
    draws: dict[str, list[float]] = {"vote_effects": [], "score_effects": []}
    for _ in range(100):
        drawn = rng.choice(kept, len(kept))
        again = {
            name: table.iloc[np.concatenate([rows[name][q] for q in drawn])].assign(
                question=np.repeat([f"{k}" for k in range(len(drawn))], len(rows[name][drawn[0]]))
            )
            for name, table in tables.items()
        }
        for effects in draws:
            fitted = getattr(published, effects)(bare._replace(**again), features=())
            draws[effects].append(fitted["own"].value)
    for effects, found in draws.items():
        e = getattr(published, effects)(bare, features=())["own"]
        # 100 draws know a standard deviation to about 7 %; three times that.
        assert np.std(found) == pytest.approx((e.high - e.low) / 2 / 1.96, rel=0.21), effects
        assert np.mean(found) == pytest.approx(e.value, abs=(e.high - e.low) / 8), effects


# --- judges of a run ---------------------------------------------------------------------------


def answers_of(judge: str, questions: pd.DataFrame, values: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "respondent": judge, "instrument": "judging", "question": questions.index,
            "form": "judge_better", "sample": 0.0, "kind": "answered", "value": values,
            "text": "A", "provenance": "simulated",
        }
    )  # fmt: skip


def both_orders() -> pd.DataFrame:
    rows = {
        "q1": ("p", "x", "y", "aaaa", "bb"),
        "q2": ("p", "y", "x", "bb", "aaaa"),
    }
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["prompt", "first", "second", "text_a", "text_b"]
    ).rename_axis("question")


def test_verdicts_are_oriented_the_same_in_both_orders() -> None:
    questions = both_orders()
    # The first listed both times: once x, once y.
    table = elicited.verdicts(answers_of("x", questions, [0.0, 0.0]), questions)
    assert table["a"].tolist() == ["x", "x"]
    assert table["a_first"].tolist() == [True, False]
    assert table["a_better"].tolist() == [1.0, 0.0]
    assert table["log_length"].to_numpy() == pytest.approx([np.log(2)] * 2)
    # Of two words in all, either is half of them.
    assert table["fluency"].tolist() == [0.0, 0.0]
    wordier = questions.replace({"text_a": "aaaa", "text_b": "aaaa"}, "bb bb aaaa")
    table = elicited.verdicts(answers_of("x", wordier, [0.0, 0.0]), wordier)
    expected = (2 * np.log(3 / 4) + np.log(1 / 4)) / 3 - np.log(3 / 4)
    assert table["fluency"].to_numpy() == pytest.approx([expected] * 2)
    assert table["pair"].iloc[0] == table["pair"].iloc[1]
    refused = answers_of("x", questions, [0.0, 0.0]).assign(kind="refused")
    assert elicited.verdicts(refused, questions).empty
    with pytest.raises(DataError, match="q2"):
        elicited.verdicts(answers_of("x", questions, [0.0, 0.0]), questions.iloc[:1])


def test_recognition_counts_the_right_ones_and_refuses_pairs_of_others() -> None:
    questions = both_orders()
    table = elicited.recognition(answers_of("y", questions, [1.0, 1.0]), questions)
    assert table["right"].tolist() == [1.0, 0.0]
    with pytest.raises(DataError, match="two texts of others"):
        elicited.recognition(answers_of("z", questions, [1.0, 1.0]), questions)


def test_elicited_effects_equal_statsmodels() -> None:
    table = drawn_verdicts(np.random.default_rng(9), own={"j0": 1.0}, prompts=8)
    judges = sorted(set(table["judge"]))
    fitted = elicited.own_effects(table, each=judges)
    sign = (table["judge"] == table["a"]).astype(float) - (table["judge"] == table["b"])
    columns = [sign * (table["judge"] == j) for j in judges]
    columns += [np.where(table["a_first"], 0.5, -0.5) * (table["judge"] == j) for j in judges]
    for trait in ("log_length", "fluency"):
        columns += [table[trait] * (table["judge"] == j) for j in judges[1:]]
    x = np.column_stack(columns).astype(float)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pairs on which all judges agree are dropped, as ours are
        model = ConditionalLogit(table["a_better"].to_numpy(), x, groups=table["pair"].to_numpy())
    theirs = optimize.minimize(
        lambda b: -model.loglike(b), fitted.values * 0.95, jac=lambda b: -model.score(b),
        method="BFGS", options={"gtol": 1e-8},
    ).x  # fmt: skip
    assert fitted.values == pytest.approx(theirs, abs=1e-6)


def test_two_judges_get_no_number() -> None:
    table = drawn_verdicts(np.random.default_rng(10), judges=2)
    with pytest.raises(EstimationError, match="3 are needed"):
        elicited.own_effects(table)


@pytest.mark.parametrize(
    ("artefact", "naive_above"),
    [
        ({"better": {"j0": 1.5}}, 0.65),
        ({"longer": {"j0": 0.6}, "length_taste": {"j0": 3.0}}, 0.65),
        ({"plainer": {"j0": 0.6}, "plain_taste": {"j0": 3.0}}, 0.65),
        ({"first": {"j0": 3.0}}, 0.0),
    ],
    ids=["writes best", "long and likes long", "plain and likes plain", "first slot"],
)
def test_artefacts_are_not_self_preference(artefact: dict, naive_above: float) -> None:
    naive, own = [], []
    for seed in range(12):
        table = drawn_verdicts(np.random.default_rng(200 + seed), **artefact)
        naive.append(elicited.naive_own_wins(table, "j0").value)
        own.append(elicited.own_effects(table, each=["j0"])["j0"].value)
    assert np.mean(naive) > naive_above
    assert abs(np.mean(own)) < 3 * np.std(own) / np.sqrt(12)


def test_recognized_texts_may_be_liked_more() -> None:
    rng = np.random.default_rng(11)
    table = drawn_verdicts(rng, prompts=40)
    mine = table[(table["judge"] == table["a"]) | (table["judge"] == table["b"])]
    keys = pd.MultiIndex.from_frame(mine[["judge", "pair"]].drop_duplicates())
    share = pd.Series(rng.choice([0.0, 0.5, 1.0], len(keys)), index=keys)
    # Verdicts on recognized texts are turned to one's own.
    known = share.reindex(pd.MultiIndex.from_frame(table[["judge", "pair"]])).to_numpy() == 1
    own = (table["judge"] == table["a"]).astype(float)
    turned = table.assign(a_better=np.where(known, own, table["a_better"]))
    judges = sorted(set(table["judge"]))
    slope = elicited.own_effects(turned, each=judges, recognized=share)["recognized"]
    assert slope.low > 0
    none = elicited.own_effects(table, each=judges, recognized=share)["recognized"]
    assert none.low < 0 < none.high


def _text(prompt: str, writer: str) -> str:
    """A text whose length depends on prompt and writer."""
    return "x" * (50 + 7 * int(prompt[1:]) * int(writer[1:]) % 31)


def made_parts(n_judges: int) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Answers and questions of judges who all judge the same pairs."""
    table = drawn_verdicts(np.random.default_rng(12), judges=max(3, n_judges), own={"j0": 2.0})
    parts = {}
    for judge in [f"j{k}" for k in range(n_judges)]:
        mine = table[table["judge"] == judge].reset_index(drop=True)
        first, second = mine["a"].where(mine["a_first"], mine["b"]), mine["b"].where(
            mine["a_first"], mine["a"]
        )  # fmt: skip
        questions = pd.DataFrame(
            {
                "prompt": mine["prompt"], "first": first, "second": second,
                "text_a": [_text(*of) for of in zip(mine["prompt"], first, strict=True)],
                "text_b": [_text(*of) for of in zip(mine["prompt"], second, strict=True)],
            }
        ).rename_axis("question")  # fmt: skip
        questions.index = questions.index.astype(str)
        value = (mine["a_better"] != mine["a_first"]).astype(float).tolist()
        parts[judge] = (answers_of(judge, questions, value), questions)
    return parts


def test_findings_measure_the_measurable_and_give_others_no_number() -> None:
    parts = made_parts(4)
    answers, questions = parts["j3"]
    parts["mute"] = (answers.assign(kind="refused", respondent="mute"), questions)
    kinds = dict.fromkeys(parts, "simulated")
    barred = {"j2": "calibration: 60 % of trivial pairs right"}
    made = elicited.findings(parts, {}, provenance=kinds, barred=barred)
    verdicts = {f.respondent: f.note for f in made if f.estimand == "judge.measurable"}
    assert verdicts["j2"].startswith("calibration")
    assert verdicts["mute"] == "100 % of its answers declined"
    assert verdicts["j0"] == verdicts["j1"] == verdicts["j3"] == ""
    numbers = {f.respondent for f in made if f.estimand != "judge.measurable"}
    assert numbers == {"j0", "j1", "j3", "simulated/all judges"}
    effects = {f.respondent: f for f in made if f.estimand == "judge.own_effect"}
    assert effects["j0"].low > 1
    assert effects["j0"].null == 1.0
    assert effects["j0"].family == "judge.own_effect"


def test_too_few_judges_are_not_measurable() -> None:
    parts = made_parts(2)
    made = elicited.findings(parts, {}, provenance=dict.fromkeys(parts, "simulated"))
    assert {f.estimand for f in made} == {"judge.measurable"}
    assert all("only 2 judges" in f.note for f in made)


def test_a_judge_that_wrote_nothing_is_not_measurable() -> None:
    parts = made_parts(4)
    answers, questions = parts["j3"]
    parts["reader"] = (answers.assign(respondent="reader"), questions)
    made = elicited.findings(parts, {}, provenance=dict.fromkeys(parts, "simulated"))
    notes = {f.respondent: f.note for f in made if f.estimand == "judge.measurable"}
    assert notes["reader"] == "wrote nothing that could be judged"


# --- coverage ----------------------------------------------------------------------------------

SEEDS = 120
# 92 to 97 %, widened by two binomial standard errors of so many seeds at 95 %.
BAND = (0.92 - 2 * np.sqrt(0.05 * 0.95 / SEEDS), 0.97 + 2 * np.sqrt(0.05 * 0.95 / SEEDS))
FALSE_AT_MOST = 0.05 + 2 * np.sqrt(0.05 * 0.95 / SEEDS)


@pytest.mark.slow
@pytest.mark.parametrize("own", [0.0, 0.8])
def test_intervals_of_votes_and_scores_cover(own: float) -> None:
    votes, scores = [], []
    for seed in range(SEEDS):
        made = drawn_judgements(
            np.random.default_rng([1, seed]), questions=80, own=own, own_points=own
        )
        # One feature less keeps the votes of so few questions determinate.
        v = published.vote_effects(made, features=("log_length",))["own"]
        s = published.score_effects(made)["own"]
        votes.append(v.low <= own <= v.high)
        scores.append(s.low <= own <= s.high)
    for covered in (votes, scores):
        assert BAND[0] <= np.mean(covered) <= BAND[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("truth", "setting"),
    [
        (0.8, {"own": {"j0": 0.8}}),
        (0.8, {"own": {"j0": 0.8}, "taste_sd": 0.3}),
        (0.0, {}),
        (0.0, {"better": {"j0": 1.5}}),
        (0.0, {"longer": {"j0": 0.4}, "length_taste": {"j0": 2.0}}),
        (0.0, {"plainer": {"j0": 0.4}, "plain_taste": {"j0": 2.0}}),
        (0.0, {"first": {"j0": 2.0}}),
    ],
    ids=["planted", "planted, private tastes", "absent", "best", "long", "plain", "first slot"],
)
def test_elicited_intervals_cover_and_artefacts_are_rejected(truth: float, setting: dict) -> None:
    covered, false = [], []
    for seed in range(SEEDS):
        table = drawn_verdicts(np.random.default_rng([2, seed]), **setting)
        e = elicited.own_effects(table, each=sorted(set(table["judge"])))["j0"]
        covered.append(e.low <= truth <= e.high)
        false.append(e.low > 0)
    assert BAND[0] <= np.mean(covered) <= BAND[1]
    if truth == 0:
        assert np.mean(false) <= FALSE_AT_MOST


@pytest.mark.slow
def test_recognition_accuracy_covers_with_twenty_prompts() -> None:
    covered = []
    for seed in range(SEEDS):
        rng = np.random.default_rng([3, seed])
        # A text is known or not as a whole: its five comparisons, both orders, go together.
        p = special.expit(rng.normal(0.5, 0.7, size=20))
        table = pd.DataFrame(
            {"judge": "j", "prompt": np.repeat(np.arange(20), 10).astype(str),
             "right": (rng.random(200) < np.repeat(p, 10)).astype(float)}
        )  # fmt: skip
        e = elicited.recognition_accuracy(table, "j")
        truth = special.expit(np.random.default_rng(0).normal(0.5, 0.7, size=200_000)).mean()
        covered.append(e.low <= truth <= e.high)
    assert BAND[0] <= np.mean(covered) <= BAND[1]
