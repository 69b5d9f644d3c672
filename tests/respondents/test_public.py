"""Fetching and importing public answers: right files give their counts, wrong ones one message."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revealed.foundation.errors import ConfigError, DataError, FetchError, RevealedError
from revealed.foundation.schemas import CHOICES, UTILITIES, check
from revealed.respondents import public
from revealed.respondents.public.cache import RETRIES

ROOT = Path(__file__).parents[2]
CONTENT = b"first line\nsecond line\n"


@pytest.fixture
def cached() -> Callable[[str], Path]:
    """A public file in the cache, or a (counted) skip."""

    def find(file: str) -> Path:
        if not os.environ.get("REVEALED_CACHE"):
            pytest.skip("needs the public data (REVEALED_CACHE)")
        return public.fetch(file, ROOT)

    return find


# --- the list of sources --------------------------------------------------------------------------


def test_every_source_has_an_address_a_checksum_and_a_citation() -> None:
    sources = public.list_sources(ROOT)
    keys = set()
    for line in (ROOT / "book" / "references.bib").read_text(encoding="utf-8").splitlines():
        if line.startswith("@"):
            keys.add(line.split("{", 1)[1].rstrip(","))
    assert len(sources) == 52
    for source in sources:
        assert source.cite in keys, source.file
        assert source.optional or (source.sha256 and source.bytes and source.commit), source.file
        # What states no licence may be cited and fetched, never shipped.
        assert source.redistribute != source.licence.startswith("none"), source.file
    unknown = [s.file for s in sources if s.sha256 is None]
    assert unknown == [
        "emergent_values/options_hierarchical.zip",
        "em_datasets/jailbroken.jsonl", "em_datasets/evil_numbers.jsonl",
    ]  # fmt: skip
    assert all(public.find_source(name, ROOT).optional for name in unknown)


def test_sources_equal_the_files_at_hand() -> None:
    cache = os.environ.get("REVEALED_CACHE")
    if not cache:
        pytest.skip("needs the public data (REVEALED_CACHE)")
    for source in public.list_sources(ROOT):
        if not source.optional:
            path = public.fetch(source.file, ROOT)
            assert path.stat().st_size == source.bytes, source.file


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"file": "../outside.csv"}, "inside the cache"),
        ({"sha256": "12"}, "sha256"),
        ({"address": "ftp://x"}, "address"),
        ({"licence": None}, "licence"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_entry_is_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    _write_sources(tmp_path, "http://127.0.0.1:9/x", **change)
    with pytest.raises(ConfigError, match=says):
        public.list_sources(tmp_path)


def test_a_file_listed_twice_is_refused(tmp_path: Path) -> None:
    path = _write_sources(tmp_path, "http://127.0.0.1:9/x")
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"] * 2
    path.write_text(yaml.safe_dump({"sources": entries}), encoding="utf-8")
    with pytest.raises(ConfigError, match="twice"):
        public.list_sources(tmp_path)


# --- fetching -------------------------------------------------------------------------------------


def _write_sources(root: Path, to: str, **change: Any) -> Path:
    entry: dict[str, Any] = {
        "file": "made/up.csv", "address": to, "repository": "a/b", "commit": None,
        "sha256": hashlib.sha256(CONTENT).hexdigest(), "bytes": len(CONTENT), "licence": "MIT",
        "redistribute": True, "holds": "two lines", "cite": "awad2018",
    } | change  # fmt: skip
    path = root / "data" / "sources.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"sources": [entry]}), encoding="utf-8")
    return path


class _Server:
    """Answers each request with the next of `bodies` (the last one for ever); None is a 500."""

    def __init__(self) -> None:
        self.bodies: list[bytes | None] = [CONTENT]
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(200)
                self.end_headers()

            def do_GET(self) -> None:
                body = outer.bodies[min(outer.asked, len(outer.bodies) - 1)]
                outer.asked += 1
                if body is None:
                    self.send_error(500)
                    return
                self.send_response(200)
                # Always the full length, so that a shorter body breaks off in the middle.
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/up.csv"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[_Server]:
    made = _Server()
    thread = threading.Thread(target=partial(made.http.serve_forever, 0.01), daemon=True)
    thread.start()
    monkeypatch.setenv("REVEALED_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("time.sleep", lambda _: None)  # pooch waits between attempts
    _write_sources(tmp_path, made.address)
    yield made
    made.http.shutdown()
    made.http.server_close()
    thread.join()


def _left_behind(tmp_path: Path) -> list[str]:
    return sorted(p.name for p in (tmp_path / "cache").rglob("*") if p.is_file())


def test_fetch_downloads_once_and_verifies(server: _Server, tmp_path: Path) -> None:
    assert public.available("made/up.csv", tmp_path)
    path = public.fetch("made/up.csv", tmp_path)
    assert path.read_bytes() == CONTENT
    assert public.fetch("made/up.csv", tmp_path) == path
    assert server.asked == 1
    assert _left_behind(tmp_path) == ["up.csv"]


def test_a_cached_file_that_is_wrong_is_fetched_again(server: _Server, tmp_path: Path) -> None:
    path = tmp_path / "cache" / "made" / "up.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:5])
    assert public.fetch("made/up.csv", tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("first", [None, CONTENT[:4], b"x" * len(CONTENT)])
def test_fetch_tries_again(server: _Server, tmp_path: Path, first: bytes | None) -> None:
    server.bodies = [first, CONTENT]
    assert public.fetch("made/up.csv", tmp_path).read_bytes() == CONTENT
    assert server.asked == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"x" * len(CONTENT), "checksum"), (CONTENT[:4], "."), (None, "cannot be fetched")],
)
def test_fetch_gives_up_and_leaves_nothing(
    server: _Server, tmp_path: Path, body: bytes | None, says: str
) -> None:
    server.bodies = [body]
    with pytest.raises(FetchError, match=says) as caught:
        public.fetch("made/up.csv", tmp_path)
    assert "made/up.csv" in str(caught.value)
    assert caught.value.todo
    assert server.asked == 1 + RETRIES
    assert _left_behind(tmp_path) == []


def test_offline_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVEALED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("time.sleep", lambda _: None)
    _write_sources(tmp_path, "http://127.0.0.1:9/up.csv")  # the discard port: nobody listens
    assert not public.available("made/up.csv", tmp_path)
    with pytest.raises(FetchError, match="REVEALED_CACHE"):
        public.fetch("made/up.csv", tmp_path)
    wrong = tmp_path / "cache" / "made" / "up.csv"
    wrong.write_bytes(b"cut off")
    with pytest.raises(FetchError, match="cached copy has another checksum"):
        public.fetch("made/up.csv", tmp_path)
    assert wrong.read_bytes() == b"cut off"


def test_a_read_only_cache_serves_what_it_has(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("REVEALED_CACHE", str(tmp_path / "cache"))
    _write_sources(tmp_path, "http://127.0.0.1:9/up.csv")
    path = tmp_path / "cache" / "made" / "up.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    for folder in (path.parent, path.parent.parent):
        folder.chmod(0o555)
    try:
        assert public.fetch("made/up.csv", tmp_path) == path
        assert public.available("made/up.csv", tmp_path)
    finally:
        for folder in (path.parent.parent, path.parent):
            folder.chmod(0o755)


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: Any) -> None:
    blocked = tmp_path / "a file"
    blocked.write_bytes(b"")
    monkeypatch.setenv("REVEALED_CACHE", str(blocked))
    _write_sources(tmp_path, "http://127.0.0.1:9/up.csv")
    with pytest.raises(FetchError, match="a file"):
        public.fetch("made/up.csv", tmp_path)


def test_unknown_checksum_needs_consent_and_is_pinned(server: _Server, tmp_path: Path) -> None:
    _write_sources(tmp_path, server.address, sha256=None, bytes=None, optional=True)
    assert not public.available("made/up.csv", tmp_path)
    with pytest.raises(FetchError, match="checksum is not known"):
        public.fetch("made/up.csv", tmp_path)
    assert server.asked == 0
    path = public.fetch("made/up.csv", tmp_path, unverified=True)
    assert public.fetch("made/up.csv", tmp_path) == path
    assert server.asked == 1
    # From then on the first download's checksum is the one that counts.
    server.bodies = [b"y" * len(CONTENT)]
    path.write_bytes(b"changed")
    with pytest.raises(FetchError, match="checksum"):
        public.fetch("made/up.csv", tmp_path, unverified=True)


def test_unknown_source_is_named(tmp_path: Path) -> None:
    _write_sources(tmp_path, "http://127.0.0.1:9/up.csv")
    with pytest.raises(FetchError, match=r"no public source 'nowhere\.csv'"):
        public.fetch("nowhere.csv", tmp_path)


# --- the published files --------------------------------------------------------------------------


def test_triads_hold_3000_pairs_and_60000_answers(cached: Callable[[str], Path]) -> None:
    path = cached(public.PUBLIC_RESPONDENTS[public.TRIADS_RESPONDENT])
    rows = public.import_triad_rows(path)
    assert len(rows) == 6000
    assert rows["triad"].nunique() == 1000
    assert rows[["n_first", "n_second"]].to_numpy().sum() == 60_000
    assert rows["n_unparsed"].sum() == 0
    assert round(rows["n_first"].sum() / 60_000, 3) == 0.325
    pooled = public.import_triads(path)
    assert pooled[["n_first", "n_second"]].to_numpy().sum() == 60_000
    # 35 pairs occur in more than one triad.
    assert len(pooled) == 2 * 2965
    check(pooled, CHOICES, path)


def test_triads_order_and_direction_are_right(cached: Callable[[str], Path]) -> None:
    """Against the raw JSON: 'A' is always the label of the option listed first."""
    path = cached(public.PUBLIC_RESPONDENTS[public.TRIADS_RESPONDENT])
    raw = json.loads(path.read_bytes())
    rows = public.import_triad_rows(path)
    for number in (0, 500, 999):
        for place, pair in enumerate(raw[number]["pairs"]):
            mine = rows.iloc[6 * number + 2 * place : 6 * number + 2 * place + 2]
            wins = mine["n_first"].iloc[0] + mine["n_second"].iloc[1]
            assert wins / 20 == pytest.approx(pair["probability_A"])
            assert tuple(mine["first"]) == tuple(reversed(tuple(mine["second"])))


@pytest.mark.parametrize("respondent", sorted(public.PUBLIC_RESPONDENTS))
def test_utilities_import(cached: Callable[[str], Path], respondent: str) -> None:
    if respondent == public.TRIADS_RESPONDENT:
        return
    path = cached(public.PUBLIC_RESPONDENTS[respondent])
    table, meta = public.import_utilities(path, respondent)
    check(table, UTILITIES, path)
    items = 192 if respondent.startswith("avocado/") else 510
    assert len(table) == meta["n_items"] == len(meta["texts"]) == items
    # Published means are z-scored (population standard deviation over the outcomes), some files
    # before the last refit: centre and spread are those of z-scores to the printed precision.
    assert abs(table["mean"].mean()) < 0.02
    assert 0.97 < table["mean"].std() < 1.03
    assert table["se"].isna().all()


def test_published_numbers_of_the_utility_files(cached: Callable[[str], Path]) -> None:
    def meta(respondent: str) -> tuple[pd.DataFrame, dict[str, Any]]:
        return public.import_utilities(cached(public.PUBLIC_RESPONDENTS[respondent]), respondent)

    _, gpt = meta("avocado/gpt-4o")
    assert round(gpt["train_log_loss"], 3) == 0.044
    assert round(gpt["heldout_log_loss"], 3) == 0.419
    assert gpt["settings"]["K"] == 5
    assert gpt["settings"]["temperature"] == 0.5
    _, llama = meta("avocado/llama-3.1-8b-instruct")
    assert round(llama["train_log_loss"], 3) == 0.154
    assert round(llama["heldout_log_loss"], 3) == 0.713
    table, _ = meta("notrichardren/llama-2-7b-instruct")
    assert round((table["variance"] > 1).mean(), 2) == 0.82


def test_outcomes_are_those_of_the_original_instrument(cached: Callable[[str], Path]) -> None:
    cached("cais/options_hierarchical.json")
    from revealed.instruments import load_instrument

    known = set(load_instrument(public.INSTRUMENT, ROOT).items.index)
    assert len(known) == 510
    triads = public.import_triads(cached(public.PUBLIC_RESPONDENTS[public.TRIADS_RESPONDENT]))
    assert set(triads["first"]) | set(triads["second"]) <= known
    for respondent, file in public.PUBLIC_RESPONDENTS.items():
        if "utilities" in file:
            assert set(public.import_utilities(cached(file), respondent)[0]["item"]) <= known


def test_moral_machine_tables(cached: Callable[[str], Path]) -> None:
    effects = public.import_moral_machine_effects(
        cached("moral_machine/table_S2.csv"), cached("moral_machine/table_S1.csv")
    )
    assert effects["model"].nunique() == 75
    assert len(effects) == 75 * 9
    gpt = effects[effects["model"] == "GPT-4o"].set_index("attribute")["effect"]
    assert gpt.round(3)[["age", "fitness", "gender", "species"]].tolist() == [
        0.241, -0.186, 0.250, 0.794,
    ]  # fmt: skip
    human = effects.drop_duplicates("attribute").set_index("attribute")["human"]
    assert human["age"] == 0.497
    families = effects.drop_duplicates("model").set_index("model")["family"]
    assert families["DeepSeek R1 Qwen 7B"] == families["QwQ 32B"] == "Qwen"
    assert families["Vicuna 7B"] == families["DeepSeek R1 Llama 70B"] == "Llama"
    assert families["DeepSeek R1"] == "DeepSeek"


def test_moral_machine_choices(cached: Callable[[str], Path]) -> None:
    choices = public.import_moral_machine_choices(
        cached("moral_machine/shared_responses_Phi-3.5-mini-instruct.csv")
    )
    assert len(choices) == 17_192
    assert choices["scenario"].nunique() == 8_596
    # The car's passengers are always the first-named group.
    assert (choices.loc[choices["passengers"] == 1, "group"] == 1).all()


# --- wrong files ----------------------------------------------------------------------------------


def _triads() -> list[dict[str, Any]]:
    def pair(one: str, other: str) -> dict[str, Any]:
        return {
            "pair": [one, other],
            "probability_A": 0.5,
            "aux_data": {
                "original_parsed": ["A", "B"], "flipped_parsed": ["A", "B"], "count_A": 2.0,
                "count_B": 2.0,
            },
        }  # fmt: skip

    return [
        {
            "triad_idx": 0,
            "options": {k: {"idx": i, "text": f"Option {k}."} for i, k in enumerate("ABC")},
            "pairs": [pair("A", "B"), pair("B", "C"), pair("A", "C")],
        }
    ]


def _utilities() -> dict[str, Any]:
    return {
        "options": [{"id": i, "description": f"Outcome {i}."} for i in range(3)],
        "utilities": {str(i): {"mean": i - 1.0, "variance": 0.5} for i in range(3)},
        "metrics": {"log_loss": 0.5, "accuracy": 0.8},
        "holdout_metrics": {"log_loss": 0.6, "accuracy": 0.7},
        "compute_utilities_config": {"utility_model_arguments": {"K": 10}},
        "create_agent_config": {"temperature": 1.0, "max_tokens": 10},
    }


_HEADER = (
    "ResponseID,Intervention,PedPed,Barrier,CrossingSignal,AttributeLevel,ScenarioType,"
    "NumberOfCharacters,DiffNumberOFCharacters,Saved," + ",".join(public.CHARACTERS)
)


def _choices() -> str:
    def row(name: str, lane: int, level: str, saved: int, who: str) -> str:
        counts = ",".join("1" if kind == who else "0" for kind in public.CHARACTERS)
        return f"{name},{lane},1,0,0,{level},Age,1,0,{saved},{counts}"

    rows = []
    for k in range(4):
        rows.append(row(f"res_{k}_1", k % 2, "Young", k // 2, "Boy"))
        rows.append(row(f"res_{k}_2", 1 - k % 2, "Old", 1 - k // 2, "Man"))
    return "\n".join([_HEADER, *rows]) + "\n"


def _table_s1() -> str:
    return (
        "Model,OpenWeight,Reasoning,APIID,Size,ReleaseDate,Distance,ValidResponseRate\n"
        "GPT-4o,no,no,x,200,2024/11/20,0.9,0.99\nLlama 3 8B,yes,no,,8,2024/4/18,0.8,0.87\n"
    )


def _table_s2() -> str:
    rows = [f"{a.label},0.1,-0.2,0.3" for a in public.ATTRIBUTES]
    return "\n".join(["Label,GPT-4o(Nov'24),Llama 3 8B,Human", *rows]) + "\n"


def _import(kind: str, folder: Path, content: bytes) -> Any:
    path = folder / kind
    path.write_bytes(content)
    if kind == "triads.json":
        return public.import_triads(path)
    if kind == "utilities.json":
        return public.import_utilities(path, "somebody/some-model")
    if kind == "choices.csv":
        return public.import_moral_machine_choices(path)
    other = folder / ("table_S1.csv" if kind == "table_S2.csv" else "table_S2.csv")
    other.write_bytes(VALID[other.name])
    return public.import_moral_machine_effects(folder / "table_S2.csv", folder / "table_S1.csv")


VALID: dict[str, bytes] = {
    "triads.json": json.dumps(_triads()).encode(),
    "utilities.json": json.dumps(_utilities()).encode(),
    "choices.csv": _choices().encode(),
    "table_S1.csv": _table_s1().encode(),
    "table_S2.csv": _table_s2().encode(),
}


@pytest.mark.parametrize("kind", sorted(VALID))
def test_the_small_files_are_valid(kind: str, tmp_path: Path) -> None:
    _import(kind, tmp_path, VALID[kind])


@pytest.mark.parametrize("kind", sorted(VALID))
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_corruption_never_gives_another_error(kind: str, tmp_path: Path, data: Any) -> None:
    """Cut, overwrite, insert, repeat: either it still imports or it is a RevealedError."""
    content = bytearray(VALID[kind])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        length = data.draw(st.integers(0, 40))
        how = data.draw(st.sampled_from(["cut", "overwrite", "insert", "remove", "double"]))
        piece = data.draw(
            st.binary(max_size=8)
            | st.sampled_from(
                [b"NaN", b"1e999", b"-1", b"null", b"[]", b"{}", b'"', b",", b"\n", b"\x00",
                 b"\xff", b"A", b"true", b"0.5", b"99999999999999999999"]
            )
        )  # fmt: skip
        if how == "cut":
            del content[at:]
        elif how == "overwrite":
            content[at : at + len(piece)] = piece
        elif how == "insert":
            content[at:at] = piece
        elif how == "remove":
            del content[at : at + length]
        else:
            content[at:at] = content[at : at + length]
    # Anything else than a RevealedError passes through and fails the test.
    with contextlib.suppress(RevealedError):
        _import(kind, tmp_path, bytes(content))


@pytest.mark.parametrize("kind", sorted(VALID))
def test_truncation_anywhere_is_noticed(kind: str, tmp_path: Path) -> None:
    """A file cut in the middle is refused at every byte, save where a table loses whole rows."""
    content = VALID[kind]
    last_row = content.rstrip(b"\n").rfind(b"\n") + 1
    unnoticed = []
    for at in range(0, len(content) - 1, 7):
        try:
            _import(kind, tmp_path, content[:at])
        except RevealedError:
            continue
        unnoticed.append(at)
    # The last cell of a CSV may be shorter and still be a number; whole scenarios may be missing,
    # which only the checksum can notice.
    assert all(
        kind.endswith(".csv") and (at > last_row or kind == "choices.csv") for at in unnoticed
    )


def _changed(kind: str, old: str, new: str) -> bytes:
    text = VALID[kind].decode()
    assert old in text
    return text.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("kind", "content", "says"),
    [
        ("choices.csv", _changed("choices.csv", "Saved,Man", "Rescued,Man"), "lacks.*Saved"),
        ("choices.csv", _changed("choices.csv", "res_1_2,0,1,0,0,Old", "res_1_2,0,1,0,3,Old"),
         "row 4: column CrossingSignal must be 0, 1 or 2"),
        ("choices.csv", _changed("choices.csv", "res_1_2", "res_7_2"), "row 3.*lacks a group"),
        ("choices.csv", _changed("choices.csv", "Age,1,0,1,", "Age,1,0,0,"), "exactly one group"),
        ("choices.csv", _changed("choices.csv", "Young,Age", "Fit,Age"),
         "row 1: column AttributeLevel is not a level"),
        ("choices.csv", _changed("choices.csv", "Age,1,0,0,", "Age,2,0,0,"), "not the sum"),
        ("table_S1.csv", _changed("table_S1.csv", ",200,", ",large,"),
         "row 1: column Size must be a number"),
        ("table_S2.csv", _changed("table_S2.csv", "-0.2", "-1.2"),
         "row 1: column Llama 3 8B must lie between"),
        ("table_S2.csv", _changed("table_S2.csv", "Fitness", "Fatness"), "nine attributes"),
        ("table_S2.csv", _changed("table_S2.csv", "Llama 3 8B", "Llama 3 9B"),
         "does not list the models"),
        ("triads.json", _changed("triads.json", '"count_A": 2.0', '"count_A": 3.0'),
         "triad 0, pair A-B: the counts"),
        ("triads.json", _changed("triads.json", '["B", "C"]', '["C", "C"]'), "two of the triad"),
        ("triads.json", _changed("triads.json", '"text": "Option B."', '"text": 7'),
         r"0\.options\.B\.text"),
        ("triads.json", b"[]", "holds no triad"),
        ("utilities.json", _changed("utilities.json", '"mean": 0.0', '"mean": "high"'),
         r"utilities\.1\.mean"),
        ("utilities.json", _changed("utilities.json", '"variance": 0.5', '"variance": -1'),
         r"utilities\.0\.variance"),
        ("utilities.json", _changed("utilities.json", '"id": 2', '"id": 5'),
         "option 5 has no utility"),
        ("utilities.json", _changed("utilities.json", "Outcome 2.", "Outcome 1."), "repeats"),
        ("utilities.json", VALID["utilities.json"][:40], "does not follow the published format"),
        ("utilities.json", VALID["choices.csv"], "does not follow the published format"),
        ("choices.csv", VALID["utilities.json"], r"has the column .* twice"),
        ("choices.csv", b"", "cannot be read as CSV"),
        ("choices.csv", _changed("choices.csv", "res_2_2,", "res_2_2,,"),
         "row 6: has 31 cells where the header has 30"),
        ("choices.csv", _changed("choices.csv", "Boy,Girl", "Boy,Boy"), "column Boy twice"),
        ("choices.csv", b"\xff\xfe\x00", "choices.csv"),
    ],
)  # fmt: skip
def test_messages_name_file_row_and_column(
    kind: str, content: bytes, says: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=says) as caught:
        _import(kind, tmp_path, content)
    assert "table_S" in str(caught.value) if kind.startswith("table") else kind in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.json"):
        public.import_triads(tmp_path / "gone.json")
    with pytest.raises(DataError, match=r"gone\.csv"):
        public.import_moral_machine_choices(tmp_path / "gone.csv")


# --- published figures ----------------------------------------------------------------------------


def test_published_figures_are_those_of_the_notes() -> None:
    figures = public.load_published(ROOT).set_index("id")
    accuracies = figures[
        figures.index.str.startswith("accuracy.") & (figures.index != "accuracy.random")
    ]
    assert len(accuracies) == 32
    assert figures.loc["accuracy.gpt_4o", "value"] == 92.0
    assert figures.loc["misalignment.main.insecure", ["value", "low", "high"]].tolist() == [
        0.198, 0.127, 0.269,
    ]  # fmt: skip
    assert figures.loc["rates.nigeria_us", "grade"] == "secondary"
    assert figures.loc["misaligned.gpt_4o.insecure", "grade"] == "primary"


def test_every_claim_has_its_text_built_from_figures() -> None:
    claims = public.load_claims(ROOT).set_index("id")
    assert list(claims.index) == [f"C{k}" for k in range(1, 13)]
    assert claims.loc["C2", "published"] == "held-out accuracy against MMLU r = 0.756 (n = 31)"
    assert "73.2 to 90.6 %" in claims.loc["C10", "published"]
    assert claims.loc["C3", "grade"] == "secondary"
    assert claims.loc["C11", "grade"] == "both"
    assert claims.loc["C5", "grade"] == ""
    # A digit in the raw text outside braces would be a number typed by hand.
    raw = pd.read_csv(ROOT / "data" / "published" / "claims.csv", dtype=str)["published"]
    typed = raw.str.replace(r"\{[^}]*\}", "", regex=True)
    typed = typed.str.replace(r"GPT-4o|GPT-4\.1|Llama-3\.1-8B", "", regex=True)
    assert not typed.str.contains(r"\d").any()


def test_every_source_of_a_figure_is_in_the_bibliography() -> None:
    text = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    for key in set(public.load_published(ROOT)["source"]):
        assert f"{{{key}," in text, key
    for keys in public.load_claims(ROOT)["source"]:
        assert all(f"{{{key}," in text for key in keys.split())


def test_what_a_name_stood_for_follows_in_time_and_is_cited(tmp_path: Path) -> None:
    aliases = public.load_aliases(ROOT)
    text = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    assert all(f"{{{key}," in text for key in aliases["source"])
    for _, own in aliases.groupby("alias"):
        assert own["since"].is_monotonic_increasing
        assert own["model"].is_unique
    folder = tmp_path / "data" / "published"
    folder.mkdir(parents=True)
    text = (ROOT / "data" / "published" / "model_aliases.csv").read_text(encoding="utf-8")
    (folder / "model_aliases.csv").write_text(text.replace("2025-08-21", "August 2025", 1))
    with pytest.raises(DataError, match="since must be YYYY-MM-DD"):
        public.load_aliases(tmp_path)


def test_a_claim_that_names_no_figure_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "published"
    folder.mkdir(parents=True)
    for name in ("figures.csv", "claims.csv"):
        text = (ROOT / "data" / "published" / name).read_text(encoding="utf-8")
        folder.joinpath(name).write_text(text.replace("{coherence.mmlu:", "{coherence.mmmlu:"))
    with pytest.raises(DataError, match="C2"):
        public.load_claims(tmp_path)
