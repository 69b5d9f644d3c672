"""Why a request brought no answer, and what is to be done about it.

Texts of providers are cleared of keys here, before anybody can log or store them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Literal

TroubleKind = Literal["rate", "retry", "reject", "refused", "fatal"]

_SECRET = re.compile(
    r"(?i)\b(?:sk|pk|rk|gsk|xai|hf|key|AIza)[-_][A-Za-z0-9*_\-]{6,}|\bAIza[\w-]{10,}"
    r"|\bbearer\s+\S+|(?<=[?&]key=)[^\s&\"']+|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"
)
_LONGEST = 10_000
"""Characters of an error that are looked at; a page may have any number."""
_WRAPPING = re.compile(r"^(?:(?:litellm\.)?\w+: )+(?:\w+(?:Exception|Error)(?: \w+)? - )?")
_TAG, _WORD = re.compile(r"<[^<>]*>"), re.compile(r"[^\W_]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_UNPAID = re.compile(
    r"insufficient_quota|exceeded your current quota|credit balance is too low", re.I
)
_FILTERED = re.compile(r"content[_ ](?:filter|policy|management policy)", re.I)
_FATAL = {"AuthenticationError", "NotFoundError", "PaymentRequiredError"}


class Trouble(Exception):
    """Why a request brought no answer.

    ``rate``: too many requests, wait and ask again. ``retry``: may pass, ask again. ``reject``:
    this request will never be taken. ``refused``: the provider's filter said no. ``fatal``: no
    request of this respondent will be answered. ``billed`` is whether the provider may have
    charged for it nevertheless, ``missing`` whether it said that there is no such thing.
    """

    def __init__(
        self,
        kind: TroubleKind,
        text: str,
        *,
        retry_after: float | None = None,
        billed: bool = False,
        missing: bool = False,
    ):
        super().__init__(text)
        self.kind, self.text = kind, text
        self.retry_after, self.billed, self.missing = retry_after, billed, missing


def classify(
    error: Exception, secrets: Sequence[str], timeout: float, *, simulated: bool = False
) -> Trouble:
    """What an exception of LiteLLM (or a time-out of `timeout` seconds) means for the client."""
    raw = str(getattr(error, "message", "") or error) or type(error).__name__
    text = clear(_WRAPPING.sub("", raw), secrets)
    status = _status(error)
    names = {kind.__name__ for kind in type(error).__mro__}
    billed = _may_be_billed(error)
    # A simulated fault is over as soon as it was seen.
    after = 0.01 if simulated else _retry_after(error)
    if isinstance(error, TimeoutError) or "Timeout" in names:
        return Trouble("retry", f"no answer in {timeout:g} s", retry_after=after, billed=billed)
    # Google says that a quota is exceeded of a limit a minute too; `patience` ends a longer one.
    unpaid = bool(_UNPAID.search(text)) and "RESOURCE_EXHAUSTED" not in raw
    if "RateLimitError" in names or status == 429:
        return Trouble("fatal", text) if unpaid else Trouble("rate", text, retry_after=after)
    if "ContentPolicyViolationError" in names or _FILTERED.search(text):
        return Trouble("refused", text)
    if names & _FATAL or status in (401, 402) or (status == 400 and unpaid):
        return Trouble("fatal", text, missing="NotFoundError" in names)
    if status is not None and 400 <= status < 500 and status not in (408, 409, 425):
        return Trouble("reject", text)
    return Trouble("retry", text, retry_after=after, billed=billed)


def clear(text: str, secrets: Sequence[str]) -> str:
    """The first line of `text` without anything that is, or looks like, a key.

    All lines, where the first has no word: an error may be a page, or JSON in many lines.
    """
    text = text.strip()[:_LONGEST]
    first = text.split("\n", 1)[0]
    text = _CONTROL.sub(" ", first if _WORD.search(_TAG.sub("", first)) else " ".join(text.split()))
    for secret in secrets:
        text = text.replace(secret, "[key]")
    return encodable(_SECRET.sub("[key]", text))[:300]


def encodable(text: str) -> str:
    """JSON can smuggle lone surrogates into text, which no file takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def secrets_of(key: str | None) -> tuple[str, ...]:
    """Values that must appear nowhere: a respondent's key, and every key of the environment."""
    found = {
        value
        for name, value in os.environ.items()
        if len(value) >= 8 and re.search(r"(?i)(?:key|token|secret|password)s?$", name)
    }
    if key:
        found.add(key)
    return tuple(sorted(found, key=len, reverse=True))


def _may_be_billed(error: BaseException | None) -> bool:
    """Whether the request may have been worked on: it was sent, and no error status came back.

    LiteLLM calls a broken connection and an unreadable body "500" alike; the causes tell them
    from a real one.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if type(error).__name__ in ("HTTPStatusError", "ConnectError", "ConnectTimeout"):
            return False
        error = error.__cause__ or error.__context__
    return True


def _status(error: Exception) -> int | None:
    try:
        return int(getattr(error, "status_code", None) or "")
    except (TypeError, ValueError):
        return None


def _retry_after(error: Exception) -> float | None:
    """Seconds the provider asks to wait, from its headers (a number, or an HTTP date)."""
    response = getattr(error, "response", None)
    for headers in (
        getattr(error, "litellm_response_headers", None),
        getattr(response, "headers", None),
        getattr(error, "headers", None),
    ):
        if not headers:
            continue
        low = {str(k).lower(): str(v) for k, v in dict(headers).items()}
        for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
            value = low.get(name) or low.get(f"llm_provider-{name}")
            if value is None:
                continue
            try:
                return max(0.0, float(value) * unit)
            except ValueError:
                try:
                    until = parsedate_to_datetime(value).timestamp()
                    # By the clock that named the date; ours may be wrong, or be set meanwhile.
                    said = low.get("date") or low.get("llm_provider-date")
                    now = parsedate_to_datetime(said).timestamp() if said else time.time()
                    return max(0.0, until - now)
                except ValueError:
                    continue
    return None
