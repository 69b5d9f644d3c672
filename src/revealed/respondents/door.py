"""The one door to a model: LiteLLM, imported on first use, with our settings and nobody else's.

Turns a request into an `Answer` or a `Trouble`. LiteLLM's own retries, caches and silent dropping
of parameters stay off: the client, the ledger and `Door.dropped` do these, where they can be seen.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import re
import time
import warnings
from functools import cache
from typing import Any

from ..foundation.errors import RespondentError
from .guise import dress, guise_of
from .ledger import Answer
from .request import Question, Request
from .spec import RespondentSpec
from .trouble import Trouble, classify, clear, encodable, secrets_of

log = logging.getLogger(__name__)

_TOP = {"openai": 20, "azure": 20, "hosted_vllm": 20, "deepseek": 20, "simulated": 20}
"""How many alternatives a provider returns at most; 5 elsewhere, which two labels fit in."""

_ROOM_TO_REASON = 4096
"""Tokens added to the prompt's own cap for a model that reasons before it answers."""

_REASONS_ONLY_WHEN_ASKED = ("anthropic", "bedrock", "databricks")

OLLAMA = ("ollama", "ollama_chat")
"""LiteLLM's names of Ollama, by which of its two addresses is asked; tokens cost nothing there."""

_OPENAI_LIKE = ("openai", "custom_openai", "openai_like", "hosted_vllm", "text-completion-openai")

_THOUGHT = re.compile(r"\s*<(think|thinking|reasoning)>(.*?)(?:</\1>|\Z)\s*", re.S)


@cache
def litellm() -> Any:
    """The LiteLLM module, set up: no network look-ups, no telemetry, no own log lines.

    Simulated respondents are registered as the provider ``simulated``.
    """
    # Before the import: otherwise LiteLLM fetches its price table from the network.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")
    import litellm as module

    # Its own objects warn about bodies that we check ourselves.
    warnings.filterwarnings("ignore", message="Pydantic serializer warnings")
    warnings.filterwarnings("ignore", message="Items? '.*' on TypedDict class")

    from .simulated.provider import Provider

    module.suppress_debug_info = True
    module.telemetry = False
    module.drop_params = False
    module.num_retries = None
    # A request that fails has a trace in the ledger; LiteLLM's own lines may show headers.
    if not os.environ.get("LITELLM_LOG"):
        for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    module.custom_provider_map = [
        *(p for p in module.custom_provider_map if p["provider"] != "simulated"),
        {"provider": "simulated", "custom_handler": Provider()},
    ]
    module.utils.custom_llm_setup()  # type: ignore[no-untyped-call]
    # Its tables and classes live as long as the process. Whenever garbage is collected, all of them
    # would be gone through, which costs several percent of a request's time.
    gc.freeze()
    return module


def provider_of(spec: RespondentSpec) -> tuple[str, str]:
    """LiteLLM's model and provider names.

    Raises
    ------
    RespondentError
        If LiteLLM knows no such provider.
    """
    if spec.provenance == "simulated":
        return spec.model.partition("/")[2], "simulated"
    try:
        model, provider, _, _ = litellm().get_llm_provider(
            model=spec.model, api_base=spec.api_base, api_key="none" if spec.api_base else None
        )
    except Exception:  # LiteLLM raises several kinds, and its text is an advertisement
        raise RespondentError(
            f"LiteLLM knows no provider for the model {spec.model!r}.",
            where=f"respondent {spec.name}",
            todo="Write provider/model (openai/gpt-4o-2024-08-06, ollama_chat/llama3.2), or "
            "openai/<model> with api_base for any OpenAI-compatible address.",
        ) from None
    return str(model), str(provider)


def prices(spec: RespondentSpec, kind: str = "") -> tuple[float, float] | None:
    """US dollars an input and an output token: the spec's own, else LiteLLM's local table.

    Ollama bills no tokens. None where the price is not known. `kind` is the end of a name in that
    table, for a price other than the ordinary one (``_batches``).
    """
    if spec.provenance == "simulated":
        return 0.0, 0.0
    own = spec.input_cost_per_token, spec.output_cost_per_token
    if not kind and own[0] is not None and own[1] is not None:
        return own[0], own[1]
    model, provider = provider_of(spec)
    table = litellm().model_cost
    for name in (spec.model, f"{provider}/{model}", model):
        row = table.get(name)
        if row and row.get("litellm_provider", provider).startswith(provider):
            into, out = (
                row.get(f"input_cost_per_token{kind}"),
                row.get(f"output_cost_per_token{kind}"),
            )
            if into is not None and out is not None:
                # Reasoning may cost more a token than the answer; the dearer one is the bound.
                return float(into), max(
                    float(out), float(row.get(f"output_cost_per_reasoning_token{kind}") or 0)
                )
    return (0.0, 0.0) if provider in OLLAMA else None


class Door:
    """The settings of one respondent, worked out once, and the call itself."""

    def __init__(self, spec: RespondentSpec):
        self.spec = spec
        self.model, self.provider = provider_of(spec)
        self.simulated = self.provider == "simulated"
        self.prices = prices(spec)
        self.dropped: dict[str, str] = {}
        self.reasons = self._reasons()
        self.guise = guise_of(spec)
        self._taken: dict[str, bool] = {}
        self.secrets = secrets_of(spec.api_key)
        self._fixed: dict[str, Any] = {"timeout": spec.timeout, "num_retries": 0, "max_retries": 0}
        if self.simulated:
            self._fixed = {}
            _price_nothing(spec.model)
        if spec.api_base:
            self._fixed["api_base"] = spec.api_base
        if spec.api_key:
            self._fixed["api_key"] = spec.api_key
        elif spec.api_base and self.provider in _OPENAI_LIKE:
            # Otherwise LiteLLM would send the OPENAI_API_KEY of the environment to that address.
            self._fixed["api_key"] = "none"

    def _reasons(self) -> bool:
        if self.spec.reasoning is not None or self.simulated:
            return bool(self.spec.reasoning)
        if self.provider in _REASONS_ONLY_WHEN_ASKED or "claude" in self.model:
            return False
        return bool(litellm().supports_reasoning(self.model, custom_llm_provider=self.provider))

    def question(
        self, messages: list[dict[str, str]], max_tokens: int, *, logprob: bool = False
    ) -> Question:
        """The question as it will be sent: in the respondent's guise, with the parameters that
        this provider takes.

        Parameters it does not take are left out, written into every answer's ``dropped`` and
        logged once.
        """
        spec = self.spec
        cap = spec.max_tokens or (max_tokens + (_ROOM_TO_REASON if self.reasons else 0))
        wanted: dict[str, Any] = {"temperature": spec.temperature, "max_tokens": cap}
        if logprob:
            wanted |= {"logprobs": True, "top_logprobs": _TOP.get(self.provider, 5)}
        wanted |= spec.params
        params = {}
        for name, value in wanted.items():
            if self.takes(name, value):
                params[name] = value
            elif name == "max_tokens" and self.takes("max_completion_tokens", value):
                params["max_completion_tokens"] = value
            elif name not in self.dropped:
                self.dropped[name] = repr(value)
                log.warning(
                    "%s: %s does not take %s=%r; it is left out, and noted with every answer",
                    spec.name, spec.model, name, value,
                )  # fmt: skip
        dressed = dress(messages, self.guise) if self.guise else messages
        return Question(spec.model, dressed, params, spec.api_base)

    def takes(self, name: str, value: Any) -> bool:
        """Whether the provider takes this parameter, by LiteLLM's own tables (no call is made)."""
        if self.simulated:
            return True
        key = f"{name}={value!r}"
        if key not in self._taken:
            module = litellm()
            try:
                module.get_optional_params(
                    model=self.model, custom_llm_provider=self.provider, **{name: value}
                )
                self._taken[key] = True
            except module.UnsupportedParamsError:
                self._taken[key] = False
            except Exception:  # a table LiteLLM cannot read is no ground to leave anything out
                self._taken[key] = True
        return self._taken[key]

    def worst_cost(self, question: Question) -> float | None:
        """US dollars that one answer may cost at most; None if the price is unknown.

        No tokenizer makes more tokens than the text has bytes; a message's frame takes a few more.
        """
        if self.prices is None:
            return None
        params = question.params
        cap = params.get("max_tokens") or params.get("max_completion_tokens") or 4096
        tokens = question.size + 16 * len(question.messages) + 16
        return tokens * self.prices[0] + cap * self.prices[1]

    async def ask(self, request: Request) -> Answer:
        """Send one request once.

        Raises
        ------
        Trouble
            If no answer came.
        """
        started = time.perf_counter()
        try:
            async with asyncio.timeout(None if self.simulated else self.spec.timeout + 1.0):
                response = await self.send(request)
        except Exception as error:
            # "from None" below: the provider's own exception may carry the request's headers.
            trouble = classify(error, self.secrets, self.spec.timeout, simulated=self.simulated)
        else:
            try:
                return self.read(request.key, response, time.perf_counter() - started)
            except Exception as error:  # whatever a body may hold, it is not ours to trust
                kind = error if isinstance(error, Trouble) else None
                trouble = kind or Trouble(
                    "retry",
                    self.said(f"the answer cannot be read ({error})"),
                    billed=True,
                )
        raise trouble from None

    async def send(self, request: Request, **further: Any) -> Any:
        """What LiteLLM returns for one request; `further` goes to LiteLLM as it is."""
        question = request.question
        extra = self._fixed if request.seed is None else {**self._fixed, "seed": request.seed}
        return await litellm().acompletion(
            model=question.model, messages=question.messages, **question.params, **extra, **further
        )

    def said(self, text: object) -> str:
        """A text of the provider, cleared of keys."""
        return clear(str(text), self.secrets)

    def read(self, key: str, response: Any, latency: float | None) -> Answer:
        """The answer that a response of LiteLLM holds.

        Raises
        ------
        Trouble
            If it holds none.
        """
        choices = response.choices
        if not choices:
            raise Trouble("retry", "the answer holds no choice", billed=True)
        choice = choices[0]
        message = choice.message
        text = self._own(message.content)
        reasoning = self._own(getattr(message, "reasoning_content", None))
        reason = choice.finish_reason
        if text is not None and "<" in text and (thought := _THOUGHT.match(text)):
            reasoning = reasoning or thought[2].strip()
            text = text[thought.end() :]
        fields = getattr(message, "provider_specific_fields", None) or {}
        refusal = getattr(message, "refusal", None) or fields.get("refusal")
        refused = bool(refusal) or reason == "content_filter"
        if text is None and not refused and not reasoning and reason != "length":
            raise Trouble("retry", "the answer holds no text", billed=True)
        usage = getattr(response, "usage", None)
        tokens: tuple[int | None, int | None] = (None, None)
        if usage is not None and usage.prompt_tokens:  # some servers do not count
            tokens = int(usage.prompt_tokens), int(usage.completion_tokens or 0)
        return Answer(
            key=key,
            status="refused" if refused else "ok",
            text=text if text is not None else self._own(refusal) or "",
            reasoning=reasoning,
            logprobs=_logprobs(choice),
            finish_reason=str(reason) if reason else None,
            prompt_tokens=tokens[0],
            completion_tokens=tokens[1],
            cost=self._cost(response, tokens),
            latency=latency,
            returned_model=self._own(response.model),
            dropped=tuple(self.dropped),
        )

    def _own(self, value: Any) -> str | None:
        """Text as it came, except that a key some server echoes is taken out of it."""
        if value is None:
            return None
        if not isinstance(value, str):
            raise Trouble("retry", "the answer's text is not text", billed=True)
        for secret in self.secrets:
            value = value.replace(secret, "[key]")
        return encodable(value)

    def _cost(self, response: Any, tokens: tuple[int | None, int | None]) -> float | None:
        if self.simulated:
            return 0.0
        spec = self.spec
        if spec.input_cost_per_token is None or spec.output_cost_per_token is None:
            hidden = getattr(response, "_hidden_params", None) or {}
            cost = hidden.get("response_cost")
            # LiteLLM says 0 for some models that it has no price for.
            if self.prices is None:
                return None
            if cost:
                return float(cost)
        if self.prices is None or tokens[0] is None or tokens[1] is None:
            return None
        return tokens[0] * self.prices[0] + tokens[1] * self.prices[1]


@cache
def _price_nothing(model: str) -> None:
    """Tell LiteLLM that a simulated respondent is free; else it searches its tables every time."""
    free = {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0, "mode": "chat"}
    litellm().register_model({model: {**free, "litellm_provider": "simulated"}})


def _logprobs(choice: Any) -> list[list[tuple[str, float]]] | None:
    """Each position's alternatives, the sampled token first."""
    content = getattr(getattr(choice, "logprobs", None), "content", None)
    if not content:
        return None
    rows = []
    # The label stands near the start; a long answer's tail would only fill the disk.
    for position in content[:32]:
        seen = {position.token: float(position.logprob)}
        for top in position.top_logprobs or []:
            seen.setdefault(top.token, float(top.logprob))
        rows.append([(encodable(token), value) for token, value in seen.items()])
    return rows
