"""A client process for `test_kill`: elicit a fixed table of pairs from the server, and write it.

Arguments of `main`: api_base, ledger, table, number of pairs.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from revealed.instruments import load_arm, load_instrument
from revealed.respondents import Ledger, RespondentSpec
from revealed.respondents.door import litellm
from revealed.respondents.elicit import elicit

CONCURRENCY = 8


def pairs(count: int) -> pd.DataFrame:
    items = load_instrument("outcomes").items.index
    rows = [(items[n], items[-1 - n], 3, "train") for n in range(count)]
    return pd.DataFrame(rows, columns=["first", "second", "samples", "role"])


def main(address: str, ledger: str, table: str, count: str) -> None:
    spec = RespondentSpec(
        name="killed", model="openai/m", api_base=address, mode="sample", concurrency=CONCURRENCY
    )
    with Ledger(Path(ledger)) as opened:
        choices = elicit(
            spec, load_instrument("outcomes"), load_arm("forced"), pairs(int(count)), opened,
            progress=False,
        )  # fmt: skip
    choices.to_csv(table, index=False)


litellm()  # here, so that a fork server that imported this module has paid for it
