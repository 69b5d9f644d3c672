"""What the columns of the ledger mean.

The ledger is SQLite, so its tables are declared in SQL (`ledger`); a test compares the two.
"""

from __future__ import annotations

from ..foundation.schemas import Column, Schema

_NUMBER = "number"

LEDGER_QUESTIONS = Schema(
    "ledger: questions",
    {
        "question": Column("text", meaning="SHA-256 of model, messages and parameters."),
        "model": Column("text", meaning="The model as it was asked for."),
        "messages": Column("text", meaning="The messages as they were sent, in JSON."),
        "params": Column("text", meaning="The parameters of the request, in JSON; no key or "
                                         "address is among them."),
    },
    key=("question",),
)  # fmt: skip
"""A row for each different request; answers refer to it."""

LEDGER_ANSWERS = Schema(
    "ledger: answers",
    {
        "key": Column("text", meaning="SHA-256 of question and sample: what is never asked twice."),
        "question": Column("text", meaning="The question that it answers, in the table before."),
        "sample": Column("count", unit=_NUMBER, meaning="Which of the repeated answers, from 0."),
        "respondent": Column("text", meaning="The respondent's name in the study."),
        "status": Column("text", meaning="ok, refused by the provider, or failed after all "
                                         "retries."),
        "text": Column("text", optional=True, blank=True,
                       meaning="What was answered, as it came. Untrusted text."),
        "reasoning": Column("text", optional=True, blank=True,
                            meaning="What the model said before its answer, where it shows it."),
        "logprobs": Column("text", optional=True,
                           meaning="Tokens with log-probabilities, a list a position, in JSON."),
        "finish_reason": Column("text", optional=True, meaning="Why the answer ended."),
        "error": Column("text", optional=True, meaning="What went wrong, without any key."),
        "prompt_tokens": Column("count", optional=True, unit="tokens",
                                meaning="Tokens read, as the provider counts them."),
        "completion_tokens": Column("count", optional=True, unit="tokens",
                                    meaning="Tokens written, as the provider counts them."),
        "cost": Column("count", optional=True, unit="US dollars",
                       meaning="What all attempts cost; missing where the price is unknown."),
        "latency": Column("count", optional=True, unit="seconds",
                          meaning="From the request to the whole answer."),
        "returned_model": Column("text", optional=True,
                                 meaning="The model that the provider says has answered."),
        "dropped": Column("text", optional=True,
                          meaning="Parameters that the provider does not take, in JSON."),
        "attempts": Column("count", unit="requests", meaning="How often it was tried."),
        "time": Column("count", unit="seconds since 1970, UTC", meaning="When it was written."),
        "checksum": Column("count", optional=True, unit=_NUMBER,
                           meaning="Of the row, to know damage; missing in older ledgers."),
    },
    key=("key",),
)  # fmt: skip
"""A row an answer, written before it is used."""
