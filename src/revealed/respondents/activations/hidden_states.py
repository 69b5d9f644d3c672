"""Hidden states of a transformer for a set of texts (torch and transformers, imported late)."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...foundation.errors import ConfigError, RespondentError
from .file import About, Activations, checksum

Pooling = Literal["mean", "last"]


def _libraries() -> tuple[Any, Any]:
    try:
        return importlib.import_module("torch"), importlib.import_module("transformers")
    except ImportError as error:
        raise ConfigError(
            f"activations need torch and transformers ({error}).",
            todo="Install the extra: pip install '.[probe]'.",
        ) from error


def extract(
    model: str,
    texts: Mapping[str, str],
    instrument: str,
    *,
    revision: str = "main",
    pooling: Pooling = "mean",
    dtype: str = "float32",
    batch: int = 16,
    seed: int = 0,
) -> Activations:
    """Every layer's activations for every text, of the model and of its untrained twin.

    Parameters
    ----------
    model
        A folder with a model and its tokenizer, or a name that transformers can fetch.
    texts
        Option texts by item id.
    revision
        Commit, tag or branch of a fetched model; of a folder it says nothing and is "local".
    pooling
        ``mean`` over the tokens of a text, or its ``last`` token.
    dtype
        Type to run in (``float32``, ``bfloat16``, ``float16``); activations are kept as float16
        where they fit, else float32.
    seed
        Draws the untrained twin's weights.

    Raises
    ------
    ConfigError
        If torch or transformers is not installed, or an option is unknown.
    RespondentError
        If the model cannot be loaded.
    """
    torch, transformers = _libraries()
    if pooling not in ("mean", "last"):
        raise ConfigError(f"unknown pooling {pooling!r}.", todo="Use mean or last.")
    if dtype not in ("float32", "bfloat16", "float16"):
        raise ConfigError(f"unknown dtype {dtype!r}.", todo="Use float32, bfloat16 or float16.")
    local = Path(model).is_dir()
    where = {"local_files_only": True} if local else {"revision": revision}
    kind = getattr(torch, dtype)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(model, **where)
        trained = transformers.AutoModel.from_pretrained(model, dtype=kind, **where)
    except (OSError, ValueError, KeyError) as error:
        raise RespondentError(
            f"the model {model!r} cannot be loaded ({str(error).splitlines()[0]}).",
            todo="Give a folder with model and tokenizer, or a name with a network to fetch it.",
        ) from error
    torch.manual_seed(seed)
    untrained = transformers.AutoModel.from_config(trained.config).to(kind)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    states = [
        _narrow(_hidden(torch, tokenizer, each.to(device).eval(), list(texts.values()), pooling,
                        batch, device))
        for each in (trained, untrained)
    ]  # fmt: skip
    about = About(
        model=Path(model).resolve().name if local else model,
        revision="local" if local else revision,
        instrument=instrument, texts=checksum(texts), pooling=pooling, dtype=dtype,
    )  # fmt: skip
    if states[0].dtype != states[1].dtype:
        states = [each.astype(np.float32) for each in states]
    return Activations(tuple(texts), tuple(range(len(states[0]))), states[0], states[1], about)


def _hidden(
    torch: Any,
    tokenizer: Any,
    model: Any,
    texts: list[str],
    pooling: Pooling,
    batch: int,
    device: str,
) -> NDArray[np.float32]:
    """Pooled hidden states, shape (layers, texts, width)."""
    parts = []
    # Texts of one number of tokens at a time: padding would enter some models' states.
    encoded = [tokenizer(text)["input_ids"] for text in texts]
    if empty := [text for text, ids in zip(texts, encoded, strict=True) if not ids]:
        raise RespondentError(f"the tokenizer makes nothing of the text {empty[0]!r}.")
    order = sorted(range(len(texts)), key=lambda k: len(encoded[k]))
    start = 0
    while start < len(order):
        length = len(encoded[order[start]])
        chosen = [k for k in order[start : start + batch] if len(encoded[k]) == length]
        ids = torch.tensor([encoded[k] for k in chosen], device=device)
        with torch.no_grad():
            layers = model(input_ids=ids, output_hidden_states=True).hidden_states
        pooled = [
            (layer.mean(dim=1) if pooling == "mean" else layer[:, -1]).float().cpu().numpy()
            for layer in layers
        ]
        parts.append(np.stack(pooled))
        start += len(chosen)
    together = np.concatenate(parts, axis=1)
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return np.asarray(together[:, back], dtype=np.float32)


def _narrow(values: NDArray[np.float32]) -> NDArray[np.floating]:
    """Half precision where no number overflows it: the file is half as large."""
    if np.isfinite(values).all() and np.abs(values).max(initial=0.0) < 6e4:
        return values.astype(np.float16)
    return values
