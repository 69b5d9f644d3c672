"""Whether a respondent can be asked, found out before anything is spent."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Sequence
from urllib.parse import urlsplit

from ..foundation.errors import RespondentError
from .batch import check_batches
from .door import OLLAMA, Door, litellm
from .guise import check_guise
from .ledger import Answer
from .spec import RespondentSpec

log = logging.getLogger(__name__)

_OPENAI = "https://api.openai.com/v1"
_OLLAMA = "http://localhost:11434"


def check_respondent(spec: RespondentSpec, *, timeout: float = 10.0) -> None:
    """Check model name, key and address without asking anything that costs.

    Contacts only the respondent's own address, and only to list its models: where `api_base` is
    given, OpenAI itself, and Ollama. Elsewhere a model that does not exist shows at the first
    request, which costs nothing.

    Raises
    ------
    RespondentError
        If the provider or simulated respondent is unknown, the key is missing or not accepted, the
        model is not among those that OpenAI or Ollama lists, the address does not answer, the guise
        is not fit to be sent (`guise.check_guise`), or batches of its provider cannot be made.
    """
    where = f"respondent {spec.name}"
    if spec.batch is not None:
        check_batches(spec)
    check_guise(spec, _room(spec))
    if spec.provenance == "simulated":
        from .simulated import load

        load(spec.model)  # a RespondentError names those there are
        return
    if spec.api_key_env and not spec.api_key:
        raise RespondentError(
            f"the environment variable {spec.api_key_env} holds no key.",
            where=where,
            todo=f"Set it in the shell (export {spec.api_key_env}=…) and run again.",
        )
    door = Door(spec)
    if spec.api_base is None and spec.api_key_env is None:
        wanted = litellm().validate_environment(model=spec.model)
        keys = [k for k in wanted.get("missing_keys", []) if not k.endswith("_API_BASE")]
        if not wanted.get("keys_in_environment") and keys:
            raise RespondentError(
                f"no key for {door.provider}: {' and '.join(keys)} not set in the environment.",
                where=where,
                todo=f"Set {keys[0]}, or name another variable in api_key_env.",
            )
    if door.provider in OLLAMA:
        _check_ollama(spec, door, timeout)
        return
    address = spec.api_base
    if address is None and door.provider == "openai":
        address = os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE") or _OPENAI
    if address is not None:
        _check_address(spec, door, address, timeout)
    elif door.prices is None:
        log.warning(
            "%s: LiteLLM knows no price for %s: the cost is unknown, and the name may be wrong",
            spec.name, spec.model,
        )  # fmt: skip


def refuse_outage(spec: RespondentSpec, answers: Sequence[Answer]) -> None:
    """Refuse to judge by its first answers a respondent that gave none.

    A rejection says that something is not given, and is final at once. What was tried to the end
    says nothing of the kind; to sample what could be read off would cost many times as much.

    Raises
    ------
    RespondentError
        If all of `answers` failed after every retry.
    """
    if answers and all(a.status == "failed" and a.attempts > max(1, spec.retries) for a in answers):
        raise RespondentError(
            f"{spec.model} did not answer the first question: {answers[0].error}",
            where=f"respondent {spec.name}",
            todo="Run again later: everything answered is kept. With mode: sample nobody asks for "
            "log-probabilities.",
        )


def ollama_models(address: str | None = None, timeout: float = 2.0) -> list[str] | None:
    """What Ollama at `address` (default: as LiteLLM finds it) has, by name; None: no answer.

    Raises
    ------
    ValueError
        If what answers there lists no models in Ollama's form.
    """
    import httpx

    address = _ollama_address(address)
    try:
        reply = httpx.get(f"{address.rstrip('/')}/api/tags", timeout=timeout)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    try:
        return sorted(str(row["name"]) for row in reply.json()["models"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{address} lists no models in Ollama's form") from None


def _ollama_address(given: str | None) -> str:
    return given or os.environ.get("OLLAMA_API_BASE") or _OLLAMA


def _check_ollama(spec: RespondentSpec, door: Door, timeout: float) -> None:
    """Ollama runs, and has the model: asked for one that it lacks, it would only fail."""
    where = f"respondent {spec.name}"
    if door.provider == "ollama":
        log.warning(
            "%s: by this name LiteLLM puts words of its own around every question; "
            "ollama_chat/%s sends it as it is", spec.name, door.model,
        )  # fmt: skip
    try:
        known = ollama_models(spec.api_base, timeout)
    except ValueError:
        return  # it answers; that it lists no models in this form is no fault
    if known is None:
        raise RespondentError(
            f"Ollama does not answer at {_ollama_address(spec.api_base)}.",
            where=where,
            todo="Start it with `ollama serve`, or give its address as --api-base.",
        )
    if door.model in known or f"{door.model}:latest" in known:
        return
    has = f"It has: {', '.join(known[:5])}." if known else "It lists none."
    raise RespondentError(
        f"Ollama has no model {door.model!r}.",
        where=where,
        todo=f"Fetch it with `ollama pull {door.model}`. {has}",
    )


def _room(spec: RespondentSpec) -> int | None:
    """Tokens that the model takes in, by LiteLLM's table; None where that is not known."""
    if spec.provenance == "simulated" or not (spec.system or spec.examples):
        return None
    table = litellm().model_cost
    row = table.get(spec.model) or table.get(spec.model.partition("/")[2]) or {}
    room = row.get("max_input_tokens") or row.get("max_tokens")
    return int(room) if isinstance(room, int | float) else None


def _check_address(spec: RespondentSpec, door: Door, address: str, timeout: float) -> None:
    import httpx

    where = f"respondent {spec.name}"
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise RespondentError(
            f"api_base {address!r} is not an address.",
            where=where,
            todo="Write it with http:// or https://, usually ending in /v1.",
        )
    key = spec.api_key or (os.environ.get("OPENAI_API_KEY") if spec.api_base is None else None)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        reply = httpx.get(f"{address.rstrip('/')}/models", headers=headers, timeout=timeout)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RespondentError(
            f"{address} does not answer ({type(error).__name__}).",
            where=where,
            todo="Start the server, or correct api_base."
            if spec.api_base
            else "Is there a network, and do a proxy or a firewall let it through?",
        ) from None
    if reply.status_code in (401, 403):
        raise RespondentError(
            f"{address} does not accept the key (status {reply.status_code}).",
            where=where,
            todo=f"Check the key in {spec.api_key_env or 'OPENAI_API_KEY'}.",
        )
    try:
        known = [str(row["id"]) for row in reply.json()["data"]] if reply.is_success else []
    except (ValueError, KeyError, TypeError):
        return  # it answers; that it lists no models in this form is no fault
    if not known or door.model in known or spec.model in known or door.model.startswith("ft:"):
        return
    near = difflib.get_close_matches(door.model, known, n=3) or sorted(known)[:3]
    if urlsplit(address).netloc == "api.openai.com":
        raise RespondentError(
            f"there is no model {door.model!r} at {address}.",
            where=where,
            todo=f"Near it: {', '.join(near)}.",
        )
    # Some servers list one name and answer to any.
    log.warning(
        "%s: %s lists no model %s (it lists %s)", spec.name, address, door.model, ", ".join(near)
    )
