"""The chain cut into jobs: on this machine, on SLURM where it is, on pods that are processes."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from pods import Pods

from revealed.study import open_run
from revealed.study.chain import _with_config

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ROOT / "workflow" / "profiles"

STUDY = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
  sexes: {instruments: [sexes.lives_saved], design: random, pairs_per_item: 1}
respondents:
  - {model: simulated/coherent, mode: sample, ask: [calibration, sexes]}
  - {model: simulated/egalitarian, mode: sample, ask: [sexes]}
"""
JOBS = {"simulated--coherent--calibration", "simulated--coherent--sexes.lives_saved"}


def plugin(name: str) -> bool:
    return importlib.util.find_spec(f"snakemake_executor_plugin_{name}") is not None


def slurm_answers() -> bool:
    found = shutil.which("sinfo")
    return bool(found) and b"idle" in subprocess.run([found, "-h"], capture_output=True).stdout


@pytest.fixture
def small(checkout):
    (checkout / "study.yaml").write_text(STUDY, encoding="utf-8")
    for name in ("src", "_config.yml"):
        (checkout / name).symlink_to(ROOT / name)
    for name in ("workflow", "book"):
        shutil.copytree(ROOT / name, checkout / name)
    (checkout / "notebooks" / "values").mkdir(parents=True)
    for name in ("10_elicit.ipynb", "20_fit.ipynb"):
        shutil.copy(ROOT / "notebooks" / name, checkout / "notebooks" / name)
    # A chapter, which is never made here: without one, nobody wants the fits.
    (checkout / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n  - file: notebooks/values/own\n"
    )
    nbformat.write(nbformat.v4.new_notebook(), checkout / "notebooks" / "values" / "own.ipynb")
    (checkout / "data" / "sources.yaml").unlink()
    (checkout / "data" / "sources.yaml").write_text("sources: []\n")
    return checkout


def book(root, run, *flags, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "revealed.cli", "book", "--run", run, "--cores", "2",
         "--until", "fit", *flags],
        cwd=root, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def tables(root, run):
    folder = root / "data" / "runs" / run
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for kind in ("choices", "answers", "utilities")
        for path in sorted((folder / kind).rglob("*"))
        if path.is_file()
    }


def answers(root, run):
    with open_run(run, root).ledger() as ledger:
        return ledger.table()[["key", "status", "text", "question"]]


def same(root, one, other):
    assert tables(root, one) == tables(root, other) != {}
    assert answers(root, one).equals(answers(root, other))
    folder = root / "data" / "runs" / other
    assert not (folder / "ledgers").exists(), "the jobs' ledgers were not merged and cleared away"
    assert not (folder / "earlier.sqlite").exists()


def test_a_setting_joins_those_of_the_person() -> None:
    assert _with_config(["-n"], "run=a") == ["-n", "--config", "run=a"]
    assert _with_config(["-n", "--config", "split=x"], "run=a")[-2:] == ["run=a", "split=x"]


def test_profiles_name_rules_that_are_there_and_give_each_time_and_memory() -> None:
    rules = {"elicit", "follow_up", "control", "fit", "chapter"}
    for name in ("slurm", "kubernetes"):
        profile = yaml.safe_load((PROFILES / name / "config.yaml").read_text(encoding="utf-8"))
        assert set(profile["set-resources"]) == rules
        assert all(
            set(given) == {"mem_mb", "runtime"} for given in profile["set-resources"].values()
        )
        assert all((ROOT / file).is_file() for file in profile["configfile"])


@pytest.mark.timeout(900)
@pytest.mark.slow
def test_several_processes_give_what_one_gives(small):
    book(small, "one")
    book(small, "two", "--profile", "workflow/profiles/local", "--config", "split=instruments")
    same(small, "one", "two")
    made = (small / "data/runs/two/notebooks").rglob("10_elicit.ipynb")
    folders = {"--".join(path.relative_to(small / "data/runs/two/notebooks").parts[:-1])
               for path in made}  # fmt: skip
    assert folders >= JOBS


@pytest.mark.slow
def test_money_is_spent_only_with_a_limit(small):
    with (small / "study.yaml").open("a", encoding="utf-8") as file:
        file.write("  - {model: openai/none, ask: [calibration]}\n")
        file.write("  - {model: openai/more, ask: [calibration]}\n")
    with pytest.raises(AssertionError, match="--config max_cost=DOLLARS"):
        book(small, "one", "--dry-run", "--config", "ask=openai/none")

    def planned(*settings):
        return subprocess.run(
            [sys.executable, "-m", "snakemake", "--snakefile", "workflow/Snakefile", "--dry-run",
             "--printshellcmds", "--config", "ask=openai/none,openai/more", "max_cost=5",
             *settings],
            cwd=small, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    # Two jobs that know nothing of each other have half each; what both write counts for both.
    apart, together = planned("ledgers=own"), planned()
    assert apart.count("max_cost=2.5") == together.count("max_cost=5.0") > 0
    assert "part=" in apart
    assert "max_cost=2.5" not in together


@pytest.mark.timeout(900)
@pytest.mark.slow
@pytest.mark.skipif(
    not (plugin("slurm") and slurm_answers()), reason="needs SLURM and Snakemake's plugin for it"
)
def test_slurm_gives_what_one_process_gives(small):
    book(small, "one")
    book(
        small, "two", "--profile", "workflow/profiles/slurm", "--latency-wait", "5",
        "--slurm-init-seconds-before-status-checks", "5",
    )  # fmt: skip
    same(small, "one", "two")


@pytest.mark.timeout(900)
@pytest.mark.slow
@pytest.mark.skipif(
    not plugin("kubernetes") or not shutil.which("rsync"),
    reason="needs Snakemake's plugins for Kubernetes and for a file system as a store, and rsync",
)
def test_pods_that_share_only_a_volume_give_what_one_process_gives(small, tmp_path):
    book(small, "one")
    pods = Pods(os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    place = str(small)
    book(
        small, "two", "--profile", "workflow/profiles/kubernetes",
        "--default-storage-prefix", place,
        "--kubernetes-persistent-volumes", f"revealed:{place}", "--latency-wait", "5",
        "--retries", "0", "--envvars", "REVEALED_ROOT", "PYTHONPATH",
        KUBECONFIG=str(pods.config(tmp_path / "kube")), REVEALED_ROOT=place,
        PYTHONPATH=str(ROOT / "src"),
    )  # fmt: skip
    same(small, "one", "two")
    sent = [job["spec"]["template"]["spec"] for job in pods.jobs.values()]
    assert {spec["volumes"][1]["persistentVolumeClaim"]["claimName"] for spec in sent} == {
        "revealed"
    }
    assert {spec["containers"][0]["resources"]["requests"]["memory"] for spec in sent} == {
        "2000M", "4000M",
    }  # fmt: skip
    assert set(pods.ended.values()) == {0}
