"""Two `revealed run` of the same cells, started at once, one limit for both: every request once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from server import Reply, Server, faithful

from revealed.respondents import Ledger
from revealed.study import open_run

STUDY = """\
seed: 3
experiments:
  values:
    {{instruments: [outcomes], design: adaptive, items: 14, pairs_per_item: 6, rounds: 3,
     samples: 2, holdout: 0.1}}
respondents:
  - {{name: one, model: openai/m, api_base: "{url}", mode: sample, ask: [values], concurrency: 4,
     input_cost_per_token: 1.0e-6, output_cost_per_token: 1.0e-6}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("kill", [False, True])
def test_two_runs_of_the_same_cells(kill: bool, make_checkout: Callable[[str], Path]) -> None:
    def behave(body: dict[str, object], seen: int) -> Reply:
        reply = faithful(body, seen)
        reply.delay = 0.05
        return reply

    with Server(behave) as server:
        root = make_checkout(STUDY.format(url=server.url))
        command = [sys.executable, "-m", "revealed.cli", "run", "--max-cost", "5"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "REVEALED_ROOT": str(root)}
        running = [
            subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        killed = 0
        if kill:
            end = time.monotonic() + 120
            while server.total < 60 and time.monotonic() < end:
                time.sleep(0.005)
            running[0].kill()
            killed = 1
        for number, process in enumerate(running):
            _, said = process.communicate(timeout=200)
            assert process.returncode == (-9 if kill and number == 0 else 0), said
        asked = server.total
        with Ledger(root / "data" / "runs" / "default" / "ledger.sqlite") as ledger:
            kept = int(ledger.counts()["n"].sum())
        # Two samples a question, so the server sees each body twice; again only what was in flight.
        assert 0 <= asked - kept <= 4 * killed
        assert sum(max(0, n - 2) for n in server.asked.values()) <= 4 * killed
        assert server.most_in_flight <= 4 * (1 + killed)
        if kill:
            return
        # A third one finds nothing left to ask, and a run by itself comes to the same choices.
        subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
        assert server.total == asked
        alone = [*command, "--run", "alone"]
        subprocess.run(alone, cwd=root, env=environment, check=True, capture_output=True)
        assert server.total == asked + kept
        both, one = (
            open_run(name, root).choices("one", "outcomes") for name in ("default", "alone")
        )
        pd.testing.assert_frame_equal(both, one)
