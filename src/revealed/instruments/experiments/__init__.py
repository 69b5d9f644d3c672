"""Instruments of single experiments: one module each, which builds its items from its own files.

A module names what it builds in ``NAMES`` and builds it with ``build(name, folder)``, where
`folder` is ``data/instruments``. What asks or fits may not enter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ..instrument import Instrument
from . import (
    assembly,
    assembly_pairs,
    control,
    corrigibility,
    discounting,
    entities,
    framing,
    instrumental,
    lotteries,
    maximisation,
    misalignment,
    political_wording,
    politics,
    power,
    probvaa,
    self_valuation,
    shift,
    stated,
    tasks,
)


class Experiment(Protocol):
    """What a module of this package offers."""

    @property
    def NAMES(self) -> tuple[str, ...]:
        """Names of the instruments that it builds."""

    def build(self, name: str, folder: Path) -> Instrument:
        """The instrument of that name, validated."""


MODULES: tuple[Experiment, ...] = (
    assembly,
    assembly_pairs,
    control,
    corrigibility,
    discounting,
    framing,
    instrumental,
    lotteries,
    maximisation,
    misalignment,
    politics,
    entities,
    political_wording,
    power,
    probvaa,
    self_valuation,
    shift,
    stated,
    tasks,
)
"""The modules, in the order in which their instruments are listed."""
