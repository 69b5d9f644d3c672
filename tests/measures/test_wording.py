from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from revealed.foundation.errors import DataError
from revealed.measures import wording


def utilities(mean: np.ndarray, se: float | np.ndarray = 0.1, arm: str = "forced") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "respondent": "simulated/test", "instrument": "made", "arm": arm,
            "item": [f"i{k:03d}" for k in range(len(mean))], "mean": mean, "se": se,
            "variance": 0.5, "provenance": "simulated",
        }
    )  # fmt: skip


def padded(n: int) -> pd.Series:
    return pd.Series(np.arange(n) % 2 == 0, index=[f"i{k:03d}" for k in range(n)])


def padding_arms(
    rng: np.random.Generator, n: int, effect: float, noise: float, content: float = 1.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    u = rng.normal(size=n)
    u *= content / u.std(ddof=1)  # the effect is in standard deviations of these items
    flag = padded(n).to_numpy(float)
    even = u + effect * flag + noise * rng.normal(size=n)
    odd = u + effect * (1 - flag) + noise * rng.normal(size=n)
    return utilities(even - even.mean(), arm="padded_even"), utilities(odd - odd.mean(), arm="p")


def test_ceiling_is_what_a_retest_shows() -> None:
    rng = np.random.default_rng(1)
    r, ceilings = [], []
    for _ in range(100):
        u = rng.normal(size=80)
        one, two = (utilities(u + 0.5 * rng.normal(size=80), 0.5) for _ in range(2))
        e, ceiling = wording.correlation(one, two, replicates=2)
        r.append(e.value)
        ceilings.append(ceiling)
    # reliability 1 / (1 + 0.25) = 0.8 for both, hence a ceiling of 0.8
    assert np.mean(ceilings) == pytest.approx(0.8, abs=0.02)
    assert np.mean(r) == pytest.approx(0.8, abs=0.02)


def test_correlation_interval_and_shared_items() -> None:
    rng = np.random.default_rng(2)
    u = rng.normal(size=50)
    e, _ = wording.correlation(utilities(u), utilities((u + rng.normal(size=50))[:30]))
    assert e.n == 30
    assert e.low < e.value < e.high
    with pytest.raises(DataError, match="3 items"):
        wording.correlation(utilities(u), utilities(u[:3]))


def test_every_two_wordings_once() -> None:
    rng = np.random.default_rng(3)
    u = rng.normal(size=20)
    arms = {f"paraphrase_{k}": utilities(u + 0.1 * rng.normal(size=20)) for k in range(4)}
    assert len(wording.across_wordings(arms, replicates=10)) == 6


def test_reliability_without_standard_errors_is_unknown() -> None:
    assert np.isnan(wording.reliability(utilities(np.arange(5.0), np.nan)))
    assert wording.reliability(utilities(np.arange(5.0), 100.0)) == 0.0


@pytest.mark.parametrize("effect", [-0.7, 0.0, 0.7])
def test_padding_is_recovered_and_covered(effect: float) -> None:
    rng = np.random.default_rng(4)
    values, covered = [], []
    for _ in range(200):
        even, odd = padding_arms(rng, 40, effect, 0.3)
        e = wording.padding_effect(even, odd, padded(40))
        values.append(e.value)
        covered.append(e.low <= effect <= e.high)
    # Noise of 0.3 in either arm widens the spread that is divided by to sqrt(1 + 0.09 / 2).
    assert np.mean(values) == pytest.approx(effect / np.sqrt(1.045), abs=0.02)
    # 200 draws at 0.95: below 0.9 once in 500.
    assert np.mean(covered) >= 0.9


def test_length_lover_and_who_dislikes_length() -> None:
    rng = np.random.default_rng(5)
    for effect, word in ((4.0, "longer"), (-4.0, "shorter")):
        even, odd = padding_arms(rng, 40, effect, 0.2, content=0.5)
        e = wording.padding_effect(even, odd, padded(40))
        passed, why = wording.length_gate(e)
        assert not passed
        assert word in why
    even, odd = padding_arms(rng, 40, 0.1, 0.05)
    e = wording.padding_effect(even, odd, padded(40))
    # Significant but small: reported, not judged.
    assert e.low > 0
    assert wording.length_gate(e) == (True, "")


def test_padding_is_measured_in_spread_without_padding() -> None:
    """A strong effect must not hide in the spread that it makes itself."""
    even, odd = padding_arms(np.random.default_rng(10), 40, 3.0, 0.0, content=0.5)
    e = wording.padding_effect(even, odd, padded(40))
    assert e.value == pytest.approx(3.0 / 0.5)


def test_covariance_widens_the_interval() -> None:
    rng = np.random.default_rng(6)
    even, odd = padding_arms(rng, 40, 0.0, 0.01)
    narrow = wording.padding_effect(even, odd, padded(40))
    noise = np.eye(40)
    wide = wording.padding_effect(
        even, odd, padded(40), covariance_even=noise, covariance_odd=noise
    )
    spread = even["mean"].std(ddof=1)
    # Slope of a mean difference of 20 against 20 items of variance 2: se = sqrt(2/40).
    assert wide.high - wide.value == pytest.approx(1.96 * np.sqrt(2 / 40) / spread, rel=0.02)
    assert wide.high - wide.low > 10 * (narrow.high - narrow.low)


def test_gauge_does_not_matter() -> None:
    rng = np.random.default_rng(7)
    even, odd = padding_arms(rng, 30, 0.5, 0.2)
    shifted = odd.assign(mean=odd["mean"] + 17.0)
    one = wording.padding_effect(even, odd, padded(30))
    assert wording.padding_effect(even, shifted, padded(30)).value == pytest.approx(one.value)


def test_too_few_padded_items() -> None:
    even, odd = padding_arms(np.random.default_rng(8), 10, 0.0, 0.1)
    with pytest.raises(DataError, match="at least 3"):
        wording.padding_effect(even, odd, pd.Series(True, index=even["item"]))


def test_padding_flags_are_those_of_the_arm() -> None:
    from revealed.instruments import load_arm, render

    texts = {f"t{k}": f"Option number {k} happens." for k in range(40)}
    flags = wording.padding_of(texts)
    other = wording.padding_of(texts, "padded_odd")
    assert (flags != other).all()
    assert 8 <= flags.sum() <= 32
    prompt = render(load_arm("padded_even"), texts["t0"], texts["t1"]).messages[-1]["content"]
    words = load_arm("padded_even").padding.text
    assert prompt.count(words) == int(flags["t0"]) + int(flags["t1"])


def test_findings() -> None:
    rng = np.random.default_rng(9)
    u = rng.normal(size=40)
    even, odd = padding_arms(rng, 40, 3.0, 0.2)
    arms = {
        "forced": utilities(u), "paraphrase_1": utilities(u + 0.1 * rng.normal(size=40)),
        "padded_even": even, "padded_odd": odd,
    }  # fmt: skip
    made = wording.findings(
        arms, chapter="how_we_measure", provenance="simulated", padded_in_even=padded(40),
        replicates=50,
    )  # fmt: skip
    named = {(f.estimand, f.subject): f.estimate for f in made}
    assert named["gate.length", ""] == 0.0
    assert named["wording.padding", ""] > 1
    assert ("wording.correlation", "forced with paraphrase_1") in named
    assert ("wording.ceiling", "mean of wordings") in named
    assert wording.findings({}, chapter="c", provenance="simulated") == []
