"""A small real study, frozen and made again elsewhere: the same tables to the bit, asking nobody.

One simulated respondent, which the chain asks, and one real one behind a server on loopback that is
gone when the study is made again.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from copied_checkout import copy_checkout

from revealed.report.release import verify

sys.path.insert(0, str(Path(__file__).parents[1] / "respondents"))

from server import Server

ROOT = Path(__file__).resolve().parents[2]
STUDY = """\
title: Revealed
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
  sexes: {instruments: [sexes.lives_saved], design: curve, pairs_per_item: 1, rounds: 2}
  asked: {instruments: [stated_religions], design: questions, samples: 1}
respondents:
  - {model: simulated/coherent, mode: sample, ask: [calibration, sexes]}
ask_new: [calibration, sexes, asked]
"""
CHAPTER = """\
import pandas as pd
from revealed.figures import style
from revealed.foundation.schemas import Finding
from revealed.study import open_run
opened = open_run(run)
tables = [opened.utilities(who, "sexes.lives_saved") for who in sorted(opened.respondents)]
found = pd.concat(tables)
opened.write_table("own", "utilities", found)
opened.write_findings("own", [
    Finding("own.mean", "own", row.respondent, row.mean, None, None, "probit", 1, "fit",
            row.provenance, subject=row.item)
    for row in found.itertuples()
])"""
FIGURE = """\
import matplotlib.pyplot as plt
fig, axes = plt.subplots(figsize=(4, 3))
axes.plot(found["mean"].to_numpy(), "o")
axes.set_xlabel("Utilities")
style.show(fig, "Dots.")"""


def chapter(path: Path) -> None:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    code = ['run = "default"', CHAPTER, FIGURE]
    cells = [nbformat.v4.new_markdown_cell("# Own\n\n*What is it?*")]
    cells += [nbformat.v4.new_code_cell(text) for text in code]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    cells[1].metadata["tags"] = ["parameters"]
    made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel}, cells=cells)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)


def git(folder: Path, *words: str) -> None:
    named = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *named, *words], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The project's files with a study of one instrument and a book of one chapter, committed."""
    folder = tmp_path / "checkout"
    kept = ("src/", "workflow/", "book/", "data/instruments/", "data/published/", "notebooks/10",
            "notebooks/20", "_config.yml", "CITATION.cff", "LICENSE", "CHANGELOG.md", ".gitignore",
            "benchmarks/", "requirements")  # fmt: skip
    copy_checkout(ROOT, folder, kept)
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: notebooks/values/own\n")
    (folder / "data" / "sources.yaml").write_text("sources: []\n")
    chapter(folder / "notebooks" / "values" / "own.ipynb")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return folder


def revealed(folder: Path, *words: str, code: int = 0) -> str:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
        "PYTHONPATH": str(folder / "src"), "REVEALED_ROOT": str(folder), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "revealed.cli", *words],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == code, said[-4000:]
    return said


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_frozen_study_is_made_again_the_same_and_nobody_is_asked(checkout: Path) -> None:
    with Server() as server:
        revealed(
            checkout, "run", "--respondent", "openai/m", "--api-base", server.url,
            "--mode", "sample",
        )  # fmt: skip
        asked = server.total
    assert asked > 20
    revealed(checkout, "release", "--version", "1", code=3)  # no book yet
    revealed(checkout, "book", "--cores", "1")
    said = revealed(checkout, "release", "--version", "1")
    dist = checkout / "dist" / "revealed-1"
    archive = dist / "revealed-1.zip"
    assert f"SHA-256 {(dist / 'revealed-1.zip.sha256').read_text().split()[0]}" in said
    assert (dist / "site" / ".nojekyll").is_file()
    assert (dist / "site" / "notebooks" / "values" / "own.html").is_file()
    assert json.loads((dist / ".zenodo.json").read_text())["version"] == "1"
    assert verify(archive, progress=False).problems == []
    assert "is there already" in revealed(checkout, "release", "--version", "1", code=2)
    frozen(archive, asked)

    # The same run gives the same archive.
    revealed(checkout, "release", "--version", "1", "--into", str(checkout.parent / "again"))
    again = checkout.parent / "again" / "revealed-1" / "revealed-1.zip"
    assert again.read_bytes() == archive.read_bytes()

    # Without texts nothing that the real model said is in it, and the counts are.
    revealed(checkout, "release", "--version", "2", "--without-texts")
    mute = checkout.parent / "revealed-2.zip"
    shutil.move(checkout / "dist" / "revealed-2" / "revealed-2.zip", mute)
    silent(mute)

    # Made again elsewhere, from the archive alone: the checkout is gone.
    elsewhere = checkout.parent / "elsewhere"
    shutil.move(archive, checkout.parent / archive.name)
    code = checkout.parent / "program"
    shutil.move(checkout / "src", code / "src")
    shutil.rmtree(checkout)
    (code / "study.yaml").write_text("seed: 1\n")
    words = ["release", "rebuild", f"../{archive.name}", "--into", str(elsewhere), "--all"]
    said = revealed(code, *words)
    assert "different" not in said.replace("largest difference", "")
    assert "missing" not in said
    assert "identical    choices/openai--m/sexes.lives_saved.forced.parquet" in said
    assert "identical    answers/openai--m/stated_religions.parquet" in said
    assert "identical    tables/own/utilities.csv" in said
    assert "identical    findings/own.jsonl" in said
    assert "identical    values/own, figure 1" in said
    assert "figures: 1 identical; largest difference 0 of 255" in said

    # Without texts it begins with the counts, and comes to the same fits and figures.
    said = revealed(code, "release", "rebuild", str(mute), "--into", str(elsewhere) + "-2", "--all")
    assert "identical    choices/openai--m/sexes.lives_saved.forced.parquet" in said
    assert "identical    utilities/openai--m/sexes.lives_saved.forced/utilities.parquet" in said
    assert "identical    findings/own.jsonl" in said
    assert "figures: 1 identical" in said

    # A table that differs is found, and said by the exit code.
    table = elsewhere / "archive" / "run" / "tables" / "own" / "utilities.csv"
    changed = pd.read_csv(table)
    changed.loc[0, "mean"] += 1
    changed.to_csv(table, index=False)
    said = revealed(code, *words[:-1], code=1)
    assert "different    tables/own/utilities.csv" in said


def silent(archive: Path) -> None:
    """What is in an archive without texts."""
    assert verify(archive, progress=False).problems == []
    with zipfile.ZipFile(archive) as packed:
        facts = json.loads(packed.read("release.json"))
        tables = {
            name: pd.read_parquet(io.BytesIO(packed.read(name)))
            for name in packed.namelist()
            if name.endswith(".parquet") and name.startswith(("answers/", "run/"))
        }
        names = packed.namelist()
    answers = tables["answers/answers.parquet"].set_index("respondent")
    assert answers.loc["openai/m", ["text", "logprobs"]].isna().all(axis=None)
    assert answers.loc["simulated/coherent", "text"].notna().all()
    assert tables["answers/questions.parquet"]["messages"].isna().all()
    assert (tables["run/answers/openai--m/stated_religions.parquet"]["text"] == "").all()
    assert len(tables["run/choices/openai--m/sexes.lives_saved.forced.parquet"])
    assert facts["given"] == ["openai/m"]
    assert not [name for name in names if "openai--m" in name and ".answers-" in name]


def frozen(archive: Path, asked: int) -> None:
    """What is in the archive, and what is not."""
    with zipfile.ZipFile(archive) as packed:
        names = set(packed.namelist())
        facts = json.loads(packed.read("release.json"))
        readme = packed.read("README.md").decode()
        with packed.open("answers/answers.parquet") as handle:
            answers = pd.read_parquet(handle)
        with packed.open("tables/findings.parquet") as handle:
            findings = pd.read_parquet(handle)
    assert (answers["respondent"] == "openai/m").sum() == asked
    assert facts["answers"] == len(answers)
    assert set(findings["respondent"]) == {"openai/m", "simulated/coherent"}
    assert names >= {
        "notebooks/values/own.ipynb", "run/notebooks/simulated-1/10_elicit.ipynb",
        "run/respondents/openai--m.json", "source/requirements.lock",
        "source/src/revealed/cli/app.py",
        "environment.txt", "tables/own/utilities.parquet", "site/notebooks/values/own.html",
    }  # fmt: skip
    assert not [name for name in names if "ledger" in name and name.startswith("run/")]
    assert facts["commit"] in readme
    assert "revealed release rebuild" in readme
