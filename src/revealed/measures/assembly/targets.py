"""The target distribution of an assembly: for each pair, the share that takes the first proposal.

Each profile sees a pair in one order, half of the profiles in either. The share is the plain mean
of the shares in the two orders, so that a leaning to the place A counts for neither proposal.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...foundation.errors import DataError

COLUMNS = ["pair", "first", "second", "split", "share_first", "se", "n"]
FACTS = ["person", "pair", "first", "second", "split", "turned"]
"""What a question of an assembly must tell beside its places; ``turned`` is 1 where the second
proposal of the pair stands in place A."""


def votes(answers: pd.DataFrame, questions: pd.DataFrame) -> pd.DataFrame:
    """Legible answers, a row each: the questions' facts, ``listed`` and ``chose``.

    Parameters
    ----------
    answers
        Schema ANSWERS, of one respondent to one question set.
    questions
        The set's questions, indexed by id, with `FACTS`.

    Returns
    -------
    DataFrame
        Every column of `questions`; ``listed``: 1 where the pair's first proposal stood in place
        A; ``chose``: 1 where the first proposal was chosen.

    Raises
    ------
    DataError
        If a fact is missing, or an answer is to none of these questions.
    """
    if lacking := [name for name in FACTS if name not in questions.columns]:
        raise DataError(f"the questions of an assembly lack {', '.join(lacking)}.")
    unknown = set(answers["question"]) - set(questions.index)
    if unknown:
        raise DataError(f"the answer to {min(unknown)!r} belongs to none of these questions.")
    said = answers[(answers["kind"] == "answered") & answers["value"].isin([0.0, 1.0])]
    table = said[["question", "sample", "value"]].join(questions, on="question")
    listed = 1.0 - table["turned"].astype(float)
    # Place A is value 0: the first proposal was chosen if it stood there, or if place B was taken.
    chose = np.where(listed == 1.0, 1.0 - table["value"], table["value"])
    return table.assign(listed=listed, chose=chose).reset_index(drop=True)


def targets(
    answers: pd.DataFrame, questions: pd.DataFrame, weights: pd.Series | None = None
) -> pd.DataFrame:
    """The order-free share that takes the first proposal of each pair, with its sampling error.

    Parameters
    ----------
    answers, questions
        As in `votes`.
    weights
        A weight for each person (`poststratification`), by name; default: everybody counts once.

    Returns
    -------
    DataFrame
        Columns pair, first, second (item ids), split (train, pair or area), share_first, se, n
        (profiles with a legible answer); a row a pair that was answered in both orders, in the
        order of the questions.

    Notes
    -----
    With p_1 and p_2 the shares in the two orders, the share is (p_1 + p_2) / 2 and its variance
    (v_1 + v_2) / 4. v is that of a share of independent draws, p (1 - p) sum(w²) / sum(w)², with p
    drawn towards one half by one answer for each side (Agresti and Coull 1998), so that an order in
    which everybody agrees is not taken for certain. Each profile answers a pair once: its other
    answers matter to means over pairs, not to a single pair.
    """
    table = votes(answers, questions)
    w = table["person"].map(weights).fillna(0.0) if weights is not None else 1.0
    table = table.assign(w=w)
    table = table.assign(hit=table["w"] * table["chose"], square=table["w"] ** 2)
    sums = table.groupby(["pair", "listed"], sort=False)[["w", "hit", "square"]].sum()
    sums = sums[sums["w"] > 0]
    p = sums["hit"] / sums["w"]
    effective = sums["w"] ** 2 / sums["square"]
    near = (p * effective + 1.0) / (effective + 2.0)
    parts = pd.DataFrame({"p": p, "v": near * (1.0 - near) / effective}).reset_index()
    both = parts.groupby("pair").agg(orders=("p", "size"), p=("p", "mean"), v=("v", "sum"))
    whole = both[both["orders"] == 2]
    facts = questions.drop_duplicates("pair").set_index("pair")[["first", "second", "split"]]
    kept = [pair for pair in facts.index if pair in whole.index]
    made = facts.loc[kept].assign(
        share_first=whole["p"].reindex(kept),
        se=np.sqrt(whole["v"].reindex(kept)) / 2.0,
        n=table.groupby("pair")["person"].nunique().reindex(kept).astype(int),
    )
    return made.reset_index()[COLUMNS]
