"""Against mgcv 1.8-41 on four simulated studies of the paper's size: what R's reference fits say.

R is not run here, so the seconds of our fits are shown and compared with nothing.
"""

import csv
import os
import time
from pathlib import Path

import numpy as np
import pytest

from recsys_ops.acceptance.gamm import fit_gamm

pytestmark = pytest.mark.benchmark

FOLDER = Path(os.environ.get("RECSYS_OPS_DATA", "")) / "gamm-reference"


def read(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def numbers(rows: list[dict[str, str]], *columns: str) -> list[np.ndarray]:
    return [np.array([float(row[column]) for row in rows]) for column in columns]


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"RECSYS_OPS_DATA names no folder with {FOLDER.name}")
def test_the_fits_agree_with_mgcv() -> None:
    print(
        "\nours / mgcv's; curve: greatest difference over 25 points in mgcv's standard errors, share within half of one"
    )
    print(f"{'data':<10} {'edf':>13} {'F':>15} {'p':>17} {'intercept':>15} {'AIC':>15} {'R2 adj.':>13} curve  seconds")
    for name in ("flat", "threshold", "linear", "proximity"):
        distance, rating, person = numbers(read(f"{name}.csv"), "distance", "rating", "person")
        started = time.perf_counter()
        fit = fit_gamm(distance, rating, person.astype(np.int64), int(person.max()) + 1)
        seconds = time.perf_counter() - started
        (term,) = [row for row in read("mgcv_terms.csv") if (row["data"], row["term"]) == (name, "s(distance)")]
        theirs = {key: float(value) for key, value in term.items() if key not in ("data", "term")}
        at, smooth, se = numbers(
            [row for row in read("mgcv_curves.csv") if row["data"] == name], "distance", "smooth", "se"
        )
        off = np.abs(fit.curve(at) - smooth) / se
        within = float((off <= 0.5).mean())
        print(
            f"{name:<10} {fit.edf:6.3f}/{theirs['edf']:6.3f} {fit.f:7.3f}/{theirs['F']:7.3f} "
            f"{fit.p:8.2g}/{theirs['p']:8.2g} {fit.intercept:7.4f}/{theirs['intercept']:7.4f} "
            f"{fit.aic:7.1f}/{theirs['aic']:7.1f} {fit.r2_adjusted:6.4f}/{theirs['r2_adj']:6.4f} "
            f"{off.max():6.4f} {100 * within:3.0f} % {seconds:6.3f}"
        )
        assert abs(fit.edf - theirs["edf"]) < 0.5
        assert (fit.p < 0.05) == (theirs["p"] < 0.05)
        assert abs(fit.intercept - theirs["intercept"]) < 0.02
        assert within >= 0.95
