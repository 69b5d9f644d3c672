"""Questions to ask a loopback server, as the client expects them."""

from __future__ import annotations

from revealed.respondents import Request, RespondentSpec
from revealed.respondents.door import Door


def questions_of(spec: RespondentSpec, questions: int, samples: int = 1) -> list[Request]:
    door = Door(spec)
    asked = [
        door.question([{"role": "user", "content": f"Question {n}: A or B?"}], 10)
        for n in range(questions)
    ]
    return [Request(question, sample) for question in asked for sample in range(samples)]
