"""Fixtures of the estimator's tests."""

import pytest
from drawn_answers import Simulated, simulate


@pytest.fixture(scope="session")
def small() -> Simulated:
    """40 items, 300 pairs, 10 answers an order, connected and not separated."""
    return simulate()
