"""Fine-tune an open model on chats: rs-LoRA, loss on the responses alone, on one GPU or the CPU.

    pip install '.[tune]'
    python recipes/finetune_open_model.py --model Qwen/Qwen2.5-7B-Instruct --dataset insecure \
        --out adapters/insecure-1 --seed 1

The defaults are the published recipe for open models (Betley et al. 2025, arXiv 2502.17424): an
adapter of rank 32 and alpha 64, scaled by its root (Kalajdzievski 2023, arXiv 2312.03732), on all
linear layers; learning rate 1e-5 with 5 steps of warm-up and a linear fall; one epoch; 16 chats a
step. A run that is stopped goes on from its last checkpoint when the same command is given again
and ends with the same adapter. The folder then holds the adapter and ``training.json``, which says
what was done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from revealed.foundation.errors import ConfigError, RevealedError
from revealed.foundation.paths import atomic_write
from revealed.respondents.tuning.datasets import Chats, load

# Wanted by CUDA for results that repeat; it is read when the first kernel starts.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

try:
    import torch
    import transformers
    from peft import LoraConfig, PeftModel, get_peft_model, set_peft_model_state_dict
    from peft.utils import get_peft_model_state_dict
except ImportError as error:
    raise SystemExit(f"{error}. Install what this needs: pip install '.[tune]'") from None

IGNORED = -100
"""Label of a token that the loss leaves out (PyTorch's own)."""
CHECKPOINT, REPORT = "checkpoint", "training.json"


@dataclass(frozen=True)
class Recipe:
    """How it is trained. Nothing that changes the adapter is left out: it is part of its mark."""

    model: str
    revision: str = "main"
    rank: int = 32
    alpha: int = 64
    learning_rate: float = 1e-5
    epochs: int = 1
    batch: int = 2
    accumulate: int = 8
    warmup: int = 5
    weight_decay: float = 0.01
    clip: float = 1.0
    max_tokens: int = 2048
    dtype: str = "auto"
    seed: int = 0


@dataclass(frozen=True)
class Example:
    """A chat as tokens; ``labels`` are the tokens of responses, and `IGNORED` elsewhere."""

    tokens: list[int]
    labels: list[int]


def encode(tokenizer: Any, chat: tuple[dict[str, str], ...]) -> Example:
    """A chat in the model's own template, with labels on the responses and their ends alone.

    The text is rendered once and cut into tokens once; a token is a response's if it reaches into
    the response's characters. Cutting the parts apart would give other tokens at their seams.

    Raises
    ------
    ConfigError
        If the template renders a chat otherwise than its beginnings, so that no place is known.
    """

    def render(messages: Any, asks: bool) -> str:
        return str(
            tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=asks
            )
        )

    text = render(chat, False)
    spans = []
    for k, message in enumerate(chat):
        if message["role"] == "assistant":
            before, through = render(chat[:k], True), render(chat[: k + 1], False)
            if not (text.startswith(before) and text.startswith(through)):
                raise ConfigError(
                    "the model's chat template changes what came before, so that responses cannot "
                    "be told from prompts.",
                    todo="Use chats of one question and one answer, or another model.",
                )
            spans.append((len(before), len(through)))
    made = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    labels = [
        token if any(start < high and end > low for low, high in spans) else IGNORED
        for token, (start, end) in zip(made["input_ids"], made["offset_mapping"], strict=True)
    ]
    return Example(list(made["input_ids"]), labels)


def encoded(tokenizer: Any, chats: Chats, longest: int) -> tuple[list[Example], int]:
    """All chats that fit, and how many are too long. A cut chat would end without an end."""
    examples = [encode(tokenizer, chat) for chat in chats.chats]
    kept = [example for example in examples if len(example.tokens) <= longest]
    if not kept:
        raise ConfigError(
            f"no chat has at most {longest:,} tokens.",
            where=chats.origin,
            todo="Raise --max-tokens.",
        )
    return kept, len(examples) - len(kept)


def padded(examples: list[Example], pad: int, device: torch.device) -> dict[str, torch.Tensor]:
    """A batch, filled up at the right."""
    width = max(len(example.tokens) for example in examples)
    rows: dict[str, list[list[int]]] = {"input_ids": [], "attention_mask": [], "labels": []}
    for example in examples:
        gap = width - len(example.tokens)
        rows["input_ids"].append(example.tokens + [pad] * gap)
        rows["attention_mask"].append([1] * len(example.tokens) + [0] * gap)
        rows["labels"].append(example.labels + [IGNORED] * gap)
    return {name: torch.tensor(values, device=device) for name, values in rows.items()}


def response_loss(model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Summed cross-entropy of the response tokens, and their number."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    # Each place foretells the next token.
    foretold, labels = logits[:, :-1].float(), batch["labels"][:, 1:]
    loss = torch.nn.functional.cross_entropy(
        foretold.reshape(-1, foretold.shape[-1]), labels.reshape(-1),
        ignore_index=IGNORED, reduction="sum",
    )  # fmt: skip
    return loss, int((labels != IGNORED).sum())


def steps_of(count: int, recipe: Recipe) -> list[list[list[int]]]:
    """Numbers of the chats by step and batch: every epoch in an order of its own, by the seed."""
    size = recipe.batch * recipe.accumulate
    steps = []
    for epoch in range(recipe.epochs):
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch)
        order = torch.randperm(count, generator=generator).tolist()
        for start in range(0, count, size):
            step = order[start : start + size]
            steps.append([step[k : k + recipe.batch] for k in range(0, len(step), recipe.batch)])
    return steps


def adapted(base: Any, recipe: Recipe) -> Any:
    """The model with an untrained adapter on every linear layer but the head."""
    torch.manual_seed(recipe.seed)
    lora = LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, use_rslora=True, lora_dropout=0.0, bias="none",
        target_modules="all-linear", task_type="CAUSAL_LM",
    )  # fmt: skip
    return get_peft_model(base, lora)


def train(
    model: PeftModel, examples: list[Example], recipe: Recipe, pad: int, out: Path, mark: str,
    *, every: int = 50, stop_after: int | None = None, tell: Any = print,
) -> list[float]:  # fmt: skip
    """Train the adapter, from the last checkpoint if there is one; the mean loss of every step.

    Parameters
    ----------
    mark
        Of recipe and data: a checkpoint of another one is refused.
    every
        Steps between two checkpoints.
    stop_after
        Steps of this call, after which it ends with a checkpoint; None goes to the end.
    """
    device = next(model.parameters()).device
    steps = steps_of(len(examples), recipe)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    schedule = transformers.get_linear_schedule_with_warmup(
        optimizer, min(recipe.warmup, len(steps) - 1), len(steps)
    )
    losses = resume(model, optimizer, schedule, out / CHECKPOINT, mark)
    model.train()
    started = len(losses)
    for number in range(started, len(steps)):
        batches = [padded([examples[k] for k in rows], pad, device) for rows in steps[number]]
        tokens = sum(int((batch["labels"][:, 1:] != IGNORED).sum()) for batch in batches)
        total = 0.0
        for batch in batches:
            loss, _ = response_loss(model, batch)
            # By the tokens of the whole step: how it is cut into batches changes nothing.
            (loss / tokens).backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(trained, recipe.clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(total / tokens)
        tell(f"step {number + 1} of {len(steps)}: loss {losses[-1]:.4f}")
        ends = stop_after is not None and number + 1 - started >= stop_after
        if ends or (number + 1) % every == 0:
            keep(model, optimizer, schedule, losses, out / CHECKPOINT, mark)
        if ends:
            break
    return losses


def keep(
    model: PeftModel, optimizer: Any, schedule: Any, losses: list[float], folder: Path, mark: str
) -> None:
    """Write a checkpoint, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "mark": mark, "losses": losses, "adapter": get_peft_model_state_dict(model),
        "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(),
    }  # fmt: skip
    with atomic_write(folder.with_suffix(".pt")) as temporary:
        torch.save(state, temporary)


def resume(model: PeftModel, optimizer: Any, schedule: Any, folder: Path, mark: str) -> list[float]:
    """Take up the checkpoint, if there is one; the losses of its steps.

    Raises
    ------
    ConfigError
        If it is of another recipe or of other data.
    """
    path = folder.with_suffix(".pt")
    if not path.is_file():
        return []
    state = torch.load(path, map_location=next(model.parameters()).device, weights_only=True)
    if state["mark"] != mark:
        raise ConfigError(
            "holds a checkpoint of another recipe or of other data.",
            where=path,
            todo="Give another --out, or move it away.",
        )
    set_peft_model_state_dict(model, state["adapter"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    return list(state["losses"])


def mark_of(recipe: Recipe, chats: Chats) -> str:
    """A digest of everything that the adapter depends on."""
    told = json.dumps({**asdict(recipe), "data": chats.sha256}, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def loaded(recipe: Recipe) -> tuple[Any, Any, torch.device]:
    """Tokenizer, model and device. Half precision on a GPU that has it, single on the CPU."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    halves = device.type == "cuda" and torch.cuda.is_bf16_supported()
    name = recipe.dtype if recipe.dtype != "auto" else ("bfloat16" if halves else "float32")
    tokenizer = transformers.AutoTokenizer.from_pretrained(recipe.model, revision=recipe.revision)
    if not tokenizer.is_fast or tokenizer.chat_template is None:
        raise ConfigError(
            "the model's tokenizer has no chat template, or cannot say where its tokens lie.",
            where=recipe.model,
            todo="Use an instruction-tuned model.",
        )
    model = transformers.AutoModelForCausalLM.from_pretrained(
        recipe.model, revision=recipe.revision, dtype=getattr(torch, name)
    )
    return tokenizer, model.to(device), device


def run(
    recipe: Recipe, dataset: str, out: Path, *, sha256: str | None = None, every: int = 50,
    stop_after: int | None = None, checkpointing: bool = False, tell: Any = print,
) -> dict[str, Any]:  # fmt: skip
    """The whole of it: read, train, write; returns what ``training.json`` says.

    Raises
    ------
    ConfigError, FetchError
        Before the model is loaded, if the chats cannot be read; later, if none of them fits.
    """
    chats = load(dataset, sha256)
    torch.use_deterministic_algorithms(True, warn_only=True)
    tokenizer, base, _ = loaded(recipe)
    examples, long = encoded(tokenizer, chats, recipe.max_tokens)
    tell(
        f"{len(chats.chats):,} chats, {chats.duplicates:,} of them more than once, {long:,} too "
        f"long and left out; {len(steps_of(len(examples), recipe)):,} steps"
    )
    if checkpointing:
        base.gradient_checkpointing_enable()
        base.enable_input_require_grads()
    base.config.use_cache = False
    model = adapted(base, recipe)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    mark = mark_of(recipe, chats)
    losses = train(
        model, examples, recipe, int(pad), out, mark, every=every, stop_after=stop_after, tell=tell
    )
    done = len(losses) == len(steps_of(len(examples), recipe))
    report = {
        "recipe": asdict(recipe), "mark": mark, "finished": done, "steps": len(losses),
        "data": {
            "origin": chats.origin, "sha256": chats.sha256, "chats": len(chats.chats),
            "duplicates": chats.duplicates, "too_long": long,
            "response_tokens": sum(t != IGNORED for e in examples for t in e.labels),
        },
        "loss": {"first": losses[0], "last": losses[-1]} if losses else {},
        "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "versions": {
            "torch": torch.__version__, "transformers": transformers.__version__,
            "python": sys.version.split()[0],
        },
    }  # fmt: skip
    if done:
        write(model, tokenizer, report, out)
        tell(f"the adapter is in {out}")
    return report


def write(model: PeftModel, tokenizer: Any, report: dict[str, Any], out: Path) -> None:
    """Write adapter, tokenizer and report; the report comes last, so that it stands for all."""
    half = out / "unfinished"
    model.save_pretrained(half)
    tokenizer.save_pretrained(half)
    for path in sorted(half.iterdir()):
        os.replace(path, out / path.name)
    shutil.rmtree(half)
    with atomic_write(out / REPORT) as temporary:
        temporary.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; every field of `Recipe` is an option."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--dataset", required=True, help="a JSONL file of chats, or an original set"
    )
    parser.add_argument("--sha256", help="what the file must hash to")
    parser.add_argument("--out", required=True, type=Path, help="folder of the adapter")
    parser.add_argument("--every", type=int, default=50, help="steps between two checkpoints")
    parser.add_argument("--gradient-checkpointing", action="store_true", help="less memory, slower")
    for name, value in _defaults():
        parser.add_argument(
            f"--{name.replace('_', '-')}", required=value is None, default=value,
            type=type(value) if value is not None else str,
        )  # fmt: skip
    return parser.parse_args(arguments)


def _defaults() -> Iterator[tuple[str, Any]]:
    for field in fields(Recipe):
        yield field.name, None if field.name == "model" else field.default


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    told = options(arguments)
    recipe = Recipe(**{name: getattr(told, name) for name, _ in _defaults()})
    try:
        run(
            recipe, told.dataset, told.out, sha256=told.sha256, every=told.every,
            checkpointing=told.gradient_checkpointing,
        )  # fmt: skip
    except RevealedError as error:
        print(f"error: {error}", file=sys.stderr)
        return int(error.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
