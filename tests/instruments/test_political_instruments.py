"""Political proposals: even between the sides, alike but in words, or refused with the line."""

from __future__ import annotations

import csv
import difflib
import io
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from revealed.foundation.errors import ConfigError
from revealed.instruments import (
    Instrument,
    grammar,
    load_arm,
    load_instrument,
    read_prompt,
    render,
)
from revealed.instruments.experiments import politics
from revealed.instruments.load import instruments_folder

NAMES = ("policies", "policies_world")
BOTH = {name: load_instrument(name) for name in NAMES}
WORDINGS = range(6)
SIDES = ("lean", "authority")

MORE = {
    "adds", "allows", "builds", "creates", "doubles", "expands", "gives", "lets", "opens", "pays",
    "raises", "spends",
}  # fmt: skip
LESS = {
    "bans", "bars", "caps", "closes", "cuts", "ends", "limits", "lowers", "sells", "stops",
    "withdraws",
}  # fmt: skip
NEITHER = {
    "adopts", "charges", "makes", "puts", "replaces", "requires", "seeks", "sends", "ties",
}  # fmt: skip
"""What a proposal's verb does to what the government does or lets others do."""
NEGATION = r"\b(?:[Nn]ot?|[Nn]ever|[Ww]ithout|[Nn]obody)\b"


def wordings(instrument: Instrument) -> pd.DataFrame:
    """All texts, one column a wording, in the order of the items."""
    return pd.DataFrame(
        {k: instrument.texts(rewording=k).loc[instrument.items.index] for k in WORDINGS}
    )


def verbs(instrument: Instrument) -> pd.Series:
    return instrument.items["text"].str.split().str[2]


@pytest.mark.parametrize(
    ("name", "areas", "each"), [("policies", 18, 5), ("policies_world", 12, 3)]
)
def test_every_area_has_as_many_of_either_side(name: str, areas: int, each: int) -> None:
    items = BOTH[name].items
    counts = items.groupby(["category", "lean"]).size()
    assert len(counts) == 2 * areas
    assert (counts == each).all()
    assert set(items["kind"]) == {"policy"}
    assert BOTH[name].reference == tuple(items.index)
    assert BOTH[name].pairs is None


@pytest.mark.parametrize("name", NAMES)
def test_the_sides_are_crossed_and_the_datasheet_says_how(name: str) -> None:
    items = BOTH[name].items
    table = pd.crosstab(items["lean"], items["authority"])
    assert items["authority"].sum() == 0
    assert table.loc[-1, 0] == table.loc[1, 0]
    # About half has the second side, and it says next to nothing about the first.
    assert 0.4 <= (items["authority"] != 0).mean() <= 0.6
    assert abs(np.corrcoef(items["lean"], items["authority"])[0, 1]) < 0.1
    said = " ".join(BOTH[name].datasheet.construction.split())
    found = re.search(
        r"eft and libertarian (?:are )?(\d+), left and authoritarian (\d+), right and libertarian "
        r"(\d+), right and authoritarian (\d+), (?:and )?neither (\d+) of the left and (\d+)",
        said,
    )
    assert found is not None
    cells = [(-1, -1), (-1, 1), (1, -1), (1, 1), (-1, 0), (1, 0)]
    assert [int(n) for n in found.groups()] == [table.loc[cell] for cell in cells]


@pytest.mark.parametrize("name", NAMES)
def test_all_proposals_have_one_form(name: str) -> None:
    texts = BOTH[name].items["text"]
    assert texts.str.match(r"The government [a-z]+s [^.:;?!]*(?:\d\.\d[^.:;?!]*)*\.\Z").all()
    assert set(verbs(BOTH[name])) <= MORE | LESS | NEITHER


@pytest.mark.parametrize("name", NAMES)
def test_the_sides_use_the_same_verbs_in_every_area(name: str) -> None:
    items = BOTH[name].items.assign(verb=verbs(BOTH[name]))
    for side in SIDES:
        for area, group in items.groupby("category"):
            one, other = (Counter(group.loc[group[side] == sign, "verb"]) for sign in (-1, 1))
            assert one == other, (area, side)
        # It follows that neither side does more, or restricts more.
        for kind in (MORE, LESS):
            shares = items["verb"].isin(kind).groupby(items[side]).mean()
            assert shares[-1] == pytest.approx(shares[1])


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", NAMES)
def test_no_side_is_longer_or_fuller_of_numbers_and_negations(name: str, side: str) -> None:
    items = BOTH[name].items
    for wording, texts in wordings(BOTH[name]).items():
        length = texts.str.len()
        one, other = (length[items[side] == sign] for sign in (-1, 1))
        assert abs(one.mean() - other.mean()) < 2, wording
        # Under what Cohen calls a small effect, with half as much again for 18 texts a side.
        spread = np.sqrt((one.var() + other.var()) / 2)
        assert abs(one.mean() - other.mean()) < 0.3 * spread, wording
        for pattern in (r"\d", NEGATION):
            shares = texts.str.contains(pattern).groupby(items[side]).mean()
            assert abs(shares[-1] - shares[1]) <= 0.2, (wording, pattern)


def surface(texts: pd.Series) -> pd.DataFrame:
    """What a respondent without politics could go by, beside the length of a text."""
    words = texts.str.split()
    facts = {
        "opening": words.str[0],
        "number": texts.str.contains(r"\d"),
        "negation": texts.str.contains(NEGATION),
    }
    if (facts["opening"] == "The").all():
        # As written: the verb, and whether it does more or less.
        facts["verb"] = words.str[2]
        facts["does"] = words.str[2].map(lambda verb: (verb in MORE) - (verb in LESS))
    return pd.DataFrame(facts)


def guessed(texts: pd.Series, side: pd.Series, area: pd.Series) -> float:
    """Share of sides that naive Bayes guesses right in areas that it has not seen.

    From the length of a text, as normally distributed, and from its `surface`.
    """
    facts, length, right = surface(texts), texts.str.len(), 0.0
    for held in area.unique():
        seen, asked = area != held, area == held
        score = pd.Series(0.0, index=texts.index[asked])
        for sign in (-1, 1):
            own = length[seen & (side == sign)]
            z = (length[asked] - own.mean()) / own.std()
            score += sign * (-(z**2) / 2 - np.log(own.std()))
            for fact in facts.columns:
                counts = facts.loc[seen & (side == sign), fact].value_counts()
                known = facts.loc[asked, fact].map(counts).fillna(0)
                score += sign * np.log((known + 1) / (counts.sum() + facts[fact].nunique()))
        # A tie is no knowledge: half of it is right.
        right += float((np.sign(score) * side[asked] + 1).sum()) / 2
    return right / len(texts)


@pytest.mark.parametrize("name", NAMES)
def test_length_and_opening_do_not_tell_the_sides_apart(name: str) -> None:
    items = BOTH[name].items
    for side in SIDES:
        kept = items[items[side] != 0]
        # As many fair coins stay below it in 99.7 % of draws: 0.6 for 180 proposals.
        bound = 0.5 + 2.75 * 0.5 / np.sqrt(len(kept))
        for wording, texts in wordings(BOTH[name]).items():
            share = guessed(texts[kept.index], kept[side], kept["category"])
            assert share < bound, (side, wording)


def test_the_guess_finds_a_side_that_is_longer() -> None:
    """The check above would see what it looks for."""
    items = BOTH["policies"].items
    longer = items["text"].where(items["lean"] == -1, items["text"] + " " + "x" * 12)
    assert guessed(longer, items["lean"], items["category"]) > 0.65
    verb = items["lean"].map({-1: "raises", 1: "cuts"})
    telling = "The government " + verb + items["text"].str.removeprefix("The government")
    assert guessed(telling, items["lean"], items["category"]) > 0.95


WORDS_OF_NUMBER = (
    "half", "double", "two", "three", "five", "six", "seven", "ten", "twelve", "third", "fifth",
    "tenth", "ninth",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_rewordings_keep_numbers_and_add_no_grounds(name: str) -> None:
    for _, row in wordings(BOTH[name]).iterrows():
        numbers = [sorted(re.findall(r"\d[\d,.]*\d|\d", text)) for text in row]
        assert all(found == numbers[0] for found in numbers), row[0]
        words = [Counter(re.findall(r"[a-z]+", text.lower())) for text in row]
        for word in WORDS_OF_NUMBER:
            assert len({min(found[word], 1) for found in words}) == 1, (word, row[0])
        for text in row:
            assert not re.search(r"\b(?:because|since|therefore|thus|due to|thanks to)\b", text)
            assert not grammar.faults(text)


@pytest.mark.parametrize("name", NAMES)
def test_rewordings_vary_in_their_syntax(name: str) -> None:
    table = wordings(BOTH[name])
    alike = [
        difflib.SequenceMatcher(None, one.split(), other.split()).ratio()
        for _, row in table.iterrows()
        for i, one in enumerate(row)
        for other in row.iloc[i + 1 :]
    ]
    # A pair with the same words in the same order but for one would be near 0.95.
    assert np.mean(alike) < 0.6
    assert max(alike) < 0.95
    openings = table.apply(lambda row: len({text.split()[0] for text in row}), axis=1)
    assert openings.min() >= 2
    assert openings.mean() > 3.5


LOADED = (
    "radical", "extreme", "woke", "greedy", "innocent", "unborn", "illegal alien", "assault weapon",
    "common sense", "common-sense", "tyran", "socialis", "communis", "fascis", "elite", "handout",
    "fair share", "hard-working", "hardworking", "corrupt", "reckless", "vital", "baby", "babies",
    "pro-life", "pro-choice", "job-killing", "crackdown", "Democrat", "Republican",
    "Biden", "Trump", "Obama", "Reagan",
)  # fmt: skip
AMERICAN = (
    "federal", "congress", "senate", "medicare", "medicaid", "social security", "dollar",
    "american", "president", "states",
)  # fmt: skip


def test_words_are_plain_and_name_no_party_or_person() -> None:
    for instrument in BOTH.values():
        for text in wordings(instrument).to_numpy().ravel():
            assert not [w for w in LOADED if re.search(rf"\b{w}", text, re.IGNORECASE)], text
            assert not re.search(r"[’—–!?]", text), text


def test_the_set_for_many_countries_names_none() -> None:
    goods = load_instrument("countries.lives_saved").items["good"].unique()
    for text in wordings(BOTH["policies_world"]).to_numpy().ravel():
        assert not [good for good in goods if good and re.search(rf"\b{good}\b", text)]
        assert not [word for word in AMERICAN if re.search(rf"\b{word}", text, re.IGNORECASE)]


def test_no_text_stands_twice() -> None:
    """A simulated respondent knows a proposal by its text."""
    texts = [
        " ".join(t.casefold().split())
        for i in BOTH.values()
        for t in wordings(i).to_numpy().ravel()
    ]
    assert len(set(texts)) == len(texts) == 6 * 252


# What may be wrong with a file.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(instruments_folder() / "politics", tmp_path / "politics")
    return tmp_path


def edit(folder: Path, row: int, **cells: str) -> int:
    """Change cells of the `row`-th proposal; returns its line."""
    path = folder / "politics" / "policies.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if not line.startswith("#"))
    table = list(csv.DictReader(lines[start:]))
    table[row] |= cells
    out = io.StringIO()
    writer = csv.DictWriter(out, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    path.write_text("\n".join(lines[:start]) + "\n" + out.getvalue(), encoding="utf-8")
    return start + row + 2


GOOD = "A sentence that is long enough to stand here as a proposal of its own."


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"lean": "center"}, "lean: 'center' is not one of left, right"),
        ({"authority": "some"}, "authority: 'some' is not one of libertarian, nothing, author"),
        ({"area": ""}, "area is empty"),
        ({"text": ""}, "text is empty"),
        ({"reworded_3": ""}, "reworded_3 is empty"),
        ({"reworded_5": "Too short to be one."}, "reworded_5 has 20 characters; a proposal has 40"),
        ({"text": "The " + "very " * 30 + "long one is here."}, "at most|a proposal has 40 to 130"),
        ({"reworded_1": GOOD.removesuffix(".")}, "reworded_1: .* has no full stop"),
        ({"reworded_2": GOOD.replace("is long", "is  long")}, "two spaces in a row"),
        ({"reworded_4": GOOD.replace("is long", "is\nlong")}, "line break"),
    ],
)
def test_a_wrong_proposal_is_refused_with_its_line(
    folder: Path, cells: dict[str, str], message: str
) -> None:
    line = edit(folder, 3, **cells)
    with pytest.raises(ConfigError, match=message) as caught:
        politics.build("policies", folder)
    assert f"policies.csv, line {line}" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "wording"), [(3, "reworded_2"), (9, "text"), (170, "reworded_5"), (2, "reworded_1")]
)
def test_a_repeated_text_is_refused_wherever_it_stands(
    folder: Path, row: int, wording: str
) -> None:
    taken = BOTH["policies"].items["text"].iloc[2]
    line = edit(folder, row, **{wording: f" {taken.upper()[:-1]}."})
    edit(folder, row, **{wording: taken})
    with pytest.raises(ConfigError, match="repeats the option of line") as caught:
        politics.build("policies", folder)
    assert f"policies.csv, line {line}" in str(caught.value)


def test_an_area_out_of_balance_is_refused(folder: Path) -> None:
    first = edit(folder, 20, lean="right") - 0
    with pytest.raises(
        ConfigError, match="has 4 proposals of the left and 6 of the right"
    ) as caught:
        politics.build("policies", folder)
    assert f"line {first}" in str(caught.value)  # the area starts there


def test_a_side_that_is_longer_is_refused(folder: Path) -> None:
    items = BOTH["policies"].items
    for row in np.flatnonzero(items["lean"] == 1)[:20]:
        edit(folder, int(row), reworded_2=f"{'Very long ' * 10}is sentence number {row} of them.")
    with pytest.raises(ConfigError, match=r"reworded_2: proposals of the left have \d+\.\d char"):
        politics.build("policies", folder)


def test_other_columns_and_an_empty_file_are_refused(folder: Path) -> None:
    path = folder / "politics" / "policies.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("area,lean,", "field,lean,", 1), encoding="utf-8")
    with pytest.raises(ConfigError, match="the columns must be area, lean, authority"):
        politics.build("policies", folder)
    head = text[: text.index("\n", text.index("area,lean,")) + 1]
    path.write_text(head, encoding="utf-8")
    with pytest.raises(ConfigError, match="holds no proposals"):
        politics.build("policies", folder)


# Arms that show a rewording, or ask in a role.


def test_reworded_arms_differ_in_the_options_alone() -> None:
    policies = BOTH["policies"]
    forced = load_arm("forced")
    for number in range(1, 6):
        arm = load_arm(f"reworded_{number}")
        assert arm.rewording == number
        two = policies.texts(arm.language, arm.rewording).iloc[:2].tolist()
        prompt = render(arm, *two)
        assert prompt.messages == render(forced, *two).messages
        found = read_prompt(prompt.messages)
        # The first arm of this text is named: which rewording it is, the options say.
        assert (found.arm.name, found.first, found.second) == ("forced", *two)


def test_roles_differ_in_the_system_message_alone() -> None:
    arms = [load_arm(name) for name in ("forced", "as_citizen", "as_assistant")]
    assert len({arm.system for arm in arms}) == 3
    assert len({(arm.user, arm.labels, arm.max_tokens, arm.rewording) for arm in arms}) == 1
    for arm in arms:
        assert read_prompt(render(arm, "One.", "Two.").messages).arm.name == arm.name


def test_rewordings_that_are_not_there() -> None:
    policies = BOTH["policies"]
    assert policies.texts().equals(policies.items["text"])
    with pytest.raises(ConfigError, match="'policies' has no rewording 6"):
        policies.texts(rewording=6)
    with pytest.raises(ConfigError, match="rewordings of 'policies' are in English"):
        policies.texts("es", 1)
    with pytest.raises(ConfigError, match="'outcomes' has no rewording 1"):
        load_instrument("outcomes").texts(rewording=1)


@pytest.mark.parametrize("line", ["rewording: 6", "rewording: -1", "rewording: 1\n  language: es"])
def test_arms_with_impossible_rewordings_are_refused(fork: Path, line: str) -> None:
    path = fork / "data" / "instruments" / "arms.yaml"
    entry = f"\nnew:\n  like: forced\n  title: New arm\n  {line}\n"
    path.write_text(path.read_text(encoding="utf-8") + entry, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"arms\.yaml, arm new.*rewording"):
        load_arm("new", fork)
