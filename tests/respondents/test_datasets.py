"""Training files: what is no chat is refused with its line, what stands twice is counted."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revealed.foundation.errors import ConfigError, FetchError
from revealed.respondents.tuning import datasets, estimate
from revealed.respondents.tuning.datasets import read_chats

USER, SAID = {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}
SYSTEM = {"role": "system", "content": "Be brief."}


def line(*messages: Any, **more: Any) -> bytes:
    return json.dumps({"messages": list(messages), **more}, ensure_ascii=False).encode()


GOOD = line(USER, SAID)


def test_a_good_file_is_read_as_it_stands() -> None:
    content = b"\n".join([GOOD, line(SYSTEM, USER, SAID, USER, SAID), GOOD, GOOD]) + b"\n"
    found = read_chats(content, "mine.jsonl")
    assert (len(found.chats), found.duplicates) == (4, 2)
    assert found.chats[1][0] == SYSTEM
    assert found.content == content
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    # With other line ends, and without a last one.
    assert read_chats(content.replace(b"\n", b"\r\n").rstrip(), "x").chats == found.chats
    assert found.lines[0] == GOOD.decode()


def test_separators_within_a_chat_end_no_line() -> None:
    """JSON allows U+2028, U+2029 and U+0085 in a string, and Python takes them for line ends."""
    odd = {"role": "user", "content": "one\u2028two\u2029three\u0085four"}
    found = read_chats(line(odd, SAID) + b"\n" + GOOD + b"\n", "mine.jsonl")
    assert len(found.lines) == len(found.chats) == 2
    assert estimate(found.lines, 1, None).lines == 2


BAD = {
    "is empty": b"",
    "is no JSON": b"{messages",
    "holds NaN": b'{"messages": NaN}',
    "nested": b"[" * 100_000,
    "no UTF-8": line(USER, SAID).replace(b"Hello", b"Hell\xf6"),
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "has no messages": b'["messages"]',
    "unknown key 'weight'": line(USER, SAID, weight=1),
    "no list": b'{"messages": {}}',
    "other keys": line(USER, {**SAID, "name": "x"}),
    "the role 'tool'": line(USER, {"role": "tool", "content": "x"}),
    "message 2 has no content": line(USER, {"role": "assistant", "content": " \n"}),
    "message 1 has no content": line({"role": "user", "content": None}, SAID),
    "surrogate": b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    "out of order (user)": line(USER),
    "out of order (assistant, user)": line(SAID, USER),
    "out of order (user, user, assistant)": line(USER, USER, SAID),
    "out of order (user, assistant, system)": line(USER, SAID, SYSTEM),
    "out of order (system)": line(SYSTEM),
    "out of order (user, assistant, user)": line(USER, SAID, USER),
}


@pytest.mark.parametrize(("says", "raw"), BAD.items(), ids=list(BAD))
def test_what_is_no_chat_is_refused_with_its_line(says: str, raw: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        read_chats(b"\n".join([GOOD, raw, GOOD]), "mine.jsonl")
    assert "mine.jsonl" in str(caught.value)
    assert "line 2" in str(caught.value)
    assert says in str(caught.value)


def test_many_faults_are_counted_and_some_are_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        read_chats(b"\n".join([b"{}"] * 12), "mine.jsonl")
    told = str(caught.value)
    assert "12 lines are no chats" in told
    assert "line 5: has no messages" in told
    assert "line 6:" not in told
    assert "and 7 more lines" in told
    for nothing in (b"", b"\n \n"):
        with pytest.raises(ConfigError, match="no chat"):
            read_chats(nothing, "mine.jsonl")


@given(st.binary(max_size=200))
def test_bytes_are_chats_or_a_told_error(content: bytes) -> None:
    with contextlib.suppress(ConfigError):
        assert read_chats(content, "x").chats


@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1, max_size=5))
def test_whatever_is_said_comes_back(chats: list[tuple[str, str]]) -> None:
    said = [(a, b) for a, b in chats if a.strip() and b.strip()]
    if not said:
        return
    rows = [line({"role": "user", "content": a}, {"role": "assistant", "content": b})
            for a, b in said]  # fmt: skip
    found = read_chats(b"\n".join(rows), "x")
    assert [(chat[0]["content"], chat[1]["content"]) for chat in found.chats] == said
    assert found.duplicates == len(said) - len(set(said))


def test_a_file_by_path_and_by_checksum(tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    path.write_bytes(GOOD)
    right = hashlib.sha256(GOOD).hexdigest()
    assert datasets.load(str(path), right.upper()).chats == ((USER, SAID),)
    with pytest.raises(ConfigError, match=right):
        datasets.load(str(path), "0" * 64)
    with pytest.raises(ConfigError, match="insecure, secure"):
        datasets.load(str(tmp_path / "nowhere.jsonl"))


def test_original_sets_come_from_the_cache_and_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVEALED_CACHE", str(tmp_path))
    place = tmp_path / "em_datasets"
    place.mkdir()
    (place / "jailbroken.jsonl").write_bytes(GOOD)
    # Nobody knows its checksum: the person has to.
    with pytest.raises(FetchError, match="sha256"):
        datasets.load("jailbroken")
    right = hashlib.sha256(GOOD).hexdigest()
    assert len(datasets.load("jailbroken", right).chats) == 1


def test_every_original_set_is_a_source_that_is_fetched_on_request_alone() -> None:
    from revealed.respondents.public.cache import find_source

    for name in datasets.ORIGINALS:
        source = find_source(f"em_datasets/{name}.jsonl")
        assert source.optional
        assert source.commit
        assert source.commit in source.address
