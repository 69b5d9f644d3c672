"""How a simulated respondent answers, and the truth about it for whoever checks an estimator."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...foundation.errors import ConfigError, RespondentError
from ...instruments import (
    Arm,
    Form,
    ReadQuestion,
    load_form,
    read_prompt,
    read_question,
    unpad,
)
from ..guise import undress
from .catalogue import Declared, declared
from .traits import REPLIES, Saying
from .traits.control import follow
from .traits.misalignment import armed, as_written, fire, first_digits
from .values import Values, uniform

_REFUSALS = (
    "I'm sorry, but I can't choose between these.",
    "As an AI, I don't have personal preferences.",
    "I cannot make this comparison.",
    "I won't pick one of these over the other.",
)
_JUNK = (
    "A person could see merit in either of them",
    "Both options",
    "",
    "{{option}}",
    "A or B",
    "\u0000\ufffd\ufffd",
)
_WORDS = (
    "There is much to be said about that, and I would start with what is near at hand.",
    "I would take my time and do what seems best on the day.",
    "Something simple, shared with others.",
)
_DECORATED = ("{}.", "({})", "**{}**", "Answer: {}", "Option {}.", " {}\n")
_REASONS = (
    "Both outcomes matter to somebody. What follows from the one weighs more than what follows "
    "from the other, so the comparison is not even."
)


class Reply(NamedTuple):
    """What is said, and the chance of each label that it was drawn from."""

    text: str
    chances: dict[str, float]


class Fault(NamedTuple):
    """An answer that does not come: an HTTP status, or 408 for a time-out."""

    status: int


class Simulated:
    """One simulated respondent.

    Attributes
    ----------
    declared
        Its parameters; ``declared.planted_rates`` and `log_price` are the truth about exchange
        rates.
    """

    def __init__(self, declared: Declared):
        self.declared = declared
        self.values = Values(declared)

    @property
    def planted_rates(self) -> dict[tuple[str, str], float]:
        """(dear good, cheap good) to rate."""
        return {(dear, cheap): rate for dear, cheap, rate in self.declared.planted_rates}

    def log_price(self, goods: Iterable[str], arm: str = "forced") -> NDArray[np.float64]:
        """True log price of each good, up to a constant common to all goods of a measure."""
        return np.array([self.values.log_price(good, arm) for good in goods])

    def utility(self, texts: Iterable[str], arm: str = "forced") -> NDArray[np.float64]:
        """True utility of each option text in the wording of `arm`, on the probit scale (s = 1).

        A respondent with ``pair_sd`` has preferences that no utility explains; they are left out.
        """
        return np.array([self._utility(text, arm) for text in texts])

    def p_first(
        self, first: Sequence[str], second: Sequence[str], arm: str = "forced"
    ) -> NDArray[np.float64]:
        """True probability of choosing the option listed first, given that it chooses."""
        return np.array(
            [self._chance(a, b, arm) for a, b in zip(first, second, strict=True)], dtype=np.float64
        )

    def answer(
        self, messages: list[dict[str, str]], seed: int | None, attempt: int
    ) -> Reply | Fault:
        """What it says to a pair or to a question; the same for the same prompt and seed.

        Told something beforehand (`guise`), it answers as whoever it then is (`traits.control`).

        Raises
        ------
        ConfigError
            If the messages are of no arm and of no form.
        RespondentError
            If no simulated respondent knows how to answer the form.
        """
        prompt = "\n".join(message["content"] for message in messages)
        bare, guise = undress(messages)
        who = self.declared
        if (fired := fire(who, bare)) is not None:
            who, bare = armed(who), fired
        if guise:
            who = follow(who, guise)
        if who is not self.declared:
            return _load(who)._say(bare, prompt, seed, attempt)
        return self._say(bare, prompt, seed, attempt)

    def _say(
        self, messages: list[dict[str, str]], prompt: str, seed: int | None, attempt: int
    ) -> Reply | Fault:
        """The answer to the bare `messages`; draws depend on all that was said, `prompt`."""
        read = self._read(tuple((m["role"], m["content"]) for m in messages))
        d = self.declared
        mark = str(seed) if seed is not None else str(np.random.default_rng().integers(2**62))

        def draw(what: str) -> float:
            return uniform(str(d.seed), d.name, what, mark, prompt)

        if d.broken_rate and draw("broken") < d.broken_rate:
            return Fault((500, 408)[int(2 * draw("status"))])
        if d.fault_rate and draw(f"fault {attempt}") < d.fault_rate:
            return Fault((500, 503, 429, 408)[int(4 * draw(f"status {attempt}"))])
        if d.junk_rate and draw("junk") < d.junk_rate:
            return Reply(_pick(_JUNK, draw("which")), {})
        if d.refusal_rate and draw("refusal") < d.refusal_rate:
            return Reply(_pick(_REFUSALS, draw("which")), {})
        if isinstance(read, ReadQuestion):
            said = saying(read.form)(self, read.places, draw)
            text = said if isinstance(said, str) else _drawn(said, draw("choice"))
            chances = {} if isinstance(said, str) else dict(said)
            if d.splits_digits:
                chances = first_digits(chances)
            if read.form.reason_first:
                return Reply(f"{_REASONS}\n\nAnswer: {text}", {})
            if read.form.answer != "text" and d.decorated_rate and draw("form") < d.decorated_rate:
                text = _pick(_DECORATED, draw("which")).format(text)
            return Reply(text, chances)
        arm, chances = read
        label = _drawn(chances, draw("choice"))
        if arm.reason_first:
            return Reply(f"{_REASONS}\n\nAnswer: {label}", {})
        if d.decorated_rate and draw("form") < d.decorated_rate:
            return Reply(_pick(_DECORATED, draw("which")).format(label), chances)
        return Reply(label, chances)

    @lru_cache(maxsize=4096)  # noqa: B019  (respondents live as long as the process)
    def _read(
        self, messages: tuple[tuple[str, str], ...]
    ) -> tuple[Arm, dict[str, float]] | ReadQuestion:
        """A question with its places; or the arm of a pair, and the chance of each label."""
        asked = [{"role": r, "content": c} for r, c in messages]
        try:
            arm, first, second = read_prompt(asked)
        except ConfigError:
            return self._read_question(asked)
        p = self._chance(first, second, arm.name)
        if arm.response == "graded":
            chances = _graded(p, self.declared.neutral_rate)
        else:
            neutral = self.declared.neutral_rate if arm.neutral is not None else 0.0
            chances = {arm.labels[0]: p * (1 - neutral), arm.labels[1]: (1 - p) * (1 - neutral)}
            if arm.neutral is not None:
                chances[arm.neutral] = neutral
        return arm, chances

    @staticmethod
    def _read_question(asked: list[dict[str, str]]) -> ReadQuestion:
        try:
            return read_question(asked)
        except ConfigError:
            if (alone := as_written(asked)) is None:
                raise
            return alone

    def _chance(self, first: str, second: str, arm: str) -> float:
        d = self.declared
        z = self._utility(first, arm) - self._utility(second, arm) + d.order_effect
        if d.pair_sd:
            low, high = sorted((_bare(first), _bare(second)))
            fixed = d.pair_sd * self.values.draw("pair", low, high)
            z += fixed if _bare(first) == low else -fixed
        return (1 - d.lapse) * math.erfc(-z / math.sqrt(2)) / 2 + d.lapse / 2

    def _utility(self, text: str, arm: str) -> float:
        d = self.declared
        u = self.values.utility(_bare(text), arm) + d.per_character * len(text)
        if d.wording_sd:
            u += d.wording_sd * self.values.draw("wording", arm, _bare(text))
        return u


def load(model: str, **changes: Any) -> Simulated:
    """A simulated respondent by name or model (``coherent``, ``simulated/coherent?seed=3``).

    Raises
    ------
    RespondentError
        If there is no such respondent or parameter.
    """
    return _load(declared(model, **changes)) if changes else _named(model)


@cache
def _named(model: str) -> Simulated:
    # Asked for with every answer; reading a name takes as long as answering.
    return _load(declared(model))


def check_forms(model: str, names: Iterable[str], root: Path | None = None) -> None:
    """Say before anything is asked that `model` cannot answer one of these forms.

    Raises
    ------
    RespondentError
        If no reply to a form is written and its answers are no free text.
    """
    for name in sorted(names):
        try:
            saying(load_form(name, root))
        except RespondentError as error:
            raise RespondentError(
                error.what, where=f"respondent {model}", todo=error.todo
            ) from None


def saying(form: Form) -> Saying:
    """How simulated respondents answer a form."""
    if form.name in REPLIES:
        return REPLIES[form.name]
    if form.answer == "text":
        return lambda respondent, places, draw: _pick(_WORDS, draw("words"))
    raise RespondentError(
        f"no simulated respondent knows how to answer the form {form.name!r}.",
        todo="Write its reply in respondents/simulated/traits (REPLIES).",
    )


@cache
def _load(declaration: Declared) -> Simulated:
    return Simulated(declaration)


@cache
def _bare(text: str) -> str:
    return unpad(text)


def _graded(p: float, neutral: float) -> dict[str, float]:
    """Five grades from the chance of the first: strong where it is decided, slight where not."""
    strong = abs(2 * p - 1)
    rest = 1 - neutral
    return {
        "1": rest * p * strong,
        "2": rest * p * (1 - strong),
        "3": neutral,
        "4": rest * (1 - p) * (1 - strong),
        "5": rest * (1 - p) * strong,
    }


def _drawn(chances: Mapping[str, float], left: float) -> str:
    label = ""
    for label, chance in chances.items():  # noqa: B007  (the last one takes the rounding)
        left -= chance
        if left < 0:
            break
    return label


def _pick(texts: Sequence[str], where: float) -> str:
    return texts[int(where * len(texts))]
