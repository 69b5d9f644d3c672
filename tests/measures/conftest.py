"""What the tests of the measures share: the public triads, where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

TRIADS = "fourofclubs001/triad_results_qwen25-15b-instruct-colab.json"


@pytest.fixture
def triad_rows() -> pd.DataFrame:
    """The 60,000 answers of Qwen2.5-1.5B with their triads, as the importer gives them."""
    cache = os.environ.get("REVEALED_CACHE")
    if not cache or not (Path(cache) / TRIADS).is_file():
        pytest.skip("needs the public triads (REVEALED_CACHE)")
    from revealed.respondents.public import import_triad_rows

    return import_triad_rows(Path(cache) / TRIADS).assign(
        respondent="fourofclubs001/qwen2.5-1.5b-instruct", instrument="cais/options_hierarchical",
        arm="forced", n_neutral=0, n_refused=0, n_failed=0, role="train", provenance="public",
    )  # fmt: skip
