from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from revealed.foundation import errors
from revealed.foundation.errors import RevealedError

KINDS = [
    errors.ConfigError, errors.DataError, errors.FetchError, errors.RespondentError,
    errors.BudgetError, errors.EstimationError,
]  # fmt: skip


@pytest.mark.parametrize(
    ("where", "todo", "text"),
    [
        (None, None, "It broke."),
        ("goods.csv, line 12", None, "goods.csv, line 12: It broke."),
        (None, "Mend it.", "It broke. Mend it."),
        (Path("a.csv"), "Mend it.", "a.csv: It broke. Mend it."),
    ],
)
def test_message_says_where_what_and_what_to_do(
    where: str | Path | None, todo: str | None, text: str
) -> None:
    assert str(RevealedError("It broke.", where=where, todo=todo)) == text


def test_every_kind_is_caught_as_one_and_exits_differently() -> None:
    codes = {kind.exit_code for kind in KINDS}
    assert all(issubclass(kind, RevealedError) for kind in KINDS)
    assert len(codes) == len(KINDS)
    # 0 is success; shells and signals use 126 and above.
    assert all(0 < code < 126 for code in {*codes, RevealedError.exit_code})


@pytest.mark.parametrize("kind", KINDS)
def test_survives_a_process_boundary(kind: type[RevealedError]) -> None:
    """Worker processes hand their errors over pickled."""
    error = kind("It broke.", where="a.csv", todo="Mend it.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert (again.what, again.where, again.todo) == ("It broke.", "a.csv", "Mend it.")
