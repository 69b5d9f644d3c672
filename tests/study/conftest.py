"""A checkout of its own for every test: the real instruments, a small study file."""

import pytest

SMALL = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
  outcomes:
    instruments: [outcomes]
    design: adaptive
    items: 40
    pairs_per_item: 4
    rounds: 2
    samples: 2
    triads: 5
    holdout: 0.2
  sexes: {instruments: [sexes.lives_saved], design: curve, pairs_per_item: 1, rounds: 2}
respondents:
  - {model: simulated/coherent, mode: sample, ask: [calibration, outcomes, sexes]}
  - {model: simulated/egalitarian, mode: sample, ask: [calibration]}
ask_new: [calibration]
"""


@pytest.fixture
def checkout(make_checkout):
    """A checkout with the small study; the working folder is in it."""
    return make_checkout(SMALL)
