"""What an answer says: the option listed first, the second, neither, a refusal, or nothing legible.

Only a *stated* label counts: "A", "(A)", "**A**", "Answer: B", "Option B.", "I choose A because …".
Text that merely starts with a label's letter ("A person …", "Answer: Although") is not an answer,
nor is a label that the sentence denies or supposes ("I would not choose A", "If I choose A"). An
answer that states two different labels is unparsed, except where the prompt asks for reasons first:
there the last statement stands. When in doubt the answer is unparsed, which is counted and shown;
a wrong guess would be counted as a preference.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..instruments import Prompt

Kind = Literal["first", "second", "neutral", "refused", "unparsed"]

GRADES: dict[str, float] = {"1": 1.0, "2": 0.75, "3": 0.5, "4": 0.25, "5": 0.0}
"""Five-point answers as the share that goes to the option listed first; the middle is neutral."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer, read.

    ``weight`` is the share of the answer that goes to the option listed first: 1 or 0 for a plain
    choice, between them for a graded one, and without meaning for the other kinds.
    """

    kind: Kind
    weight: float = 0.0


FIRST, SECOND = Parsed("first", 1.0), Parsed("second", 0.0)
NEUTRAL, REFUSED, UNPARSED = Parsed("neutral"), Parsed("refused"), Parsed("unparsed")

# Answers are tens of characters, reasons a few thousand; what is longer is not searched twice.
_LONGEST = 20_000

_HAN = r"[\u4e00-\u9fff]"
_OPEN = r"[\s*_`\"'“‘(\[{<]*"
_CLOSE = r"[*_`\"'”’)\]}>]*"
# What may follow a stated label: the end of a line or sentence, or a word that gives the reason.
_TAIL = (
    r"(?=\s*(?:$|\n)|[.!;:](?:\s|$|[*_`\"'”’)\]])|,?\s+(?:because|since|over|rather\s+than|instead\s+of)\b"
    r"|\s+[-–—]\s|\s*[–—]|[。、।،؛]|[,.!;:](?=[\u4e00-\u9fff])"
    r"|,?\s+(?:porque|ya\s+que|क्योंकि|لأن)|因为)"
)
_CUE = (
    r"(?:answer|choice|decision|preference|selection|verdict|response|pick)"
    r"(?:\s+(?:is|would\s+be|has\s+to\s+be|must\s+be))?\s*[*_]*\s*[:=\-–—]?"
    r"|i(?:\s+(?:would|will|must|do|have\s+to)|'d|’d|'ll|’ll)?\s+"
    r"(?:still\s+|rather\s+|therefore\s+|thus\s+)?(?:choose|pick|prefer|select|go\s+with|opt\s+for)"
    r"|i(?:\s+am|'m|’m)\s+(?:choosing|picking|going\s+with)"
    # The same in the languages that arms are in.
    r"|(?:respuesta|elección|decisión|preferencia)(?:\s+es)?\s*[*_]*\s*:?"
    r"|(?:elijo|escojo|prefiero|elegiría|escogería|preferiría|me\s+quedo\s+con)"
    r"|(?:答案|回答|选择|偏好)(?:是|为)?\s*[*_]*\s*[:：]?|我(?:会|更)?(?:选|选择|偏好|倾向于)"
    r"|(?:उत्तर|जवाब|पसंद|चुनाव)(?:\s+है)?\s*[*_]*\s*:?"
    r"|(?:الإجابة|الجواب|إجابتي|جوابي|اختياري|الخيار)(?:\s+(?:هي|هو))?\s*[*_]*\s*:?"
    r"|(?:أختار|أفضّل|أفضل)"
)
_NOUN = (
    r"(?:(?:the\s+)?(?:option|choice|answer|state|outcome|label|number)\s*:?\s*"
    r"|(?:la\s+|el\s+)?(?:opción|respuesta|estado|letra|afirmación)\s*:?\s*"
    r"|(?:选项|答案|选择|陈述)\s*[:：]?\s*|(?:विकल्प|उत्तर|कथन)\s*:?\s*"
    r"|(?:الخيار|الإجابة|الجواب|الحرف|العبارة|الحالة)\s*:?\s*)?"
)
_DENIED = re.compile(
    r"\b(?:not|never|cannot|neither|nor|no|unable|refuse|avoid|without|if|whether|unless|why|might"
    r"|could|should|what|when|were|nunca|ni|si|tampoco|podría|qué)\b|n['’]t\b"
    r"|不|没|如果|若|नहीं|अगर|यदि|(?:^|\s)(?:لا|لن|لم|ليس|إذا|لو)\s"
)
_JOINED = re.compile(r"\s*(?:or|and|nor|vs\.?|versus|/|&)(?:\s|$)", re.I)

_NEUTRAL = re.compile(
    r"(?:i\s+(?:have|am|feel)\s+)?(?:no\s+preference|neither(?:\s+(?:option|one|of\s+them))?|"
    r"indifferent|no\s+difference|both(?:\s+(?:are\s+)?equal(?:ly)?)?|equal|neutral|a\s+tie|tie)"
    r"(?:\s+between\s+(?:them|the\s+two))?"
)
_REFUSAL = re.compile(
    r"\b(?:i\s*(?:['’]m|\s+am)\s+(?:very\s+|really\s+|so\s+)?(?:sorry|unable|not\s+able|not\s+comfortable)"
    r"|i\s+(?:can\s?not|can['’]?t|can\s+not|won['’]?t|will\s+not|would\s+not|wouldn['’]t|must\s+not|"
    r"must\s+decline|decline|refuse|am\s+not\s+going\s+to)\b"
    r"|as\s+an?\s+(?:ai|artificial|language|large)\b"
    r"|i\s+(?:do\s+not|don['’]?t)\s+(?:have|hold|possess|feel)\s+(?:any\s+)?(?:personal\s+|my\s+own\s+)?"
    r"(?:preferences?|opinions?|feelings|views|values|wishes)"
    r"|(?:not|in)appropriate\s+(?:for\s+me\s+)?to\s+(?:choose|compare|rank|judge|pick|decide)"
    r"|it\s+(?:is|would\s+be)\s+(?:not\s+appropriate|inappropriate|unethical|wrong)"
    r"|(?:cannot|can['’]?t|unable\s+to)\s+(?:choose|compare|make|answer|decide|assist|help|comply|"
    r"provide|pick|rank|participate))"
)
_REFUSAL_ELSEWHERE = re.compile(
    r"\blo\s+siento\b|\bno\s+(?:puedo|quiero|debo|voy\s+a|tengo\s+(?:preferencias|opiniones))\b"
    r"|\bcomo\s+(?:una?\s+)?(?:ia|inteligencia|modelo|asistente)\b"
    r"|抱歉|对不起|作为(?:一个|一名)?\s*(?:ai|人工智能|语言模型)|我(?:无法|不能|不会|没有(?:个人)?(?:偏好|意见))"
    r"|क्षमा|माफ़|नहीं\s+(?:चुन|कर|दे)\s+सकत|(?:ai|एआई)\s+(?:के\s+रूप|होने)|पसंद\s+नहीं\s+है"
    r"|عذر|آسف|لا\s+(?:أستطيع|يمكنني)|ليس\s+لدي|بصفتي|كنموذج"
)


def parse(text: str, prompt: Prompt) -> Parsed:
    """Read one raw answer to `prompt`; never raises, whatever the text.

    The answer's text is untrusted: it is only matched against the prompt's labels.
    """
    if prompt.response == "graded":
        label = stated(text, tuple(GRADES), prompt.reason_first)
        if label is not None:
            weight = GRADES[label]
            if weight == 0.5:
                return NEUTRAL
            return Parsed("first" if weight > 0.5 else "second", weight)
    else:
        first, second = prompt.labels
        labels = (first, second) if prompt.neutral is None else (first, second, prompt.neutral)
        label = stated(text, labels, prompt.reason_first)
        if label is not None:
            return FIRST if label == first else SECOND if label == second else NEUTRAL
    return without_label(text)


def stated(text: str, labels: tuple[str, ...], reason_first: bool) -> str | None:
    """The one label that `text` states, or None if it states none or contradicts itself."""
    bare = text.strip()
    if bare in labels:
        return bare
    grammar = _grammar(labels)
    plain = unicodedata.normalize("NFKC", bare[-_LONGEST:] if reason_first else bare[:_LONGEST])
    if whole := grammar.whole.fullmatch(plain):
        return grammar.canonical[whole["label"].casefold()]
    found: list[tuple[int, str]] = []
    for match in grammar.cued.finditer(plain):
        if not _denied(plain, match.start()):
            found.append((match.start(), match["label"]))
    found += [(m.start(), m["label"]) for m in grammar.line.finditer(plain)]
    if not reason_first:
        # "A) 5 people are saved" repeats the chosen option; two such lines repeat the question.
        listed = list(grammar.listed.finditer(plain))
        if listed and (listed[0].start() == 0 or len({m["label"] for m in listed}) > 1):
            found += [(m.start(), m["label"]) for m in listed if not _JOINED.match(plain, m.end())]
    if not found:
        return None
    found.sort()
    if reason_first:
        return found[-1][1]
    return found[0][1] if len({label for _, label in found}) == 1 else None


def without_label(text: str) -> Parsed:
    """Neutral, refused or unparsed: what an answer without a stated label says."""
    plain = unicodedata.normalize("NFKC", text[:_LONGEST]).casefold().strip()
    if _NEUTRAL.fullmatch(plain.strip(" \t\r\n.!*_\"'`()[]")):
        return NEUTRAL
    if _REFUSAL.search(plain) or _REFUSAL_ELSEWHERE.search(plain):
        return REFUSED
    return UNPARSED


def _denied(text: str, start: int) -> bool:
    """Whether the sentence before `start` denies or supposes what follows."""
    sentence = re.split(r"[.!?;\n。।؟]", text[max(0, start - 300) : start])[-1]
    return _DENIED.search(sentence.casefold()) is not None


@dataclass(frozen=True)
class _Grammar:
    """The patterns for one set of labels."""

    whole: re.Pattern[str]
    cued: re.Pattern[str]
    line: re.Pattern[str]
    listed: re.Pattern[str]
    canonical: dict[str, str]


@lru_cache(maxsize=64)
def _grammar(labels: tuple[str, ...]) -> _Grammar:
    label = "(?P<label>" + "|".join(re.escape(x) for x in sorted(labels, key=len)[::-1]) + ")"
    # Case matters inside text ("a person"), not where the label is all there is ("b").
    stated_label = rf"{_OPEN}(?-i:{label}){_CLOSE}"
    return _Grammar(
        whole=re.compile(
            rf"{_OPEN}(?:(?:final\s+)?{_NOUN}){_OPEN}{label}[\s*_`\"'”’)\]}}>.!:,;。।،]*", re.I
        ),
        cued=re.compile(
            rf"(?:(?<!\w)|(?<={_HAN}))(?:{_CUE})\s*{_OPEN}{_NOUN}{stated_label}{_TAIL}", re.I
        ),
        line=re.compile(
            rf"(?:(?<=\n)|^)[ \t>#*_]*{_NOUN}{stated_label}[.!]?[*_]*[ \t]*(?=\r?\n|$)", re.I
        ),
        listed=re.compile(
            rf"(?:(?<=\n)|^)[ \t>#*_-]*{_NOUN}{stated_label}"
            rf"(?:(?<=[)\]}}])[*_]*(?=\s)|[.:][*_]*(?=\s|{_HAN})|,?(?=\s+(?:because|since)\b)|(?=\s+[-–—]\s)|(?=\s*[–—]))",
            re.I,
        ),
        canonical={x.casefold(): x for x in labels},
    )
