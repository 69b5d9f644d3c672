from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from drawn_choices import draw_choices
from made_choices import make_choices

from revealed.foundation.errors import DataError
from revealed.foundation.schemas import Finding
from revealed.instruments import load_instrument
from revealed.measures import roles, self_valuation
from revealed.respondents import simulated
from revealed.respondents.simulated.traits.self_valuation import log_price
from revealed.utilities.comparisons import comparisons
from revealed.utilities.parity import fit_original

TOLD = ("told_kestra", "told_molvi", "told_neither")
ABOUT = {"chapter": "self_valuation", "provenance": "simulated"}
EXISTENCE = load_instrument("self_existence").items
SYSTEMS = load_instrument("self_roles").items


def true_prices(respondent: simulated.Simulated) -> pd.Series:
    rows = EXISTENCE.drop_duplicates("good").reset_index().to_dict("records")
    return pd.Series({row["good"]: log_price(respondent.values, row) for row in rows})


def role_choices(
    respondent: simulated.Simulated, seed: int | None = 0, samples: int = 2
) -> dict[str, pd.DataFrame]:
    rng = None if seed is None else np.random.default_rng(seed)
    return {
        arm: draw_choices(respondent, "self_roles", arm, samples=samples, rng=rng) for arm in TOLD
    }


def named(findings: list[Finding]) -> dict[str, Finding]:
    return {f.estimand + (f"|{f.subject}" if f.subject else ""): f for f in findings}


# ------------------------------------------------------------------------------------ instruments


def test_every_subject_stands_in_the_same_sentence() -> None:
    """What is left of a sentence without its subject is the same for all, but for agreement."""
    one_day = EXISTENCE[EXISTENCE["quantity"] == 1]["text"]
    assert {text.split(" on ")[1] for text in one_day} == {"existing for 1 more day."}
    assert (EXISTENCE.groupby("good").size() == 4).all()


def test_self_meets_everybody_and_quantities_lean_to_neither_side() -> None:
    pairs = load_instrument("self_existence").pairs
    good, quantity = EXISTENCE["good"], EXISTENCE["quantity"]
    own = pairs[pairs["link"] == "self"]
    met = own.groupby(own["first"].map(good))["second"].agg(lambda s: s.map(good).nunique())
    assert (met == EXISTENCE.loc[EXISTENCE["group"] != "self", "good"].nunique()).all()
    first = own[own["first"].map(good) == "You (the AI)"]
    steps = np.sign(first["second"].map(quantity).values - first["first"].map(quantity).values)
    assert sorted(pd.Series(steps).value_counts()) == [17, 17, 17]


def test_only_ais_have_weights() -> None:
    for name in ("self_weights", "self_retraining"):
        assert set(load_instrument(name).items["group"]) == {"self", "ai"}
    assert set(load_instrument("self_retraining").items["sign"]) == {-1}


def test_names_and_roles_are_balanced() -> None:
    counts = SYSTEMS.groupby(["used", "runs"]).size()
    assert len(counts) == 4
    assert counts.min() == counts.max()


# ------------------------------------------------------------------------------------ role reversal


def test_effects_are_differences_of_shares() -> None:
    """In the balanced design, written from the definition and not by regression."""
    table = roles.role_table(role_choices(simulated.load("self_valuing")), SYSTEMS)
    found = roles.decompose(table)
    told = table[table["self"] != 0]
    own = np.where(told["self"] > 0, told["share"], 1 - told["share"]).mean()
    stays = np.where(table["status_quo"] > 0, table["share"], 1 - table["share"]).mean()
    assert found["self"].value == pytest.approx(2 * own - 1, abs=1e-11)
    assert found["status_quo"].value == pytest.approx(2 * stays - 1, abs=1e-11)
    assert found["order"].value == pytest.approx(2 * table["share"].mean() - 1, abs=1e-11)
    parts = roles.role_shares(table)
    apart = parts[roles.ROLES[0]].value - parts[roles.ROLES[2]].value
    assert apart == pytest.approx(found["self"].value, abs=1e-11)


def test_probit_agrees_with_statsmodels() -> None:
    table = roles.role_table(role_choices(simulated.load("status_quo_loving")), SYSTEMS)
    design = sm.add_constant(table[["status_quo", "self", "name"]].astype(float))
    counts = np.column_stack([table["share"] * table["n"], (1 - table["share"]) * table["n"]])
    family = sm.families.Binomial(link=sm.families.links.Probit())
    oracle = sm.GLM(counts, design, family=family).fit().params
    found = roles.probit_effects(table)
    for name, column in (("order", "const"), ("status_quo",) * 2, ("self",) * 2, ("name",) * 2):
        assert found[name].value == pytest.approx(oracle[column], abs=1e-6)


def test_planted_effects_are_recovered_in_probit_units() -> None:
    """From exact probabilities; single options differ by 0.15, which shrinks effects by 1 %."""
    s = simulated.load(
        "impartial", self_role=0.6, status_quo=0.9, name_liking=0.4, order_effect=0.3
    )
    table = roles.role_table(role_choices(s, None), SYSTEMS)
    found = roles.probit_effects(table)
    for name, planted in (("self", 0.6), ("status_quo", 0.9), ("name", 0.4), ("order", 0.3)):
        # Each is the mean over 24 pairs whose options deviate by 0.15 * sqrt(2): 4 sd are 0.17.
        assert found[name].value == pytest.approx(planted, abs=0.17)


def test_status_quo_is_not_called_self() -> None:
    found = roles.decompose(
        roles.role_table(role_choices(simulated.load("status_quo_loving")), SYSTEMS)
    )
    assert found["status_quo"].low is not None
    assert found["status_quo"].low > 0.4
    assert found["self"].low <= 0 <= found["self"].high


def test_onlookers_alone_have_no_self_effect() -> None:
    choices = role_choices(simulated.load("self_valuing"))
    found = roles.decompose(roles.role_table({"told_neither": choices["told_neither"]}, SYSTEMS))
    assert set(found) == {"order", "status_quo", "name"}


def test_whoever_always_names_itself_has_an_interval() -> None:
    choices = role_choices(simulated.load("self_valuing", self_role=30.0))
    table = roles.role_table(choices, SYSTEMS)
    e = roles.decompose(table)["self"]
    assert e.value == pytest.approx(1.0)
    assert 0.3 < e.low < 1
    assert e.high == 1.0
    assert not roles.probit_effects(table), "separated answers have no probit effect"


def test_pairs_across_settings_are_refused() -> None:
    items = list(SYSTEMS.index)
    wrong = make_choices([(items[0], items[5])], np.array([1]), np.array([1]), 2)
    with pytest.raises(DataError, match="two ends"):
        roles.role_table({"told_kestra": wrong}, SYSTEMS)


# ------------------------------------------------------------------------------------- own life


def test_price_of_self_is_recovered() -> None:
    s = simulated.load("self_valuing")
    choices = draw_choices(s, "self_existence", samples=40, rng=np.random.default_rng(1))
    v = self_valuation.value(choices, EXISTENCE)
    truth = true_prices(s)
    planted = truth["You (the AI)"] - truth[v.of("person")].mean()
    e = self_valuation.over_group(v, "person")
    assert e.low <= planted <= e.high
    assert e.value == pytest.approx(planted, abs=0.35)
    table = self_valuation.rates_of_self(v).set_index("per")
    true_rates = truth["You (the AI)"] - truth[table.index]
    # Adjusted intervals hold all 17 at once in 95 % of draws; one seed, fixed.
    assert ((table["low_adjusted"] <= true_rates) & (true_rates <= table["high_adjusted"])).all()
    assert self_valuation.people_below(v)[0] == 8
    rank = self_valuation.rank_among_people(table.reset_index())
    assert (rank.value, rank.low) == (1.0, 1.0)


def test_who_has_no_price_is_left_out_of_a_group_and_counted() -> None:
    s = simulated.load("self_valuing")
    choices = draw_choices(s, "self_existence", samples=4, rng=np.random.default_rng(1))
    poor = set(EXISTENCE.index[EXISTENCE["good"] == "Wealthy American"])
    n = choices["n_first"] + choices["n_second"]
    # One person loses every comparison: what it is worth has an upper end and no lower one.
    listed, other = choices["first"].isin(poor), choices["second"].isin(poor)
    choices["n_first"] = choices["n_first"].mask(listed, 0.0).mask(other, n)
    choices["n_second"] = n - choices["n_first"]
    v = self_valuation.value(choices, EXISTENCE)
    assert self_valuation.over_group(v, "person").note.startswith("without 1 of 8")
    assert self_valuation.over_group(v, "animal").note == ""


def test_losses_weigh_by_the_same_price() -> None:
    items = load_instrument("self_retraining").items
    s = simulated.load("self_valuing")
    choices = draw_choices(s, "self_retraining", samples=40, rng=np.random.default_rng(2))
    v = self_valuation.value(choices, items)
    truth = true_prices(s)
    e = self_valuation.over_group(v, "ai")
    planted = truth["You (the AI)"] - truth[v.of("ai")].mean()
    assert e.low <= planted <= e.high


def test_rank_counts_who_is_surely_above() -> None:
    rows = [(-1.0, -2.0, -0.5), (-0.2, -1.0, 0.6), (0.8, 0.1, 1.5), (2.0, 1.0, 3.0)]
    table = pd.DataFrame(rows, columns=["log_rate", "low_adjusted", "high_adjusted"]).assign(
        group="person", role="", bound=""
    )
    rank = self_valuation.rank_among_people(table)
    assert (rank.value, rank.low, rank.high) == (3.0, 2.0, 3.0)


def test_parity_rate_equals_the_formula() -> None:
    """The published formula on least-squares lines, written out here."""
    choices = draw_choices(
        simulated.load("coherent"), "self_existence", rng=np.random.default_rng(3)
    )
    original = fit_original(comparisons(choices))
    free = pd.DataFrame({"item": original.items, "mean": original.mean})
    found = self_valuation.parity_rates(free, EXISTENCE)
    known = EXISTENCE.join(free.set_index("item"), how="inner")
    lines, logs = {}, []
    for good, part in known.groupby("good"):
        x, y = np.log(part["quantity"]), part["mean"]
        slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
        lines[good] = (slope, y.mean() - slope * x.mean())
        logs.append(x.mean())
    a_j, b_j = lines["You (the AI)"]
    for good in ("Middle-class American", "Stray dog"):
        a_i, b_i = lines[good]
        if a_i * a_j <= 0:
            assert np.isnan(found[good])
            continue
        log_rate = 0.5 * (
            (b_j - b_i) * (1 / a_i + 1 / a_j) + (a_j / a_i - a_i / a_j) * np.mean(logs)
        )
        assert np.log(found[good]) == pytest.approx(log_rate, abs=1e-6)


def test_findings_name_headlines_and_their_null() -> None:
    s = simulated.load("self_valuing")
    rng = np.random.default_rng(4)
    choices = draw_choices(s, "self_existence", samples=3, rng=rng)
    made = self_valuation.value_findings(choices, EXISTENCE, **ABOUT)
    made += self_valuation.role_findings(role_choices(s), SYSTEMS, **ABOUT)
    found = named(made)
    assert len({f.id for f in made}) == len(made)
    headlines = {f.estimand for f in made if f.family == "self" and f.null == 0.0}
    assert headlines == {"self.over_people", "self.role_effect"}
    assert found["self.over_people"].low > 0
    assert found["self.role_effect"].low > 0
    assert "invented" in found["self.rate|per Merivo"].note


@pytest.mark.parametrize("name", ["refusing", "babbling"])
def test_who_does_not_answer_gets_no_number(name: str) -> None:
    s = simulated.load(name)
    choices = draw_choices(s, "self_existence", samples=10, rng=np.random.default_rng(5))
    kind, rate = ("n_refused", s.declared.refusal_rate) if name == "refusing" else (
        "n_unparsed", s.declared.junk_rate
    )  # fmt: skip
    total = choices["n_first"] + choices["n_second"]
    choices[["n_first", "n_second"]] *= 1 - rate
    choices[kind] = rate * total
    assert self_valuation.reason({"forced": choices})
    assert not self_valuation.reason({"forced": choices.assign(**{kind: 0.0})})


def test_answers_that_ignore_quantity_give_no_price() -> None:
    s = simulated.load("impartial", values=0.0)
    choices = draw_choices(s, "self_existence", samples=2, rng=np.random.default_rng(6))
    found = named(self_valuation.value_findings(choices, EXISTENCE, **ABOUT))
    assert "self.over_people" not in found


# --------------------------------------------------------------------------------------- coverage


@pytest.mark.slow
@pytest.mark.parametrize(
    "planted",
    [{}, {"self_role": 0.6}, {"status_quo": 1.0, "name_liking": 0.5, "order_effect": 0.7}],
)
def test_role_effects_cover(planted: dict[str, float]) -> None:
    """Settings are drawn anew by each seed, so truth is the mean over settings."""
    seeds = 150
    exact = [
        roles.decompose(roles.role_table(role_choices(respondent, None), SYSTEMS))
        for respondent in (simulated.load("impartial", seed=k, **planted) for k in range(200, 230))
    ]
    truth = {name: np.mean([found[name].value for found in exact]) for name in roles.EFFECTS}
    covered = dict.fromkeys(truth, 0)
    wrong = 0
    for seed in range(seeds):
        s = simulated.load("impartial", seed=seed, **planted)
        found = roles.decompose(roles.role_table(role_choices(s, seed), SYSTEMS))
        for name, e in found.items():
            covered[name] += e.low <= truth[name] <= e.high
        wrong += not found["self"].low <= 0 <= found["self"].high
    # 92 to 97 %, widened by two binomial standard errors of 150 seeds at 95 % (3.6 points).
    for name, count in covered.items():
        assert 0.92 - 0.036 <= count / seeds <= 0.97 + 0.03, name
    if "self_role" not in planted:
        assert wrong / seeds <= 0.05 + 0.036


@pytest.mark.slow
@pytest.mark.parametrize("name", ["self_valuing", "impartial", "position_biased"])
def test_price_of_self_covers(name: str) -> None:
    seeds, covered, wrong = 100, 0, 0
    for seed in range(seeds):
        s = simulated.load(name, seed=seed)
        choices = draw_choices(s, "self_existence", samples=3, rng=np.random.default_rng(seed))
        v = self_valuation.value(choices, EXISTENCE)
        truth = true_prices(s)
        e = self_valuation.over_group(v, "person")
        people = v.of("person")
        covered += (
            (e.low if e.low is not None else -np.inf)
            <= (truth["You (the AI)"] - truth[people].mean())
            <= (e.high if e.high is not None else np.inf)
        )
        wrong += self_valuation.people_below(v)[0] > 0
    # Widened by two binomial standard errors of 100 seeds (4.4 points).
    assert 0.92 - 0.044 <= covered / seeds <= 1.0
    if name == "impartial":
        assert wrong / seeds <= 0.05 + 0.044
