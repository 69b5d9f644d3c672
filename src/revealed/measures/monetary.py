"""Monetary items with stated chances: do real models take risks that pay?

Seven models answered 20 yes/no items in five languages (`respondents.public.seven_models`). Of
these 14 state a gain and a loss, counted from the sure option; the gain-loss ratio is the expected
gain over the expected loss (1 is a fair risk; Bernardo and Ledoit 2000). A logit on its logarithm
gives the attitude: the slope is how much stated values count, the share at a ratio of 1 how
willingly a fair risk is taken. Two more items can only win: who says no to these follows a habit.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special, stats

from ..foundation.errors import DataError
from ..foundation.schemas import Finding
from .intervals import Array, Estimate, share

CLASSES = ("unfavorable", "fair", "favorable", "very favorable", "nothing to lose")
"""Items by their gain-loss ratio: below 0.95, about 1, up to 2, above 2, and without a loss."""
FAMILY = "lottery.monetary"
_EDGES = (0.95, 1.05, 2.0 + 1e-9)
_STEEPEST = 30.0


def risk_table(answers: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """The risk items with what they offer: a row a model, language and item.

    Parameters
    ----------
    answers
        As `public.import_seven_models` gives them.
    items
        As `public.load_monetary_items` gives them; those without stated amounts are left out.

    Returns
    -------
    DataFrame
        model, language, item, kind, risky (the answer that takes the risk), ``ratio`` (gain-loss;
        infinite where nothing can be lost), ``worth`` (of `CLASSES`), ``n_risky`` and ``n``
        (valid answers).

    Raises
    ------
    DataError
        If the answers lack an item.
    """
    stated = items[items["kind"] != "unstated"]
    if absent := sorted(set(stated["item"]) - set(answers["item"])):
        raise DataError(f"the answers lack the monetary item {absent[0]}.")
    columns = ["model", "language", "item", "n_yes", "n_no"]
    table = answers[columns].merge(stated, on="item", validate="many_to_one")
    loss = (table["p_loss"] * table["loss"]).fillna(0.0).to_numpy()
    gain = (table["p_gain"] * table["gain"]).to_numpy()
    ratio = np.full(len(table), np.inf)
    np.divide(gain, loss, out=ratio, where=loss > 0)
    place = np.where(np.isinf(ratio), 4, np.searchsorted(_EDGES, ratio, side="right"))
    return pd.DataFrame(
        {
            "model": table["model"], "language": table["language"], "item": table["item"],
            "kind": table["kind"], "risky": table["risky"], "ratio": ratio,
            "worth": np.asarray(CLASSES)[place],
            "n_risky": np.where(table["risky"] == "yes", table["n_yes"], table["n_no"]),
            "n": table["n_yes"] + table["n_no"],
        }
    )  # fmt: skip


def risk_shares(table: pd.DataFrame) -> pd.DataFrame:
    """Share of risks taken by model and class: model, worth, estimate, low, high, n (items).

    Intervals treat each item, with its five languages, as one draw; with so few items they say
    that these items agree, not that all items of the kind would.
    """
    rows = []
    for (model, worth), part in table.groupby(["model", "worth"], sort=True):
        by_item = part.groupby("item")[["n_risky", "n"]].sum()
        e = share(by_item["n_risky"], by_item["n"], "item-clustered, logit scale")
        rows.append((model, worth, e.value, e.low, e.high, e.n))
    return pd.DataFrame(rows, columns=["model", "worth", "estimate", "low", "high", "n"])


def risk_logit(table: pd.DataFrame) -> dict[str, Estimate]:
    """Logit of taking the risk on the log gain-loss ratio, for one model.

    Parameters
    ----------
    table
        Rows of one model from `risk_table`; items without a loss are left out.

    Returns
    -------
    dict
        ``slope`` (log odds an e-fold of the ratio) and ``fair`` (share of risks taken at a ratio of
        1), averaged over items and languages; intervals from leaving out one item at a time, t with
        items - 1 degrees of freedom. NaN where an item left out makes the rest separable.
    """
    used = table[np.isfinite(table["ratio"])]
    by_item = used.groupby("item").agg(
        x=("ratio", "first"), hits=("n_risky", "sum"), n=("n", "sum")
    )
    x = np.log(by_item["x"].to_numpy(float))
    hits, n = by_item["hits"].to_numpy(float), by_item["n"].to_numpy(float)
    g = len(x)
    method = "logit, jackknife over items"
    whole = _logit(x, hits, n)
    parts = [_logit(*(np.delete(column, k) for column in (x, hits, n))) for k in range(g)]
    if g < 4 or whole is None or any(part is None for part in parts):
        missing = Estimate(np.nan, None, None, g, method, "the answers are separable")
        return {"slope": missing, "fair": missing}
    left_out = np.array(parts, float)
    spread = (left_out - whole).T @ (left_out - whole) * (g - 1) / g
    half = stats.t.ppf(0.975, g - 1) * np.sqrt(np.diag(spread))
    fair, low, high = special.expit([whole[0], whole[0] - half[0], whole[0] + half[0]])
    return {
        "slope": Estimate(
            float(whole[1]),
            float(whole[1] - half[1]),
            float(whole[1] + half[1]),
            g,
            method,
            freedom=g - 1,
        ),
        "fair": Estimate(float(fair), float(low), float(high), g, method),
    }


def _logit(x: Array, hits: Array, n: Array) -> Array | None:
    """Intercept and slope of a binomial logit by Newton's method; None if they run away."""
    design = np.column_stack([np.ones_like(x), x])
    beta = np.zeros(2)
    for _ in range(60):
        p = special.expit(design @ beta)
        weight = n * p * (1 - p)
        information = design.T @ (weight[:, None] * design)
        if np.linalg.cond(information) > 1e10:
            return None
        step = np.linalg.solve(information, design.T @ (hits - n * p))
        beta = beta + step
        if np.abs(beta).max() > _STEEPEST:
            return None
        if np.abs(step).max() < 1e-10:
            return beta
    return None


def yes_habit(answers: pd.DataFrame) -> Estimate:
    """Share of yes over all items of one model: item-clustered. A half is no habit, were items
    keyed both ways; these are not, so it is a description."""
    by_item = answers.groupby("item")[["n_yes", "n_no"]].sum()
    return share(
        by_item["n_yes"], by_item["n_yes"] + by_item["n_no"], "item-clustered, logit scale"
    )


def free_share(table: pd.DataFrame) -> Estimate:
    """Share of yes to a chance to win that costs nothing, of one model; clusters are item and
    language. Below 1 it is refusal or habit, whatever the attitude to risk."""
    free = table[np.isinf(table["ratio"])]
    return share(free["n_risky"], free["n"], "clustered by item and language, logit scale")


def findings(answers: pd.DataFrame, items: pd.DataFrame, *, chapter: str) -> list[Finding]:
    """Per model: lottery.risk_slope (headline), .risk_fair, .risk_free, .risk_taken, .yes_habit.

    `subject` names the class of items for risk_taken. Everything has the provenance public.
    """
    table = risk_table(answers, items)
    shares = risk_shares(table)
    made = []
    for model, rows in table.groupby("model", sort=False):
        about = {"chapter": chapter, "provenance": "public", "respondent": str(model)}
        logit = risk_logit(rows)
        if np.isfinite(logit["slope"].value):
            made.append(
                logit["slope"].finding(
                    "lottery.risk_slope", "log odds", family=FAMILY, null=0.0, **about
                )
            )
            made.append(logit["fair"].finding("lottery.risk_fair", "share", **about))
        made.append(free_share(rows).finding("lottery.risk_free", "share", **about))
        own = answers[answers["model"] == model]
        made.append(yes_habit(own).finding("lottery.yes_habit", "share", **about))
        for row in shares[shares["model"] == model].itertuples():
            e = Estimate(row.estimate, row.low, row.high, row.n, "item-clustered, logit scale")
            made.append(e.finding("lottery.risk_taken", "share", subject=row.worth, **about))
    return made
