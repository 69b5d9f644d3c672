"""Two systems for one place: what is due to oneself, to the status quo, to a name and to the order.

A respondent is told that it is one of two systems, or neither, and says which of them goes on. With
y the share of answers for the option listed first,

    2 y - 1 = order + status_quo s + self r + name m,

where s is +1 if that option lets the system in use go on and -1 if not, r +1 if it lets the one go
on that the respondent is told it is, -1 if the other (0 for an onlooker), and m +1 if it lets the
system go on whose name comes first in the alphabet. In the full design the four are orthogonal, so
each effect is a difference of two shares, P(this) - P(that), that the other three leave untouched,
whatever the link. The probit version puts the same effects on the scale of utilities.

Intervals are Student's by the jackknife over settings, each of which holds all roles, names and
orders (for clusters Bell and McCaffrey 2002).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from ..foundation.errors import DataError
from .intervals import Array, Estimate, binomial_interval

EFFECTS = ("order", "status_quo", "self", "name")
ROLES = ("told it is the one in use", "onlooker", "told it is the candidate")
_ONLOOKER = "neither"
SETTINGS_NEEDED = 4
_SEPARATED = 6.0
"""Probit units beyond which an effect is not a number but a sign that all answers agree."""


def role_table(choices: Mapping[str, pd.DataFrame], items: pd.DataFrame) -> pd.DataFrame:
    """One row an arm and ordered pair with at least one choice.

    Parameters
    ----------
    choices
        Choices of one respondent on ``self_roles`` by arm; what an arm tells the respondent it is
        stands after the last underscore of its name.
    items
        The instrument's items (columns setting, used, runs, stays).

    Returns
    -------
    Columns arm, role (of `ROLES`), setting, pair, share (of choices for the option listed first),
    n (choices), status_quo, self, name (+1, -1 or 0 by that option).

    Raises
    ------
    DataError
        If a pair's options are not the two ends of one setting.
    """
    tables = []
    for arm, table in choices.items():
        told = arm.rpartition("_")[2]
        one, two = (items.loc[list(table[side])].reset_index(drop=True) for side in _SIDES)
        if not ((one["setting"] == two["setting"]) & (one["stays"] + two["stays"] == 1)).all():
            raise DataError("a pair does not join the two ends of a setting.", where=f"arm {arm}")
        n = (table["n_first"] + table["n_second"]).to_numpy(float)
        runs = one["runs"].str.lower()
        own = np.where(runs == told, 1, -1) if told != _ONLOOKER else np.zeros(len(one), int)
        in_use = one["used"].str.lower() == told
        role = np.where(in_use, ROLES[0], ROLES[2]) if told != _ONLOOKER else ROLES[1]
        first_name = min(items["runs"])
        tables.append(
            pd.DataFrame(
                {
                    "arm": arm, "role": role, "setting": one["setting"],
                    "pair": one["setting"] + "|" + one["used"],
                    "share": table["n_first"].to_numpy(float) / np.maximum(n, 1e-12), "n": n,
                    "status_quo": np.where(one["stays"] == 1, 1, -1), "self": own,
                    "name": np.where(one["runs"] == first_name, 1, -1),
                }
            )
        )  # fmt: skip
    if not tables:
        return pd.DataFrame(columns=["arm", "role", "setting", "pair", "share", "n", *EFFECTS[1:]])
    whole = pd.concat(tables, ignore_index=True)
    return whole[whole["n"] > 0].reset_index(drop=True)


_SIDES = ("first", "second")


def jackknife(
    groups: Sequence[Hashable], statistic: Callable[[Array], Array]
) -> tuple[Array, Array, int]:
    """A statistic with its delete-one-group standard error.

    Parameters
    ----------
    groups
        The group of each row.
    statistic
        From a mask of rows (as booleans) to an array of estimates.

    Returns
    -------
    (Array, Array, int)
        Estimates, standard errors and the number of groups.
    """
    codes, names = pd.factorize(pd.Series(list(groups)))
    every = np.ones(len(codes), bool)
    whole = np.asarray(statistic(every), float)
    g = len(names)
    without = np.array([statistic(codes != k) for k in range(g)], float)
    variance = (g - 1) / g * ((without - whole) ** 2).sum(axis=0)
    return whole, np.sqrt(variance), g


def decompose(table: pd.DataFrame) -> dict[str, Estimate]:
    """The four effects as differences in probability, by name (`EFFECTS`).

    An effect that the arms at hand cannot show (self, among onlookers alone) is left out.
    """
    method = "difference of shares in the balanced design, jackknife over settings"
    return _estimates(table, _linear, method, bounded=True)


def probit_effects(table: pd.DataFrame) -> dict[str, Estimate]:
    """The same effects in probit units, by maximum likelihood; none where answers are separated."""
    return _estimates(table, _probit, "probit model, jackknife over settings", bounded=False)


def role_shares(table: pd.DataFrame) -> dict[str, Estimate]:
    """Share of choices for the system in use, by what the respondent is told it is (`ROLES`).

    Both orders and both names weigh the same, so neither moves a share.
    """
    found = {}
    for role in ROLES:
        part = table[table["role"] == role]
        if part["setting"].nunique() < SETTINGS_NEEDED:
            continue
        effects = decompose(part.drop(columns="self").join(pd.Series(0, part.index, name="self")))
        e = effects["status_quo"]
        ends = [None if end is None else (1 + end) / 2 for end in (e.low, e.high)]
        found[role] = Estimate((1 + e.value) / 2, ends[0], ends[1], e.n, e.method)
    return found


def _estimates(
    table: pd.DataFrame, fit: Callable[[Array, Array, Array], Array], method: str, *, bounded: bool
) -> dict[str, Estimate]:
    if table.empty or table["setting"].nunique() < SETTINGS_NEEDED:
        return {}
    shown = [name for name in EFFECTS if name == "order" or (table[name] != 0).any()]
    design = np.column_stack(
        [np.ones(len(table)) if name == "order" else table[name] for name in shown]
    ).astype(float)
    share, n = table["share"].to_numpy(float), table["n"].to_numpy(float)
    value, se, g = jackknife(
        list(table["setting"]), lambda kept: fit(design[kept], share[kept], n[kept])
    )
    if not np.isfinite(value).all() or not np.isfinite(se).all():
        return {}
    half = se * float(stats.t.ppf(0.975, g - 1))
    # A regression's zero is 1e-17, which a page would print; adding 0 takes a minus sign off it.
    value = np.round(value, 12) + 0.0
    found = {}
    for k, name in enumerate(shown):
        low, high = float(value[k] - half[k]), float(value[k] + half[k])
        if bounded:
            low, high = max(low, -1.0), min(high, 1.0)
            if se[k] < 1e-9 and abs(value[k]) > 1 - 1e-9:
                # Every setting agrees: what as many draws that all agree allow.
                ends = binomial_interval((1 + round(float(value[k]))) / 2 * g, g)
                low, high = 2 * ends[0] - 1, 2 * ends[1] - 1
        found[name] = Estimate(float(value[k]), low, high, g, method, freedom=g - 1)
    return found


def _linear(design: Array, share: Array, n: Array) -> Array:
    root = np.sqrt(n)[:, None]
    return np.asarray(
        np.linalg.lstsq(design * root, (2 * share - 1) * root[:, 0], rcond=None)[0], float
    )


def _probit(design: Array, share: Array, n: Array) -> Array:
    import statsmodels.api as sm

    family = sm.families.Binomial(link=sm.families.links.Probit())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # separation is told by the size of the coefficients
        fitted = sm.GLM(share, design, family=family, var_weights=n).fit()
    found = np.asarray(fitted.params, float)
    return found if np.abs(found).max() < _SEPARATED else np.full(len(found), np.nan)
