"""The options among which a provider could have been shown each case, and what the provider said to some of them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.acceptance.feedback import Feedback, RatedCases
from recsys_ops.arrow import ChunkedArray
from recsys_ops.arrow import compute as pc
from recsys_ops.features.plans import Plans


@dataclass(frozen=True)
class RatedOptions:
    """Options that could be shown: arrays of length n, those of a case in their order in it.

    ``plans``; ``provider`` who could see each and the number of the ``case``; ``rating (n,)``, nan where the provider
    did not rate it.
    """

    plans: Plans
    provider: Sequence[str]
    case: NDArray[np.int64]
    rating: NDArray[np.float64]


def rated_options(cases: RatedCases, feedback: Feedback) -> RatedOptions:
    """The options of every case that somebody rated, once for each who did.

    Parameters
    ----------
    cases : RatedCases
        Options of a case in their order.
    feedback : Feedback
        Of these cases.

    Returns
    -------
    RatedOptions
        Without options in which the person found something impossible, and without the ratings of people who failed the
        question of attention. Who rated the recourses of one seller only is that seller, by the id as text; anybody
        else is a provider of its own.
    """
    rated = feedback.table.filter(pc.invert(feedback.is_inattentive))
    answers, impossible, names = _answers(rated), _impossible(rated), _texts(cases.table["case_id"])
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        places[case_of(name)].append(place)
    providers = _providers(rated)
    shown: list[tuple[int, str, int, float]] = []
    for number, ((person, about), given) in enumerate(sorted(answers.items())):
        possible = [place for place in places[about] if (person, names[place]) not in impossible]
        shown += [(place, providers[person], number, given.get(names[place], np.nan)) for place in possible]
    rows, provider, case, rating = zip(*shown, strict=True) if shown else ((), (), (), ())
    plans = _plans(cases.table.take(pa.array(rows, pa.int64())))
    return RatedOptions(plans, provider, np.array(case, dtype=np.int64), np.array(rating, dtype=np.float64))


def case_of(case_id: str) -> str:
    """Name of a case without its option."""
    return case_id.rpartition("/")[0]


def _answers(rated: pa.Table) -> dict[tuple[str, str], dict[str, float]]:
    """Ratings of possible recourses: person and case to recourse to rating."""
    found: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    is_given = pc.and_(pc.is_valid(rated["act"]), pc.equal(pc.list_value_length(rated["impossible_features"]), 0))
    given = rated.filter(is_given)
    acts = given["act"].to_numpy().astype(np.float64)
    for person, name, act in zip(_texts(given["person_id"]), _texts(given["case_id"]), acts, strict=True):
        found[person, case_of(name)][name] = float(act)
    return found


def _impossible(rated: pa.Table) -> set[tuple[str, str]]:
    marked = rated.filter(pc.greater(pc.list_value_length(rated["impossible_features"]), 0))
    return set(zip(_texts(marked["person_id"]), _texts(marked["case_id"]), strict=True))


def _providers(rated: pa.Table) -> dict[str, str]:
    sellers: defaultdict[str, set[str]] = defaultdict(set)
    for person, seller in zip(_texts(rated["person_id"]), _texts(rated["seller_id"]), strict=True):
        sellers[person].add(seller)
    return {person: next(iter(of)) if len(of) == 1 else f"person {person}" for person, of in sellers.items()}


def _texts(column: ChunkedArray) -> list[str]:
    return [str(value) for value in column.to_pylist()]


def _plans(table: pa.Table) -> Plans:
    changed: list[Any] = table["changes"].to_pylist()
    features = [frozenset(change["feature"] for change in changes) for changes in changed]
    sparsity, proximity, gain = (table[name].to_numpy() for name in ("sparsity", "proximity", "gain"))
    return Plans(sparsity, proximity, features, gain)
