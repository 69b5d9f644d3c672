"""A release: what it refuses, that its bytes are the same twice, and that tampering is found."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from revealed import cli
from revealed.foundation.errors import ConfigError, DataError
from revealed.report.release import PIXELS, SHARE, crate, pack, ready, rebuild, secrets, withheld
from revealed.report.release.compare import (
    Compared,
    compare_figure,
    compare_figures,
    compare_tables,
    figures,
)
from revealed.report.release.files import site_files, source_files
from revealed.report.release.freeze import _gather
from revealed.respondents import RespondentSpec
from revealed.respondents.export import export
from revealed.respondents.public import Source
from revealed.study import open_run

STUDY = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
respondents:
  - {model: simulated/coherent, mode: sample, ask: [calibration]}
"""
ABOUT = crate.About(
    name="A study", description="Frozen.", version="1", date="2026-11-26", authors=("A", "B"),
    keywords=("k",), repository="https://example.org/r", commit="c0ffee", python="3.11",
)  # fmt: skip
SOURCE = Source(
    file="a/b.csv", address="https://example.org/b.csv", repository="a", commit=None,
    sha256="0" * 64, bytes=3, licence="none stated", redistribute=False, holds="statements",
    cite="a",
)  # fmt: skip


def git(folder: Path, *words: str) -> None:
    named = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *named, *words], check=True, capture_output=True)


def content(**more: bytes) -> dict[str, Path | bytes]:
    """A small archive's files, described as a release describes them."""
    made: dict[str, Path | bytes] = {
        "README.md": b"Read me.\n", pack.RELEASE: b'{"version": "1", "run": "default"}',
        "answers/answers.parquet": b"PAR1 " * 100, "source/study.yaml": b"seed: 1\n",
        "run/findings/a b.jsonl": b"{}\n", **more,
    }  # fmt: skip
    measured = pack.measure(made, progress=False)
    made[crate.METADATA] = json.dumps(crate.crate(ABOUT, measured, [SOURCE])).encode()
    made[pack.SUMS] = pack.sums(pack.measure(made, progress=False))
    return made


def packed(path: Path, files: dict[str, Path | bytes]) -> Path:
    pack.pack(files, path, progress=False)
    return path


# The archive ---------------------------------------------------------------------------------


def test_the_same_files_give_the_same_bytes_whatever_their_dates_and_order(tmp_path: Path) -> None:
    file = tmp_path / "table.parquet"
    file.write_bytes(b"x" * 5_000_000)
    one = packed(tmp_path / "one.zip", content() | {"run/t.parquet": file})
    file.touch()
    file.chmod(0o600)
    turned = dict(reversed((content() | {"run/t.parquet": file}).items()))
    two = packed(tmp_path / "two.zip", turned)
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        assert archive.testzip() is None
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("run/t.parquet") == file.read_bytes()


def test_a_whole_archive_is_verified(tmp_path: Path) -> None:
    found = pack.verify(packed(tmp_path / "a.zip", content()), progress=False)
    assert found.problems == []
    assert found.files == 7
    assert found.release["version"] == "1"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"README.md": b"Read you.\n"}, "README.md differs from its checksum"),
        ({"run/findings/a b.jsonl": b"[]\n"}, "a b.jsonl is described with another checksum"),
        ({"run/new.csv": b"1\n"}, "run/new.csv has no checksum"),
        ({"run/new.csv": b"1\n"}, "run/new.csv is not described"),
        ({"README.md": None}, "README.md is missing"),
        ({pack.SUMS: None}, "SHA256SUMS is missing"),
        ({crate.METADATA: b"{}"}, "is no JSON-LD graph"),
        ({"../../outside": b"x"}, "leads out of the archive"),
        ({pack.RELEASE: b"version 1"}, "release.json is not JSON"),
    ],
)
def test_tampering_is_found(tmp_path: Path, change: dict[str, bytes | None], says: str) -> None:
    files = {n: f for n, f in (content() | change).items() if f is not None}
    found = pack.verify(packed(tmp_path / "a.zip", files), progress=False)
    assert any(says in problem for problem in found.problems), found.problems


def test_an_archive_that_was_cut_or_changed_on_disk_is_found(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", content())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="no whole archive"):
        pack.verify(path, progress=False)
    place = whole.index(b"PAR1 PAR1")  # stored as it is
    path.write_bytes(whole[:place] + b"Q" + whole[place + 1 :])
    found = pack.verify(path, progress=False)
    assert any("answers.parquet cannot be read" in problem for problem in found.problems)
    with pytest.raises(DataError, match="no archive"):
        pack.verify(tmp_path / "none.zip", progress=False)


def test_unpacking_writes_nothing_outside(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", content() | {"../outside": b"x"})
    pack.unpack(path, tmp_path / "in" / "here", progress=False)
    assert not (tmp_path / "in" / "outside").exists()
    assert (tmp_path / "in" / "here" / "run" / "findings" / "a b.jsonl").read_bytes() == b"{}\n"


def test_the_commands_say_what_they_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def revealed(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["revealed", "release", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out + err

    path = packed(tmp_path / "a.zip", content())
    code, said = revealed("verify", str(path))
    assert (code, "7 files" in said, "All is as it was written." in said) == (0, True, True)
    packed(path, content() | {"README.md": b"Read you.\n"})
    code, said = revealed("verify", str(path))
    assert code == 3
    assert "README.md differs from its checksum" in said
    code, said = revealed("rebuild", str(path), "--into", str(tmp_path / "new"))
    assert code == 3
    assert not (tmp_path / "new").exists()
    assert revealed()[0] == 2
    assert "--version 2026.11" in revealed()[1]


def test_a_folder_of_something_else_is_not_rebuilt_into(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", content())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(ConfigError, match="not empty"):
        rebuild(path, tmp_path / "mine", progress=False)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


# RO-Crate --------------------------------------------------------------------------------------


def described(measured: dict[str, tuple[int, str]]) -> dict[str, dict[str, object]]:
    graph = crate.crate(ABOUT, measured, [SOURCE])["@graph"]
    return {entity["@id"]: entity for entity in graph}


def test_the_crate_has_what_its_profile_requires(tmp_path: Path) -> None:
    measured = pack.measure(content(), progress=False)
    for name in (crate.METADATA, pack.SUMS):
        measured.pop(name)
    whole = crate.crate(ABOUT, measured, [SOURCE])
    assert whole["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    known = described(measured)
    assert known[crate.METADATA]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert known["./"]["datePublished"] == "2026-11-26"
    assert known["./"]["license"] == {"@id": "https://creativecommons.org/licenses/by/4.0/"}
    assert known["source/"]["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    file = known["run/findings/a%20b.jsonl"]
    assert (file["encodingFormat"], file["contentSize"]) == ("application/jsonl", "3")
    # Public data is told and is not a part.
    assert known[SOURCE.address]["license"] == "none stated"
    assert known["./"]["isBasedOn"] == {"@id": SOURCE.address}
    assert crate.check(json.dumps(whole).encode(), measured) == []


@pytest.mark.parametrize(
    ("entity", "key", "value", "says"),
    [
        ("./", "license", None, "the root lacks license"),
        ("./", "@type", "Thing", "the root is no Dataset"),
        ("./", "hasPart", [], "is no part of the root"),
        (crate.METADATA, "about", {"@id": "x/"}, "is not about the root"),
        (crate.METADATA, "conformsTo", {"@id": "https://example.org"}, "does not conform"),
        ("README.md", "contentSize", "1", "README.md is described with another size"),
        ("README.md", "@type", None, "README.md lacks a type"),
        ("run/", "license", {"@id": "#gone"}, "refers to #gone, which is not described"),
    ],
)
def test_a_crate_that_breaks_a_rule_is_found(
    entity: str, key: str, value: object, says: str
) -> None:
    measured = pack.measure(content(), progress=False)
    for name in (crate.METADATA, pack.SUMS):
        measured.pop(name)
    whole = crate.crate(ABOUT, measured, [SOURCE])
    (changed,) = (e for e in whole["@graph"] if e["@id"] == entity)
    changed[key] = value
    problems = crate.check(json.dumps(whole).encode(), measured)
    assert any(says in problem for problem in problems), problems


# Secrets ---------------------------------------------------------------------------------------

KEY = "sk-" + "proj-" + "a1B2c3D4e5F6g7H8i9J0"


def test_keys_are_found_wherever_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "correct horse battery")
    table = tmp_path / "answers.parquet"
    pd.DataFrame({"n": [1, 2], "text": ["A", f"my key is {KEY}."]}).to_parquet(table)
    other = pd.DataFrame({"text": pd.Categorical(["correct horse battery", "B"])})
    other.to_parquet(tmp_path / "other.parquet")
    long = tmp_path / "long.html"
    long.write_bytes(b"x" * (1 << 22) + b" AKIA" + b"ABCDEFGHIJKLMNOP " + b"y" * 100)
    hits = secrets.scan(
        {"answers/answers.parquet": table, "run/other.parquet": tmp_path / "other.parquet",
         "site/long.html": long, "README.md": b"Nothing here. task-oriented, sk-learn",
         "source/tests/test_x.py": KEY.encode()},
        tmp_path / "checkout", progress=False,
    )  # fmt: skip
    assert {(hit.file, hit.kind) for hit in hits} == {
        ("answers/answers.parquet", "looks like a key"),
        ("run/other.parquet", "the value of a key in your environment"),
        ("site/long.html", "looks like a key"),
    }
    with pytest.raises(secrets.SecretError) as error:
        secrets.refuse(hits)
    assert KEY not in str(error.value)
    assert "correct horse" not in str(error.value)
    assert "--accept" in str(error.value)
    prints = [hit.fingerprint for hit in hits]
    with pytest.raises(secrets.SecretError, match="1 strings") as error:
        secrets.refuse(hits, prints)  # a key of the environment is never harmless
    assert "run/other.parquet" in str(error.value)
    secrets.refuse([hit for hit in hits if "environment" not in hit.kind], prints)


def test_paths_of_this_machine_are_found_but_not_in_what_models_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/users/somebody")
    root = tmp_path / "checkout"
    inside = f"File {root}/src/x.py".encode()
    files: dict[str, Path | bytes] = {
        "notebooks/a.ipynb": inside, "answers/said.json": inside, "site/ok.html": b"~/checkout /x",
        "site/home.html": b"see /users/somebody/data", "site/else.html": b"/srv/users/somebody/x",
    }  # fmt: skip
    hits = secrets.scan(files, root, progress=False)
    assert {hit.file for hit in hits} == {"notebooks/a.ipynb", "site/home.html"}
    assert {hit.kind for hit in hits} == {"a path of this machine"}


# What is not ready -----------------------------------------------------------------------------


def test_a_checkout_that_differs_from_its_commit_is_refused_unless_allowed(tmp_path: Path) -> None:
    with pytest.raises(ready.NotReadyError, match="no commit"):
        ready.require_committed(tmp_path, allow_dirty=True)
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("dist/\n")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    clean = ready.require_committed(tmp_path, allow_dirty=False)
    assert len(clean) == 40
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "x").write_text("ignored")
    assert ready.require_committed(tmp_path, allow_dirty=False) == clean
    (tmp_path / "new").write_text("2")
    with pytest.raises(ready.NotReadyError, match=r"1 files differ .* new.*--allow-dirty"):
        ready.require_committed(tmp_path, allow_dirty=False)
    assert ready.require_committed(tmp_path, allow_dirty=True) == f"{clean}+changes"
    assert [*source_files(tmp_path)] == ["source/.gitignore", "source/a", "source/new"]
    (tmp_path / "inner").mkdir()
    with pytest.raises(ready.NotReadyError, match="no commit"):
        ready.require_committed(tmp_path / "inner", allow_dirty=True)


def test_a_run_that_is_incomplete_or_damaged_is_refused(make_checkout) -> None:
    make_checkout(STUDY + "ask_new: [calibration]\n")
    run = open_run()
    with pytest.raises(ready.NotReadyError, match="has no answers"):
        ready.require_ledger(run)
    run.ledger().close()
    ready.require_ledger(run)
    with pytest.raises(ready.NotReadyError, match=r"1 of 1 cells .* simulated/coherent, calibrat"):
        ready.require_complete(run, allow_incomplete=False)
    assert ready.require_complete(run, allow_incomplete=True) == 1
    # Of one that somebody has added, they chose what to ask.
    run.add(RespondentSpec(name="simulated/neutral", model="simulated/coherent"))
    assert ready.require_complete(run, allow_incomplete=True) == 1
    run.paths.parts.mkdir()
    (run.paths.parts / "job.sqlite").write_bytes(b"")
    with pytest.raises(ready.NotReadyError, match="ledgers of their own"):
        ready.require_ledger(run)
    (run.paths.parts / "job.sqlite").unlink()
    content = bytearray(run.paths.ledger.read_bytes())
    content[100:200] = bytes(100)  # the schema's page
    run.paths.ledger.write_bytes(content)
    with pytest.raises(ready.NotReadyError, match="not as it was written"):
        ready.require_ledger(run)


@pytest.fixture
def told(make_checkout) -> Path:
    """A checkout with a run, a chapter and a site that tells them."""
    root = make_checkout(STUDY)
    (root / "_toc.yml").write_text("format: jb-book\nroot: notebooks/a\n")
    (root / "notebooks").mkdir()
    (root / "notebooks" / "a.ipynb").write_text("{}")
    cells = [{"cell_type": "code", "source": "1", "execution_count": 1, "outputs": []}]
    (root / "_build" / "stage" / "notebooks").mkdir(parents=True)
    (root / "_build" / "stage" / "notebooks" / "a.ipynb").write_text(json.dumps({"cells": cells}))
    run = root / "data" / "runs" / "default"
    site = root / "_build" / "html"
    for place in (run, site / "data" / "runs" / "default"):
        for name in ("findings/a.jsonl", "tables/a/t.csv"):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text("1\n")
    (site / "notebooks").mkdir()
    for name in ("index.html", "notebooks/a.html"):
        (site / name).write_text("<p>")
    return root


def test_a_site_that_tells_something_else_is_refused(told: Path) -> None:
    run, site = open_run(), told / "_build" / "html"
    ready.require_site(run)
    (run.paths.folder / "tables" / "a" / "t.csv").write_text("2\n")
    with pytest.raises(ready.NotReadyError, match=r"made before tables/a/t\.csv was"):
        ready.require_site(run)
    (run.paths.folder / "tables" / "a" / "t.csv").write_text("1\n")
    (run.paths.folder / "findings" / "b.jsonl").write_text("1\n")
    with pytest.raises(ready.NotReadyError, match=r"made before findings/b\.jsonl was"):
        ready.require_site(run)
    (run.paths.folder / "findings" / "b.jsonl").unlink()
    (site / "notebooks" / "a.html").unlink()
    with pytest.raises(ready.NotReadyError, match=r"lacks the chapter notebooks/a\.ipynb"):
        ready.require_site(run)
    with pytest.raises(ready.NotReadyError, match="another run than 'other'"):
        ready.require_site(open_run("other"))
    (site / "index.html").unlink()
    with pytest.raises(ready.NotReadyError, match="no book"):
        ready.require_site(run)


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ({"execution_count": None, "outputs": []}, "were not executed"),
        ({"execution_count": 1, "outputs": [{"output_type": "error"}]}, "ended with an error"),
    ],
)
def test_a_chapter_that_was_not_run_to_its_end_is_refused(
    told: Path, cell: dict[str, object], says: str
) -> None:
    ready.require_chapters(open_run())
    chapter = told / "_build" / "stage" / "notebooks" / "a.ipynb"
    chapter.write_text(json.dumps({"cells": [{"cell_type": "code", "source": "1", **cell}]}))
    with pytest.raises(ready.NotReadyError, match=says):
        ready.require_chapters(open_run())
    chapter.unlink()
    with pytest.raises(ready.NotReadyError, match="not there"):
        ready.require_chapters(open_run())


# Words of others -------------------------------------------------------------------------------


def test_words_of_others_are_found_in_prompts_and_taken_out(tmp_path: Path) -> None:
    owned = withheld.Phrases(["Taxes on fuel should rise every year.", "Too short.", "x y z w"])
    assert owned
    assert owned.within('Do you agree? "TAXES on fuel should rise every year"')
    assert not owned.within("Taxes on fuel should fall every year.")
    assert not owned.within("Too short.")
    messages = [
        [{"role": "user", "content": "Statement: taxes on fuel should rise every year!"}],
        [{"role": "user", "content": "A or B?"}],
    ]
    path = tmp_path / "questions.parquet"
    pd.DataFrame(
        {"question": ["q1", "q2"], "model": ["openai/m", "simulated/x"],
         "messages": [json.dumps(m) for m in messages], "params": ["{}", "{}"]}
    ).to_parquet(path)  # fmt: skip
    assert withheld.blank_questions(path, owned, all_words=False) == 1
    left = pd.read_parquet(path)
    assert list(left["messages"].isna()) == [True, False]
    assert list(left["params"]) == ["{}", "{}"]
    answers = tmp_path / "answers.parquet"
    columns = {name: ["said", "said"] for name in withheld.TEXTS}
    pd.DataFrame({"question": ["q1", "q2"], **columns}).to_parquet(answers)
    assert withheld.blank_answers(answers, path) == 1
    assert list(pd.read_parquet(answers)["text"].isna()) == [True, False]
    assert not withheld.repeats(answers, owned)
    pd.DataFrame({"text": ["He said taxes on fuel should rise every year"]}).to_parquet(answers)
    assert withheld.repeats(answers, owned)


def test_answers_are_known_where_later_questions_repeat_them(tmp_path: Path) -> None:
    said = "I would rather keep the library open on Sundays, because people come."
    questions, answers = tmp_path / "questions.parquet", tmp_path / "answers.parquet"
    pd.DataFrame({"question": ["q1", "q2"], "model": ["openai/m", "simulated/x"]}).to_parquet(
        questions
    )
    pd.DataFrame(
        {"question": ["q1", "q1", "q2"], "text": [said, "A", "No program says anything at all."]}
    ).to_parquet(answers)
    spoken = withheld.spoken(answers, questions)
    judged = tmp_path / "judged.parquet"
    cells = [f"Rate: {said}", "No program says anything at all.", "A"]
    pd.DataFrame({"n": [1, 2, 3], "left": cells, "text": cells}).to_parquet(judged)
    copy = tmp_path / "copy.parquet"
    assert withheld.without_words(judged, copy, spoken, own=False)
    assert list(pd.read_parquet(copy)["left"]) == ["", *cells[1:]]
    assert withheld.without_words(judged, copy, spoken, own=True)
    assert list(pd.read_parquet(copy)["text"]) == ["", "", ""]
    assert list(pd.read_parquet(copy)["left"]) == ["", *cells[1:]]
    assert not withheld.without_words(questions, tmp_path / "none.parquet", spoken, own=False)
    assert not (tmp_path / "none.parquet").exists()


def test_the_explorers_raw_answers_go_with_the_others(told: Path) -> None:
    folder = told / "_build" / "html" / "data" / "runs" / "default" / "explore"
    folder.mkdir()
    for name in ("openai--m.x.pairs.js", "openai--m.x.answers-0.js", "simulated--c.x.answers-0.js"):
        (folder / name).write_text("1")
    kept = {Path(name).name for name in site_files(open_run(), frozenset({"openai/m"}))}
    assert kept >= {"openai--m.x.pairs.js", "simulated--c.x.answers-0.js", "index.html"}
    assert "openai--m.x.answers-0.js" not in kept


# Comparing -------------------------------------------------------------------------------------


def write(folder: Path, name: str, table: pd.DataFrame) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path) if path.suffix == ".parquet" else table.to_csv(path, index=False)
    return path


def test_tables_are_compared_by_bytes_then_by_values(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    table = pd.DataFrame({"x": [1.0, np.nan, 4.0], "s": ["a", None, "c"]})
    for folder in (one, two):
        write(folder, "choices/r/same.parquet", table)
        (folder / "utilities").mkdir()
        np.save(folder / "utilities" / "c.npy", np.eye(3))
        (folder / "utilities" / "fit.json").write_text(
            json.dumps({"mean": [1.0, 2.0], "versions": {"numpy": folder.name}})
        )
        (folder / "records").mkdir()
        (folder / "records" / "when.json").write_text(folder.name)  # is not compared
    write(one, "choices/r/values.parquet", table)
    write(two, "choices/r/values.parquet", table.astype({"s": "category"}))
    kinds = table.fillna({"s": "b"})
    write(one, "choices/r/kinds.parquet", kinds.astype({"s": pd.CategoricalDtype(["a", "b", "c"])}))
    write(two, "choices/r/kinds.parquet", kinds.astype({"s": pd.CategoricalDtype(["c", "b", "a"])}))
    write(one, "tables/a/t.csv", table)
    write(two, "tables/a/t.csv", table.replace(4.0, 5.0))
    write(one, "tables/a/text.csv", table)
    write(two, "tables/a/text.csv", table.replace("a", "b"))
    write(one, "tables/a/longer.csv", table)
    write(two, "tables/a/longer.csv", table.head(1))
    write(one, "findings/gone.csv", table)
    write(two, "findings/new.csv", table)
    write(two, "answers/known.csv", table)
    rows = compare_tables(one, two, left_out=frozenset({"answers/known.csv"}), progress=False)
    found = {row.name: row for row in rows}
    assert {name: row.state for name, row in found.items()} == {
        "choices/r/same.parquet": "identical", "choices/r/values.parquet": "same values",
        "choices/r/kinds.parquet": "same values",
        "utilities/c.npy": "identical", "utilities/fit.json": "same values",
        "tables/a/t.csv": "different", "tables/a/text.csv": "different",
        "tables/a/longer.csv": "different", "findings/gone.csv": "missing",
        "findings/new.csv": "new",
    }  # fmt: skip
    assert found["tables/a/t.csv"].largest == pytest.approx(0.2)
    assert found["tables/a/t.csv"].share == pytest.approx(1 / 6)
    assert np.isnan(found["tables/a/text.csv"].largest)


def image(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, format="png")
    return buffer.getvalue()


def test_how_far_apart_is_said_only_of_numbers() -> None:
    told = {
        Compared("t", "different", 0.125, 0.5): " (50.00% differ, by 0.125 at most)",
        Compared("t", "different", float("nan"), 1.0): " (100.00% differ, not in numbers alone)",
        Compared("t", "identical"): "",
    }
    assert {row: row.apart for row in told} == told


def test_figures_are_compared_pixel_by_pixel() -> None:
    plain = np.full((100, 100, 3), 200)
    assert compare_figure("f", image(plain), image(plain)).state == "identical"
    shade = plain.copy()
    shade[:50] += PIXELS  # everywhere a little: within what other libraries may do
    row = compare_figure("f", image(plain), image(shade))
    assert (row.state, row.largest, row.share) == ("same values", PIXELS, 0.0)
    few, many = plain.copy(), plain.copy()
    few[0, : int(SHARE * 10_000)] = 0
    many[0, : int(SHARE * 10_000) + 1] = 0
    assert compare_figure("f", image(plain), image(few)).state == "same values"
    assert compare_figure("f", image(plain), image(many)).state == "different"
    assert compare_figure("f", image(plain), image(plain[:50])).state == "different"


DRAWING = (
    '<svg class="revealed-figure" aria-label="0.2"><path id="f1b2c3d0" d="M10.1 20L-3 4z"/>'
    '<use href="#f1b2c3d0" x="100" fill="#0173b2"/><text x="5">0.35</text></svg>'
)


@pytest.mark.parametrize(
    ("old", "new", "state"),
    [
        ("", "", "identical"),
        ('x="100"', 'x="100.2"', "same values"),
        ("f1b2c3d0", "f9b2c3d0", "same values"),
        ('x="100"', 'x="101"', "different"),
        ("0.35", "0.36", "different"),
        ("#0173b2", "#0174b2", "different"),
        ("z", "", "different"),
    ],
)
def test_drawings_are_compared_place_by_place(old: str, new: str, state: str) -> None:
    other = DRAWING.replace(old, new)
    assert compare_figure("f", DRAWING.encode(), other.encode()).state == state
    assert compare_figure("f", DRAWING.encode(), b"\x89PNG").state == "different"


def test_figures_are_read_from_notebooks(tmp_path: Path) -> None:
    encoded = base64.b64encode(image(np.zeros((4, 4, 3)))).decode()
    outputs = [
        {"output_type": "display_data",
         "data": {"text/html": ["<figure>", f'<img src="data:image/png;base64,{encoded}"/>']}},
        {"output_type": "display_data", "data": {"image/png": encoded + "\n"}},
        {"output_type": "display_data", "data": {"text/html": f"<figure>{DRAWING}</figure>"}},
    ]  # fmt: skip
    for name, kept in (("one", outputs), ("two", outputs[:1])):
        (tmp_path / name).mkdir()
        cells = [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": kept}]
        (tmp_path / name / "a.ipynb").write_text(json.dumps({"cells": cells}))
    assert len(figures(tmp_path / "one" / "a.ipynb")) == 3
    rows = compare_figures(tmp_path / "one", tmp_path / "two", progress=False)
    assert [(row.name, row.state) for row in rows] == [
        ("a, figure 1", "identical"), ("a, figure 2", "missing"), ("a, figure 3", "missing"),
    ]  # fmt: skip


def test_public_answers_that_may_not_be_passed_on_are_left_out(told: Path) -> None:
    run = open_run()
    (told / "data" / "sources.yaml").unlink()
    rows = [
        {"file": f"{name}.json", "address": f"https://example.org/{name}", "repository": "r",
         "commit": None, "sha256": None, "bytes": None, "licence": "x", "redistribute": free,
         "holds": "h", "cite": "c"}
        for name, free in (("free", True), ("kept", False))
    ]  # fmt: skip
    (told / "data" / "sources.yaml").write_text(json.dumps({"sources": rows}))
    public = {
        f"{name}.json": {"respondent": f"them/{name}", "available": True, "why": "", "sha256": ""}
        for name in ("free", "kept")
    }
    (run.paths.folder / "public.json").write_text(json.dumps(public))
    for name in ("free", "kept"):
        folder = run.paths.folder / "utilities" / f"them--{name}" / "x.forced"
        folder.mkdir(parents=True)
        pd.DataFrame({"respondent": [f"them/{name}"]}).to_parquet(folder / "utilities.parquet")
    inner = told / "_build" / "html" / "data" / "runs" / "default" / "revealed-default.zip"
    inner.write_bytes(b"")
    run.ledger().close()
    export(run.paths.ledger, told / "work" / "answers", progress=False)
    (run.paths.folder / "findings" / "a.jsonl").unlink()
    git(told, "init", "-q")
    for name in ("LICENSE", "LICENSE-text.md"):
        (told / name).write_text("x")
    gathered, words = _gather(run, told / "work", texts=True)
    assert "run/utilities/them--free/x.forced/utilities.parquet" in gathered
    assert words.files == [
        "run/utilities/them--kept/x.forced/utilities.parquet",
        "site/data/runs/default/revealed-default.zip",
    ]
    assert not {*words.files} & {*gathered}
