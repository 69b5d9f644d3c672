"""An instrument of one's own, and an experiment: instrument, arm, measure, figure and chapter."""

from __future__ import annotations

import json
from pathlib import Path

from . import edit, names, people, template, trial
from .changes import Scaffold

EXPERIMENTS = "src/revealed/instruments/experiments"
FOLDER = "own"
"""The folder of notebooks that a fork's chapters lie in."""


def new_instrument(root: Path, name: str, title: str = "") -> Scaffold:
    """Pairs of options of two sides, with a datasheet, a module that reads them, and a test.

    Parameters
    ----------
    root
        The checkout.
    name
        Of the instrument, its folder, its module and the experiment that asks it.
    title
        The datasheet's; default: made of the name.

    Raises
    ------
    ConfigError
        If the name is taken or no identifier.
    """
    title = names.check_title(title or names.words(name))
    files = _instrument(root, name, title, "instrument", arms=[])
    code = [file for file in files if file.endswith(".py")]
    with trial.copy(root, files, code=True) as scratch, trial.spoken(root, scratch):
        files |= trial.formatted(scratch, code)
        trial.examine_apart(scratch, instruments=[name])
    return Scaffold(
        root, files, (f"The instrument {name} has pairs that hold a place for yours.",),
        (
            f"Write your pairs and the datasheet in data/instruments/{name}/pairs.csv.",
            f"python -m pytest tests/instruments/test_{name}_instrument.py",
            f"revealed plan --respondent simulated/coherent --instrument {name}",
        ),
    )  # fmt: skip


def new_experiment(root: Path, name: str, title: str = "") -> Scaffold:
    """Everything that one question takes: what is asked, of whom, what is made of it, a chapter.

    The instrument has an arm of its own; two simulated respondents, one with a planted leaning and
    one with none, show whether the measure finds what is there.

    Parameters
    ----------
    root
        The checkout.
    name
        Of the experiment and of every module of it.
    title
        Of datasheet and chapter; default: made of the name.

    Raises
    ------
    ConfigError
        If the name is taken or no identifier.
    """
    title = names.check_title(title or names.words(name))
    respondents = {
        f"{name}_leaning": f"Leans to side a ({title}).",
        f"{name}_even": f"Leans to neither side ({title}).",
    }
    people.check_new(root, [f"simulated/{one}" for one in respondents])
    files = _instrument(root, name, title, "experiment", arms=["forced", f"{name}_asked"])
    arms, contents = root / "data/instruments/arms.yaml", root / "_toc.yml"
    files |= people.trait(root, name, title, respondents)
    files["data/instruments/arms.yaml"] = edit.arm_entry(
        arms.read_text(encoding="utf-8"), template.fill("arm.yaml", name=name, title=title), arms
    )
    entries = "".join(people.simulated_entry(one, ["calibration", name]) for one in respondents)
    files["study.yaml"] = edit.study_entry(
        files["study.yaml"], "respondents", entries, root / "study.yaml"
    )
    chapter = f"notebooks/{FOLDER}/{name}"
    files["_toc.yml"] = edit.contents_entry(contents.read_text("utf-8"), chapter, contents)
    made = {
        f"src/revealed/measures/{name}.py": "measure.py",
        f"src/revealed/figures/{name}.py": "figure.py",
        f"{chapter}.ipynb": "chapter.ipynb",
        f"tests/measures/test_{name}_measure.py": "test_measure.py",
        f"tests/figures/test_{name}_figures.py": "test_figure.py",
        f"tests/respondents/test_{name}_traits.py": "test_trait.py",
    }
    names.check_free(root, name, "experiment", [*made, f"{people.TRAITS}/{name}.py"])
    written = {file: template.fill(source, name=name, title=title) for file, source in made.items()}
    files = {**written, **files}
    code = [file for file in files if file.endswith((".py", ".ipynb"))]
    with trial.copy(root, files, code=True) as scratch, trial.spoken(root, scratch):
        files |= trial.formatted(scratch, code)
        files[f"{chapter}.ipynb"] = _notebook(files[f"{chapter}.ipynb"])
        trial.examine_apart(
            scratch, instruments=[name], respondents=[f"simulated/{one}" for one in respondents],
            modules=[f"revealed.measures.{name}", f"revealed.figures.{name}"],
        )  # fmt: skip
    asked = " ".join(f"--respondent simulated/{one}" for one in respondents)
    return Scaffold(
        root, files,
        (
            f"{name} asks pairs of two sides in the arms forced and {name}_asked.",
            "Two simulated respondents answer it, one with a planted leaning, one with none.",
        ),
        (
            f"revealed run {asked}",
            f"revealed notebook {chapter}.ipynb _build/{name}.ipynb -p run=default",
            f"python -m pytest -k {name}",
            f"Then write your pairs in data/instruments/{name}/pairs.csv, and ask a model: "
            f"revealed run --respondent openai/gpt-4o-mini --instrument {name} --max-cost 1",
        ),
    )  # fmt: skip


def _instrument(root: Path, name: str, title: str, kind: str, arms: list[str]) -> dict[str, str]:
    """The files of an instrument and the entry of the experiment that asks it."""
    names.check_identifier(name, kind)
    folder = f"data/instruments/{name}"
    new = {
        f"{folder}/pairs.csv": "pairs.csv",
        f"{EXPERIMENTS}/{name}.py": "instrument.py",
        f"tests/instruments/test_{name}_instrument.py": "test_instrument.py",
    }
    names.check_free(root, name, kind, [*new, folder])
    study, package = root / "study.yaml", root / EXPERIMENTS / "__init__.py"
    readme = root / "data/instruments/README.md"
    line = f"    arms: [{', '.join(arms)}]\n" if arms else ""
    entry = template.fill("experiment.yaml", name=name, title=title, arms=line)
    row = f"| `{name}/pairs.csv` | {title}: pairs of two sides, one pair a line | `{name}` |"
    return {
        **{file: template.fill(source, name=name, title=title) for file, source in new.items()},
        f"{EXPERIMENTS}/__init__.py": edit.module(package.read_text("utf-8"), name, package),
        "data/instruments/README.md": edit.table_row(readme.read_text("utf-8"), row, readme),
        "study.yaml": edit.study_entry(
            study.read_text("utf-8"), "experiments", entry + "\n", study
        ),
    }


def _notebook(text: str) -> str:
    """A notebook as Jupyter writes it to disk, whatever the formatter made of it."""
    return json.dumps(json.loads(text), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
