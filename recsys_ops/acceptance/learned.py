"""What earlier reactions say about the next recourse: caps, what a provider cannot change, which option comes first.

Read from the tables of an ``acceptance`` run. Where it had too few ratings nothing follows, and everything stays as the
settings have it. Source: Tominaga, Yamashita and Kurashima 2024, section 6 (caps, and people who differ).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.acceptance.acting import Acting
from recsys_ops.acceptance.acting_tables import read_acting
from recsys_ops.acceptance.propensity import Finding
from recsys_ops.arrow import compute as pc
from recsys_ops.features.caps import Caps
from recsys_ops.features.plans import Plans
from recsys_ops.runs import Run, open_run

DISTANCES = ("sparsity", "proximity")


@dataclass(frozen=True)
class Willingness:
    """How willing people are to act by one distance: ``smooth (n,)`` at ``at (n,)``, flat past ``threshold``.

    ``slopes`` are what providers add per unit of distance, by their id as text.
    """

    at: NDArray[np.float64]
    smooth: NDArray[np.float64]
    threshold: float
    slopes: Mapping[str, float]

    def expected(self, seller: str, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Willingness of one provider at each distance ``(m,)``, up to a constant of the provider."""
        common = np.interp(np.minimum(distance, self.threshold), self.at, self.smooth)
        own: NDArray[np.float64] = common + self.slopes.get(seller, 0.0) * distance
        return own


@dataclass(frozen=True)
class Learned:
    """What the reactions so far say; empty where there were too few.

    ``willingness`` by distance, ``impossible`` features by the provider's id as text; of which features the plans were
    that a provider ``dismissed``, by the item's id as text; ``acting`` is how likely providers act upon a plan, where
    showing by it was estimated to be better, from ``n_ratings``.
    """

    caps: Caps = field(default_factory=Caps)
    willingness: Mapping[str, Willingness] = field(default_factory=dict)
    impossible: Mapping[str, Set[str]] = field(default_factory=dict)
    dismissed: Mapping[str, Set[frozenset[str]]] = field(default_factory=dict)
    acting: Acting | None = None
    n_ratings: int = 0

    def expected_gain(
        self, plans: Plans, *, seller: str, item: str, rng: np.random.Generator | None = None
    ) -> NDArray[np.float64]:
        """What each plan is expected to gain of the group: its gain times the probability that its provider acts.

        Parameters
        ----------
        plans : Plans
        seller, item : str
            Ids as text.
        rng : numpy.random.Generator, optional
            Draws what the provider is like, to find out.

        Returns
        -------
        ndarray, shape (m,)
            0 for what the provider cannot carry out or has dismissed; 0 for all where nothing was learned.
        """
        if self.acting is None:
            return np.zeros(len(plans.gain))
        cannot, dismissed = self.impossible.get(seller, frozenset()), self.dismissed.get(item, frozenset())
        is_open = [cannot.isdisjoint(names) and frozenset(names) not in dismissed for names in plans.features]
        expected: NDArray[np.float64] = plans.gain * self.acting.probability(seller, plans, rng)
        return np.where(is_open, expected, 0.0)


def read_learned(url: str) -> Learned:
    """What an acceptance run says.

    Parameters
    ----------
    url : str
        The run, or the results folder for the latest one; any fsspec URL.

    Returns
    -------
    Learned

    Raises
    ------
    InputError
        There is no acceptance run.
    """
    run = open_run(url, job="acceptance")
    fits = {row["distance"]: row for row in _rows(run, "acceptance_fits")}
    curves, people = _rows(run, "acceptance_curves"), _rows(run, "acceptance_people")
    impossible: defaultdict[str, set[str]] = defaultdict(set)
    for row in run.table("impossible_features").to_table().to_pylist():
        impossible[str(row["seller_id"])].add(row["feature"])
    willingness = {
        distance: _willingness(fit, [row for row in curves if row["distance"] == distance], people)
        for distance, fit in fits.items()
        if fit["status"] not in (Finding.TOO_FEW, Finding.ERROR)
    }
    caps = {distance: fit["cap"] for distance, fit in fits.items() if fit["cap"] is not None}
    return Learned(Caps(**caps), willingness, dict(impossible), _dismissed(run), read_acting(run), _n_ratings(run))


def latest_caps(url: str) -> Caps:
    """The caps that the last reactions suggest; none where they suggest none.

    Parameters and errors as ``read_learned``.
    """
    return read_learned(url).caps


def choose_first(
    sparsity: NDArray[np.float64],
    proximity: NDArray[np.float64],
    features: Sequence[Set[str]],
    *,
    seller: str,
    learned: Learned,
    item: str = "",
) -> int:
    """Which of the options of a case its provider is most willing to act upon.

    Parameters
    ----------
    sparsity, proximity : ndarray, shape (m,)
        Of the options, in the order of the search.
    features : sequence of set of str, length m
        What each option changes, as the changes of the recourse table name it.
    seller : str
        Id of the provider as text.
    learned : Learned
    item : str
        Id of the item as text.

    Returns
    -------
    int
        Position of the option to show first: one that the provider can carry out and has not dismissed, within the
        caps, of the greatest expected willingness (the mean over the distances that were fitted). The first of equals,
        so that nothing changes where nothing was learned.
    """
    distances = {"sparsity": np.asarray(sparsity, float), "proximity": np.asarray(proximity, float)}
    expected = np.zeros(len(sparsity))
    for distance, willingness in learned.willingness.items():
        expected += willingness.expected(seller, distances[distance]) / len(learned.willingness)
    cannot = learned.impossible.get(seller, frozenset())
    is_possible = np.array([cannot.isdisjoint(names) for names in features], dtype=bool)
    dismissed = learned.dismissed.get(item, frozenset())
    is_open = np.array([frozenset(names) not in dismissed for names in features], dtype=bool)
    is_within = (distances["sparsity"] <= learned.caps.sparsity) & (distances["proximity"] <= learned.caps.proximity)
    order = np.lexsort((np.arange(len(expected)), -expected, ~is_within, ~is_open, ~is_possible))
    return int(order[0])


def _dismissed(run: Run) -> dict[str, set[frozenset[str]]]:
    """By item; empty for runs made before people could dismiss a plan."""
    found: defaultdict[str, set[frozenset[str]]] = defaultdict(set)
    if "remarks" in run.tables:
        for row in run.table("remarks").to_table(filter=pc.field("decision") == "dismissed").to_pylist():
            found[str(row["item_id"])].add(frozenset(row["features"]))
    return dict(found)


def _n_ratings(run: Run) -> int:
    if "acting" not in run.tables:
        return 0
    n_ratings: int = pc.sum(run.table("acting").to_table(columns=["n"])["n"], min_count=0).as_py()
    return n_ratings


def _rows(run: Run, table: str) -> list[dict[str, Any]]:
    """Rows of the response "act": acceptance of a decision's reasons is not a wish to act."""
    found: list[dict[str, Any]] = run.table(table).to_table(filter=pc.field("response") == "act").to_pylist()
    return found


def _willingness(fit: dict[str, Any], curve: list[dict[str, Any]], people: list[dict[str, Any]]) -> Willingness:
    is_flat = fit["status"] == Finding.FLAT
    slopes: defaultdict[str, list[float]] = defaultdict(list)
    for row in people:
        if row["distance"] == fit["distance"] and row["seller_id"] is not None:
            slopes[str(row["seller_id"])].append(row["slope"])
    return Willingness(
        np.array([row["at"] for row in curve]),
        np.array([0.0 if is_flat else row["smooth"] for row in curve]),
        np.inf if fit["threshold"] is None else fit["threshold"],
        {seller: float(np.mean(values)) for seller, values in slopes.items()},
    )
