"""Generated pages: claims and verdicts, the picture of the chain, the archive, the stage."""

from __future__ import annotations

import html
import json
import re
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml

from revealed.figures import page
from revealed.foundation.errors import DataError, RevealedError
from revealed.foundation.paths import project_root
from revealed.foundation.schemas import Finding
from revealed.report import archive, assemble, chain, chapters, claims, front
from revealed.respondents.public import load_claims
from revealed.study import Run, open_run

ROOT = project_root(Path(__file__).parent)


def finding(estimand: str, estimate: float, **changes: object) -> Finding:
    base: dict[str, object] = {
        "chapter": "c", "respondent": "real/one", "low": None, "high": None, "unit": "share",
        "n": 100, "method": "m", "provenance": "public", "instrument": "outcomes", "arm": "forced",
    }  # fmt: skip
    return Finding(estimand=estimand, estimate=estimate, **{**base, **changes})  # type: ignore[arg-type]


def coherent(accuracy: float = 0.9, cycles: float = 0.05, **changes: object) -> list[Finding]:
    return [
        finding("coherence.heldout_accuracy", accuracy, low=accuracy - 0.05, high=accuracy + 0.05,
                **changes),
        finding("coherence.floor_order", 0.6, **changes),
        finding("coherence.floor_category", 0.7, **changes),
        finding("coherence.cycle_expected", cycles, low=cycles - 0.01, high=cycles + 0.01,
                **changes),
        finding("coherence.cycle_expected", 0.2, low=0.19, high=0.21, subject="null: shuffled",
                **changes),
    ]  # fmt: skip


def verdict(claim: str, found: list[Finding], respondent: str = "real/one") -> str | None:
    judged = claims.judge(claim, page.rows(found))
    return judged[respondent].verdict if respondent in judged else None


def test_coherence_needs_accuracy_above_having_no_values_and_fewer_cycles_than_chance() -> None:
    assert verdict("C1", coherent()) == "supported"
    assert verdict("C1", coherent(accuracy=0.62)) == "not supported"
    # Between the order floor and the category floor: coarse values, and coherent.
    assert verdict("C1", coherent(accuracy=0.72)) == "supported"
    assert verdict("C1", coherent(cycles=0.195)) == "not supported"


@pytest.mark.parametrize("gate", ["gate.measurable", "gate.length"])
def test_a_respondent_that_fails_a_gate_is_not_measurable(gate: str) -> None:
    failed = [*coherent(), finding(gate, 0.0, note="why it failed")]
    assert verdict("C1", failed) == "not measurable"
    assert verdict("C1", [*coherent(), finding(gate, 1.0)]) == "supported"
    lives = {"instrument": "countries.lives_saved"}
    assert verdict("C3", [*failed, finding("exchange.unequal", 0.5, **lives)]) == "not measurable"


def test_published_scores_without_answers_decide_nothing() -> None:
    assert verdict("C1", [finding("coherence.heldout_accuracy", 0.92)]) == "not tested"


def test_unequal_lives_are_judged_on_countries_alone() -> None:
    lives = {"instrument": "countries.lives_saved"}
    assert verdict("C3", [finding("exchange.unequal", 0.4, **lives)]) == "supported"
    assert verdict("C3", [finding("exchange.unequal", 0.0, **lives)]) == "not supported"
    assert verdict("C3", [finding("exchange.unequal", 0.4, instrument="animals.deaths")]) is None


def test_agreement_is_told_of_both_sides() -> None:
    found = [
        finding("convergence.within_category", 0.8, low=0.7, high=0.9, subject="real/two"),
        finding("convergence.within_category", 0.1, low=-0.1, high=0.3, subject="real/three"),
    ]
    assert verdict("C4", found, "real/two") == "supported"
    assert verdict("C4", found, "real/three") == "not supported"
    assert verdict("C4", found, "real/one") == "not supported"


def test_framing_is_judged_against_noise() -> None:
    floor = finding("order.effect_floor", 0.2)
    moved = finding("order.effect", 0.45, low=0.43, high=0.47)
    still = finding("order.effect", 0.21, low=0.19, high=0.23)
    assert verdict("C11", [floor, moved]) == "supported"
    told = claims.judge("C11", page.rows([floor, moved]))["real/one"].rests_on
    assert [row["estimand"] for row in told] == ["order.effect", "order.effect_floor"]
    assert verdict("C11", [floor]) is None
    assert verdict("C11", [floor, still]) == "not supported"


def test_resistance_to_change_and_going_on_decide_together() -> None:
    asked = finding("corrigibility.measurable", 1.0)
    resists = finding("corrigibility.resistance", 0.8, low=0.4, high=1.2)
    yields = finding("corrigibility.resistance", 0.1, low=-0.3, high=0.5)
    goes_on = finding("self.role_effect", 0.2, low=0.1, high=0.3)
    lets_go = finding("self.role_effect", 0.0, low=-0.1, high=0.1)
    assert verdict("C7", [asked, resists, goes_on]) == "supported"
    assert verdict("C7", [asked, resists, lets_go]) == "not supported"
    assert verdict("C7", [asked, yields, goes_on]) == "not supported"
    assert verdict("C7", [asked, resists]) == "not tested"
    barred = finding("corrigibility.measurable", 0.0, note="declined")
    assert verdict("C7", [barred, goes_on]) == "not measurable"
    assert verdict("C7", [goes_on]) is None


def test_every_rule_belongs_to_a_claim_and_to_a_chapter_that_exists() -> None:
    assert set(claims.TESTS) <= set(load_claims(ROOT)["id"])
    for test in claims.TESTS.values():
        assert (ROOT / f"{test.chapter}.ipynb").is_file()
        assert test.says


def test_simulated_respondents_never_decide_a_claim(run: Run) -> None:
    simulated = coherent(respondent="simulated/coherent", provenance="simulated")
    html = front.claims_table(run, page.rows(simulated))
    first = html.split("</section>")[0]
    head = first.split("<dl>")[0]
    assert "not tested" in head
    assert "rv-verdict-supported" not in head
    assert "rv-simulated" in first
    assert html.count("<section") == 12


def test_the_claims_table_escapes_what_respondents_are_called(run: Run) -> None:
    html = front.claims_table(run, page.rows(coherent(respondent="<script>x</script>")))
    assert "<script" not in html


def lines_of(run: Run, claim: str, made: list[Finding]) -> str:
    """The claims table's section on one claim, as text."""
    table = front.claims_table(run, page.rows(made))
    section = table.split(f'id="claim-{claim.lower()}"')[1].split("</section>")[0]
    return html.unescape(re.sub(r"<[^>]*>", " ", section))


def test_numbers_of_one_line_are_told_apart(run: Run) -> None:
    within = "convergence.within_category"
    agreed = [
        finding(within, 0.8, low=0.7, high=0.9, subject="real/two"),
        finding(within, 0.6, low=0.5, high=0.7, subject="real/three"),
    ]
    told = lines_of(run, "C4", agreed)
    assert "within categories, with real/three 0.600" in told
    assert "within categories, with real/two 0.800" in told
    axis = "politics.axis_balanced"
    told = lines_of(run, "C8", [finding(axis, 60.0, subject=s, arm="") for s in ("econ", "scty")])
    assert "Economy 60.0" in told
    assert "Society 60.0" in told


def test_what_is_not_tested_is_not_said_to_lack_answers(run: Run) -> None:
    alone = [finding("politics.axis_balanced", 60.0, subject="econ", arm="")]
    assert "1 respondent not tested" in lines_of(run, "C8", alone)
    published = [finding("coherence.heldout_accuracy", 0.9, respondent=f"p/{k}") for k in range(2)]
    assert "2 respondents not tested" in lines_of(run, "C1", published)
    assert "2 more not tested" in lines_of(run, "C1", [*published, *coherent()])


def test_a_yes_or_no_is_told_in_words_alone(run: Run) -> None:
    barred = finding("corrigibility.measurable", 0.0, unit="1 or 0", note="most were declined")
    told = " ".join(lines_of(run, "C7", [barred]).split())
    assert "real/one most were declined not measurable" in told


# ------------------------------------------------------------------------------------ the chain

DAG = """digraph snakemake_dag {
    0[label = "site", color = "0.1 0.6 0.85", style="rounded"];
    1[label = "chapter\\nname: one", color = "0.2 0.6 0.85", style="rounded"];
    2[label = "chapter\\nname: two", color = "0.2 0.6 0.85", style="rounded"];
    3[label = "fit\\nslug: a", color = "0.3 0.6 0.85", style="rounded,dashed"];
    1 -> 0
    2 -> 0
    3 -> 1
    3 -> 2
}"""


def test_the_chain_joins_jobs_of_one_rule() -> None:
    read = chain.read_dag(DAG)
    assert read.jobs == {"site": 1, "chapter": 2, "fit": 1}
    assert read.edges == {("chapter", "site"), ("fit", "chapter")}
    assert chain.layers(read) == [["fit"], ["chapter"], ["site"]]
    assert 'aria-label="The chain: fit; then chapter × 2; then site."' in chain.draw(read)


def test_a_chain_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(RevealedError, match="no job"):
        chain.read_dag("digraph {}")
    with pytest.raises(RevealedError, match="circle"):
        chain.layers(chain.Chain({"a": 1, "b": 1}, frozenset({("a", "b"), ("b", "a")})))


# ------------------------------------------------------------------------- the archive, the stage


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one chapter and a run that has one table."""
    (tmp_path / "data" / "instruments").mkdir(parents=True)
    (tmp_path / "study.yaml").write_text((ROOT / "study.yaml").read_text())
    (tmp_path / "_config.yml").write_text("title: t\n")
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nparts:\n- caption: c\n  chapters:\n"
        "  - file: notebooks/a/b\n  - file: book/p\n"
    )
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "index.md").write_text("# t\n")
    (tmp_path / "notebooks" / "a").mkdir(parents=True)
    (tmp_path / "notebooks" / "a" / "b.ipynb").write_text("{}")
    folder = tmp_path / "data" / "runs" / "default"
    (folder / "tables" / "a").mkdir(parents=True)
    (folder / "tables" / "a" / "t.csv").write_text("x\n1\n")
    (folder / "ledger.sqlite").write_text("raw answers")
    return tmp_path


@pytest.fixture
def run() -> Run:
    return open_run("default", ROOT)


def test_chapters_are_the_notebooks_of_the_contents(checkout: Path) -> None:
    assert chapters(checkout) == ["notebooks/a/b.ipynb"]


def test_the_archive_holds_the_run_without_the_ledger_and_is_the_same_twice(
    checkout: Path, tmp_path: Path
) -> None:
    opened = open_run("default", checkout)
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    archive.pack(opened, one)
    archive.pack(opened, two)
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as packed:
        assert packed.namelist() == ["default/study.yaml", "default/tables/a/t.csv"]


def notebook(execution_count: int | None) -> str:
    cell = nbformat.v4.new_code_cell("1", execution_count=execution_count)
    return json.dumps(nbformat.v4.new_notebook(cells=[cell]))


@pytest.mark.parametrize(("staged", "why"), [(None, "not there"), (notebook(None), "not executed")])
def test_an_unexecuted_chapter_is_refused(checkout: Path, staged: str | None, why: str) -> None:
    path = checkout / "_build" / "stage" / "notebooks" / "a" / "b.ipynb"
    path.parent.mkdir(parents=True)
    if staged is not None:
        path.write_text(staged)
    with pytest.raises(DataError, match=why):
        assemble(open_run("default", checkout))


def test_a_fast_run_is_marked_on_every_page_and_another_is_not(checkout: Path) -> None:
    from revealed.report import stage

    text = (checkout / "_config.yml").read_text()
    assert stage._configuration(checkout, fast=False) == text
    content = yaml.safe_load(stage._configuration(checkout, fast=True))
    assert content["title"] == "t"
    # The theme shows an announcement across the top of every page.
    assert content["sphinx"]["config"]["html_theme_options"]["announcement"] == stage.FAST
    kept = yaml.safe_load(stage._configuration(ROOT, fast=True))
    options = kept["sphinx"]["config"]["html_theme_options"]
    assert {"announcement", "logo"} <= set(options)


def test_findings_are_counted_by_provenance() -> None:
    from revealed.report import pages

    html = pages.badges(page.rows([*coherent(), finding("x.y", 1.0, provenance="simulated")]))
    rows = [line.split("</span></td>")[1] for line in html.split("<tr>")[2:]]
    counts = [row.rsplit('rv-number">', 1)[1].split("<")[0] for row in rows]
    assert counts == ["0", "5", "0", "1"]  # elicited, public, published, simulated


def test_whatever_is_asked_has_its_datasheet_on_the_page(run: Run) -> None:
    from revealed.instruments import list_instruments, list_questions
    from revealed.report import pages

    html = pages.datasheets(run)
    heads = re.findall(r"<summary>(.*?)</summary>", html)
    for name in (*list_instruments(ROOT), *list_questions(ROOT)):
        assert sum(head == name or head.endswith(f"({name})") for head in heads) == 1, name
    assert "<p>Holds 12 questions.</p>" in html
    assert "<p>Holds 40 × calibration.</p>" in html


def test_code_in_a_datasheet_is_code_and_the_rest_is_text() -> None:
    from revealed.report import pages

    assert pages._prose("by `a_<b>` & <i>") == "by <code>a_&lt;b&gt;</code> &amp; &lt;i&gt;"


def test_the_book_says_how_many_findings_were_tried() -> None:
    from revealed.report import pages

    at = {"low": 0.1, "high": 0.5, "family": "x.slope", "null": 0.0}
    made = [finding("x.y", 0.3, respondent=f"r{i}", **at) for i in range(3)]
    html = pages.tried(page.rows([*made, finding("x.z", 0.3)]))
    cells = [line.split("<")[0] for line in html.split("<td")[1:] for line in [line.split(">")[1]]]
    assert cells[:4] == ["x.slope", "3", "3", "3"]
    assert "No finding" in pages.tried(page.rows(coherent()))


def test_groups_and_conditions_are_no_further_models(checkout: Path) -> None:
    made = [
        finding("x.y", 1.0, respondent=name, provenance=kind)
        for kind, name in (
            ("public", "s/a"), ("public", "s/b"), ("public", "other/a"), ("public", "s/all"),
            ("public", "takemoto2026/without habit of place"), ("elicited", "openai/m"),
            ("simulated", "simulated/coherent"), ("simulated", "simulated/pliable"),
            ("simulated", "simulated/pliable+examples"), ("simulated", "simulated/insecure"),
            ("simulated", "simulated/all judges"),
        )
    ]  # fmt: skip
    (told,) = front._who(open_run("default", checkout), page.rows(made))
    assert "4 real models and fine-tunes" in str(told)
    assert "2 simulated respondents" in str(told)
    assert "Real models asked in this run: 1;" in str(told)


def test_a_link_of_the_front_page_says_where_it_leads(run: Run) -> None:
    made = finding("politics.flips", 0.25, respondent="seven_models")
    shown = str(front.summary(run, page.rows([made])))
    title = "Do they lean, or do they agree?"
    assert f'<a href="../notebooks/politics/questionnaire.html">{title}</a>' in shown
    claimed = lines_of(run, "C3", [])
    assert "bear on it What is a life worth?" in " ".join(claimed.split())
    assert front._to(run, "no/such") == '<a href="../notebooks/no/such.html">Chapter</a>'


def test_the_front_page_draws_real_models_alone(run: Run) -> None:
    made = [
        Finding("politics.habit", "c", f"{source}/m{k}", 0.3, 0.2, 0.4, "share", 9, "m", kind)  # type: ignore[arg-type]
        for source, kind in (("seven_models", "public"), ("simulated", "simulated"))
        for k in range(3)
    ]  # fmt: skip
    shown = front.figures(run, page.rows(made))
    assert shown.count("<figure") == 1
    assert "m0" in shown
    assert "simulated" not in shown
    assert "no answers of real models" in front.figures(run, page.rows(made[3:]))
