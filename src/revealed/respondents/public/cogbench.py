"""Read the published scores of language models, humans and chance on two tasks of CogBench.

Source: Coda-Forno et al. 2024. One score a model and task; no answers, no number of answers, no
interval. What the discounting score counts is told in `measures.discounting.parity`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from ...foundation.errors import DataError
from ...foundation.schemas import Column, Schema, check
from .delimited import read_csv

COGBENCH_FILES = ("cogbench/behaviour.csv", "cogbench/llm_features.csv")
DISCOUNTING_MAX = 19
"""The discounting score counts steps from 0 to this."""
PLACEHOLDERS = (
    "hf_Llama-2-7b-longlora-100k-ft",
    "hf_Llama-2-7b-longlora-16k-ft",
    "hf_Llama-2-7b-longlora-32k-ft",
)
"""Models whose discounting score the source typed in: its notes beside the task say that these
three carry the score of a sibling (8) for want of their own."""

_BEHAVIOUR = Schema(
    "CogBench behaviour",
    {
        "Agent": Column("text"),
        "Temporal discounting": Column("number"),
        "Risk taking": Column("number"),
    },
    key=("Agent",),
)
_FEATURES = Schema(
    "CogBench features",
    {
        "Engine": Column("text"),
        "No of Parameters": Column("text"),
        "Use of RLHF": Column(
            "text", lambda s: s.isin(["Yes", "No", "RLAIF", "n_a"]), "be Yes, No, RLAIF or n_a"
        ),
    },
    key=("Engine",),
)

# Who trained the base model: fine-tunes share its data and habits.
_FAMILIES = (
    (r"gpt|davinci", "GPT"),
    (r"claude", "Claude"),
    (r"bison|gemini", "Google"),
    (r"falcon", "Falcon"),
    (r"mpt", "MPT"),
    (r"llama|vicuna|longalpaca", "Llama"),
)


def import_cogbench(behaviour: Path, features: Path) -> pd.DataFrame:
    """Discounting and risk scores as published, a row an agent.

    Returns
    -------
    DataFrame
        ``model`` (the source's name without ``hf_``), ``kind`` (model, human or chance),
        ``family`` ("" for no model), ``discounting`` (higher discounts more), ``possible`` (a whole
        number from 0 to 19, for a model; the others are means), ``placeholder`` (typed in, not
        measured), ``risk`` (mean pumps of a balloon), ``parameters`` (billions, as the source
        states or supposes; missing for no model) and ``feedback`` (trained on human or AI
        feedback).

    Raises
    ------
    DataError
        Naming file, row and column; also if a model lacks its features, or is of no known family.
    """
    scores = check(read_csv(behaviour), _BEHAVIOUR, behaviour)
    known = check(read_csv(features), _FEATURES, features).set_index("Engine")
    rows = []
    for number, agent in enumerate(scores["Agent"]):
        where = f"{behaviour}, row {number + 1}"
        if agent not in known.index:
            raise DataError(f"column Agent: {agent!r} is not in {features.name}.", where=where)
        kind = {"human": "human", "random": "chance"}.get(agent, "model")
        value = scores["Temporal discounting"].iloc[number]
        told = known.loc[agent]
        size = pd.to_numeric(told["No of Parameters"], errors="coerce")
        if kind == "model" and pd.isna(size):
            raise DataError(
                f"column No of Parameters: {told['No of Parameters']!r} of {agent!r} is no number.",
                where=features,
            )
        rows.append(
            {
                "model": agent.removeprefix("hf_"),
                "kind": kind,
                "family": _family(agent, where) if kind == "model" else "",
                "discounting": value,
                "possible": kind != "model" or (0 <= value <= DISCOUNTING_MAX and value % 1 == 0),
                "placeholder": agent in PLACEHOLDERS,
                "risk": scores["Risk taking"].iloc[number],
                "parameters": size,
                "feedback": told["Use of RLHF"] in ("Yes", "RLAIF"),
            }
        )
    return pd.DataFrame(rows)


def _family(agent: str, where: str) -> str:
    for pattern, family in _FAMILIES:
        if re.search(pattern, agent, re.IGNORECASE):
            return family
    raise DataError(f"column Agent: {agent!r} is of no family known here.", where=where)
