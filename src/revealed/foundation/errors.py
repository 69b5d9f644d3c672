"""Errors that speak to the person: what was wrong, where, and what to do.

Every error that a user can cause derives from `RevealedError`; the command line prints its message
without a traceback and exits with its ``exit_code``. Anything else is a defect of ours and keeps
its traceback.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any


class RevealedError(Exception):
    """An error for the person at the keyboard.

    Parameters
    ----------
    what
        What is wrong, in one sentence.
    where
        The file, and the line or column in it where that is known ("goods.csv, line 12").
    todo
        What to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | Path | None = None, todo: str | None = None):
        self.what, self.where, self.todo = what, where, todo
        super().__init__(what, where, todo)

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is pickled as its class and arguments, and ours are keywords; worker
        # processes hand errors over pickled.
        return partial(type(self), where=self.where, todo=self.todo), (self.what,)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where is not None else self.what
        return f"{text} {self.todo}" if self.todo else text


class ConfigError(RevealedError):
    """A study file, an instrument or an option that a person wrote is wrong."""

    exit_code = 2


class DataError(RevealedError):
    """A table or file does not follow its schema, is truncated or is missing."""

    exit_code = 3


class FetchError(RevealedError):
    """A public source is neither cached nor reachable, or its checksum is wrong."""

    exit_code = 4


class RespondentError(RevealedError):
    """A respondent cannot be asked: unknown model, missing key, unreachable address."""

    exit_code = 5


class BudgetError(RevealedError):
    """The cost limit is reached or too small; everything answered so far is kept."""

    exit_code = 6


class EstimationError(RevealedError):
    """The answers do not determine what was asked of the estimator."""

    exit_code = 7
