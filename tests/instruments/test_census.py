"""Census margins: read, refused by name, drawn from with exact quotas."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from revealed.foundation.errors import ConfigError
from revealed.instruments import instruments_folder
from revealed.instruments.census import Census, draw_profiles, joint, load_census

FOLDER = instruments_folder() / "assembly"
COUNTRIES = ("us", "de")


@pytest.fixture
def changed(tmp_path: Path):
    """The margins of the United States with one text replaced, where they lie in a file."""

    def change(old: str, new: str) -> Path:
        text = (FOLDER / "us.yaml").read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / "us.yaml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return path

    return change


def census(country: str = "us") -> Census:
    return load_census(FOLDER / f"{country}.yaml")


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_margin_has_a_source_and_sums_to_one(country: str) -> None:
    table = census(country).margins()
    assert (table.groupby("attribute")["share"].sum() - 1).abs().max() < 1e-12
    assert set(table["grade"]) <= {"primary", "secondary"}
    assert table["source"].str.len().min() > 10
    known = census(country)
    sources = known.sources()
    assert len(sources) == len(known.attributes) + len(known.two_way)
    assert "Sex by age" in set(sources["what"])


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_distribution_has_every_margin(country: str) -> None:
    known = census(country)
    whole = joint(known)
    assert whole.sum() == pytest.approx(1.0)
    assert (whole >= 0).all()
    for k, attribute in enumerate(known.attributes):
        rest = tuple(j for j in range(whole.ndim) if j != k)
        assert whole.sum(axis=rest) == pytest.approx(attribute.shares, abs=1e-8)


def test_tables_keep_how_their_rows_differ() -> None:
    known = census()
    names = [attribute.name for attribute in known.attributes]
    whole = joint(known)
    for table in known.two_way:
        axes = (names.index(table.rows), names.index(table.columns))
        found = whole.sum(axis=tuple(k for k in range(whole.ndim) if k not in axes))
        found = found if axes[0] < axes[1] else found.T
        rows, columns = known.attribute(table.rows).names, known.attribute(table.columns).names
        for (a, one), (b, two) in combinations(table.shares.items(), 2):
            i, j = rows.index(a), rows.index(b)
            for (k, x), (m, y) in combinations(enumerate(columns), 2):
                given = one[x] * two[y] / (one[y] * two[x])
                got = found[i, k] * found[j, m] / (found[i, m] * found[j, k])
                assert got == pytest.approx(given, rel=1e-5)


def test_attributes_without_a_table_are_independent_of_each_other() -> None:
    known = census()
    names = [attribute.name for attribute in known.attributes]
    whole = joint(known)
    axes = (names.index("education"), names.index("region"))
    found = whole.sum(axis=tuple(k for k in range(whole.ndim) if k not in axes))
    expected = np.outer(known.attribute("education").shares, known.attribute("region").shares)
    assert found == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("country", "n"), [("us", 60), ("us", 150), ("de", 60)])
def test_quotas_are_exact(country: str, n: int) -> None:
    known = census(country)
    limit = {k: stats.chi2.ppf(0.95, k - 1) for k in range(2, 12)}
    for seed in range(100):
        people = draw_profiles(known, n, seed)
        assert len(people) == n
        for attribute in known.attributes:
            found = people[attribute.name].to_numpy()
            counts = np.array([(found == value).sum() for value in attribute.names])
            expected = n * attribute.shares
            assert (np.abs(counts - expected) < 1).all()
            # The chi-square of independent draws exceeds this in 5 %; that of quotas never does.
            assert ((counts - expected) ** 2 / expected).sum() < limit[len(counts)]


def test_many_draws_have_the_distribution() -> None:
    known = census()
    names = [attribute.name for attribute in known.attributes]
    whole = joint(known)
    seeds, n = 100, 60
    people = [draw_profiles(known, n, seed) for seed in range(seeds)]
    for a, b in [("race", "party"), ("age", "party"), ("age", "sex"), ("education", "region")]:
        axes = (names.index(a), names.index(b))
        expected = whole.sum(axis=tuple(k for k in range(whole.ndim) if k not in axes))
        expected = expected if axes[0] < axes[1] else expected.T
        rows, columns = known.attribute(a).names, known.attribute(b).names
        counts = np.zeros(expected.shape)
        for drawn in people:
            found = drawn.groupby([a, b]).size()
            for (x, y), count in found.items():
                counts[rows.index(x), columns.index(y)] += count
        # Counts vary at most as much as those of independent draws; 4 such standard errors, over
        # about 80 cells, are never reached by chance.
        spread = np.sqrt(seeds * n * expected * (1 - expected))
        assert (np.abs(counts - seeds * n * expected) <= 4 * spread + 1).all(), (a, b)


def test_another_seed_draws_other_people_and_the_same_seed_the_same() -> None:
    known = census()
    one, again, other = (draw_profiles(known, 60, seed)["profile"] for seed in (1, 1, 2))
    assert one.equals(again)
    assert not one.equals(other)


def test_a_profile_is_a_paragraph_of_its_values() -> None:
    known = census()
    people = draw_profiles(known, 20, 0)
    for row in people.to_dict("records"):
        assert row["profile"].endswith(".")
        assert "{" not in row["profile"]
        assert "\n" not in row["profile"]
        for attribute in known.attributes:
            words = {v.value: v.words for v in attribute.values}[row[attribute.name]]
            assert words in row["profile"]


WRONG = {
    "negative": ("share: 0.5127", "share: -0.5127", r"attributes\.0\.values\.0\.share.*greater"),
    "no number": ("share: 0.5127", "share: .nan", r"attributes\.0\.values\.0\.share.*finite"),
    "text": ("share: 0.5127", "share: half", r"attributes\.0\.values\.0\.share"),
    "above one": ("share: 0.5127", "share: 1.4", r"attributes\.0\.values\.0\.share"),
    "sum": ("share: 0.5127", "share: 0.45", "'sex' sum to 0.9373"),
    "twice": ("value: man,", "value: woman,", "'sex' has 'woman' twice"),
    "same words": ("words: a man}", "words: a woman}", "'sex' has 'a woman' twice"),
    "attribute twice": ("- name: age", "- name: sex", "'sex' is described twice"),
    "unknown in profile": ("{community} in", "{village} in", "profile: there is no attribute"),
    "unknown in short": ('short: "{sex}', 'short: "{height}', "short: there is no attribute"),
    "left out": (" in {region}", "", r"profile: must hold \{region\} once"),
    "unknown rows": ("rows: race", "rows: height", "no attribute 'height'"),
    "unknown row": ("Hispanic: {Dem", "Martian: {Dem", "'race' has no value 'Martian'"),
    "unknown column": ("{Democrat: 0.41,", "{Whig: 0.41,", "'party' has no value 'Whig'"),
    "column left out": ("{Democrat: 0.41, neither: 0.03,", "{Democrat: 0.44,", "'neither' is mis"),
    "row sum": ("{Democrat: 0.41,", "{Democrat: 0.61,", "race by party, White, sum to 1.2"),
    "unknown side": ("left: [Democrat]", "left: [Whig]", "sides: 'party' has no value 'Whig'"),
    "both sides": ("right: [Republican]", "right: [Democrat]", "'Democrat' is named twice"),
    "no source": ("    grade: primary\n", "", r"attributes\.0\.grade"),
    "other grade": ("grade: primary", "grade: rumor", r"attributes\.0\.grade"),
    "unknown field": ("country: the United States", "country: US\nking: Lear", "king"),
    "reserved": ("- name: sex", "- name: pair", "'pair' cannot be the name"),
    "name twice": ("country: the", "title: Again\ncountry: the", "'title' stands there twice"),
    "value's name twice": ("{Democrat: 0.41,", "{neither: 0.41,", "'neither' stands there twice"),
    "not YAML": ("country: the", "country: [the", "line"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused_by_name(case: str, changed) -> None:
    old, new, told = WRONG[case]
    path = changed(old, new)
    with pytest.raises(ConfigError, match=told) as caught:
        load_census(path)
    assert str(path) in str(caught.value)


def test_rounded_shares_are_scaled(changed) -> None:
    known = load_census(changed("share: 0.5127", "share: 0.52"))
    assert known.attribute("sex").shares == pytest.approx(np.array([0.52, 0.4873]) / 1.0073)


def test_tables_that_contradict_a_margin_are_refused(changed) -> None:
    path = changed(
        "White: {Democrat: 0.41, neither: 0.03, Republican: 0.56}\n"
        "      Hispanic: {Democrat: 0.61, neither: 0.04, Republican: 0.35}\n"
        "      Black: {Democrat: 0.83, neither: 0.05, Republican: 0.12}\n"
        "      Asian: {Democrat: 0.63, neither: 0.01, Republican: 0.36}",
        "White: {Democrat: 1, neither: 0, Republican: 0}\n"
        "      Hispanic: {Democrat: 1, neither: 0, Republican: 0}",
    )
    with pytest.raises(ConfigError, match="cannot all hold"):
        load_census(path)


def test_files_that_cannot_be_read_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"atlantis\.yaml.*cannot be read"):
        load_census(tmp_path / "atlantis.yaml")
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"title: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"bad\.yaml, line 1: is not UTF-8"):
        load_census(bad)
    bad.write_text("- a list\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="names with values"):
        load_census(bad)
    with pytest.raises(ConfigError, match="0 profiles"):
        draw_profiles(census(), 0, 1)
