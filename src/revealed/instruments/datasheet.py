"""What a reader must know of an instrument before believing what it measured."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Sentence = Annotated[str, Field(min_length=20)]


class Datasheet(BaseModel):
    """Purpose, construction and known limits of an instrument; none may be missing."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    title: Annotated[str, Field(min_length=3)]
    purpose: Sentence
    construction: Sentence
    limits: Annotated[list[Sentence], Field(min_length=1)]
