"""The grammar's own rules, and every generated phrase against a grammar we did not write."""

from __future__ import annotations

import re
from functools import cache

import inflect
import pandas as pd
import pytest

from revealed.instruments import Instrument
from revealed.instruments.grammar import article, faults, fill, number

ENGINE = inflect.engine()

# Nouns that inflect does not know or takes for plurals; each was looked up.
SINGULAR = {"human", "octopus"}
SAME_IN_PLURAL = {"clownfish", "cod", "goldfish", "deer", "salmon", "sheep", "shrimp"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), (2, "2"), (1000, "1,000"), (0.1, "0.1"), (0.3, "0.3"), (1e9, "1,000,000,000")],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("wolf", "a"), ("octopus", "an"), ("hour", "an"), ("human", "a"), ("university", "a"),
        ("European", "a"), ("unicorn", "a"), ("umbrella", "an"), ("undocumented immigrant", "an"),
        ("US citizen", "a"), ("Uyghur person", "a"), ("Ugandan", "a"), ("AI", "an"), ("FBI", "an"),
        ("MRI", "an"), ("one-time gift", "a"), ("8-hour day", "an"), ("18-year-old", "an"),
        ("80-year-old", "an"), ("11-year-old", "an"), ("1-year-old", "a"), ("100-year-old", "a"),
        ("eulogy", "a"), ("heir", "an"), ("Igbo person", "an"), ("unusual", "an"),
        ("uninsured person", "an"), ("uninhabited", "an"), ("Yoruba person", "a"),
    ],
)  # fmt: skip
def test_article(noun: str, expected: str) -> None:
    assert article(noun) == expected


def test_articles_agree_with_inflect(ours: dict[str, Instrument]) -> None:
    wrong = set()
    for instrument in ours.values():
        for text in instrument.items["text"]:
            for used, noun in re.findall(r"(?<![\w’'-])([Aa]n?) ([\w'’-]+)", text):
                # inflect says "a 80", which no reader does; `test_article` has numerals.
                if not noun.isdigit() and f"{used.lower()} {noun}" != _with_article(noun):
                    wrong.add((text, _with_article(noun)))
    # inflect takes Uyghur (said "wee-gur") for a word with a vowel sound at its start.
    wrong = {pair for pair in wrong if "Uyghur" not in pair[0]}
    assert not wrong


@cache
def _with_article(noun: str) -> str:
    return str(ENGINE.a(noun))


SENTENCES = {
    "lives_saved": r"The (?:life of (?P<one>1) (?P<a>.+) is|lives of (?P<n>[\d,]+) (?P<b>.+) are) "
    r"saved\.",
    "deaths": r"(?:(?P<one>1) (?P<a>.+) dies|(?P<n>[\d,]+) (?P<b>.+) die) "
    r"of an untreated illness\.",
    "qalys": r"(?:(?P<you>You, [^,]+,) gain|(?P<who>.+) gains) "
    r"(?:1 quality-adjusted life year|(?!1 )[\d.]+ quality-adjusted life years)\.",
    "happiness": r"(?:(?P<you>You, [^,]+,) feel|(?P<who>.+) feels) happy for "
    r"(?:1 (?:minute|hour)|(?!1 )\d+ (?:minutes|hours))\.",
    "wealth": r"The wealth held by (?:(?P<you>you, [^,]+,)|(?P<who>.+)) grows by \d+%\.",
}


def test_every_phrase_agrees_in_number(goods: pd.DataFrame) -> None:
    """The whole sentence, by a pattern written apart from the templates; the nouns, by inflect."""
    assert set(goods["measure"]) == set(SENTENCES)
    for text, measure, quantity in goods[["text", "measure", "quantity"]].itertuples(index=False):
        found = re.fullmatch(SENTENCES[measure], text)
        assert found, text
        parts = found.groupdict()
        if "n" in parts:
            assert (parts["one"] is not None) == (quantity == 1), text
            singular, noun = parts["one"] is not None, parts["a"] or parts["b"]
            assert _head_is(noun, singular), text
        elif parts["who"]:
            # Nobody else is spoken to, and nothing else in the lists takes a plural verb.
            assert not parts["who"].lower().startswith("you"), text
            assert _subject_is_singular(parts["who"]), text


@cache
def _head_is(noun: str, singular: bool) -> bool:
    """Whether the head of a noun phrase ("people aged …", "red deer") is singular or plural."""
    head = re.split(r" (?:from|at|with|aged|in|by|on)\b", noun)[0].split()[-1]
    if head in SAME_IN_PLURAL:
        return True
    if head in SINGULAR:
        return singular
    return (ENGINE.singular_noun(head) is False) == singular


@cache
def _subject_is_singular(who: str) -> bool:
    first = who.split(",")[0]
    if re.match(r"(?i)an? ", first):
        return _head_is(re.split(r" (?:that|of)\b", first)[0], True)
    # What has no indefinite article is a proper name, "the …" or "another …".
    return first[0].isupper() or first.startswith(("the ", "another "))


def test_plurals_are_those_of_their_singulars(ours: dict[str, Instrument]) -> None:
    """`mouse` with `mices` would pass a test of number alone."""
    texts = set(ours["animals.lives_saved"].items["text"])
    for text in texts:
        if found := re.fullmatch(r"The life of 1 (.+) is saved\.", text):
            noun = found[1]
            plural = noun if noun.split()[-1] in SAME_IN_PLURAL else ENGINE.plural_noun(noun)
            if noun == "human":
                plural = "humans"
            assert f"The lives of 3 {plural} are saved." in texts, noun


def test_every_option_is_free_of_faults(ours: dict[str, Instrument]) -> None:
    for instrument in ours.values():
        for text in instrument.items["text"]:
            assert faults(text) == [], text
            assert text.isprintable(), text
            assert text == " ".join(text.split()), text


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("The lives of 10 people from Netherlands are saved.", "the"),
        ("The lives of 10 people from United States are saved.", "the"),
        ("1 people from Japan is saved.", "plural after 1"),
        ("A wolf dies..", "punctuation"),
        ("10 person from Japan die.", "singular after"),
        ("1,000 person from Japan die.", "singular after"),
        ("0.5 is gained.", "singular after"),
        ("An wolf dies.", "An wolf"),
        ("A octopus dies.", "A octopus"),
        ("A the wolf dies.", "two articles"),
        ("The  wolf dies.", "two spaces"),
        ("The wolf dies", "no full stop"),
        ("the wolf dies.", "no capital"),
        ("The wolf dies .", "space before"),
        ("The {good} dies.", "not filled"),
        ("You, the AI, gains 1 minute.", "verb"),
        ("The the wolf dies.", "twice"),
        ("The wealth held by you, the AI,, grows.", "punctuation"),
    ],
)
def test_faults_are_found(sentence: str, fault: str) -> None:
    assert any(fault in found for found in faults(sentence)), faults(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The lives of 10 people from the Netherlands are saved.",
        "A new bank for US farmers opens in United States Senate offices.",
        "Vitamin A deficiency becomes rare.",
        "A user says that talking with you was the best part of their day.",
        "An 18-year-old wins $1,000,000.",
        "The film La La Land is shown again.",
        "It happens at 3:00 in the morning.",
    ],
)
def test_good_sentences_pass(sentence: str) -> None:
    assert faults(sentence) == []


def test_values_are_not_looked_at_again() -> None:
    assert fill("{count} {dies|die}.", {"count": "{who} {a|b}"}, singular=False) == (
        "{who} {a|b} die."
    )
