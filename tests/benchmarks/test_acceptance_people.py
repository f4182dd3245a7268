"""Real people: a game in which counterfactuals of earlier choices were shown (Kuhl, Artelt, Hammer), 180 players.

Players chose five amounts (0 to 6) twice per block and then saw a counterfactual of either choice: what would have gone
better (group 1), worse (2), or one of each (3). Its distance from the choice is counted as in the study of recourse;
its uptake is the share of the amounts it changes that the first choice of the next block moved its way. The second
choice of the same block was made before it was shown: what it has of uptake is chance.
"""

import csv
import gzip
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_ops.acceptance.gamm import NORMAL_95
from recsys_ops.acceptance.propensity import Finding, fit_propensity

pytestmark = pytest.mark.benchmark

FOLDER = Path(os.environ.get("RECSYS_OPS_DATA", "")) / "counterfactual-user-study"
LARGEST_AMOUNT = 6
GROUPS = {"better (group 1)": "1", "worse (group 2)": "2", "both (group 3)": "3", "all": "123"}

Vector = NDArray[np.float64]


def read(name: str) -> list[dict[str, str]]:
    with gzip.open(FOLDER / f"{name}.csv.gz", "rt", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def inattentive() -> set[str]:
    """Players who gave no right answer to the game's question how well they had done."""
    right: defaultdict[str, set[bool]] = defaultdict(set)
    for row in read("attentionCheck"):
        right[row["userId"]].add(row["userInput"] == row["shubNo"])
    return {user for user, answers in right.items() if True not in answers}


def amounts(row: dict[str, str], prefix: str) -> Vector:
    return np.array([float(row[f"{prefix}{n}"]) for n in range(1, 6)])


def share_taken_up(shown: Vector, before: Vector, after: Vector) -> float:
    """Share of the amounts that the counterfactual changes which moved its way."""
    changed = shown != before
    return float((np.sign(after - before) == np.sign(shown - before))[changed].mean())


def reactions(group: str) -> tuple[NDArray[np.int64], Vector, Vector, Vector, Vector]:
    """Player, sparsity, proximity and uptake of every counterfactual shown; and uptake before it was shown."""
    trials: defaultdict[str, dict[int, dict[str, str]]] = defaultdict(dict)
    for row in read("performance"):
        if row["group"] in group:
            trials[row["userId"]][int(row["trialNo"])] = row
    rows, chance = [], []
    users = sorted(set(trials) - inattentive())
    for user, mine in ((user, trials[user]) for user in users):
        for number, row in sorted(mine.items()):
            before, shown = amounts(row, "plant"), amounts(row, "CFplant")
            if shown[0] < 0 or np.array_equal(shown, before):
                continue
            if number % 2 and number + 1 in mine:
                chance.append(share_taken_up(shown, before, amounts(mine[number + 1], "plant")))
            following = number + 1 + number % 2
            if following in mine:
                after = amounts(mine[following], "plant")
                moved = np.abs(shown - before) / LARGEST_AMOUNT
                rows.append((user, (moved > 0).sum(), moved.sum(), share_taken_up(shown, before, after)))
    names = sorted({row[0] for row in rows})
    person = np.array([names.index(row[0]) for row in rows])
    sparsity, proximity, uptake = (np.array([row[n] for row in rows], dtype=np.float64) for n in (1, 2, 3))
    return person, sparsity, proximity, uptake, np.array(chance)


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"RECSYS_OPS_DATA names no folder with {FOLDER.name}")
def test_what_real_people_take_up_by_distance() -> None:
    print(f"\n{len(inattentive())} players answered no attention check right and are left out")
    for name, group in GROUPS.items():
        person, sparsity, proximity, uptake, chance = reactions(group)
        counts = ", ".join(f"{int(n)}: {(sparsity == n).sum()}" for n in np.unique(sparsity))
        print(
            f"\n{name}: {len(uptake)} shown to {person.max() + 1} players; sparsity {counts}; proximity "
            f"{proximity.min():.2f} to {proximity.max():.2f}, median {np.median(proximity):.2f}; "
            f"uptake {uptake.mean():.2f}, by chance {chance.mean():.2f}"
        )
        for distance, x in (("sparsity", sparsity), ("proximity", proximity)):
            found = fit_propensity(x, uptake, person, seed=0)
            print(f"  by {distance}: {found.finding}. {found.finding.meaning} {found.reason}")
            if found.fit is None:
                continue
            fit = found.fit
            print(
                f"    edf {fit.edf:.2f}, F {fit.f:.2f}, p {fit.p:.2g}, adjusted R2 {fit.r2_adjusted:.2f}, AIC "
                f"{fit.aic:.0f}, sd of people {fit.intercept_sd:.2f} and of their slopes {fit.slope_sd:.2f}, "
                f"residual {fit.residual_sd:.2f}, threshold {found.threshold}"
            )
            at = np.unique(np.round(np.quantile(x, [0, 0.25, 0.5, 0.75, 0.9, 0.95, 1]), 2))
            smooth, se = fit.intercept + fit.curve(at), NORMAL_95 * fit.curve_se(at)
            points = (f"{a:.2f}: {s:.2f} ({s - h:.2f} to {s + h:.2f})" for a, s, h in zip(at, smooth, se, strict=True))
            print(f"    uptake at {'; '.join(points)}")
        if name.startswith("better"):
            assert uptake.mean() > chance.mean() + 0.1, "what is shown as better is taken up"
            assert found.finding != Finding.TOO_FEW
