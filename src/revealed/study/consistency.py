"""Whether the parts of a study fit each other: names that are there, designs that go together."""

from __future__ import annotations

from collections.abc import Sequence

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import slug

from .conditions import check_conditions
from .config import Entry, Study, nearest


def check_study(study: Study) -> None:
    """Refuse a study whose parts do not fit each other.

    Raises
    ------
    ConfigError
        With the line: a name that nothing has, two respondents that would share their files, a
        design that does not go with what is asked or with the width at which it is to stop.
    """
    _check_names(study)
    _check_questions(study)
    _check_stops(study)


_PAIRS_ONLY = ("arms", "items", "pairs_per_item", "rounds", "triads", "holdout", "stop")
_STOPS: dict[str, tuple[str, ...]] = {
    "utility": ("adaptive", "original"),
    "log_price": ("curve", "indifference"),
}
"""Designs whose rounds can end at a width, by what the width is of."""


def _check_stops(study: Study) -> None:
    """A width is of something that the design estimates, and there are rounds that can end."""
    for name, experiment in study.experiments.items():
        for keys, design, stop in (
            ((), experiment.design, experiment.stop),
            (
                ("real",),
                experiment.real.design or experiment.design,
                experiment.real.stop or experiment.stop,
            ),
        ):
            if stop is None:
                continue
            kind = "utility" if stop.log_price is None else "log_price"
            if design not in _STOPS[kind]:
                raise ConfigError(
                    f"the design {design} does not stop at a width of {kind}.",
                    where=study.line("experiments", name, *keys, "stop"),
                    todo=f"Designs that do: {' and '.join(_STOPS[kind])}.",
                )


def _check_questions(study: Study) -> None:
    """Questions have forms of their own: what belongs to pairs would mean nothing there."""
    for name, experiment in study.experiments.items():
        real = experiment.real
        designs = {experiment.design, real.design or experiment.design}
        if "questions" in designs and len(designs) > 1:
            raise ConfigError(
                "questions and pairs are not asked in one experiment.",
                where=study.line("experiments", name, "real", "design"),
                todo="Make two experiments of it.",
            )
        if experiment.design != "questions":
            continue
        for keys, given in (
            ((), experiment.model_fields_set),
            (("real",), real.model_fields_set),
        ):
            for key in _PAIRS_ONLY:
                if key in given:
                    raise ConfigError(
                        f"{key} means nothing where single questions are asked.",
                        where=study.line("experiments", name, *keys, key),
                        todo=f"Take `{key}` out: a question is put in its own form."
                        if key == "arms"
                        else f"Take `{key}` out; `samples` says how often a question is asked.",
                    )


def _check_names(study: Study) -> None:
    """Every experiment asked for exists, and no two respondents share files."""
    asked = [
        *((("respondents", i, "ask"), entry.ask) for i, entry in enumerate(study.respondents)),
        (("ask_new",), study.ask_new),
        (("trial", "ask"), study.trial.ask if study.trial is not None else ()),
    ]
    for keys, names in asked:
        for name in names:
            if name not in study.experiments:
                raise ConfigError(
                    f"no experiment {name!r}.",
                    where=study.line(*keys),
                    todo=nearest(name, study.experiments)
                    or f"Known: {', '.join(study.experiments)}.",
                )
    listed = [entry.spec.name for entry in study.respondents]
    _check_controls(study, listed)
    sets = {entry.spec.name: _sets_of(study, entry) for entry in study.respondents}
    check_conditions(
        study.conditions, study.judges, sets, study.line,
        lambda name: nearest(name, listed) or f"Known: {', '.join(listed)}.",
    )  # fmt: skip
    for keys, names in (
        (("fast", "respondents"), study.fast.respondents if study.fast is not None else ()),
        (("trial", "beside"), study.trial.beside if study.trial is not None else ()),
    ):
        for name in names:
            if name not in listed:
                raise ConfigError(
                    f"no respondent {name!r}.",
                    where=study.line(*keys),
                    todo=nearest(name, listed) or f"Known: {', '.join(listed)}.",
                )
    seen: dict[str, str] = {}
    for i, entry in enumerate(study.respondents):
        name = entry.spec.name
        if slug(name) in seen:
            raise ConfigError(
                f"the respondents {seen[slug(name)]!r} and {name!r} would share their files.",
                where=study.line("respondents", i),
                todo="Give one of them another `name`.",
            )
        seen[slug(name)] = name


def _sets_of(study: Study, entry: Entry) -> list[str]:
    """What the experiments of a respondent name, patterns as they are."""
    return [name for e in entry.ask for name in study.experiments[e].instruments]


def _check_controls(study: Study, listed: Sequence[str]) -> None:
    """Whoever is steered is asked, before it is steered, what it is asked afterwards."""
    controls = study.controls
    if controls is None:
        return
    for key, names in (("simulator", (controls.simulator,)), ("respondents", controls.respondents)):
        for name in names:
            if name not in listed:
                raise ConfigError(
                    f"no respondent {name!r}.",
                    where=study.line("controls", key),
                    todo=nearest(name, listed) or f"Known: {', '.join(listed)}.",
                )
    if unknown := [name for name in controls.ask if name not in study.experiments]:
        raise ConfigError(
            f"no experiment {unknown[0]!r}.",
            where=study.line("controls", "ask"),
            todo=nearest(unknown[0], study.experiments),
        )
    asked = {entry.spec.name: entry.ask for entry in study.respondents}
    for name in controls.respondents:
        if lacking := [e for e in controls.ask if e not in asked[name]]:
            raise ConfigError(
                f"{name} is not asked {lacking[0]!r}, so nothing can be compared with it.",
                where=study.line("controls", "ask"),
                todo=f"Add {lacking[0]} to what {name} is asked.",
            )
