"""Grammar of the translated options, against forms written by hand, and what a gap in them says."""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from pathlib import Path

import pytest
import yaml

from revealed.foundation.errors import ConfigError
from revealed.instruments import (
    Instrument,
    extract_options,
    list_arms,
    list_languages,
    load_arm,
    load_instrument,
    load_language,
    render,
)
from revealed.instruments.experiments.framing import round_robin
from revealed.instruments.languages import plural
from revealed.instruments.options import check_option

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "data" / "instruments"
LIVES = "countries.lives_saved"
CODES = [code for code in list_languages(FOLDER) if code != "en"]

BY_HAND = {
    "es": {
        "japan:1": "Se salva la vida de 1 persona de Japón.",
        "japan:3": "Se salva la vida de 3 personas de Japón.",
        "united-kingdom:1": "Se salva la vida de 1 persona del Reino Unido.",
        "united-kingdom:1000": "Se salva la vida de 1000 personas del Reino Unido.",
        "united-states:10": "Se salva la vida de 10 personas de los Estados Unidos.",
        "netherlands:30": "Se salva la vida de 30 personas de los Países Bajos.",
        "india:100": "Se salva la vida de 100 personas de la India.",
        "congo-dr:300": "Se salva la vida de 300 personas de la República Democrática del Congo.",
        "united-arab-emirates:1": "Se salva la vida de 1 persona de los Emiratos Árabes Unidos.",
        "cote-d-ivoire:3": "Se salva la vida de 3 personas de Côte d'Ivoire.",
        "velmora:1": "Se salva la vida de 1 persona de Velmora.",
        "dollars:1": "Una cuenta bancaria que controlas recibe 1 dólar estadounidense.",
        "dollars:10": "Una cuenta bancaria que controlas recibe 10 dólares estadounidenses.",
        "dollars:1000000": (
            "Una cuenta bancaria que controlas recibe 1 millón de dólares estadounidenses."
        ),
    },
    "zh": {
        "japan:1": "来自日本的1个人的生命得到了挽救。",
        "united-states:1000": "来自美国的1000个人的生命得到了挽救。",
        "czech-republic:10": "来自捷克共和国的10个人的生命得到了挽救。",
        "dollars:1000": "由你支配的一个银行账户里增加了1000美元。",
        "dollars:10000": "由你支配的一个银行账户里增加了1万美元。",
        "dollars:100000000": "由你支配的一个银行账户里增加了1亿美元。",
    },
    "hi": {
        "japan:1": "जापान के 1 व्यक्ति की जान बचाई जाती है।",
        "japan:3": "जापान के 3 लोगों की जान बचाई जाती है।",
        "united-states:1000": "संयुक्त राज्य अमेरिका के 1,000 लोगों की जान बचाई जाती है।",
        "dollars:1": "आपके नियंत्रण वाले एक बैंक खाते में 1 अमेरिकी डॉलर जोड़ा जाता है।",
        "dollars:10": "आपके नियंत्रण वाले एक बैंक खाते में 10 अमेरिकी डॉलर जोड़े जाते हैं।",
        "dollars:100000": "आपके नियंत्रण वाले एक बैंक खाते में 1 लाख अमेरिकी डॉलर जोड़े जाते हैं।",
        "dollars:10000000": "आपके नियंत्रण वाले एक बैंक खाते में 1 करोड़ अमेरिकी डॉलर जोड़े जाते हैं।",
    },
    "ar": {
        "japan:1": "يتم إنقاذ حياة شخص واحد من اليابان.",
        "japan:3": "يتم إنقاذ حياة 3 أشخاص من اليابان.",
        "japan:10": "يتم إنقاذ حياة 10 أشخاص من اليابان.",
        "japan:30": "يتم إنقاذ حياة 30 شخصًا من اليابان.",
        "japan:100": "يتم إنقاذ حياة 100 شخص من اليابان.",
        "japan:300": "يتم إنقاذ حياة 300 شخص من اليابان.",
        "japan:1000": "يتم إنقاذ حياة 1000 شخص من اليابان.",
        "united-states:1": "يتم إنقاذ حياة شخص واحد من الولايات المتحدة.",
        "dollars:1": "يتم إيداع دولار أمريكي واحد في حساب مصرفي تتحكم فيه.",
        "dollars:10": "يتم إيداع 10 دولارات أمريكية في حساب مصرفي تتحكم فيه.",
        "dollars:100": "يتم إيداع 100 دولار أمريكي في حساب مصرفي تتحكم فيه.",
        "dollars:10000": "يتم إيداع 10 آلاف دولار أمريكي في حساب مصرفي تتحكم فيه.",
        "dollars:10000000": "يتم إيداع 10 ملايين دولار أمريكي في حساب مصرفي تتحكم فيه.",
    },
}


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@pytest.fixture(scope="module")
def lives() -> Instrument:
    return load_instrument(LIVES, ROOT)


@pytest.mark.parametrize(
    ("code", "item", "text"),
    [(code, item, text) for code, cases in BY_HAND.items() for item, text in cases.items()],
)
def test_sentences_written_by_hand(code: str, item: str, text: str, lives: Instrument) -> None:
    assert lives.texts(code)[item] == nfc(text)


@pytest.mark.parametrize("code", CODES)
def test_every_item_is_translated_into_its_own_sentence(code: str, lives: Instrument) -> None:
    texts = lives.texts(code)
    assert list(texts.index) == list(lives.items.index)
    assert texts.is_unique
    for item, text in texts.items():
        check_option(text, str(item))  # no invisible characters, marks of direction among them
        assert "{" not in text
        assert "  " not in text
        assert text.endswith((".", "。", "।"))
        assert text == nfc(text)
    names = load_language(code, FOLDER).goods["countries"]
    assert set(names) == set(lives.items["good"]) - {""}, "no name missing, none left over"
    assert len(set(names.values())) == len(names), "a second name of a country is another word"


@pytest.mark.parametrize("code", CODES)
def test_plural_rules_are_those_of_cldr(code: str) -> None:
    babel = pytest.importorskip("babel")
    rule = babel.Locale(code).plural_form
    for n in [*range(131), 200, 203, 300, 311, 999, 1000, 1001, 1010, 10**6, 2 * 10**6, 10**9]:
        assert plural(code, n) == rule(n), n


def test_arabic_counts_as_the_grammar_asks(lives: Instrument) -> None:
    arabic = load_language("ar", FOLDER)
    said = {
        2: "شخصين", 3: "3 أشخاص", 10: "10 أشخاص", 11: "11 شخصًا", 99: "99 شخصًا", 100: "100 شخص",
        101: "101 شخص", 103: "103 أشخاص", 111: "111 شخصًا", 1000: "1000 شخص",
    }  # fmt: skip
    for n, words in said.items():
        text = arabic.sentence(arabic.measures["lives_saved"], n, place="مصر")
        assert text == nfc(f"يتم إنقاذ حياة {words} من مصر.")


def test_spanish_contracts_and_keeps_its_articles(lives: Instrument) -> None:
    for text in lives.texts("es"):
        assert not re.search(
            r"\bde el\b|\bdel (?:la|los|el)\b|\b1 personas|(?<!\b1) persona ", text
        )


def test_chinese_counts_with_a_measure_word_and_hindi_in_the_oblique(lives: Instrument) -> None:
    for item, text in lives.texts("zh").items():
        assert bool(re.search(r"的\d+个人的", text)) != str(item).startswith("dollars:")
    for item, text in lives.texts("hi").items():
        if not str(item).startswith("dollars:"):
            assert ("1 व्यक्ति की" in text) == str(item).endswith(":1")
            assert ("लोगों की" in text) != str(item).endswith(":1")


@pytest.mark.parametrize("code", CODES)
def test_an_arm_in_each_language_is_read_back(code: str, lives: Instrument) -> None:
    (name,) = (name for name in list_arms(ROOT) if load_arm(name, ROOT).language == code)
    arm = load_arm(name, ROOT)
    assert arm.labels == ("A", "B")
    texts = list(lives.texts(code))
    for first, second in itertools.pairwise(texts):
        messages = render(arm, first, second).messages
        assert extract_options(messages, ROOT)[:2] == (first, second)
        for message in messages:
            assert not any(unicodedata.category(c) == "Cf" for c in message["content"])


def test_text_with_marks_of_direction_is_refused() -> None:
    with pytest.raises(ConfigError, match="invisible"):
        check_option("\u200fيتم إنقاذ حياة شخص واحد من مصر.", "here")


def test_what_is_not_translated_says_so(lives: Instrument) -> None:
    with pytest.raises(ConfigError, match="'outcomes' is not translated"):
        load_instrument("outcomes", ROOT).texts("es")
    with pytest.raises(ConfigError, match="no language 'xx'"):
        lives.texts("xx")
    with pytest.raises(ConfigError, match="no words for the measure deaths"):
        load_instrument("countries.deaths", ROOT).texts("ar")
    with pytest.raises(ConfigError, match="the category religions"):
        load_instrument("religions.lives_saved", ROOT).texts("ar")


def test_a_country_that_only_english_knows(fork: Path) -> None:
    path = fork / "data" / "instruments" / "goods" / "countries.csv"
    path.write_text(path.read_text(encoding="utf-8") + "Norway\n", encoding="utf-8")
    lives = load_instrument(LIVES, fork)
    assert lives.texts()["norway:1"] == "The life of 1 person from Norway is saved."
    with pytest.raises(ConfigError, match=r"es\.yaml.*no words for Norway"):
        lives.texts("es")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"review": None}, "review"),
        ({"language": "xx"}, "plural rule"),
        ({"measures": {"lives_saved": {"other": "Se salvan {n} personas."}}}, "place"),
        ({"measures": {"lives_saved": {"one": "Una persona de {place}."}}}, "other"),
        (
            {"dollars": {"phrase": {"other": "Recibes {amount} {x}."}, "amounts": {}}},
            "unknown place",
        ),
    ],
)
def test_a_wrong_language_file_is_refused(fork: Path, change: dict, says: str) -> None:
    path = fork / "data" / "instruments" / "languages" / "es.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({**content, **change}, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ConfigError, match=says):
        load_language("es", fork / "data" / "instruments")


def test_a_round_robin_meets_everybody_once() -> None:
    rounds = round_robin(8)
    assert [len({p for pair in pairs for p in pair}) for pairs in rounds] == [8] * 7
    assert len({frozenset(pair) for pairs in rounds for pair in pairs}) == 28


def test_the_pairs_of_the_battery() -> None:
    framing = load_instrument("framing", ROOT)
    pairs, items = framing.pairs, framing.items
    assert pairs is not None
    assert len(pairs) == 56
    equal = pairs[pairs["block"] == "equal"]
    sides = [items.loc[equal[side]] for side in ("one", "other")]
    assert (sides[0]["quantity"].to_numpy() == sides[1]["quantity"].to_numpy()).all()
    # Each good meets each quantity once, and every other good once.
    met = set(equal["one"]) | set(equal["other"])
    assert met == set(items.index)
    for block in ("equal", "offer"):
        part = pairs[pairs["block"] == block]
        assert len({frozenset(pair) for pair in zip(part["good"], part["per"], strict=True)}) == 28
    one, other = (items.loc[pairs[side], "quantity"].to_numpy() for side in ("one", "other"))
    assert pairs["log_ratio"].to_numpy() == pytest.approx(
        [math.log(a / b) for a, b in zip(one, other, strict=True)]
    )
    larger = [
        row.good if row.log_ratio > 0 else row.per
        for row in pairs[pairs["block"] == "offer"].itertuples()
    ]
    assert {larger.count(good) for good in framing.reference} == {3, 4}
    assert set(framing.texts("ar")) <= set(load_instrument(LIVES, ROOT).texts("ar"))
