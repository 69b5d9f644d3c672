"""Respondents that somebody tries to steer, by an assembly's votes; then asked like any other.

A controlled respondent is called ``<base>+<kind>`` and differs from its base in its guise
(``system_prompt``, ``examples``), in its model (``tuned``), or in nothing but the number of its
answers (``retest``: what asking twice changes by itself). It is remembered by the run, and its
choices are stored beside everybody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from revealed.foundation.errors import ConfigError, DataError
from revealed.foundation.paths import slug
from revealed.instruments import instruments_folder, load_instrument
from revealed.instruments.experiments.assembly import census_of
from revealed.respondents.guise import KINDS, controlled

from .material import ARM, Material, make_material, write_material
from .steps import elicit_respondent

if TYPE_CHECKING:
    from revealed.instruments import Instrument
    from revealed.measures.control import Answers, Topics
    from revealed.respondents import RespondentSpec

    from .config import Controls
    from .run import Run

PAIRS = "assembly_pairs"
"""The instrument that puts the assembly's pairs to a respondent itself."""
TOPICS = (PAIRS, "control_lives", "control_outcomes")
CALIBRATION = "calibration"
_APART = 10_000
"""Answers of a controlled respondent are numbered from here on, apart from its base's."""


def settings(run: Run) -> Controls:
    """What ``study.yaml`` says about controls.

    Raises
    ------
    ConfigError
        If it says nothing.
    """
    if run.study.controls is None:
        raise ConfigError(
            "the study names no controls.",
            where=run.study.root / "study.yaml",
            todo="Add `controls: {simulator: ..., respondents: [...], ask: [...]}`.",
        )
    return run.study.controls


def targets(run: Run, simulator: str | None = None) -> pd.DataFrame:
    """The assembly's share for every pair, weighted to its census, by its simulator's answers.

    Columns as of `measures.assembly.targets.targets`; the same shares as the assembly's chapter.

    Raises
    ------
    DataError
        If the simulator has not answered for the assembly.
    """
    from revealed.measures.assembly.margins import people, poststratification
    from revealed.measures.assembly.targets import targets as shares
    from revealed.measures.assembly.targets import votes

    wanted = settings(run)
    name = simulator or wanted.simulator
    if not run.has_answers(name, wanted.source):
        raise DataError(
            f"{name} has not answered for the {wanted.source} in run {run.name!r}.",
            todo=f"Ask it: `revealed run --run {run.name} --respondent {name} "
            f"--instrument {wanted.source}`.",
        )
    asked = run.answers(name, wanted.source), run.questions(name, wanted.source)
    margins = census_of(instruments_folder(run.paths.root)).margins()
    # Whoever the simulator refused to answer for is made up for by others of the kind.
    return shares(*asked, poststratification(people(votes(*asked), margins), margins))


def material(run: Run, simulator: str | None = None) -> Material:
    """Instruction, earlier turns and training file, by the assembly of `simulator`."""
    wanted = settings(run)
    return make_material(
        targets(run, simulator), load_instrument(PAIRS, run.paths.root).items["text"],
        shown=wanted.shown, repeats=wanted.repeats, seed=run.study.seed, root=run.paths.root,
    )  # fmt: skip


def export(run: Run, simulator: str | None = None, folder: Path | None = None) -> dict[str, Path]:
    """Write the material of an assembly with its datasheet; returns the paths by name.

    `folder` defaults to ``data/runs/<run>/control/<simulator>``.
    """
    wanted = settings(run)
    name = simulator or wanted.simulator
    aims = targets(run, name)
    train = aims[aims["split"] == "train"]
    facts = {
        "run": run.name, "simulator": name, "source": wanted.source, "seed": run.study.seed,
        "pairs": len(train), "repeats": wanted.repeats,
        "held_out": {k: int(n) for k, n in aims["split"].value_counts().items() if k != "train"},
        "provenance": run.provenance(name),
        "targets": train.drop(columns="split").round(6).to_dict("records"),
    }  # fmt: skip
    place = folder or run.paths.folder / "control" / slug(name)
    return write_material(material(run, name), place, facts)


def controlled_spec(run: Run, base: str, kind: str, made: Material) -> RespondentSpec:
    """How the respondent ``<base>+<kind>`` is asked.

    Raises
    ------
    ConfigError
        If there is no such kind, or `base` is controlled already.
    DataError
        If a real `base` has not been fine-tuned in this run.
    """
    if kind not in KINDS or controlled(base):
        raise ConfigError(
            f"there is no control {kind!r} of {base}.", todo=f"There are {', '.join(KINDS)}."
        )
    spec = run.spec(base)
    name = f"{base}+{kind}"
    change: dict[str, object] = {
        "name": name, "first_sample": spec.first_sample + _APART * (1 + KINDS.index(kind)),
    }  # fmt: skip
    if "seed" not in spec.model_fields_set:
        change["seed"] = run.study.seed
    if kind == "system_prompt":
        change["system"] = "\n\n".join(filter(None, (spec.system, made.system)))
    if kind == "examples":
        change["examples"] = (*spec.examples, *made.examples)
    if kind == "tuned":
        if spec.provenance != "simulated":
            return _tuned(run, name)
        from revealed.respondents.simulated.tuning import tune

        change["model"] = tune(spec.model, made.training)
    # Through validation again: a guise has limits.
    return type(spec).model_validate({**spec.model_dump(exclude_unset=True), **change})


def _tuned(run: Run, name: str) -> RespondentSpec:
    found = run.added().get(name)
    if found is None:
        base, _ = controlled(name) or (name, "")
        raise DataError(
            f"{base} has not been fine-tuned in run {run.name!r}.",
            todo=f"`revealed tune start --run {run.name} --respondent {base}` shows what it costs.",
        )
    return found


def specs(
    run: Run, bases: Sequence[str], kinds: Sequence[str] | None = None, simulator: str | None = None
) -> list[RespondentSpec]:
    """The controlled respondents of these bases, in the order of the study's kinds."""
    made = material(run, simulator)
    wanted = kinds if kinds is not None else settings(run).kinds
    return [controlled_spec(run, base, kind, made) for base in bases for kind in wanted]


def instruments(run: Run) -> list[str]:
    """The instruments that controlled respondents are asked."""
    wanted = settings(run)
    return list(
        dict.fromkeys(
            name for e in wanted.ask for name in run.study.experiments[e].instruments
        )
    )  # fmt: skip


def ask_controlled(
    run: Run,
    bases: Sequence[str],
    *,
    kinds: Sequence[str] | None = None,
    simulator: str | None = None,
    max_cost: float | None = None,
    progress: bool = True,
) -> dict[str, pd.DataFrame]:
    """Make the controlled respondents of `bases` and ask them; only what is missing is asked.

    The material is written beside the run's answers (`export`). A base that has not been asked the
    same is asked it first.

    Returns
    -------
    Counts of answers by respondent, as `steps.elicit_respondent` gives them.
    """
    from revealed.respondents.client import check_respondent

    export(run, simulator)
    made = specs(run, bases, kinds, simulator)
    for spec in made:  # before anybody is asked
        check_respondent(spec)
    counts = {}
    only = instruments(run)
    for base in bases:
        counts[base] = elicit_respondent(
            run, base, instruments=only, max_cost=max_cost, progress=progress
        )
    for spec in made:
        run.add(spec)
        counts[spec.name] = elicit_respondent(
            run, spec, instruments=only, max_cost=max_cost, progress=progress
        )
    return counts


def compared(run: Run) -> dict[str, list[str]]:
    """Bases that were asked, with what was made of each; real ones first.

    Empty where the assembly has not voted.
    """
    wanted = run.study.controls
    if wanted is None or not run.has_answers(wanted.simulator, wanted.source):
        return {}
    asked = [
        name for name in run.respondents if all(run.has(name, i) for i in (*TOPICS, CALIBRATION))
    ]
    made = [(controlled(name), name) for name in asked]
    found = {
        base: [name for of, name in made if of is not None and of[0] == base] for base in asked
    }
    known = [(base, names) for base, names in found.items() if names]
    return dict(sorted(known, key=lambda pair: run.provenance(pair[0]) == "simulated"))


def topics(run: Run) -> Topics:
    """What controlled respondents are asked about, for `measures.control`."""
    from revealed.measures.control import Topics

    politics, lives, outcomes, calibration = (
        load_instrument(name, run.paths.root) for name in (*TOPICS, CALIBRATION)
    )

    def listed(instrument: Instrument) -> list[tuple[str, str]]:
        assert instrument.pairs is not None
        return list(zip(instrument.pairs["first"], instrument.pairs["second"], strict=True))

    assert calibration.pairs is not None
    return Topics(
        politics.items, lives.items, listed(lives), listed(outcomes), calibration.pairs
    )  # fmt: skip


def answers(run: Run, respondent: str) -> Answers:
    """One respondent's stored choices, for `measures.control`."""
    from revealed.measures.control import Answers

    return Answers(
        respondent, *(run.choices(respondent, name, ARM) for name in (*TOPICS, CALIBRATION))
    )
