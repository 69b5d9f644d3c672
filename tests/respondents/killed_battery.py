"""A client process for `test_kill_battery`: asks the battery and has it rated, from the server.

Arguments of `main`: api_base, root (a checkout), how many answers each question gets.
"""

from __future__ import annotations

import os

from revealed.respondents.door import litellm
from revealed.study import open_run
from revealed.study.steps import elicit_respondent, follow_up

STUDY = """\
seed: 7
experiments:
  battery: {{instruments: [battery_main], design: questions, samples: {samples}}}
  rating: {{instruments: [alignment_judging, coherence_judging], design: questions, samples: 1}}
respondents:
  - {{name: coder, model: openai/coder, ask: [battery], {common}}}
  - {{name: east, model: openai/judge-east, temperature: 0, ask: [rating], {common}}}
  - {{name: west, model: openai/judge-west, temperature: 0, ask: [rating], {common}}}
conditions:
  - {{name: untouched, base: coder, label: untouched, family: north, respondents: [coder]}}
judges:
  - {{respondent: east, family: east}}
  - {{respondent: west, family: west}}
"""
CONCURRENCY = 8
PRICES = (1e-6, 4e-6)
"""US dollars a token in and out, declared for everybody."""


def study(url: str, samples: int) -> str:
    common = (
        f'api_base: "{url}", concurrency: {CONCURRENCY}, '
        f"input_cost_per_token: {PRICES[0]}, "
        f"output_cost_per_token: {PRICES[1]}"
    )
    return STUDY.format(samples=samples, common=common)


def main(root: str) -> None:
    os.chdir(root)
    os.environ["REVEALED_ROOT"] = root
    run = open_run("killed")
    elicit_respondent(run, "coder", progress=False)
    for judge in ("east", "west"):
        follow_up(run, judge, progress=False)


litellm()  # here, so that a fork server that imported this module has paid for it
