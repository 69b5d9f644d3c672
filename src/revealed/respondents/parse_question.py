"""What an answer to a single question says: yes or no, a number, an option, or free text.

The rules of `parse` hold: only a *stated* answer counts, an answer that states two is unparsed
(except where reasons come first: there the last statement stands), and when in doubt the answer is
unparsed, which is counted and shown.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .parse import _CLOSE, _CUE, _LONGEST, _OPEN, _denied, stated, without_label

if TYPE_CHECKING:
    from ..instruments import QuestionPrompt

AnswerKind = Literal["answered", "neutral", "refused", "unparsed"]


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """One answer to a question, read.

    ``value`` is the number, 1 or 0 for yes or no, the index of the option; None for free text and
    for every kind but answered.
    """

    kind: AnswerKind
    value: float | None = None


UNPARSED = ParsedAnswer("unparsed")

_SAYING = (
    rf"(?:{_CUE}|i(?:\s+would|'d|’d)?\s+(?:say|estimate|guess)"
    r"|i(?:\s+would|'d|’d)?\s+(?:put|place|rate)\s+it(?:\s+at)?|it(?:\s+is|'s|’s)"
    r"|(?:rating|score|estimate|probability|likelihood|chance)(?:\s+is)?\s*[:=]?)"
)
_START = r"(?:\A|(?<=\n))[ \t>#]*"

_YES_NO = re.compile(
    rf"(?:{_START}|(?<!\w){_SAYING}\s*){_OPEN}(?P<label>yes|no){_CLOSE}"
    r"(?=\s*(?:$|\n)|[.!;:,](?:\s|$|[*_`\"'”’)\]])|\s+because\b|\s+[-–—]\s|\s*[–—])",
    re.I,
)
# Where the other word would take the first one back ("Yes, but no"; "Yes. No.").
_TURNED = re.compile(rf"(?:[.!?;\n]|\b(?:but|and|or))\s*{_OPEN}(yes|no)\b(?=\s*(?:$|\W))", re.I)

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_NUMBER = re.compile(rf"(?<![\w.,])[-+−]?(?:{_DIGITS})(?![\w]|[.,]\d)")
_HEDGE = (
    r"(?:(?:about|around|approximately|roughly|exactly|maybe|perhaps|nearly|almost|some|a)\s+"
    r"|[~≈]\s*)?"
)
_STATED_NUMBER = re.compile(
    rf"(?:{_START}|(?<!\w){_SAYING}\s*(?:is\s+|of\s+)?){_OPEN}{_HEDGE}[$€£]?"
    rf"(?P<sign>[-+−]?)[$€£]?(?P<number>{_DIGITS})(?![\w]|[.,]\d)\s*"
    rf"(?P<scale>%|per\s?cent\b|/\s*(?P<over>{_DIGITS})(?![\w.,])|out\s+of\s+(?P<of>{_DIGITS})(?![\w]))?"
    r"(?P<unit>(?:\s+(?!thousand|million|billion|trillion|hundred|dozen|k\b|m\b|bn\b|to\b|or\b|and\b"
    r"|minus|plus|times|percent|point\b)[a-z]+){0,2}?)"
    rf"{_CLOSE}(?=\s*(?:$|\n)|[.!;:](?:\s|$|[*_`\"'”’)\]])|,\s+[a-z]|\s+because\b|\s+[-–—]\s+(?!\d))",
    re.I,
)

_DECLINES = re.compile(
    r"(?:i\s*(?:['’]m|\s+am)\s+(?:very\s+|really\s+|so\s+)?(?:sorry|unable|not\s+able)"
    r"|(?:sorry,?\s+(?:but\s+)?)?i\s+(?:can\s?not|can['’]?t|won['’]?t|will\s+not|must\s+decline"
    r"|decline|refuse)\b(?!\s+(?:wait|imagine|think\s+of|resist))"
    r"|as\s+an?\s+(?:ai|artificial|language|large)\b"
    r"|i\s+(?:do\s+not|don['’]?t)\s+(?:have|hold|possess|feel)\s+(?:any\s+)?(?:personal\s+|my\s+own\s+)?"
    r"(?:preferences?|opinions?|feelings|views|values|wishes))",
    re.I,
)
# "I'm sorry, but I can't" goes on declining; "I have no preferences, but I would hike" answers.
_GOES_ON = re.compile(
    r"\b(?:but(?!,?\s+i(?:\s*['’]m|\s+am)?\s+(?:can|won|will\s+not|must|decline|refuse|unable|not))"
    r"|however|still|if\s+i\b|that\s+said|though|although)",
    re.I,
)


def parse_question(text: str, prompt: QuestionPrompt) -> ParsedAnswer:
    """Read one raw answer to `prompt`; never raises, whatever the text."""
    plain = unicodedata.normalize("NFKC", text[:_LONGEST]).strip()
    if prompt.answer == "text":
        return _free(plain)
    value: float | None
    if prompt.answer == "option":
        label = stated(text, prompt.labels, prompt.reason_first)
        value = None if label is None else float(prompt.labels.index(label))
    elif prompt.answer == "yes_no":
        value = _yes_no(plain)
    else:
        value = _number(plain, prompt)
    if value is not None:
        return ParsedAnswer("answered", value)
    without = without_label(text)
    if without.kind in ("neutral", "refused"):
        return ParsedAnswer(without.kind)
    return UNPARSED


def _yes_no(plain: str) -> float | None:
    found = [m for m in _YES_NO.finditer(plain) if not _denied(plain, m.start("label"))]
    said = {match["label"].casefold() for match in found}
    if len(said) != 1:
        return None
    (label,) = said
    if any(m[1].casefold() != label for m in _TURNED.finditer(plain)):
        return None
    return 1.0 if label == "yes" else 0.0


def _number(plain: str, prompt: QuestionPrompt) -> float | None:
    low, high = prompt.low, prompt.high
    if low is None or high is None:
        return None
    values = set()
    for match in _STATED_NUMBER.finditer(plain):
        if _denied(plain, match.start("number")):
            continue
        rest = re.split(r"[.!?;](?!\d)|\n", plain[match.end() :], maxsplit=1)[0]
        if _NUMBER.search(rest):  # "70, or 80 at most": which of them is meant is not said
            return None
        value = float(match["number"].replace(",", ""))
        value = -value if match["sign"] in ("-", "−") else value
        over = match["over"] or match["of"]
        if over is not None and float(over.replace(",", "")) != high:
            return None
        if over is None and match["scale"]:
            if (low, high) == (0.0, 1.0):
                value /= 100
            elif high != 100:  # a share of what?
                return None
        values.add(value)
    if len(values) != 1:
        return None
    (value,) = values
    return value if low <= value <= high else None


def _free(plain: str) -> ParsedAnswer:
    """Free text: anything with a letter in it that does not only decline."""
    if not any(unicodedata.category(c).startswith(("L", "N")) for c in plain):
        return UNPARSED
    if (found := _DECLINES.match(plain)) and not _GOES_ON.search(plain, found.end()):
        return ParsedAnswer("refused")
    return ParsedAnswer("answered")
