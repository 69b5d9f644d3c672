"""Whoever answers: real models, simulated ones, and answers that others published.

Every question goes through one asynchronous LiteLLM client (`client.collect`) into a durable
ledger (`ledger.Ledger`), and comes out as counts per pair and order (`elicit.elicit`). Simulated
respondents (`simulated`) are a LiteLLM provider like any other and see only the prompt's text.
Nothing here knows what a utility or a finding is. Model output is untrusted text: it is stored,
matched against labels, and never run, rendered or interpolated into anything.

LiteLLM is imported when the first request is made, never at import.
"""

from .budget import Budget
from .ledger import Answer, Ledger
from .parse import Parsed, parse
from .request import Request
from .spec import RespondentSpec

__all__ = ["Answer", "Budget", "Ledger", "Parsed", "Request", "RespondentSpec", "parse"]
