"""The page of a run of acceptance says what its tables say, whatever stands in them."""

import html
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recsys_ops.report.night import night_page
from tests.reactions import MemoryRun
from tests.suites.reported import HOSTILE

KEYS = [(response, distance) for response in ("accept", "act") for distance in ("sparsity", "proximity")]
MEASURES = {"edf": 3.1, "f": 12.5, "p": 2e-5, "r2_adjusted": 0.31, "intercept": 3.5, "residual_sd": 1.1, "aic": 900.0}
OF_PEOPLE = {
    "intercept_sd": 0.9, "slope_sd": 0.05, "f_intercepts": 4.2, "p_intercepts": 1e-9, "f_slopes": 0.4, "p_slopes": 0.3,
}  # fmt: skip
EMPTY = dict.fromkeys(("threshold", "threshold_low", "threshold_high", "cap"))


def fit(response: str, distance: str, **changes: Any) -> dict[str, Any]:
    row = {"response": response, "distance": distance, "measured_by": distance, "status": "flat", "reason": ""}
    return row | {"n": 240, "n_people": 30} | MEASURES | OF_PEOPLE | EMPTY | changes


def run_of(fits: list[dict[str, Any]], n_people: int = 30) -> Any:
    rng = np.random.default_rng(0)
    named = [{"response": response, "distance": distance} for response, distance in KEYS if n_people]
    curves = [
        key | {"at": at, "smooth": 1.0 - 0.2 * at, "se": 0.1, "low": 0.8 - 0.2 * at, "high": 1.2 - 0.2 * at, "n": 9}
        for key in named for at in range(1, 11)
    ]  # fmt: skip
    people = [
        key | {
            "person_id": HOSTILE if person == 0 else f"p{person}", "n": 8,
            "seller_id": None if person == 1 else HOSTILE,
            "intercept": 3.0 if person == 0 else float(rng.normal(0, 0.1)), "intercept_se": 0.3,
            "slope": -0.2 if person < 4 else 0.0, "slope_se": 0.05,
        }
        for key in named for person in range(n_people)
    ]  # fmt: skip
    remarks = [{"person_id": HOSTILE, "decision": "dismissed", "comment": HOSTILE}]
    impossible = [{"person_id": person, "feature": HOSTILE} for person in ("a", "a", "b")]
    driver = {
        "response": "act",
        "distance": "sparsity",
        "property": HOSTILE,
        "effect": "slope",
        "level": "",
        "reference": "",
    }
    driver |= {"coefficient": -0.2, "low": -0.3, "high": -0.1, "p_adjusted": 0.01, "reason": ""}
    tables = {
        "acceptance_fits": fits, "acceptance_curves": curves, "acceptance_people": people, "remarks": remarks,
        "acceptance_differences": [driver],
        "impossible_features": impossible,
    }  # fmt: skip
    manifest = {
        "job": "acceptance", "counts": {"flat": 4}, "n_cases": 4, "timings": {"wall_seconds": 1.0}, "tables": {},
        "started": "2026-01-01T00:00:00", "finished": "2026-01-01T00:01:00", "inputs": {},
        "configuration": {"out": "out"},
    }  # fmt: skip
    return MemoryRun("learned", {name: pa.Table.from_pylist(rows) for name, rows in tables.items()}, manifest=manifest)


def with_threshold(high: float) -> list[dict[str, Any]]:
    found = {"status": "falls_then_flat", "threshold": 4.4, "threshold_low": 3.9, "threshold_high": high, "cap": 4.0}
    return [fit(*key, **(found if key == ("act", "sparsity") else {})) for key in KEYS]


def test_the_caps_come_first_then_each_fit_with_what_it_says_of_people() -> None:
    page = html.unescape(night_page(run_of(with_threshold(5.0))))
    assert page.index("Caps for the next run: --max-changes 4.") < page.index("<h2>Willingness to act by sparsity</h2>")
    assert page.index("<h2>Willingness to act by proximity</h2>") < page.index("<h2>Acceptance by sparsity</h2>")
    assert "threshold 4.40 (95 % interval 3.90 to 5.00)" in page
    assert "People differ in how willing they are (F 4.20, p below 0.001)" in page
    assert "do not clearly differ in how distance matters to them (F 0.40, p 0.3)." in page
    assert "Of 30 people, the level of 1 is clearly above that of most and of 0 clearly below" in page
    assert "the ratings of 4 clearly fall more by distance, of 0 less" in page
    assert "is uncertain" not in page
    assert "Of the plans, 1 dismissed." in page


def test_a_wide_interval_of_the_threshold_is_warned_of() -> None:
    assert "The cap by sparsity is uncertain" in night_page(run_of(with_threshold(9.0)))


def test_curves_and_people_are_drawn_with_their_numbers_in_words() -> None:
    pytest.importorskip("matplotlib", reason="the extra plots is not installed")
    page = night_page(run_of(with_threshold(5.0)))
    assert page.count("<svg") == 8
    assert "Fitted rating 4.30 (4.10 to 4.50) at 1; " in page
    assert "Flat past 4.40 (95 % interval 3.90 to 5.00)." in page
    assert "the most willing at +3.00." in page
    assert page == night_page(run_of(with_threshold(5.0))), "not the same bytes"


def test_too_few_ratings_are_said_and_nothing_is_drawn() -> None:
    nothing = dict.fromkeys((*MEASURES, *OF_PEOPLE))
    rows = [fit(*key, status="too_few", reason="44 ratings, at least 100 needed", **nothing) for key in KEYS]
    page = night_page(run_of(rows, n_people=0))
    assert "No cap follows from these ratings" in page
    assert "Too few ratings: the settings stay as they are. Collect more (44 ratings" in page
    assert "<svg" not in page


def test_hostile_text_of_people_stays_text() -> None:
    page = night_page(run_of(with_threshold(5.0)))
    assert page.count("<script") == 1
    assert "<img" not in page
    assert html.unescape(page).count(HOSTILE) >= 5
    assert "-0.2 points per unit of sparsity (95 % interval -0.3 to -0.1), p 0.01 for all tests of the fit" in page
