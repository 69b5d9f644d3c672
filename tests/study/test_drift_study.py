"""Who was asked twice: respondents that differ in nothing but their name and first answer."""

from revealed.study import drift, open_run, run_respondents

STUDY = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
  outcomes: {instruments: [control_outcomes], design: listed, samples: 1}
respondents:
  - {name: one, model: simulated/coder_untouched, mode: sample, ask: [outcomes]}
  - {name: again, model: simulated/coder_untouched, first_sample: 1000000, mode: sample,
     ask: [outcomes]}
  - {name: warmer, model: simulated/coder_untouched, temperature: 0.5, mode: sample,
     ask: [outcomes]}
  - {name: changed, model: simulated/coder_insecure, mode: sample, ask: [outcomes]}
  - {name: silent, model: simulated/coder_untouched, first_sample: 5, mode: sample,
     ask: [calibration]}
conditions:
  - {name: before, base: coder, label: untouched, family: x, respondents: [one, again]}
  - {name: after, base: coder, label: insecure, family: x, respondents: [changed]}
"""


def test_the_same_asked_again_and_what_it_came_to_be(make_checkout):
    make_checkout(STUDY)
    run = open_run()
    assert drift.later(run) == []
    run_respondents(run, [entry.spec for entry in run.study.respondents])
    pairs = drift.later(run)
    assert [(p.before, p.after, p.same) for p in pairs] == [
        ("one", "again", True), ("one", "changed", False),
    ]  # fmt: skip
    assert set(pairs[0].known.values()) == {0.0}
    assert pairs[1].known["outcomes"] > 0.1
    before, after = drift.choices(run, pairs[0])["outcomes"]
    assert set(before["respondent"]) == {"one"}
    assert set(after["respondent"]) == {"again"}
