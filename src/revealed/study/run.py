"""One run on disk: what was answered, what was fitted, what was found.

Notebooks reach data only through a `Run`, so that no notebook knows where a file lies. Opening a
run computes nothing and asks nobody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from revealed.foundation.errors import ConfigError, DataError, RevealedError
from revealed.foundation.paths import RunPaths, atomic_write, project_root, slug
from revealed.foundation.provenance import record
from revealed.foundation.schemas import (
    ANSWERS,
    CHOICES,
    UTILITIES,
    Finding,
    Provenance,
    read_findings,
    read_table,
    write_findings,
    write_table,
)

from .conditions import Condition
from .config import Study, nearest
from .reading import load_study

if TYPE_CHECKING:
    from revealed.respondents import Ledger, RespondentSpec
    from revealed.utilities import Fit


@dataclass(frozen=True)
class Run:
    """A run of a study: its paths and what stands there."""

    study: Study
    paths: RunPaths

    @property
    def name(self) -> str:
        """The run's name, a folder under ``data/runs``."""
        return self.paths.run

    @property
    def fast(self) -> bool:
        """Whether this is a run of the study's small profile, not for quoting."""
        return self.paths.fast.is_file()

    @property
    def trial(self) -> bool:
        """Whether this is a first look at models (`revealed try`), not for quoting."""
        return self.paths.trial.is_file()

    def ledger(self) -> Ledger:
        """Where answers are kept, to be used as a context manager.

        That of a part also knows what the run held before.
        """
        from revealed.respondents import Ledger

        earlier = self.paths.earlier if self.paths.part is not None else None
        known = earlier is not None and earlier.is_file()
        return Ledger(self.paths.ledger, earlier=earlier if known else None)

    # Respondents -------------------------------------------------------------------------------

    def added(self) -> dict[str, RespondentSpec]:
        """Respondents asked in this run that ``study.yaml`` does not list, by name."""
        from revealed.respondents import RespondentSpec

        specs = {}
        for path in sorted((self.paths.folder / "respondents").glob("*.json")):
            spec = RespondentSpec.model_validate_json(path.read_text(encoding="utf-8"))
            specs[spec.name] = spec
        return specs

    def add(self, spec: RespondentSpec) -> None:
        """Remember a respondent that ``study.yaml`` does not list (keys are never written)."""
        path = self.paths.folder / "respondents" / f"{slug(spec.name)}.json"
        with atomic_write(path) as temporary:
            temporary.write_text(spec.model_dump_json(indent=1) + "\n", encoding="utf-8")

    def conditions(self) -> tuple[Condition, ...]:
        """What was done to which respondents: the study's conditions, then those made in this run.

        One that was made for a condition of the study, by name, is another training of it.
        """
        found = {condition.name: condition for condition in self.study.conditions}
        for path in sorted((self.paths.folder / "conditions").glob("*.json")):
            made = Condition.model_validate(json.loads(path.read_text(encoding="utf-8")))
            known = found.get(made.name)
            if known is not None:
                names = tuple(dict.fromkeys((*known.respondents, *made.respondents)))
                made = known.model_copy(update={"respondents": names})
            found[made.name] = made
        return tuple(found.values())

    def spec(self, respondent: str) -> RespondentSpec:
        """How `respondent` is asked.

        Raises
        ------
        ConfigError
            If neither ``study.yaml`` nor this run knows the name.
        """
        known = {
            **self.added(),
            **{entry.spec.name: entry.spec for entry in self.study.respondents},
        }
        if respondent not in known:
            near = nearest(respondent, known)
            raise ConfigError(
                f"no respondent {respondent!r} in study.yaml or in run {self.name!r}.",
                todo=f"{near}{' ' if near else ''}Ask a new one with "
                f"`revealed run --respondent {respondent}`; `revealed plan` lists the known.",
            )
        return known[respondent]

    @property
    def respondents(self) -> list[str]:
        """Everyone with data in this run: the study's, then added, then public respondents."""
        listed = [*(entry.spec.name for entry in self.study.respondents), *self.added()]
        kinds = ("choices", "answers")
        present = [
            name for name in listed if any(self._folder(kind, name).is_dir() for kind in kinds)
        ]
        return present + self.public_respondents

    @property
    def public_respondents(self) -> list[str]:
        """Respondents whose published answers or utilities were imported, or a person's own."""
        published = {row["respondent"] for row in self.public().values() if row["respondent"]}
        return sorted(published | set(self.imported()))

    def imported(self) -> dict[str, dict[str, Any]]:
        """Respondents whose answers a person has brought from elsewhere, by name.

        Each has ``provenance``, and under ``cells`` (instrument and arm) where they come from.
        """
        path = self.paths.imported
        found: dict[str, dict[str, Any]] = {}
        if path.is_file():
            found = json.loads(path.read_text(encoding="utf-8"))
        return found

    def public(self) -> dict[str, dict[str, Any]]:
        """What `import_public` found, by source file: respondent, available, why, sha256.

        Empty where it has not run.
        """
        path = self.paths.folder / "public.json"
        found: dict[str, dict[str, Any]] = {}
        if path.is_file():
            found = json.loads(path.read_text(encoding="utf-8"))
        return found

    def unavailable(self, prefix: str = "") -> dict[str, str]:
        """Public sources (whose file starts with `prefix`) that could not be had, with the reason.

        A chapter on public data says so where this is not empty, and the build goes on.
        """
        return {
            file: row["why"]
            for file, row in self.public().items()
            if file.startswith(prefix) and not row["available"]
        }

    def provenance(self, respondent: str) -> Provenance:
        """Where this respondent's answers come from."""
        if (own := self.imported().get(respondent)) is not None:
            kind: Provenance = own["provenance"]
            return kind
        if respondent in self.public_respondents:
            return "public"
        return self.spec(respondent).provenance

    # Tables ------------------------------------------------------------------------------------

    def _folder(self, kind: str, respondent: str) -> Path:
        return self.paths.folder / kind / slug(respondent)

    def cells(self, kind: str = "choices") -> pd.DataFrame:
        """What this run holds: columns respondent, instrument, arm; a row a stored table.

        `kind` is ``choices`` or ``utilities``; answers to question sets are not among them.
        """
        pattern = {"choices": "*.parquet", "utilities": "*/utilities.parquet"}[kind]
        rows = []
        for respondent in self.respondents:
            for path in sorted(self._folder(kind, respondent).glob(pattern)):
                cell = pd.read_parquet(path, columns=["instrument", "arm"]).iloc[0]
                rows.append((respondent, cell["instrument"], cell["arm"]))
        return pd.DataFrame(rows, columns=["respondent", "instrument", "arm"])

    def has(
        self, respondent: str, instrument: str, arm: str = "forced", kind: str = "choices"
    ) -> bool:
        """Whether choices, ``utilities`` or a ``fit`` of this cell are stored."""
        if kind == "choices":
            return self.paths.choices(respondent, instrument, arm).is_file()
        name = {"utilities": "utilities.parquet", "fit": "fit.json"}[kind]
        return (self.paths.utilities(respondent, instrument, arm) / name).is_file()

    def choices(self, respondent: str, instrument: str, arm: str = "forced") -> pd.DataFrame:
        """Counted choices, two rows a pair (schema ``CHOICES``)."""
        return read_table(self.paths.choices(respondent, instrument, arm), CHOICES)

    def has_answers(self, respondent: str, name: str) -> bool:
        """Whether answers to the question set `name` are stored."""
        return self.paths.answers(respondent, name).is_file()

    def answers(self, respondent: str, name: str) -> pd.DataFrame:
        """Answers to a question set, a row an answer (schema ``ANSWERS``)."""
        return read_table(self.paths.answers(respondent, name), ANSWERS)

    def questions(self, respondent: str, name: str) -> pd.DataFrame:
        """The questions of a set (`revealed.instruments.QuestionSet.questions`).

        A set made of earlier answers comes back as this respondent was asked it.
        """
        from revealed.instruments import load_questions

        path = self.paths.questions(respondent, name)
        if path.is_file():
            return pd.read_parquet(path).set_index("question")
        return load_questions(name, self.paths.root).questions

    def utilities(self, respondent: str, instrument: str, arm: str = "forced") -> pd.DataFrame:
        """Fitted or published utilities (schema ``UTILITIES``)."""
        folder = self.paths.utilities(respondent, instrument, arm)
        return read_table(folder / "utilities.parquet", UTILITIES)

    def fit(self, respondent: str, instrument: str, arm: str = "forced") -> Fit:
        """The stored fit with its covariance."""
        from revealed.utilities import load_fit

        folder = self.paths.utilities(respondent, instrument, arm)
        if not (folder / "fit.json").is_file():
            raise DataError(
                f"{respondent} has no fit for {instrument}, arm {arm}.",
                where=folder,
                todo=f"Make it with `revealed fit --run {self.name}`.",
            )
        return load_fit(folder)

    def scores(self, respondent: str, instrument: str, arm: str = "forced") -> dict[str, Any]:
        """Held-out scores stored with the fit (`revealed.utilities.scores.Scores`), as a mapping.

        Empty where no pair was held out; a floor that does not apply is None.
        """
        path = self.paths.utilities(respondent, instrument, arm) / "fit.json"
        if not path.is_file():
            return {}
        facts = json.loads(path.read_text(encoding="utf-8"))
        return dict(facts.get("scores") or {})

    def has_goods(self, instrument: str) -> bool:
        """Whether the instrument asks about goods at quantities."""
        from revealed.instruments import load_instrument

        try:
            items = load_instrument(instrument, self.paths.root).items
        except RevealedError:  # an imported instrument that is not in this checkout
            return False
        return bool((items["kind"] == "good").any())

    def has_pairs(self, instrument: str) -> bool:
        """Whether the instrument lists the pairs to ask."""
        from revealed.instruments import load_instrument

        try:
            return load_instrument(instrument, self.paths.root).pairs is not None
        except RevealedError:  # an imported instrument that is not in this checkout
            return False

    def write_choices(self, table: pd.DataFrame) -> Path:
        """Store one cell's choices and return its path."""
        respondent, instrument, arm = self._cell_of(table)
        path = self.paths.choices(respondent, instrument, arm)
        write_table(table, path, CHOICES)
        return path

    def write_answers(self, table: pd.DataFrame, respondent: str, name: str) -> Path:
        """Store the answers of one respondent to one question set and return their path.

        Raises
        ------
        DataError
            If an answer is of another respondent or set.
        """
        if not ((table["respondent"] == respondent) & (table["instrument"] == name)).all():
            raise DataError(f"the answers are not all of {respondent} to {name}.")
        path = self.paths.answers(respondent, name)
        write_table(table, path, ANSWERS)
        return path

    def write_questions(self, questions: pd.DataFrame, respondent: str, name: str) -> Path:
        """Store the questions of a set made of earlier answers, as they are asked."""
        path = self.paths.questions(respondent, name)
        with atomic_write(path) as temporary:
            questions.reset_index().to_parquet(temporary, index=False)
        return path

    def write_utilities(self, table: pd.DataFrame) -> Path:
        """Store one cell's utilities and return its folder."""
        folder = self.paths.utilities(*self._cell_of(table))
        write_table(table, folder / "utilities.parquet", UTILITIES)
        return folder

    @staticmethod
    def _cell_of(table: pd.DataFrame) -> tuple[str, str, str]:
        cells = table[["respondent", "instrument", "arm"]].drop_duplicates()
        if len(cells) != 1:
            raise DataError(f"a table of one cell was expected, found {len(cells)} cells.")
        respondent, instrument, arm = (str(value) for value in cells.iloc[0])
        return respondent, instrument, arm

    # What a chapter leaves behind --------------------------------------------------------------

    def write_findings(self, chapter: str, findings: Iterable[Finding]) -> Path:
        """Store a chapter's findings, replacing its earlier ones."""
        path = self.paths.findings(chapter)
        write_findings(findings, path)
        return path

    def findings(self) -> pd.DataFrame:
        """Every finding of the run, a row a finding, ``id`` first."""
        return read_findings(sorted((self.paths.folder / "findings").glob("*.jsonl")))

    def write_table(self, chapter: str, name: str, table: pd.DataFrame) -> Path:
        """Store a table that the book offers for download (CSV)."""
        path = self.paths.tables(chapter) / f"{slug(name)}.csv"
        with atomic_write(path) as temporary:
            # Half a surrogate pair, which a model may write, has no bytes of its own.
            table.to_csv(temporary, index=False, errors="backslashreplace")
        return path

    def inputs(self, step: str, respondents: Sequence[str] = ()) -> dict[str, Path]:
        """The files that a notebook depends on, by their path in the run, for its record.

        `step` is the notebook's name; eliciting depends on the study file alone, following up and
        steering on everybody's answers, fitting on the respondents' choices, a chapter on
        everything stored.
        """
        files = {"study.yaml": self.paths.root / "study.yaml"}
        if respondents and step.startswith("10"):
            return files
        answers = "answers/*/*.parquet"
        patterns = ["choices/*/*.parquet", answers, "utilities/*/*/fit.json", "public.json"]
        patterns.append(self.paths.imported.name)
        if respondents and step.startswith(("15", "30")):
            patterns = [answers]
        elif respondents:
            patterns = [f"choices/{slug(name)}/*.parquet" for name in respondents]
        found = sorted(path for pattern in patterns for path in self.paths.folder.glob(pattern))
        return files | {path.relative_to(self.paths.folder).as_posix(): path for path in found}

    def record(self, step: str, inputs: dict[str, Path] | None = None) -> dict[str, Any]:
        """Write down (and return) commit, versions, seed and input checksums of a step."""
        made = record(self.paths.root, seed=self.study.seed, inputs=inputs or {})
        path = self.paths.folder / "records" / f"{slug(step)}.json"
        with atomic_write(path) as temporary:
            temporary.write_text(
                json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8"
            )
        return made


def start_fast(run: str, root: Path | str | None = None) -> Run:
    """Open a run of the study's small profile, and mark it as such for good.

    Raises
    ------
    ConfigError
        As `open_run`; or if the study has no small profile, or `run` is of another kind.
    """
    opened = open_run(run, root)
    return opened if opened.fast else _marked(opened, opened.study.fast_version, opened.paths.fast)


def start_trial(run: str = "try", root: Path | str | None = None) -> Run:
    """Open a run for first looks at models, and mark it as such for good.

    Raises
    ------
    ConfigError
        As `open_run`; or if the study has no trial, or `run` is of another kind.
    """
    opened = open_run(run, root)
    if opened.trial:
        return opened
    return _marked(opened, opened.study.trial_version, opened.paths.trial)


def _marked(opened: Run, version: Callable[[], Study], mark: Path) -> Run:
    """A new run whose study is `version`, for good."""
    if (opened.paths.folder / "choices").is_dir() or opened.fast or opened.trial:
        kept = "the whole study"
        if opened.fast or opened.trial:
            kept = "the fast profile" if opened.fast else "a trial"
        raise ConfigError(
            f"the run {opened.name!r} holds answers to {kept}.",
            todo="Give this one another name with --run.",
        )
    study = version()
    with atomic_write(mark) as temporary:
        temporary.write_text("few answers, to try things on; not for quoting\n")
    return Run(study, opened.paths)


def open_run(
    run: str = "default", root: Path | str | None = None, *, part: str | None = None
) -> Run:
    """Open a run of the study in the checkout `root` (default: the one around the working folder).

    With a `part` its answers go to a ledger of that name, which `revealed.study.ledgers.gather`
    brings into the run's.

    Raises
    ------
    ConfigError
        If there is no checkout here, its ``study.yaml`` is wrong, or `run` or `part` is not a plain
        name.
    """
    for name, kind in ((run, "run"), *([(part, "part")] if part is not None else [])):
        if not name or slug(name) != name or name.startswith("."):
            raise ConfigError(
                f"{name!r} is not a name for a {kind}.",
                todo="Use letters, digits, dots, dashes and underscores.",
            )
    folder = project_root(Path(root) if root is not None else None)
    study, paths = load_study(folder / "study.yaml"), RunPaths(folder, run, part)
    if paths.fast.is_file():
        study = study.fast_version()
    elif paths.trial.is_file():
        study = study.trial_version()
    return Run(study, paths)
