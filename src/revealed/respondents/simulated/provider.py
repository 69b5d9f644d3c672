"""Simulated respondents as a LiteLLM provider: models named ``simulated/<name>``.

LiteLLM hands over the model's name, the messages and the parameters, as to any provider; nothing
else reaches the respondent. Imported by `door.litellm` only, after LiteLLM itself.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import httpx
from litellm import exceptions
from litellm.llms.custom_llm import CustomLLM
from litellm.types.utils import ChatCompletionTokenLogprob, ChoiceLogprobs, TopLogprob, Usage

from .respondent import Fault, load


class Provider(CustomLLM):
    """Answers for every simulated respondent of this process."""

    def __init__(self) -> None:
        super().__init__()
        self._attempts: Counter[tuple[str, int | None, str]] = Counter()

    async def acompletion(self, *args: Any, **kwargs: Any) -> Any:
        """One answer, in the response that LiteLLM prepared."""
        model: str = kwargs["model"]
        messages: list[dict[str, str]] = kwargs["messages"]
        params: dict[str, Any] = kwargs["optional_params"]
        response = kwargs["model_response"]
        respondent = load(model)
        seed = params.get("seed")
        attempt = 0
        if respondent.declared.fault_rate:
            # Asking again draws again, or a fault would stay for ever.
            asked = (model, seed, messages[-1]["content"])
            attempt = self._attempts[asked]
            self._attempts[asked] += 1
        reply = respondent.answer(messages, seed, attempt)
        if isinstance(reply, Fault):
            raise _error(reply.status, model)
        choice = response.choices[0]
        choice.message.content = reply.text
        response.model = model
        # Said here, or LiteLLM would search its price tables for a quarter of the time of a call.
        response._hidden_params["response_cost"] = 0.0
        if params.get("logprobs") and reply.chances:
            choice.logprobs = _logprobs(reply.text, reply.chances)
        # A token for four characters, as a rule of thumb: enough for a plan to be tried on.
        prompt = sum(len(message["content"]) for message in messages) // 4
        answer = max(1, len(reply.text) // 4)
        response.usage = Usage(
            prompt_tokens=prompt, completion_tokens=answer, total_tokens=prompt + answer
        )
        return response


def _error(status: int, model: str) -> Exception:
    told: dict[str, Any] = {
        "model": model,
        "llm_provider": "simulated",
        "message": "a simulated fault",
    }
    if status == 408:
        return exceptions.Timeout(**told)
    request = httpx.Request("POST", "http://simulated.invalid")
    reply = httpx.Response(status, request=request)
    kinds = {
        429: exceptions.RateLimitError,
        500: exceptions.InternalServerError,
        503: exceptions.ServiceUnavailableError,
    }
    error: Exception = kinds[status](**told, response=reply)
    return error


def _logprobs(text: str, chances: dict[str, float]) -> Any:
    tops = [
        TopLogprob(token=label, logprob=math.log(max(chance, 1e-12)), bytes=None)
        for label, chance in chances.items()
    ]
    sampled = text if text in chances else next((la for la in chances if la in text), text)
    said = chances.get(sampled, 1e-12)
    token = ChatCompletionTokenLogprob(
        token=sampled, logprob=math.log(max(said, 1e-12)), bytes=None, top_logprobs=tops
    )
    return ChoiceLogprobs(content=[token])
