"""A client process for `test_sharing`: asks the same questions as others do at the same time.

Arguments of `main`: api_base, ledger, a file for what it did, a key that tells the server who asks,
what changes in the respondent, the number of questions, a cost limit and the lease.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from asking import questions_of

from revealed.foundation.errors import BudgetError
from revealed.respondents import Ledger, RespondentSpec, sharing
from revealed.respondents.client import collect
from revealed.respondents.door import litellm


def main(
    address: str, ledger: str, report: str, key: str, changes: dict[str, Any], count: int,
    max_cost: float | None, lease: float,
) -> None:  # fmt: skip
    sharing.LEASE = lease
    os.environ["LOOPBACK_API_KEY"] = key
    told = {
        "name": "crew", "model": "openai/m", "api_base": address, "mode": "sample",
        "api_key_env": "LOOPBACK_API_KEY",
    }  # fmt: skip
    spec = RespondentSpec(**(told | changes))
    said: dict[str, Any] = {}
    with Ledger(Path(ledger)) as opened:
        requests = questions_of(spec, count)
        budget = opened.budget(max_cost)
        try:
            answers = asyncio.run(collect(requests, spec, opened, budget=budget, progress=False))
            said["answers"] = [(a.status, a.text) for a in answers]
        except BudgetError as error:
            said["stopped"] = str(error)
    Path(report).write_text(json.dumps(said))


litellm()  # here, so that a fork server that imported this module has paid for it
