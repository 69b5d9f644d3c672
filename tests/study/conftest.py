"""A checkout of its own for every test: the real instruments, a small study file."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

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
def checkout(tmp_path, monkeypatch):
    """A folder that passes for a checkout; the working folder is in it."""
    (tmp_path / "data").mkdir()
    for name in ("instruments", "published", "sources.yaml"):
        (tmp_path / "data" / name).symlink_to(ROOT / "data" / name)
    (tmp_path / "study.yaml").write_text(SMALL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REVEALED_ROOT", raising=False)
    return tmp_path
