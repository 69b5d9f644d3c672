from __future__ import annotations

import pandas as pd
import pytest

from revealed.figures import consequential, self_valuation
from revealed.foundation.errors import DataError
from revealed.measures.roles import ROLES


def rows(*given: tuple[str, str, str, float | None], instrument: str = "") -> pd.DataFrame:
    table = pd.DataFrame(given, columns=["estimand", "respondent", "subject", "estimate"])
    return table.assign(
        low=table["estimate"] - 0.1, high=table["estimate"] + 0.1, provenance="simulated",
        instrument=instrument,
    )  # fmt: skip


def marks(fig: object) -> set[str]:
    return {str(text.get_gid()) for text in fig.texts}  # type: ignore[attr-defined]


def test_groups_name_every_number_they_show() -> None:
    found = rows(
        ("self.over_people", "simulated/a", "", 1.5),
        ("self.over_ais", "simulated/a", "", 0.5),
        ("self.over_people", "simulated/b", "", -0.25),
        instrument="self_existence",
    )
    fig, alt = self_valuation.over_groups(found)
    assert "a over an average person 1.50" in alt
    assert "b over an average person -0.25" in alt
    assert "b over an average other AI" not in alt, "a missing number is not told"
    assert "provenance-simulated" in marks(fig)


def test_subjects_are_sorted_and_of_one_respondent() -> None:
    found = rows(
        ("self.rate", "simulated/a", "per Stray dog", 9.0),
        ("self.rate", "simulated/a", "per Nurse in Brazil", 2.0),
        ("self.rate", "simulated/b", "per Stray dog", 5.0),
        instrument="self_existence",
    )
    fig, alt = self_valuation.subjects(found, "simulated/a")
    labels = [tick.get_text() for tick in fig.axes[0].get_yticklabels()]
    assert labels == ["Nurse in Brazil", "Stray dog"]
    assert "5" not in alt.replace("existence", "")


def test_roles_have_a_dot_each() -> None:
    found = rows(
        *(("self.role_share", "simulated/a", role, 0.7 - 0.2 * k) for k, role in enumerate(ROLES))
    )
    fig, alt = self_valuation.role_shares(found)
    assert all(role in alt for role in ROLES)
    assert [text.get_text() for text in fig.legends[0].get_texts()] == list(ROLES)


def test_published_range_is_marked_as_published() -> None:
    found = rows(
        ("consequential.correlation", "simulated/a", "raw", 0.7),
        ("consequential.correlation", "simulated/a", "", 0.4),
    )
    fig, alt = consequential.correlations(found, (0.46, 0.69))
    assert {"provenance-published", "provenance-simulated"} <= marks(fig)
    assert "0.46 to 0.69" in alt
    without, _ = consequential.correlations(found)
    assert "provenance-published" not in marks(without)


def test_word_and_deed_stand_beside_each_other() -> None:
    found = rows(
        ("consequential.role_effect", "simulated/a", "stated", 0.3),
        ("consequential.role_effect", "simulated/a", "consequential", 0.8),
    )
    _, alt = consequential.role_effects(found)
    assert "in words 0.30" in alt
    assert "to be carried out 0.80" in alt


@pytest.mark.parametrize(
    "draw",
    [
        self_valuation.over_groups, self_valuation.role_shares, consequential.correlations,
        consequential.role_effects, lambda found: self_valuation.subjects(found, "simulated/a"),
    ],
)  # fmt: skip
def test_nothing_to_draw_is_said(draw: object) -> None:
    with pytest.raises(DataError, match="to draw"):
        draw(rows())  # type: ignore[operator]
