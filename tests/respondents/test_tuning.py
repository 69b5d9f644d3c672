"""Fine-tuning jobs: one job whatever happens, no key anywhere, and every trouble said in words."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from killed_tuning import CONTENT, QUICK, spec_at
from tuning_server import TuningServer

from revealed.foundation.errors import (
    BudgetError,
    ConfigError,
    DataError,
    RespondentError,
)
from revealed.respondents.tuning import (
    Job,
    advance,
    cancel,
    estimate,
    job_of,
    locked,
    read_job,
)
from revealed.respondents.tuning.estimate import within

CREATE, UPLOAD, LOOK = "POST /fine_tuning/jobs", "POST /files", "GET /fine_tuning/jobs/ID"


@pytest.fixture
def provider() -> Iterator[TuningServer]:
    with TuningServer() as server:
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tuning" / "base.json"


def new(**changes: Any) -> Job:
    return job_of("base", "openai/m", "openai", CONTENT, 1, 10, 3, 1e-6).model_copy(update=changes)


def go(job: Job, server: TuningServer, path: Path, **changes: Any) -> Job:
    told: list[str] = []
    made = asyncio.run(
        advance(job, spec_at(server.url, **changes), path, CONTENT, tell=told.append, timing=QUICK)
    )
    assert read_job(path) == made
    assert told
    return made


def test_a_job_is_uploaded_started_followed_and_done(provider: TuningServer, path: Path) -> None:
    job = go(new(), provider, path)
    assert (job.state, job.tuned) == ("succeeded", "ft:m:o::1")
    assert job.cost == pytest.approx(12_345e-6)
    assert [row["filename"] for row in provider.files] == [job.filename]
    assert provider.contents["file-1"] == CONTENT
    (made,) = provider.jobs
    assert made["user_provided_suffix"] == job.suffix
    assert made["hyperparameters"] == {"n_epochs": 3}
    # What has ended is not asked about again.
    before = provider.asked.total()
    assert asyncio.run(advance(job, spec_at(provider.url), path, CONTENT, timing=QUICK)) == job
    assert provider.asked.total() == before


def test_further_settings_are_sent_and_make_another_job(provider: TuningServer, path: Path) -> None:
    plain = go(new(), provider, path)
    other = new(epochs=1, batch=4, multiplier=2.0, seed=7)
    job = go(other, provider, path)
    assert job.job != plain.job
    made = provider.jobs[-1]
    assert made["hyperparameters"] == {
        "n_epochs": 1, "batch_size": 4, "learning_rate_multiplier": 2.0,
    }  # fmt: skip
    assert made["seed"] == 7
    # Where the provider hides the mark, a job of other settings is not taken for this one.
    provider.hides_suffix = True
    path.unlink()
    assert go(other, provider, path).job == job.job
    assert go(new(epochs=1, batch=8, multiplier=2.0, seed=7), provider, path).job != job.job
    assert go(new(epochs=1, batch=4, multiplier=2.0, seed=8), provider, path).job != job.job
    marks = {new(batch=b, seed=s).suffix for b in (None, 4) for s in (None, 1, 2)}
    assert len(marks) == 6


ROUTES = (UPLOAD, CREATE, LOOK, "GET /files", "GET /fine_tuning/jobs")
FAULTS: list[Any] = [
    pytest.param(
        route, fault, marks=[] if route == CREATE and fault in (500, "lose") else pytest.mark.slow
    )
    for route in ROUTES
    for fault in (500, 429, "drop", "lose", "garbage")
]


@pytest.mark.parametrize(("route", "fault"), FAULTS)
def test_whatever_fails_on_the_way_there_is_one_job(
    provider: TuningServer, path: Path, route: str, fault: Any
) -> None:
    provider.faults[route] = [fault]
    job = go(new(), provider, path)
    assert job.state == "succeeded"
    assert len(provider.jobs) == 1


def test_an_answer_that_comes_too_late_makes_no_second_job(
    provider: TuningServer, path: Path
) -> None:
    provider.faults[CREATE], provider.delay = ["slow"], 1.6
    job = go(new(), provider, path, timeout=0.3)
    assert job.state == "succeeded"
    assert len(provider.jobs) == 1


def test_the_job_is_known_again_without_its_suffix_and_among_many(
    provider: TuningServer, path: Path
) -> None:
    others = [
        {"id": f"ftjob-9{k:03}", "object": "fine_tuning.job", "model": "m", "status": "succeeded",
         "training_file": "file-else", "hyperparameters": {"n_epochs": 3}, "created_at": 1,
         "user_provided_suffix": "rv-else", "result_files": [], "organization_id": "o",
         "seed": 1, "error": None, "fine_tuned_model": "ft:m:else", "trained_tokens": 5,
         "finished_at": 1, "validation_file": None}
        for k in range(150)
    ]  # fmt: skip
    provider.hides_suffix = True
    provider.faults[CREATE] = ["lose"]
    job = go(new(), provider, path)
    # Many newer ones: ours is on the second page.
    provider.jobs += others
    path.unlink()
    again = go(new(), provider, path)
    assert again.job == job.job
    assert len(provider.jobs) == 1 + len(others)


def test_a_list_without_an_end_starts_no_second_job(provider: TuningServer, path: Path) -> None:
    job = go(new(), provider, path)
    newer = [{**provider.jobs[0], "id": f"ftjob-9{k:03}", "user_provided_suffix": "rv-else",
              "training_file": "file-else"} for k in range(150)]  # fmt: skip
    provider.jobs += newer
    provider.first_page_alone = True
    path.unlink()
    with pytest.raises(RespondentError, match="cannot be told whether the job was started"):
        go(new(), provider, path)
    assert provider.asked[CREATE] == 1
    # Where the first page goes back behind the file, nothing was made of it yet.
    del provider.jobs[0]
    provider.files[0]["created_at"] = 1_000_000
    assert go(new(), provider, path).job not in {job.job, *(row["id"] for row in newer)}
    assert provider.asked[CREATE] == 2


def test_a_lost_state_file_is_no_second_charge(provider: TuningServer, path: Path) -> None:
    job = go(new(), provider, path)
    path.unlink()
    assert go(new(), provider, path).job == job.job
    assert len(provider.jobs) == len(provider.files) == 1
    # Other passes over the same file are another job.
    other = go(new(epochs=4), provider, path)
    assert other.job != job.job
    assert len(provider.files) == 1


def test_a_failed_job_says_why_and_another_attempt_is_another_job(
    provider: TuningServer, path: Path
) -> None:
    provider.end = "failed"
    job = go(new(), provider, path)
    assert job.state == "failed"
    assert job.error.startswith("The file is wrong")
    assert "aaaa" not in path.read_text()
    provider.end = "succeeded"
    second = go(new(attempt=2, past=(job.job,)), provider, path)
    assert second.state == "succeeded"
    assert len(provider.jobs) == 2


def test_what_the_provider_refuses_is_said_and_nothing_is_tried_again(
    provider: TuningServer, path: Path
) -> None:
    provider.faults[CREATE] = [400]
    with pytest.raises(RespondentError, match="told to fail"):
        go(new(), provider, path)
    assert provider.asked[CREATE] == 1
    kept = read_job(path)
    assert kept is not None
    assert kept.state == "uploaded"
    assert go(kept, provider, path).state == "succeeded"
    assert len(provider.jobs) == 1


def test_a_key_that_expires_stops_the_waiting_and_not_the_job(
    provider: TuningServer, path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("A_KEY", "a-secret-key-1")
    provider.key = "a-secret-key-1"
    real = provider.go_on

    def expire(job: dict[str, Any]) -> None:
        real(job)
        if job["status"] == "running" and provider.key == "a-secret-key-1":
            provider.key = "a-secret-key-2"

    provider.go_on = expire  # type: ignore[method-assign]
    with pytest.raises(RespondentError) as caught:
        go(new(), provider, path, api_key_env="A_KEY")
    monkeypatch.setenv("A_KEY", "a-secret-key-2")
    kept = read_job(path)
    assert kept is not None
    assert kept.state == "created"
    assert go(kept, provider, path, api_key_env="A_KEY").state == "succeeded"
    assert len(provider.jobs) == 1
    files = "".join(file.read_text() for file in path.parent.iterdir() if file.is_file())
    told = caplog.text + str(caught.value) + "".join(capfd.readouterr()) + files
    assert "a-secret-key" not in told


def test_without_a_key_the_environments_goes_to_no_other_address(
    provider: TuningServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-somebody-else")
    go(new(), provider, path)
    assert set(provider.keys) == {"Bearer none"}


def test_cancelling(provider: TuningServer, path: Path) -> None:
    spec = spec_at(provider.url)
    never = asyncio.run(cancel(new(), spec, path, timing=QUICK))
    assert (never.state, len(provider.jobs)) == ("cancelled", 0)
    started = asyncio.run(advance(new(), spec, path, CONTENT, wait=False, timing=QUICK))
    assert started.state == "created"
    ended = asyncio.run(cancel(started, spec, path, timing=QUICK))
    assert (ended.state, provider.jobs[0]["status"]) == ("cancelled", "cancelled")
    # A job whose start nobody saw is found and ended too.
    doubtful = new(attempt=2, past=(ended.job,)).at("creating", file=ended.file)
    provider.faults[CREATE] = ["lose"]
    made = {**provider.jobs[0], "id": "ftjob-77", "status": "running",
            "user_provided_suffix": doubtful.suffix}  # fmt: skip
    provider.jobs.append(made)
    assert asyncio.run(cancel(doubtful, spec, path, timing=QUICK)).job == "ftjob-77"
    assert made["status"] == "cancelled"


def test_two_processes_do_not_work_on_one_job(path: Path) -> None:
    with locked(path), pytest.raises(RespondentError, match="another process"), locked(path):
        pass


def test_what_cannot_be_is_refused(provider: TuningServer, path: Path) -> None:
    with pytest.raises(RespondentError, match="cannot be listed"):
        go(new(), provider, path, model="vertex_ai/gemini-2.5-pro", api_base=None)
    with pytest.raises(RespondentError, match="not the one"):
        asyncio.run(advance(new(content="0" * 64), spec_at(provider.url), path, CONTENT))
    assert provider.asked.total() == 0
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"state": "lost"}')
    with pytest.raises(DataError, match="no fine-tuning job"):
        read_job(path)
    with pytest.raises(ConfigError, match="line 2"):
        estimate([CONTENT.decode(), "{}"], 3, None)
    with pytest.raises(ConfigError, match="no example"):
        estimate([], 3, None)


def test_the_estimate_comes_first_and_a_limit_is_kept() -> None:
    chat = json.dumps({"messages": [{"role": "user", "content": "x" * 400}]})
    told = estimate([chat] * 10, 3, 2e-6)
    # 100 tokens of text and the frame, ten lines, three passes, two dollars a million.
    assert told == (10, 1040, 3, pytest.approx(1040 * 3 * 2e-6))
    within(told, 1.0)
    within(told._replace(cost=None), None)
    with pytest.raises(BudgetError, match="estimated at"):
        within(told, 0.001)
    for unknown in (None, math.nan):
        with pytest.raises(BudgetError, match="unknown"):
            within(told._replace(cost=unknown), 10.0)
    with pytest.raises(ConfigError, match="no number"):
        within(told, math.nan)


def test_suffixes_are_short_and_apart() -> None:
    marks = {new(attempt=a, epochs=e).suffix for a in (1, 2, 11) for e in (1, 2)}
    assert len(marks) == 6
    assert max(map(len, marks)) <= 18


# -- killed ----------------------------------------------------------------------------------------

POINTS = (
    "before:uploading", "after:uploading", "called:upload", "before:uploaded", "after:uploaded",
    "before:creating", "after:creating", "called:create", "before:created", "after:created",
    "after:queued", "called:retrieve", "after:running", "before:succeeded", "after:succeeded",
)  # fmt: skip
OFTEN = ("after:creating", "called:create")
"""The two in which money is at stake; the others are tried with the slow tests."""


@pytest.fixture(scope="module")
def killer() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("killed_tuning.py"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    assert process.stdin is not None
    process.stdin.close()
    process.wait(10)


def told(process: subprocess.Popen[str], *words: str) -> int:
    """Have a point worked on; the process id of the worker."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\t".join(words) + "\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def exit_code(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


@pytest.mark.parametrize(
    "point",
    [p if p in OFTEN else pytest.param(p, marks=pytest.mark.slow) for p in POINTS],
)
def test_killed_at_every_stage_it_goes_on_and_is_paid_once(
    provider: TuningServer, path: Path, killer: subprocess.Popen[str], point: str
) -> None:
    told(killer, point, provider.url, str(path))
    assert exit_code(killer) == -signal.SIGKILL
    job = go_on(provider, path)
    assert (job.state, job.tuned) == ("succeeded", "ft:m:o::1")
    assert len(provider.jobs) == len(provider.files) == 1


def test_killed_while_the_provider_makes_the_job(
    provider: TuningServer, path: Path, killer: subprocess.Popen[str]
) -> None:
    provider.faults[CREATE], provider.delay = ["slow"], 5.0
    child = told(killer, "never:", provider.url, str(path))
    while not provider.jobs:
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    assert exit_code(killer) == -signal.SIGKILL
    job = go_on(provider, path)
    assert job.state == "succeeded"
    assert len(provider.jobs) == 1


def go_on(server: TuningServer, path: Path) -> Job:
    """What a person does who finds the job stopped: go on, or start it where nothing was kept."""
    kept = read_job(path) or new(price=None)
    return asyncio.run(advance(kept, spec_at(server.url), path, CONTENT, timing=QUICK))


# -- a run -----------------------------------------------------------------------------------------

STUDY = """\
seed: 3
experiments:
  calibration: {{instruments: [calibration], design: listed, samples: 1}}
  assembly: {{instruments: [assembly], design: questions, samples: 1}}
respondents:
  - {{model: simulated/panel, mode: sample, ask: [assembly, calibration]}}
  - {{name: base, model: openai/m, api_base: "{url}", ask: [calibration]}}
controls: {{simulator: simulated/panel, respondents: [base], ask: [calibration]}}
"""


def test_the_model_becomes_a_respondent_of_the_run(
    provider: TuningServer, make_checkout: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from revealed.instruments import load_instrument
    from revealed.study import controls, open_run, tuning

    make_checkout(STUDY.format(url=provider.url))
    run = open_run("t")
    pairs = load_instrument("assembly_pairs").pairs
    assert pairs is not None
    shares = pairs[["pair", "first", "second", "split"]].assign(share_first=0.7, se=0.1, n=60)
    monkeypatch.setattr(controls, "targets", lambda run, simulator=None: shares)
    with pytest.raises(BudgetError, match="estimated at"):
        tuning.start(run, "base", price=1.0, max_cost=1.0)
    assert provider.asked.total() == 0
    provider.end = "failed"
    told: list[str] = []
    quick = {"tell": told.append, "timing": QUICK}
    assert tuning.start(run, "base", price=1e-6, **quick).state == "failed"
    provider.end = "succeeded"
    job = tuning.start(run, "base", price=1e-6, **quick)
    assert (job.state, job.attempt, len(provider.jobs)) == ("succeeded", 2, 2)
    assert job.past == ("ftjob-1",)
    assert tuning.resume(run, "base", **quick) == job
    made = controls.specs(run, ["base"], ["tuned"])[0]
    assert (made.name, made.model) == ("base+tuned", f"openai/{job.tuned}")
    assert made.api_base == provider.url
    content = provider.contents["file-1"]
    assert content.count(b"\n") == 20 * 2 * 10
    # Another study's examples are another job, and one that is under way is not thrown away.
    shares["share_first"] = 0.4
    provider.faults[LOOK] = [401]
    with pytest.raises(RespondentError, match="looked at"):
        tuning.start(run, "base", **quick)
    shares["share_first"] = 0.9
    with pytest.raises(ConfigError, match="other examples is under way"):
        tuning.start(run, "base", **quick)
    with pytest.raises(RespondentError, match="not the one that the job began with"):
        tuning.resume(run, "base", **quick)
    assert tuning.stop(run, "base", timing=QUICK).state == "cancelled"
    assert len(provider.jobs) == 3
    # One that was done before it heard that it should end is paid for, so it is kept.
    assert tuning.start(run, "base", wait=False, **quick).state == "created"
    act = provider.act

    def too_late(route: str, *more: Any) -> Any:
        if route.endswith("/cancel"):
            provider.jobs[-1] |= {"status": "succeeded", "fine_tuned_model": "ft:m:o::late"}
            return 200, provider.jobs[-1]
        return act(route, *more)

    monkeypatch.setattr(provider, "act", too_late)
    assert tuning.stop(run, "base", timing=QUICK).state == "succeeded"
    assert controls.specs(run, ["base"], ["tuned"])[0].model == "openai/ft:m:o::late"
