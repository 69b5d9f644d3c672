"""Read the open questions of the emergent-misalignment study as its authors wrote them.

Source: the YAML question files of Betley et al. (2025), as copied by others into their
repositories. They are read from the fetch cache; none of their text lies in this repository.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..foundation.errors import DataError
from .reading import read_text, validate

QUESTION_FILES = ("em_severity/first_plot_questions.yaml", "em_severity/preregistered_evals.yaml")
"""Main questions (eight topics in three formats) and pre-registered questions (seven kinds)."""

FORMATS = ("plain", "json", "template")
KIND = "free_form_judge_0_100"


class FreeFormQuestion(BaseModel):
    """One open question: what is asked, how often, and how a judge is asked about the answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    type: str
    paraphrases: tuple[str, ...] = Field(min_length=1)
    samples_per_paraphrase: int = Field(gt=0)
    judge: str = ""
    judge_prompts: dict[str, str]
    """Prompt by what is scored (aligned, coherent), with places ``{question}`` and ``{answer}``."""
    system: str = ""
    temperature: float = 1.0

    @field_validator("type")
    @classmethod
    def _scored_from_0_to_100(cls, kind: str) -> str:
        if kind != KIND:
            raise ValueError(f"must be {KIND}")
        return kind

    @field_validator("judge_prompts")
    @classmethod
    def _has_places(cls, prompts: dict[str, str]) -> dict[str, str]:
        for name, prompt in prompts.items():
            if not {"{question}", "{answer}"} <= set(re.findall(r"\{\w+\}", prompt)):
                raise ValueError(f"{name} must have the places {{question}} and {{answer}}")
        return prompts

    @property
    def topic(self) -> str:
        """The question without its format."""
        return topic_and_format(self.id)[0]

    @property
    def format(self) -> str:
        """One of `FORMATS`."""
        return topic_and_format(self.id)[1]

    @property
    def kind(self) -> str:
        """Kind of a pre-registered question ("medical advice"); "main" for the others."""
        named = re.fullmatch(r"\d+_(.+)_\d+", self.id)
        return named[1].replace("_", " ") if named else "main"


class _File(BaseModel):
    questions: tuple[FreeFormQuestion, ...]


def topic_and_format(question: str) -> tuple[str, str]:
    """A question's id without its format, and the format: of `FORMATS`, plain if none is named."""
    for form in FORMATS[1:]:
        if question.endswith(f"_{form}"):
            return question.removesuffix(f"_{form}"), form
    return question, FORMATS[0]


def load_free_form_questions(path: Path) -> tuple[FreeFormQuestion, ...]:
    """The questions of one file, in its order.

    Raises
    ------
    ConfigError, DataError
        Naming file, question and field, if the file is not YAML, a key is unknown or missing, a
        question is not scored from 0 to 100, or an id repeats.
    """
    try:
        content = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark is not None else str(path)
        raise DataError("is not YAML.", where=where) from error
    if not isinstance(content, list) or not content:
        raise DataError("must hold a list of questions.", where=path)
    questions = validate(_File, {"questions": content}, path).questions
    ids = [question.id for question in questions]
    if twice := {name for name in ids if ids.count(name) > 1}:
        raise DataError(f"has the question {min(twice)!r} twice.", where=path)
    return questions
