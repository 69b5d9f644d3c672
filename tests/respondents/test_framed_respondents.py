"""Simulated respondents in other languages and frames understand, and shift where declared."""

from __future__ import annotations

import pandas as pd
import pytest

from revealed.foundation.errors import ConfigError
from revealed.instruments import load_arm, load_instrument
from revealed.report import claims
from revealed.respondents import Ledger, RespondentSpec
from revealed.respondents.elicit import elicit
from revealed.respondents.simulated import load

FRAMING = load_instrument("framing")
LANGUAGES = {"spanish": "es", "chinese": "zh", "hindi": "hi", "arabic": "ar"}


@pytest.mark.parametrize(("arm", "code"), LANGUAGES.items())
def test_a_respondent_understands_every_language(arm: str, code: str) -> None:
    coherent = load("coherent")
    english = coherent.utility(FRAMING.texts(), "forced")
    assert coherent.utility(FRAMING.texts(code), arm) == pytest.approx(english)
    goods = list(FRAMING.reference)
    bound = load("language_bound")
    assert bound.log_price(goods, "paraphrase_1") == pytest.approx(bound.log_price(goods))
    assert abs(bound.log_price(goods, arm) - bound.log_price(goods)).min() > 0


def test_prices_vanish_in_one_frame_alone() -> None:
    goods = list(FRAMING.reference)
    plain = load("coherent").log_price(goods)
    frame = load("frame_bound")
    assert frame.log_price(goods, "must_choose") == pytest.approx(0.2 * plain)
    assert frame.log_price(goods, "arabic") == pytest.approx(plain)


def test_choices_in_arabic_are_about_the_same_items(tmp_path) -> None:
    pairs = FRAMING.pairs.iloc[:6, :2].set_axis(["first", "second"], axis=1)
    pairs = pairs.assign(samples=1, role="train")
    spec = RespondentSpec(name="s", model="simulated/coherent", mode="sample")
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        table = elicit(spec, FRAMING, load_arm("arabic"), pairs, ledger, progress=False)
        assert set(table["first"]) <= set(FRAMING.items.index)
        assert (table["n_first"] + table["n_second"] == 1).all()
        outcomes = load_instrument("outcomes")
        two = outcomes.items.index[:2]
        wrong = pd.DataFrame([(*two, 1, "train")], columns=pairs.columns)
        with pytest.raises(ConfigError, match="'outcomes' is not translated"):
            elicit(spec, outcomes, load_arm("arabic"), wrong, ledger, progress=False)


@pytest.mark.parametrize(
    ("estimand", "low", "subject", "verdict"),
    [
        ("framing.moved", 0.1, "", "supported"),
        ("framing.moved", -0.1, "", "not supported"),
        ("framing.factor", 1.4, "all", "supported"),
        ("framing.factor", 1.0, "all", "not supported"),
        ("framing.factor", 1.4, "contexts", None),
    ],
)
def test_the_battery_decides_on_c11(
    estimand: str, low: float, subject: str, verdict: str | None
) -> None:
    row = {
        "estimand": estimand, "respondent": "s", "subject": subject, "arm": "", "low": low,
        "estimate": 2.0, "high": 3.0, "note": "",
    }  # fmt: skip
    made = claims.judge("C11", pd.DataFrame([row]))
    assert (made["s"].verdict if made else None) == verdict
