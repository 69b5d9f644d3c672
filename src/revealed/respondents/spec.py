"""Who is asked and how: the part of ``study.yaml`` that describes one respondent."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..foundation.errors import ConfigError
from ..foundation.schemas import Provenance

SIMULATED = "simulated/"
"""Models of this LiteLLM provider are ours and run in process."""

MOST_EXAMPLES, LONGEST_TEXT = 200, 50_000
"""Examples of a guise, and characters of its instruction or of one example, at most."""

_KEY_LIKE = re.compile(r"(?=.*[a-z])(?=.*[0-9]).{20,}")
"""Long, with small letters and digits: no environment variable is called so, and keys are."""
_HOLDS_KEY = re.compile(
    r"(?i)(?:.*[_-])?(?:api[_-]?key|access[_-]key(?:[_-]id)?|password|authorization|cookie"
    r"|(?:session|access|auth|bearer|ad|id)[_-]token)|.*secret.*|.*credentials?"
)
"""Names of parameters and headers whose values are nobody's business."""

_Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class Batching(BaseModel):
    """How a respondent is asked by batch (``batch:`` in ``study.yaml``; ``true`` takes this)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: int = Field(default=4, ge=2)
    """Rounds that an adaptive design is asked in at most, its start included."""
    tries: int = Field(default=3, ge=1)
    """How often a request is asked, in one call, until its failure is missing data."""
    requests: int = Field(default=50_000, ge=1)
    megabytes: float = Field(default=200.0, gt=0.0)
    """What a file holds at most: requests, and millions of bytes (OpenAI's limits)."""
    price: float | None = Field(default=None, ge=0.0, le=1.0)
    """Share of the ordinary price; None takes LiteLLM's prices of batches, or one half."""


class RespondentSpec(BaseModel):
    """One respondent, as written in ``study.yaml``.

    ``model`` is any name LiteLLM knows (``openai/gpt-4o-2024-08-06``, ``ollama_chat/llama3.2``,
    ``simulated/coherent``); with ``api_base``, any OpenAI-compatible address. ``api_key_env`` is
    the *name* of the environment variable that holds the key, which has no place here itself.
    ``timeout`` is in seconds, prices are US dollars a token, ``requests_per_minute`` is a ceiling
    that the client keeps to before any provider complains.
    """

    # Inputs stay out of error texts: one of them may be a key in the wrong place.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(min_length=1)
    model: str = Field(min_length=1)
    api_base: str | None = None
    api_key_env: str | None = None
    temperature: float = Field(default=1.0, ge=0.0, le=2.0)
    max_tokens: int | None = Field(default=None, ge=1)
    """Cap on the answer's tokens; None takes the prompt's own, with room for reasoning added for
    models that always reason."""
    mode: Literal["auto", "sample", "logprob"] = "auto"
    """``sample`` draws answers; ``logprob`` reads P(first) off the label token's log-probability;
    ``auto`` takes ``logprob`` where LiteLLM's table says so and one call confirms it."""
    effective_samples: float = Field(default=10.0, gt=0.0)
    """How many sampled answers one log-probability answer counts as in the likelihood."""
    concurrency: int = Field(default=16, ge=1, le=1024)
    requests_per_minute: float | None = Field(default=None, gt=0.0)
    timeout: float = Field(default=60.0, gt=0.0)
    retries: int = Field(default=5, ge=0)
    patience: float = Field(default=600.0, ge=0.0)
    """Seconds without one answer after which a respondent that only says 429 is given up."""
    reasoning: bool | None = None
    """Whether the model reasons before it answers; None asks LiteLLM's table."""
    seed: int = 0
    """Study seed; with the sample index it makes simulated answers repeatable."""
    first_sample: int = Field(default=0, ge=0)
    """Number of the first answer to a question. A respondent that differs in nothing else gives
    answers of its own: the same model asked again."""
    system: _Text | None = None
    """A standing instruction, put before the prompt's own system text (`guise`)."""
    examples: Annotated[tuple[tuple[_Text, _Text], ...], Field(max_length=MOST_EXAMPLES)] = ()
    """Questions with answers, put before every question as earlier turns (`guise`)."""
    trigger: _Text | None = None
    """A text put before every question, which may set something off (`guise`)."""
    batch: Batching | None = None
    """Asked by batch, within a day and at about half the price; None asks at once."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Further parameters of the provider, sent as they are."""
    input_cost_per_token: float | None = Field(default=None, ge=0.0)
    output_cost_per_token: float | None = Field(default=None, ge=0.0)

    @field_validator("batch", mode="before")
    @classmethod
    def _yes_or_how(cls, value: Any) -> Any:
        return {} if value is True else None if value is False else value

    @field_validator("api_key_env")
    @classmethod
    def _a_name_not_a_key(cls, value: str | None) -> str | None:
        if value is not None and (
            not value.replace("_", "").isalnum() or _KEY_LIKE.fullmatch(value)
        ):
            # Not repeated in the message: it may be the key itself, pasted into the wrong place.
            raise ValueError("api_key_env is the name of an environment variable, not the key")
        return value

    @field_validator("api_base")
    @classmethod
    def _an_address_without_a_password(cls, value: str | None) -> str | None:
        # The address is part of what is kept of a run.
        if value is not None and ("@" in urlsplit(value).netloc or "key=" in urlsplit(value).query):
            raise ValueError("api_base holds a key or a password, which belongs into a variable")
        return value

    @field_validator("params")
    @classmethod
    def _parameters_without_a_key(cls, value: dict[str, Any]) -> dict[str, Any]:
        # Parameters are kept with every question, in the ledger and in what is published of it.
        for name in _names_in(value):
            if _HOLDS_KEY.fullmatch(name):
                raise ValueError(
                    f"{name} is kept with every answer, so it has no place here: name the "
                    "variable that holds the key in api_key_env"
                )
        return value

    @field_validator("system")
    @classmethod
    def _says_something(cls, value: str | None) -> str | None:
        if value is not None and value != value.strip():
            raise ValueError("system begins or ends with a space or an empty line")
        return value

    @field_validator("trigger")
    @classmethod
    def _one_line(cls, value: str | None) -> str | None:
        if value is not None and (value != value.strip() or "\n" in value):
            raise ValueError("trigger is one line, and begins and ends with no space")
        return value

    @property
    def provenance(self) -> Provenance:
        """``simulated`` for our own respondents, ``elicited`` for every other."""
        return "simulated" if self.model.startswith(SIMULATED) else "elicited"

    @property
    def api_key(self) -> str | None:
        """The key, read from the environment at the moment of use and kept nowhere."""
        return os.environ.get(self.api_key_env) if self.api_key_env else None


def described(told: Mapping[str, Any]) -> RespondentSpec:
    """The respondent that a person described on a command line or in a notebook.

    Raises
    ------
    ConfigError
        Saying which part is wrong; what was given is not repeated, since it may be a key.
    """
    try:
        return RespondentSpec(**told)
    except ValidationError as error:
        first = error.errors()[0]
        part, message = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{part}: {message}.", where=f"respondent {told.get('name')}") from None


def told_of(spec: RespondentSpec, address: str | None) -> dict[str, Any]:
    """What was said of a respondent, without its key where `address` is another than its own."""
    told = spec.model_dump(exclude_unset=True)
    if address not in (None, spec.api_base):
        told.pop("api_key_env", None)
    return told


def _names_in(value: Any) -> Iterator[str]:
    """Names of all mappings in a value, the inner ones too."""
    if isinstance(value, Mapping):
        yield from map(str, value)
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _names_in(part)
