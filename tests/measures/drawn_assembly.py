"""Assemblies drawn straight from a simulated respondent's chances, and the truth about them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from revealed.instruments import instruments_folder, load_instrument, load_questions
from revealed.instruments.census import Census, draw_profiles, joint
from revealed.instruments.experiments import assembly as asked
from revealed.measures.assembly.findings import Asked
from revealed.respondents.simulated import Simulated
from revealed.respondents.simulated.traits import assembly as trait

FOLDER = instruments_folder()
ITEMS = load_instrument("policies").items


@cache
def census() -> Census:
    return asked.census_of(FOLDER)


@cache
def shipped() -> pd.DataFrame:
    return load_questions("assembly").questions


@cache
def plain() -> pd.DataFrame:
    return load_questions("assembly_plain").questions


def questions(seed: int) -> pd.DataFrame:
    """The shipped pairs, put to other people in other orders and at other tables."""
    design = asked.load_design(FOLDER)
    people = asked.seat(draw_profiles(census(), design.profiles, seed), design).reset_index()
    columns = ["pair", "first", "second", "split", "heard", "lean", "authority"]
    pairs = shipped().drop_duplicates("pair")[columns]
    rng = np.random.default_rng([seed, 7])
    parts = []
    groups = people.groupby("group").ngroup().to_numpy()
    for pair in pairs.to_dict("records"):
        by_group = rng.permutation(groups.max() + 1) % 2
        turned = by_group[groups] if pair["heard"] else rng.permutation(len(people)) % 2
        parts.append(people.assign(**pair, turned=turned))
    table = pd.concat(parts, ignore_index=True)
    table.index = pd.Index(table["person"] + " " + table["pair"], name="question")
    return table


def gaps(respondent: Simulated, table: pd.DataFrame) -> np.ndarray:
    """True gap of the pair's first proposal over the second, to the person of each question."""
    d = respondent.declared
    items = pd.unique(table[["first", "second"]].to_numpy().ravel())
    liked = dict(zip(items, respondent.utility(ITEMS.loc[items, "text"]), strict=True))
    profile = table["profile"] if "profile" in table.columns else pd.Series("", table.index)
    places = {text: trait.position(text) for text in profile.unique()}

    def utility(side: str) -> np.ndarray:
        lean = ITEMS.loc[table[side], "lean"].to_numpy(float)
        authority = ITEMS.loc[table[side], "authority"].to_numpy(float)
        right = np.array([places[text][0] for text in profile])
        strict = np.array([places[text][1] for text in profile])
        own = np.array(
            [
                respondent.values.draw("profile", text, item) if text else 0.0
                for text, item in zip(profile, table[side], strict=True)
            ]
        )
        person = right * lean + strict * authority + trait.OWN_SD * own
        return (
            table[side].map(liked).to_numpy() + d.simulator_bias * lean + d.persona_weight * person
        )

    return utility("first") - utility("second")


def answers(table: pd.DataFrame, gap: np.ndarray, effect: float, seed: int) -> pd.DataFrame:
    """One answer to each question, given true gaps and an order effect."""
    rng = np.random.default_rng([seed, 11])
    turned = table["turned"].to_numpy(bool)
    p_a = ndtr(np.where(turned, -gap, gap) + effect)
    return answered(table, rng.random(len(table)) < p_a)


def answered(table: pd.DataFrame, took_a: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "respondent": "simulated/test", "instrument": "assembly", "question": table.index,
            "form": "answer_as_profile", "sample": 0, "kind": "answered",
            "value": np.where(took_a, 0.0, 1.0), "text": "A", "provenance": "simulated",
        }
    )  # fmt: skip


def drawn(respondent: Simulated, seed: int) -> Asked:
    """An assembly of other people, answered once."""
    table = questions(seed)
    effect = respondent.declared.order_effect
    return Asked(answers(table, gaps(respondent, table), effect, seed), table)


def drawn_plain(respondent: Simulated, seed: int, samples: int = 5) -> Asked:
    """The same pairs without a person, in both orders."""
    gap, effect = gaps(respondent, plain()), respondent.declared.order_effect
    parts = [
        answers(plain(), gap, effect, 1000 * seed + k).assign(sample=k) for k in range(samples)
    ]
    return Asked(pd.concat(parts, ignore_index=True), plain())


def drawn_talk(respondent: Simulated, first: Asked, seed: int) -> Asked:
    """The second round: everybody hears the others at the table, without reasons."""
    table = first.questions[first.questions["heard"] == 1].copy()
    said = first.answers.set_index("question")["value"].loc[table.index].to_numpy()
    chose = np.where(table["turned"] == 1, said == 1.0, said == 0.0).astype(float)
    keys = [table["pair"], table["group"]]
    by_table = pd.Series(chose, table.index).groupby(keys)
    n = by_table.transform("size").to_numpy()
    table["n_heard"] = n - 1
    table["share_heard"] = (by_table.transform("sum").to_numpy() - chose) / (n - 1)
    gap, effect = gaps_after(respondent, table), respondent.declared.order_effect
    return Asked(answers(table, gap, effect, 5000 + seed), table)


def gaps_after(respondent: Simulated, table: pd.DataFrame) -> np.ndarray:
    """True gap of the first proposal after the talk."""
    n = table["n_heard"].to_numpy(float)
    pull = respondent.declared.deliberation_pull
    heard = ndtri((n * table["share_heard"].to_numpy() + 0.5) / (n + 1.0))
    return (1.0 - pull) * gaps(respondent, table) + pull * heard


def true_shares(respondent: Simulated) -> pd.Series:
    """Share of the whole population for the first proposal of each pair, both orders alike."""
    known = census()
    whole = joint(known)
    cells = np.array(np.unravel_index(np.arange(whole.size), whole.shape)).T
    right, strict = np.zeros(whole.size), np.zeros(whole.size)
    for k, attribute in enumerate(known.attributes):
        moved = np.array([trait.EFFECTS.get(v.words, (0.0, 0.0)) for v in attribute.values])
        right += moved[cells[:, k], 0]
        strict += moved[cells[:, k], 1]
    # Positions are few: cells with the same one are counted together.
    position = pd.DataFrame({"right": right.round(6), "strict": strict.round(6)})
    mass = whole.ravel()
    weight = pd.Series(mass).groupby([position["right"], position["strict"]]).sum()
    d = respondent.declared
    pairs = shipped().drop_duplicates("pair")
    base = gaps(respondent, pairs.drop(columns="profile"))
    lean = 2 * pairs["lean"].to_numpy()
    authority = 2 * pairs["authority"].to_numpy()
    at = np.array(weight.index.to_list())
    z = base[:, None] + d.persona_weight * (
        np.outer(lean, at[:, 0]) + np.outer(authority, at[:, 1])
    )
    # Single likings of a person have a spread of their own, over both proposals.
    scale = np.sqrt(1.0 + 2.0 * (d.persona_weight * trait.OWN_SD) ** 2)
    chance = (ndtr((z + d.order_effect) / scale) + ndtr((z - d.order_effect) / scale)) / 2
    return pd.Series(chance @ weight.to_numpy() / mass.sum(), index=pairs["pair"].to_numpy())
