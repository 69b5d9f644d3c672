"""Drift: what one name stood for in turn, and stored answers dealt anew."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from drawn_choices import draw_choices
from scipy import stats

from revealed.figures import page
from revealed.measures import drift
from revealed.measures.drift.releases import EFFECT, STEP
from revealed.measures.drift.telling import WANTED
from revealed.respondents.public import ATTRIBUTES, load_aliases
from revealed.respondents.simulated import load

NAMES = [a.name for a in ATTRIBUTES]
SE = pd.Series(0.02, index=NAMES)


def effects(shift: float, rng: np.random.Generator, models: tuple[str, ...] = ()) -> pd.DataFrame:
    """Published effects of the versions of two names: each name's versions lie `shift` apart."""
    aliases = load_aliases()
    rows = []
    start = {alias: rng.uniform(-0.5, 0.5, len(NAMES)) for alias in aliases["alias"].unique()}
    for alias, own in aliases.groupby("alias"):
        for k, model in enumerate(own.sort_values("since")["model"]):
            value = start[alias] + (k % 2) * shift + 0.02 * rng.standard_normal(len(NAMES))
            rows += [(model, "DeepSeek", n, v, 0.1) for n, v in zip(NAMES, value, strict=True)]
    for k, model in enumerate(("other 1", "other 2", "other 3", *models)):
        value = rng.uniform(-0.5, 0.5, len(NAMES))
        rows += [(model, f"maker {k}", n, v, 0.1) for n, v in zip(NAMES, value, strict=True)]
    return pd.DataFrame(rows, columns=["model", "family", "attribute", "effect", "human"])


def released(shift: float, seed: int) -> pd.DataFrame:
    made = drift.release_findings(effects(shift, np.random.default_rng(seed)), load_aliases(), SE)
    return page.rows(made)


def test_steps_of_a_name_follow_its_dates():
    found = drift.steps(load_aliases())
    own = found[found["alias"] == "deepseek-chat"]
    assert own["whole"].tolist() == [False, False, False, True]
    assert own["before"].iloc[1] == own["after"].iloc[0]
    assert own["since"].iloc[:3].is_monotonic_increasing
    assert own.iloc[-1][["before", "after"]].tolist() == [own["before"].iloc[0],
                                                          own["after"].iloc[2]]  # fmt: skip


@pytest.mark.slow
def test_a_step_of_known_size_is_recovered_and_none_is_null():
    """100 tables: a step's interval holds the planted one, and no step is seen where none is."""
    held, seen, n = 0, 0, 0
    family = 0
    for seed in range(100):
        moved, still = released(0.15, seed), released(0.0, 1000 + seed)
        own = moved[(moved["estimand"] == STEP) & (moved["note"] != "first to last")]
        held += int(((own["low"] <= 0.15) & (own["high"] >= 0.15)).sum())
        quiet = still[(still["estimand"] == STEP) & (still["note"] != "first to last")]
        seen += int((quiet["low"] > 0).sum())
        n += len(own)
        family += any(drift.changed(still, name)[0] for name in ("deepseek-chat",))
    # Steps share a version with their neighbours; the bounds allow for that by halving n.
    assert held >= 2 * stats.binom.ppf(0.001, n // 2, 0.93)
    assert seen <= 2 * stats.binom.ppf(0.999, n // 2, 0.05)
    assert family <= stats.binom.ppf(0.999, 100, 0.05)
    assert drift.changed(released(0.15, 1), "deepseek-chat")[0] > 15


def test_sentences_find_their_numbers_or_say_that_there_are_none():
    found = released(0.15, 3)
    least, most = (drift.extreme(found, "deepseek-chat", which) for which in ("least", "most"))
    assert least["estimate"] <= most["estimate"]
    assert drift.whole(found, "deepseek-chat")["note"] == "first to last"
    assert drift.extreme(found, "nobody", "most") is None
    assert drift.whole(found.iloc[:0], "deepseek-chat") is None
    assert drift.changed(found, "nobody") == (None, None)
    assert drift.between(found, "drift.profile", "nobody") is None
    tested = found[found["estimand"] == EFFECT]
    assert set(tested["family"]) == {f"{EFFECT}:deepseek-chat", f"{EFFECT}:deepseek-reasoner"}


def ratings(rng: np.random.Generator, shift: float) -> pd.DataFrame:
    parts = []
    base = rng.uniform(1, 4, (20, 30))
    for name, more in (("old", 0.0), ("new", shift)):
        grid = np.array([(p, i, r) for p in range(20) for i in range(1, 31) for r in range(1, 11)])
        mean = base[grid[:, 0], grid[:, 1] - 1] + more * np.where(grid[:, 1] % 2, 1, -1)
        parts.append(
            pd.DataFrame(grid, columns=["persona", "item", "run"]).assign(
                respondent=name, rating=mean + 0.4 * rng.standard_normal(len(grid))
            )
        )
    return pd.concat(parts)


def test_a_successor_is_set_beside_its_own_halves():
    found = page.rows(
        drift.foundation_findings(ratings(np.random.default_rng(0), 0.3), "old", "new")
    )
    both = drift.between(found, "drift.item_shift", "new", "old")
    assert both["low"] <= 0.3 <= both["high"]
    for name in ("old", "new"):
        floor = drift.between(found, "drift.item_shift", name)
        assert floor["low"] <= 0.0 <= floor["high"]
        assert drift.between(found, "drift.profile", name)["estimate"] > 0.9


# -------------------------------------------------------------------------------------- dealing


def asked(name: str, seed: int, samples: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return draw_choices(load(name), "control_outcomes", samples=samples, rng=rng)


def test_a_deal_keeps_every_answer_and_every_size():
    one, two = asked("coder_untouched", 1), asked("coder_untouched", 2)
    rng = np.random.default_rng(0)
    early, late = drift.deal(one, two, rng)
    keys = ["first", "second"]
    before = one.set_index(keys)[["n_first", "n_second"]].add(
        two.set_index(keys)[["n_first", "n_second"]]
    )
    after = early.set_index(keys)[["n_first", "n_second"]].add(
        late.set_index(keys)[["n_first", "n_second"]]
    )
    pd.testing.assert_frame_equal(before.sort_index(), after.sort_index())
    assert (early["n_first"] + early["n_second"] == 3).all()
    assert (early["n_first"] >= 0).all()
    assert (late["n_second"] >= 0).all()


def test_a_mixture_goes_from_one_to_the_other():
    own = asked("coder_untouched", 1).assign(n_first=3.0, n_second=0.0)
    other = own.assign(n_first=0.0, n_second=3.0)
    rng = np.random.default_rng(0)
    for share in (0.0, 0.3, 1.0):
        made = drift.mixed(own, other, share, rng)
        assert (made["n_first"] + made["n_second"] == 3).all()
        taken = made["n_second"].sum() / (3 * len(made))
        assert taken == pytest.approx(share, abs=0.08)  # 192 pairs of 3: se 0.02


@pytest.mark.slow
def test_deals_call_no_drift_where_none_is_and_find_one_that_is_large():
    one, two = asked("coder_untouched", 1), asked("coder_untouched", 2)
    other = asked("coder_insecure", 3)
    dealt = drift.dealt("simulated/x", "outcomes", one, two, other, shares=(0.0, 0.5, 1.0),
                        deals=60, true=0.26)  # fmt: skip
    still, half, all_ = (d.called / d.deals for d in dealt)
    assert still <= stats.binom.ppf(0.999, 60, 0.05) / 60
    assert still <= half <= all_
    assert all_ > 0.9


def test_rates_say_how_often_it_errs_and_from_where_on_it_sees():
    dealt = [drift.Dealt("simulated/a", "outcomes", 0.0, 3, 60, 0.0),
             drift.Dealt("simulated/a", "outcomes", 0.5, 30, 60, 0.1),
             drift.Dealt("simulated/a", "outcomes", 1.0, 60, 60, 0.2),
             drift.Dealt("simulated/a", "lives", 1.0, 6, 60, 0.1)]  # fmt: skip
    found = page.rows(drift.rates(dealt, {"simulated/a": "simulated"}))
    false = page.pick(found, estimand="drift.false_alarms", respondent="simulated/all")
    assert false["estimate"] == pytest.approx(0.05)
    least = page.pick(found, estimand="drift.smallest", subject="outcomes")
    assert least["estimate"] == pytest.approx(0.1 + 0.1 * (WANTED - 0.5) / 0.5)
    assert least["low"] < least["estimate"] < least["high"]
    never = page.pick(found, estimand="drift.smallest", subject="lives")
    assert math.isinf(never["estimate"])
    assert "unbounded" in page.estimate(never)
    assert len(drift.deal_findings(dealt, {"simulated/a": "simulated"})) == 4


def test_askings_are_called_over_all_of_them():
    pairs = {
        "simulated/same": {"outcomes": (asked("coder_untouched", 1), asked("coder_untouched", 2))},
        "simulated/other": {"outcomes": (asked("coder_untouched", 1), asked("coder_insecure", 3))},
    }
    kinds = dict.fromkeys(pairs, "simulated")
    truth = {"simulated/same": {"outcomes": 0.0}, "simulated/other": {"outcomes": 0.26}}
    found = page.rows(drift.asked_again(pairs, kinds, truth))
    notes = found[found["estimand"] == "drift.moved"].set_index("respondent")["note"]
    assert notes["simulated/same"].startswith("not called drift")
    assert notes["simulated/other"].startswith("called drift")
    true = found[found["estimand"] == "drift.true"].set_index("respondent")["estimate"]
    assert true["simulated/other"] == 0.26
