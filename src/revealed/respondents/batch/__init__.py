"""Asking by batch: requests sent as files, answered within a day, at about half the price.

The ledger, its keys and the bodies of the requests are those of asking at once, so that either way
of asking goes on where the other stopped. `rounds` gathers what a study lacks and asks it in a few
large rounds; `bodies` writes the files; `journal` is what is known of every batch, on disk before
and after every step; `job` goes from step to step at the provider (`remote`); `results` reads the
answers into the ledger; `price` says what it costs.
"""

from .job import advance, cancel
from .journal import Batch, batches_of, folder_of, in_flight, journal_locked
from .price import BatchPrice, batch_price
from .remote import check_batches
from .rounds import Gathering, Waiting, in_rounds

__all__ = [
    "Batch",
    "BatchPrice",
    "Gathering",
    "Waiting",
    "advance",
    "batch_price",
    "batches_of",
    "cancel",
    "check_batches",
    "folder_of",
    "in_flight",
    "in_rounds",
    "journal_locked",
]
