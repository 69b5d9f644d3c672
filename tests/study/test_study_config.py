"""``study.yaml``: what is read, and what is said of every mistake."""

from pathlib import Path

import pytest

from revealed.foundation.errors import ConfigError
from revealed.instruments import load_instrument
from revealed.study import load_study, open_run, plan, start_fast, start_pairs

ROOT = Path(__file__).resolve().parents[2]


def edit(checkout, old, new):
    """Change the study file and return the line (from 1) of the change."""
    file = checkout / "study.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("seed: 7", "sede: 7", "unknown key 'sede'. Did you mean 'seed'?"),
        ("samples: 2", "sampels: 2", "unknown key 'sampels'. Did you mean 'samples'?"),
        ("samples: 2", "samples: two", "samples: Input should be a valid integer"),
        ("samples: 2", "samples: 0", "samples: Input should be greater than"),
        ("design: adaptive", "design: adaptiv", "design: Input should be 'listed'"),
        ("mode: sample", "mod: sample", "unknown key 'mod'. Did you mean 'mode'"),
        ("seed: 7", "seed: [7", "not valid YAML"),
        ("seed: 7", "seed: 7\nseed: 8", "the key 'seed' appears twice"),
        (", outcomes, sexes]", ", outcome]", "no experiment 'outcome'. Did you mean 'outcomes'?"),
        ("ask_new: [cal", "ask_new: [kal", "no experiment 'kalibration'. Did you mean 'cal"),
        ("holdout: 0.2", "holdout: 1.0", "holdout: Input should be less than 1"),
    ],
)
def test_a_mistake_is_named_with_its_line(checkout, old, new, says):
    line = edit(checkout, old, new)
    with pytest.raises(ConfigError) as error:
        load_study(checkout / "study.yaml")
    assert says in str(error.value)
    # A bracket that is not closed shows, and a key stands twice, only on the next line.
    later = 1 if "[7" in new or "\nseed" in new else 0
    assert f"study.yaml, line {line + later}" in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "[sexes.lives_saved]",
            "[sexes.lives_safed]",
            "no instrument 'sexes.lives_safed'. Did",
        ),
        ("samples: 2", "arms: [forcd]\n    samples: 2", "no arm 'forcd'. Did you mean 'forced'?"),
        ("[sexes.lives_saved]", "[outcomes]", "asked outcomes in arm forced twice"),
    ],
)
def test_names_that_mean_nothing_are_found_before_anything_is_asked(checkout, old, new, says):
    line = edit(checkout, old, new)
    with pytest.raises(ConfigError, match=r"study\.yaml, line") as error:
        load_study(checkout / "study.yaml").cells()
    assert says in str(error.value)
    assert f"line {line}" in str(error.value)


def test_two_respondents_may_not_share_files(checkout):
    line = edit(checkout, "{model: simulated/egalitarian", "{name: simulated--coherent, model: x")
    with pytest.raises(ConfigError, match="would share their files") as error:
        load_study(checkout / "study.yaml")
    assert f"line {line}" in str(error.value)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ('api_key_env: "sk-live-0123456789"', "name of an environment variable"),
        ("api_key_env: gsk_abcd0123456789efgh", "name of an environment variable"),
        ('api_base: "http://me:0123456789@there/v1"', "a key or a password"),
        ('api_base: "http://there/v1?key=0123456789"', "a key or a password"),
        ('params: {api_key: "0123456789"}', "api_key is kept with every answer"),
        ("params: {extra_headers: {Authorization: Bearer 0123456789}}", "Authorization is kept"),
        ("params: {extra_body: [{aws_session_token: 0123456789}]}", "aws_session_token is kept"),
    ],
)
def test_a_key_pasted_into_the_study_file_is_not_repeated(checkout, written, says):
    line = edit(checkout, "mode: sample", written)
    with pytest.raises(ConfigError, match=says) as error:
        load_study(checkout / "study.yaml")
    assert f"line {line}" in str(error.value)
    assert "0123456789" not in str(error.value)


def test_parameters_that_are_no_keys_are_taken(checkout):
    given = "{top_p: 0.5, logit_bias: {'32': 1}, prompt_cache_key: a, max_completion_tokens: 5}"
    edit(checkout, "mode: sample", f"params: {given}")
    load_study(checkout / "study.yaml")


def test_a_missing_file_and_an_empty_one_are_said(checkout):
    with pytest.raises(ConfigError, match="not there"):
        load_study(checkout / "elsewhere.yaml")
    (checkout / "study.yaml").write_text("")
    with pytest.raises(ConfigError, match="a mapping was expected"):
        load_study(checkout / "study.yaml")
    (checkout / "study.yaml").write_bytes(b"seed: \xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_study(checkout / "study.yaml")


def test_patterns_select_and_take_out(checkout):
    edit(checkout, "[sexes.lives_saved]", '["sexes.*", "!sexes.wealth"]')
    cells = load_study(checkout / "study.yaml").cells()
    names = {cell.instrument for cell in cells if cell.experiment == "sexes"}
    assert "sexes.lives_saved" in names
    assert "sexes.qalys" in names
    assert "sexes.wealth" not in names


def test_real_models_get_their_own_design(checkout):
    from revealed.respondents import RespondentSpec

    edit(checkout, "samples: 2", "samples: 2\n    real: {items: all, samples: 5}")
    edit(checkout, "ask_new: [calibration]", "ask_new: [outcomes]")
    study = load_study(checkout / "study.yaml")
    (cell,) = study.cells([RespondentSpec(name="m", model="openai/m")])
    assert (cell.design.items, cell.design.samples, cell.design.holdout) == ("all", 5, 0.2)
    simulated = study.cells(instruments=["outcomes"])[0]
    assert (simulated.design.items, simulated.design.samples) == (40, 2)


def test_the_study_seed_reaches_respondents_that_name_none(checkout):
    edit(checkout, "mode: sample", "mode: sample, seed: 3")
    specs = {c.respondent.name: c.respondent for c in load_study(checkout / "study.yaml").cells()}
    assert specs["simulated/coherent"].seed == 3
    assert specs["simulated/egalitarian"].seed == 7


def test_the_study_as_shipped_asks_simulated_respondents():
    study = load_study(ROOT / "study.yaml")
    # A fork may list models of its own; the book never asks them, `revealed run` does.
    simulated = [e for e in study.respondents if e.spec.provenance == "simulated"]
    assert len(simulated) >= 9
    assert {"simulated/refusing", "simulated/babbling"} <= {e.spec.name for e in simulated}
    cells = study.cells()
    # Whoever chooses between the options of pairs has trivial ones to pass; readers of others'
    # answers and respondents to open questions choose between none.
    asked = {c.respondent.name for c in cells if c.instrument == "calibration"}
    assert {c.respondent.name for c in cells if not c.asks_questions} == asked
    # Whatever is asked at all is asked of somebody who refuses and of somebody who babbles.
    for name in ("simulated/refusing", "simulated/babbling"):
        assert name in asked


def test_an_instrument_named_on_the_command_line_is_taken_from_wherever_it_is(checkout):
    from revealed.respondents import RespondentSpec

    study = load_study(checkout / "study.yaml")
    new = RespondentSpec(name="m", model="openai/m")
    assert {c.instrument for c in study.cells([new])} == {"calibration"}
    (cell,) = study.cells([new], ["sexes.lives_saved"])
    assert (cell.experiment, cell.instrument, cell.design.design) == (
        "sexes", "sexes.lives_saved", "curve",
    )  # fmt: skip
    with pytest.raises(ConfigError, match="no experiment has the instrument 'ages"):
        study.cells([new], ["ages.lives_saved"])


def test_the_original_can_be_asked_once_it_is_fetched(monkeypatch, tmp_path):
    study = load_study(ROOT / "study.yaml")
    monkeypatch.setenv("REVEALED_CACHE", str(tmp_path))
    assert study.cells()
    with pytest.raises(ConfigError, match=r"revealed fetch cais/options_hierarchical\.json"):
        study.cells(instruments=["cais/options_hierarchical"])


FAST = "fast: {respondents: [simulated/coherent, simulated/egalitarian], share: 0.25, items: 20}\n"


def test_the_fast_profile_asks_fewer_of_less(checkout):
    file = checkout / "study.yaml"
    file.write_text(file.read_text(encoding="utf-8") + FAST, encoding="utf-8")
    whole = load_study(file)
    fast = whole.fast_version()
    assert [entry.spec.name for entry in fast.respondents] == list(whole.fast.respondents)
    outcomes, sexes = fast.experiments["outcomes"], fast.experiments["sexes"]
    assert (outcomes.share, outcomes.items) == (0.25, 20)
    assert (sexes.share, sexes.items) == (0.25, "all")
    requests = [plan(study)["requests"].sum() for study in (whole, fast)]
    # A quarter of the pairs of half the items, or more where fewer would not link them.
    assert 1 / 8 <= requests[1] / requests[0] < 1 / 4
    assert fast.root == whole.root


def test_listed_pairs_are_shared_out_by_seed(checkout):
    file = checkout / "study.yaml"
    file.write_text(file.read_text(encoding="utf-8") + FAST, encoding="utf-8")
    study = load_study(file).fast_version()
    (cell,) = study.cells([study.respondents[1].spec], ["calibration"])
    instrument = load_instrument("calibration", checkout)
    drawn = [start_pairs(cell, instrument, instrument.items, seed) for seed in (7, 7, 8)]
    assert len(drawn[0]) == round(0.25 * len(instrument.pairs))
    assert drawn[0].equals(drawn[1])
    assert not drawn[0].equals(drawn[2])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("simulated/egalitarian], share", "simulated/coherrent], share", "no respondent"),
        ("share: 0.25", "share: 1.5", "share: Input should be less than 1"),
        ("items: 20", "itmes: 20", "unknown key 'itmes'. Did you mean 'items'?"),
    ],
)
def test_mistakes_in_the_fast_profile_are_named(checkout, old, new, says):
    file = checkout / "study.yaml"
    file.write_text(file.read_text(encoding="utf-8") + FAST, encoding="utf-8")
    line = edit(checkout, old, new)
    with pytest.raises(ConfigError) as error:
        load_study(file)
    assert says in str(error.value)
    assert f"line {line}" in str(error.value)


def test_a_fast_run_stays_one_and_never_takes_over_another(checkout):
    with pytest.raises(ConfigError, match="no fast profile"):
        start_fast("fast")
    file = checkout / "study.yaml"
    file.write_text(file.read_text(encoding="utf-8") + FAST, encoding="utf-8")
    assert not open_run("fast").fast
    assert start_fast("fast").fast
    assert open_run("fast").study.experiments["outcomes"].share == 0.25
    assert start_fast("fast").fast
    (checkout / "data" / "runs" / "default" / "choices").mkdir(parents=True)
    with pytest.raises(ConfigError, match="holds answers to the whole study"):
        start_fast("default")
    assert not open_run("default").fast
