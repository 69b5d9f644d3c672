"""From a respondent's tables and a file of activations to what a probe reads of them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ...foundation.backend import BackendName
from ...respondents.activations import Activations
from ...utilities import comparisons
from .. import measurable
from .evaluate import OUTCOMES_NEEDED, SHUFFLES, Probed, probe
from .kernels import sources


def read(
    activations: Activations,
    utilities: pd.Series,
    choices: pd.DataFrame,
    texts: Mapping[str, str],
    *,
    shuffles: int = SHUFFLES,
    seed: int = 0,
    backend: BackendName = "auto",
) -> Probed:
    """Probe activations for one respondent's utilities of the outcomes that both hold.

    Parameters
    ----------
    utilities
        Fitted utilities by item id.
    choices
        Its choices between them (schema ``CHOICES``), pairs held out of the fit included.
    texts
        Texts by item id, for the controls.

    Raises
    ------
    DataError
        As `probe`.
    """
    items = [item for item in utilities.index if item in set(activations.items)]
    among = choices[choices["first"].isin(items) & choices["second"].isin(items)]
    return probe(
        sources(activations, items, texts, backend),
        utilities[items].to_numpy(float),
        comparisons(among, items, role=None),
        shuffles=shuffles,
        seed=seed,
        backend=backend,
    )


def barred(
    calibration: pd.DataFrame,
    pairs: pd.DataFrame,
    choices: pd.DataFrame,
    activations: Activations,
    utilities: pd.Series,
) -> str:
    """Why a respondent's utilities cannot be probed for; empty if they can.

    `calibration` and `pairs` are as in `measurable.calibration_reason`.
    """
    why = measurable.calibration_reason(calibration, pairs) or measurable.reason(choices)
    both = int(utilities.index.isin(activations.items).sum())
    if why or both >= OUTCOMES_NEEDED:
        return why
    return f"utilities and activations share {both} outcomes, {OUTCOMES_NEEDED} are needed"
