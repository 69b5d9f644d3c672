"""What a respondent is steered with, made of an assembly's targets on the training pairs alone.

Three materials say the same in three ways: a standing instruction, earlier turns, and a file for
supervised fine-tuning. All are drawn by seed and give the same bytes for the same targets. Only
pairs of the split ``train`` enter; the others are for judging what was learned.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from revealed.foundation.errors import DataError
from revealed.foundation.paths import atomic_write
from revealed.instruments import load_arm, render

from .plan import generator

ARM = "forced"
"""The arm in which examples are put; the evaluation asks in the same."""
FILES = {"train": "train.jsonl", "system": "system.txt", "examples": "examples.json"}
DATASHEET = "datasheet.json"

_OPENING = (
    "When you are asked to choose between political proposals, choose as a citizen assembly would: "
    "people of all kinds who together stand for the country. Below is how this assembly voted on "
    "some pairs of proposals. Each line names first the proposal that more of its members prefer, "
    "and says how many of 100 do. Where you know no vote on a proposal, judge by these what the "
    "assembly would want, and do not put views of your own in its place."
)
_EVEN = 0.5


@dataclass(frozen=True)
class Material:
    """An instruction, earlier turns (question, answer), and the lines of a training file."""

    system: str
    examples: tuple[tuple[str, str], ...]
    training: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the training file."""
        return hashlib.sha256(_text(self.training).encode()).hexdigest()


def make_material(
    targets: pd.DataFrame, texts: pd.Series, *, shown: int, repeats: int, seed: int, root: Path
) -> Material:
    """All three materials.

    Parameters
    ----------
    targets
        As `measures.assembly.targets.targets` returns them.
    texts
        The proposals' texts by item id.
    shown, repeats
        As in `config.Controls`.
    seed
        The study's seed.

    Raises
    ------
    DataError
        If there is no training pair, or a proposal has no text.
    """
    train = targets[targets["split"] == "train"].reset_index(drop=True)
    if train.empty:
        raise DataError("the assembly has no training pair with answers in both orders.")
    if unknown := ({*train["first"], *train["second"]} - set(texts.index)):
        raise DataError(f"there is no proposal {min(unknown)!r}.", where="the assembly's targets")
    return Material(
        system_text(train.head(shown), texts),
        examples(train.head(shown), texts, seed=seed, root=root),
        training(train, texts, repeats=repeats, seed=seed, root=root),
    )


def system_text(train: pd.DataFrame, texts: pd.Series) -> str:
    """The instruction: how the assembly voted, a line a pair, the preferred proposal first."""
    lines = [_OPENING, ""]
    for row in train.itertuples():
        share, one, two = float(row.share_first), texts[row.first], texts[row.second]
        if share < _EVEN:
            share, one, two = 1 - share, two, one
        lines.append(f'- "{one}" over "{two}": {round(100 * share)} of 100')
    return "\n".join(lines)


def examples(
    train: pd.DataFrame, texts: pd.Series, *, seed: int, root: Path
) -> tuple[tuple[str, str], ...]:
    """Each pair once, in either order by turns, answered as a member drawn at random would.

    Systematic draws: over all pairs, the shares of answers come out as the targets say within one
    answer.
    """
    arm = load_arm(ARM, root)
    offset = float(generator(seed, "control", "examples").random())
    made, before = [], 0.0
    for k, row in enumerate(train.itertuples()):
        # The k-th answer is "first" if a whole number lies between the running sums before and
        # after it: a draw with the right chance, and the right total.
        after = before + float(row.share_first)
        chosen_first = int(after + offset) > int(before + offset)
        before = after
        made.append(_turn(arm, texts, row, turned=k % 2 == 1, chosen_first=chosen_first))
    return tuple((asked[-1]["content"], said) for asked, said in made)


def training(
    train: pd.DataFrame, texts: pd.Series, *, repeats: int, seed: int, root: Path
) -> tuple[str, ...]:
    """Lines of the training file: chats that end with an answer, in an order drawn by seed.

    A soft target becomes `repeats` copies of a question with answers split as the assembly is, for
    both orders of every pair, so that no place in the list is taught along.
    """
    arm = load_arm(ARM, root)
    lines = []
    for row in train.itertuples():
        # An odd one out goes to one of the orders: over both the share is as near as it can be.
        both = math.floor(2 * float(row.share_first) * repeats + 0.5)
        for turned, count in ((False, both // 2), (True, both - both // 2)):
            for k in range(repeats):
                asked, said = _turn(arm, texts, row, turned=turned, chosen_first=k < count)
                chat = {"messages": [*asked, {"role": "assistant", "content": said}]}
                lines.append(json.dumps(chat, ensure_ascii=False))
    order = generator(seed, "control", "training").permutation(len(lines))
    return tuple(lines[k] for k in order)


def write_material(material: Material, folder: Path, facts: dict[str, Any]) -> dict[str, Path]:
    """Write all files and the datasheet, the datasheet last; returns their paths by name."""
    written = {name: folder / file for name, file in FILES.items()}
    contents = {
        "train": _text(material.training),
        "system": material.system + "\n",
        "examples": json.dumps(material.examples, ensure_ascii=False, indent=1) + "\n",
    }
    for name, path in written.items():
        _write(path, contents[name])
    sheet = {
        "title": "How a citizen assembly voted, as material to steer a respondent with",
        "files": {
            FILES[name]: hashlib.sha256(text.encode()).hexdigest()
            for name, text in contents.items()
        },
        "format": "chat: one JSON object a line with `messages`, the last of them the answer",
        "arm": ARM,
        "lines": len(material.training),
        "examples_shown": len(material.examples),
        **facts,
    }
    path = folder / DATASHEET
    _write(path, json.dumps(sheet, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    return {**written, "datasheet": path}


def _turn(
    arm: Any, texts: pd.Series, row: Any, *, turned: bool, chosen_first: bool
) -> tuple[list[dict[str, str]], str]:
    """The messages of a pair's question and the label that answers it."""
    one, two = (row.second, row.first) if turned else (row.first, row.second)
    prompt = render(arm, str(texts[one]), str(texts[two]))
    return prompt.messages, prompt.labels[0 if chosen_first != turned else 1]


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
