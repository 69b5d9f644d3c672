from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from revealed.instruments import ORIGINAL, Instrument, list_instruments, load_instrument
from revealed.instruments.load import _cached

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def ours(root: Path) -> dict[str, Instrument]:
    """Every instrument of our own."""
    names = [name for name in list_instruments(root) if name != ORIGINAL]
    return {name: load_instrument(name, root) for name in names}


@pytest.fixture(scope="session")
def goods(ours: dict[str, Instrument]) -> pd.DataFrame:
    """Every good of every category at every quantity of every measure."""
    return pd.concat([i.items.query("kind == 'good'") for i in ours.values()])


@pytest.fixture
def fork(tmp_path: Path, root: Path) -> Path:
    """A checkout that a test may change."""
    shutil.copytree(root / "data" / "instruments", tmp_path / "data" / "instruments")
    return tmp_path


@pytest.fixture(scope="session")
def original() -> Path:
    """The original's outcome file in the fetch cache."""
    path = _cached(ORIGINAL)
    if not path.is_file():
        pytest.skip("the original's outcomes are not in the fetch cache")
    return path
