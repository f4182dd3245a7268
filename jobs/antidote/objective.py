"""``--objective`` and ``--groups`` as people type them, made into what the library minimises or maximises."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from recsys_ops.antidote.objectives import (
    GroupUnfairness,
    IndividualUnfairness,
    Objective,
    Polarisation,
    WeightedSum,
)
from recsys_ops.antidote.soft_lists import ListObjective
from recsys_ops.datasets import Dataset, user_groups
from recsys_ops.errors import ConfigError
from recsys_ops.models.aggregate import categories_of
from recsys_ops.models.mf_rows import Side

OBJECTIVES = ("polarisation", "individual", "group", "exposure", "popularity", "gini")


@dataclass(frozen=True)
class Groups:
    """Groups of users or of items: ``membership (n_users or n_items, n_groups)`` of ones."""

    side: Side
    labels: list[str]
    membership: sp.csr_array


def parse_objective(text: str) -> list[tuple[str, float]]:
    """Names of objectives with their weights.

    Parameters
    ----------
    text : str
        One name, or several as ``individual:1,polarisation:0.5``; a weight left out is 1.

    Raises
    ------
    ConfigError
        A name is unknown or comes twice, or a weight is not positive.
    """
    terms: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = part.strip().partition(":")
        if name not in OBJECTIVES or name in terms:
            raise ConfigError(
                f"--objective {text}: '{name}' is unknown or named twice. "
                f"Use {', '.join(OBJECTIVES)}, or a sum such as individual:1,polarisation:0.5."
            )
        try:
            terms[name] = float(weight or 1)
        except ValueError:
            terms[name] = np.nan
        if not 0 < terms[name] < np.inf:
            raise ConfigError(f"--objective {text}: weight '{weight}' is not a positive number. Use {name}:0.5.")
    return list(terms.items())


def make_objective(terms: list[tuple[str, float]], groups: Groups | None, ratings: sp.csr_array) -> Objective:
    """The objective of these terms.

    Parameters
    ----------
    terms : list of (name, weight)
    groups : Groups or None
    ratings : csr_array, shape (n_users, n_items)
        Whatever a user has rated is in no list of recommendations.

    Raises
    ------
    ConfigError
        Groups are needed and there are none, or exposure is wanted of groups of users.
    """
    made = tuple((weight, _one(name, groups, ratings)) for name, weight in terms)
    return made[0][1] if len(made) == 1 and made[0][0] == 1 else WeightedSum(made)


def _one(name: str, groups: Groups | None, ratings: sp.csr_array) -> Objective:
    if name == "polarisation":
        return Polarisation()
    if name == "individual":
        return IndividualUnfairness()
    if name == "popularity":
        return ListObjective("popularity", ratings)
    if name == "gini":
        return ListObjective("gini", ratings)
    if groups is None:
        raise ConfigError(
            f"--objective {name}: no feature of the items forms two groups or more. "
            "Name a column of the items with --groups COLUMN, or of the users with --groups users:COLUMN."
        )
    if name == "group":
        return GroupUnfairness(groups.side, groups.membership)
    if groups.side == "users":
        raise ConfigError("--objective exposure: is about groups of items. Name a column of the items with --groups.")
    return ListObjective("exposure", ratings, groups.membership)


def find_groups(dataset: Dataset, spec: str | None) -> Groups | None:
    """The groups that ``--groups`` names, by default those of the first tags or category of the items.

    Parameters
    ----------
    dataset : Dataset
    spec : str or None
        COLUMN of the items (a group per value or tag), ``users:COLUMN`` (a group per value) or ``users:COLUMN:N``.

    Returns
    -------
    Groups or None
        None where nothing is named and no feature can serve.

    Raises
    ------
    ConfigError
        There is no such column, or there are fewer than two groups.
    """
    if spec is None:
        named = next((rule.column for rule in dataset.rules if rule.kind in ("tags", "category")), None)
        groups = None if named is None else _of_items(dataset, named)
        return None if groups is None or len(groups.labels) < 2 else groups
    side, _, column = spec.partition(":")
    groups = _of_users(dataset, column) if side == "users" and column else _of_items(dataset, spec)
    if len(groups.labels) < 2:
        raise ConfigError(f"--groups {spec}: there are fewer than two groups to compare. Name another column.")
    return groups


def _of_users(dataset: Dataset, spec: str) -> Groups:
    labels, group = user_groups(dataset, spec, prefix="users:")
    known = np.flatnonzero(group >= 0)
    entries = (np.ones(len(known)), (known, group[known]))
    return Groups("users", labels, sp.csr_array(entries, shape=(dataset.n_users, len(labels))))


def _of_items(dataset: Dataset, column: str) -> Groups:
    if column not in dataset.items.column_names:
        known = ", ".join(dataset.items.column_names)
        raise ConfigError(f"--groups {column}: the items have no such column (found {known}).")
    separators = {rule.column: rule.separator for rule in dataset.rules if rule.kind == "tags"}
    membership, names = categories_of(dataset.items, column, separator=separators.get(column))
    return Groups("items", [f"{column} {name}" for name in names], membership)
