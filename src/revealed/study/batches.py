"""The batches of a run: what is under way, and how it goes on or ends without the next round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from revealed.foundation.errors import ConfigError
from revealed.respondents.batch import Batch, batches_of, folder_of, journal_locked
from revealed.respondents.batch import advance as _advance
from revealed.respondents.batch import cancel as _cancel
from revealed.respondents.batch.job import TIMING

if TYPE_CHECKING:
    from revealed.respondents.jobs import Timing

    from .run import Run

Tell = Callable[[str], None]


def known(run: Run) -> list[Batch]:
    """Every batch of a run, the oldest state first."""
    return batches_of(folder_of(run.paths.ledger))


def resume(
    run: Run, respondents: Sequence[str] | None = None, *, tell: Tell = print,
    timing: Timing | None = None,
) -> list[Batch]:  # fmt: skip
    """Take the batches that are under way to their end, and read their answers.

    All are submitted before one is waited for.

    Raises
    ------
    ConfigError
        If none is under way.
    RespondentError
        If a provider cannot be asked; the batches are kept as they stand.
    """
    from revealed.respondents.client import blocking

    folder = folder_of(run.paths.ledger)
    with journal_locked(folder), run.ledger() as ledger:
        found = _under_way(run, respondents)
        for wait in (False, True):
            found = [
                blocking(
                    _advance(
                        batch, run.spec(batch.respondent), ledger, folder,
                        tell=tell, wait=wait, timing=timing or TIMING,
                    )
                )[0]
                for batch in found
            ]  # fmt: skip
    return found


def cancel(
    run: Run, respondents: Sequence[str] | None = None, *, tell: Tell = print,
    timing: Timing | None = None,
) -> list[Batch]:  # fmt: skip
    """End the batches that are under way, and keep what they answered until then.

    Raises
    ------
    ConfigError
        If none is under way.
    RespondentError
        If a provider cannot be asked; the batches are kept as they stand.
    """
    from revealed.respondents.client import blocking

    folder = folder_of(run.paths.ledger)
    with journal_locked(folder), run.ledger() as ledger:
        return [
            blocking(
                _cancel(
                    batch, run.spec(batch.respondent), ledger, folder,
                    tell=tell, timing=timing or TIMING,
                )
            )
            for batch in _under_way(run, respondents)
        ]  # fmt: skip


def _under_way(run: Run, respondents: Sequence[str] | None) -> list[Batch]:
    found = [
        batch
        for batch in known(run)
        if not batch.over and (not respondents or batch.respondent in respondents)
    ]
    if not found:
        raise ConfigError(
            f"no batch is under way in run {run.name!r}.",
            todo=f"`revealed run --run {run.name} --batch` asks what is missing.",
        )
    return found
