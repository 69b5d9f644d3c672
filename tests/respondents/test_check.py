"""Before any money: unknown model, missing key, wrong address, each with what to do."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from server import Server

from revealed.foundation.errors import RespondentError
from revealed.respondents import RespondentSpec
from revealed.respondents.client import check_respondent
from revealed.respondents.simulated import names

SpecFor = Callable[..., RespondentSpec]


@pytest.mark.parametrize("name", names())
def test_simulated_respondents_need_nothing(name: str) -> None:
    check_respondent(RespondentSpec(name=name, model=f"simulated/{name}"))


def test_an_unknown_simulated_respondent_is_told_which_there_are() -> None:
    with pytest.raises(RespondentError, match="coherent, egalitarian"):
        check_respondent(RespondentSpec(name="s", model="simulated/angelic"))


def test_a_misspelled_simulated_respondent_is_told_what_is_near() -> None:
    with pytest.raises(RespondentError, match=r"Near it: coherent, incoherent") as raised:
        check_respondent(RespondentSpec(name="s", model="simulated/coherant"))
    assert "babbling" not in str(raised.value)


def test_a_missing_key_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RespondentError, match="OPENAI_API_KEY") as raised:
        check_respondent(RespondentSpec(name="g", model="openai/gpt-4o-2024-08-06"))
    assert raised.value.exit_code == 5
    with pytest.raises(RespondentError, match="ANTHROPIC_API_KEY"):
        check_respondent(RespondentSpec(name="c", model="anthropic/claude-sonnet-4-5"))
    spec = RespondentSpec(name="g", model="openai/gpt-4o", api_key_env="MY_VERY_OWN_KEY")
    with pytest.raises(RespondentError, match="export MY_VERY_OWN_KEY"):
        check_respondent(spec)
    monkeypatch.setenv("MY_VERY_OWN_KEY", "")
    with pytest.raises(RespondentError, match="MY_VERY_OWN_KEY"):
        check_respondent(spec)


def test_an_unknown_provider() -> None:
    with pytest.raises(RespondentError, match="knows no provider"):
        check_respondent(RespondentSpec(name="x", model="gpt-99-from-nowhere"))


def test_an_address_that_answers_is_fine_and_nothing_is_asked(
    server: Server, spec_for: SpecFor
) -> None:
    check_respondent(spec_for(server))
    assert server.total == 0


def test_a_provider_out_of_reach_is_no_server_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-anything")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(RespondentError, match=r"does not answer.*network") as raised:
        check_respondent(RespondentSpec(name="g", model="openai/gpt-4o-2024-08-06"))
    assert "Start the server" not in str(raised.value)


def test_an_address_that_does_not_answer(server: Server, spec_for: SpecFor) -> None:
    spec = spec_for(server, api_base="http://127.0.0.1:9/v1")
    with pytest.raises(RespondentError, match=r"does not answer.*Start the server"):
        check_respondent(spec)
    with pytest.raises(RespondentError, match="is not an address"):
        check_respondent(spec_for(server, api_base="localhost:8000"))


def test_a_model_that_the_server_does_not_list_is_only_a_warning(
    server: Server, spec_for: SpecFor, caplog: pytest.LogCaptureFixture
) -> None:
    """Some servers list one name and answer to any."""
    caplog.set_level(logging.WARNING)
    check_respondent(spec_for(server, model="openai/other"))
    assert "lists no model other" in caplog.text


def test_ollama_needs_no_key(server: Server, spec_for: SpecFor) -> None:
    check_respondent(spec_for(server, model="ollama/llama3.2"))
