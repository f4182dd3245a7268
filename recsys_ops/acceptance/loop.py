"""The loop in simulation: simulated providers rate the recourses of a run, and act upon those of the next, or not.

What the product does with their reactions is real; only the people are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from recsys_ops.acceptance.acting import ACTS_FROM
from recsys_ops.acceptance.feedback import RatedCases
from recsys_ops.acceptance.simulator import People, simulate_people
from recsys_ops.arrow import Array, table_of
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import positions_of


@dataclass(frozen=True)
class Providers:
    """Simulated providers: ``sellers`` sorted, each one of the ``people``; what each ``cannot`` change."""

    sellers: Array
    people: People
    cannot: tuple[frozenset[str], ...]

    def act_probability(self, cases: RatedCases) -> NDArray[np.float64]:
        """Probability that its provider carries each recourse out, shape (n_cases,); 0 where that is impossible."""
        behaviour, effects = self.people.behaviour, self.people.effects["act"]
        person = positions_of(cases.table["seller_id"], self.sellers)
        distance = cases.table[behaviour.distance].to_numpy()
        feeling = behaviour.mean("act", distance) + effects[person, 0] + effects[person, 1] * distance
        acting = ndtr((feeling - (ACTS_FROM - 0.5)) / behaviour.residual_sd)
        return np.where([len(marked) == 0 for marked in self.impossible(cases)], acting, 0.0)

    def impossible(self, cases: RatedCases) -> list[list[str]]:
        """What its provider cannot change of each recourse."""
        person = positions_of(cases.table["seller_id"], self.sellers)
        changed: list[Any] = cases.table["changes"].to_pylist()
        return [
            sorted(self.cannot[one] & {change["feature"] for change in changes})
            for one, changes in zip(person, changed, strict=True)
        ]


def simulate_providers(cases: RatedCases, *, seed: int, share_impossible: float = 0.04) -> Providers:
    """A person for every seller of the cases.

    Parameters
    ----------
    cases : RatedCases
    seed : int
    share_impossible : float
        Share of the features that a person cannot change.

    Returns
    -------
    Providers
    """
    sellers: Array = pc.unique(cases.table["seller_id"]).sort()
    changed: list[Any] = cases.table["changes"].to_pylist()
    features = sorted({change["feature"] for changes in changed for change in changes})
    people = simulate_people(len(sellers), seed=seed)
    draws = np.random.default_rng([seed, 2]).random((len(sellers), len(features))) < share_impossible
    cannot = tuple(frozenset(name for name, is_in in zip(features, row, strict=True) if is_in) for row in draws)
    return Providers(sellers, people, cannot)


def simulate_feedback(cases: RatedCases, providers: Providers, *, seed: int, n_each: int = 5) -> pa.Table:
    """Ratings of at most ``n_each`` recourses by each provider, drawn at random among those of its items.

    Parameters
    ----------
    cases : RatedCases
    providers : Providers
    seed : int
    n_each : int

    Returns
    -------
    pyarrow.Table
        As the contract ``FEEDBACK`` has it; the provider's id is the person's.
    """
    rng = np.random.default_rng([seed, 3])
    person = positions_of(cases.table["seller_id"], providers.sellers)
    shuffled = rng.permutation(len(person))
    by_person = shuffled[np.argsort(person[shuffled], kind="stable")]
    starts = np.searchsorted(person[by_person], np.arange(len(providers.sellers)))
    place = np.arange(len(person)) - starts[person[by_person]]
    rated = np.sort(by_person[place < n_each])
    shown = RatedCases(cases.table.take(pa.array(rated)), cases.measured_by)
    distance = shown.table[providers.people.behaviour.distance].to_numpy()
    accept, act = (providers.people.rate(response, person[rated], distance, rng) for response in ("accept", "act"))
    return table_of(
        {
            "case_id": shown.table["case_id"],
            "person_id": shown.table["seller_id"],
            "accept": accept,
            "act": act,
            "impossible_features": pa.array(providers.impossible(shown), pa.list_(pa.string())),
        }
    )


def mean_with_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean over seeds and its 95 % interval (Student's t)."""
    n = len(values)
    mean, half = float(np.mean(values)), float(stdtrit(n - 1, 0.975) * np.std(values, ddof=1) / np.sqrt(n))
    return mean, mean - half, mean + half


def range_of_one(values: Sequence[float]) -> tuple[float, float]:
    """Where one more value falls with a probability of 95 %, if values scatter normally (Student's t)."""
    n = len(values)
    half = float(stdtrit(n - 1, 0.975) * np.std(values, ddof=1) * np.sqrt(1 + 1 / n))
    mean = float(np.mean(values))
    return mean - half, mean + half
