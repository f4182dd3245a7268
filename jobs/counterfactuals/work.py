"""What the counterfactuals job's workers do: list users' best items, and explain the cases of a shard."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.counterfactuals.inputs import CounterfactualInputs
from jobs.counterfactuals.tables import Row, result_tables
from jobs.runtime.heartbeat import at_case
from jobs.runtime.shards import Shard
from jobs.store.records import Isolated, ShardOutput
from recsys_ops.counterfactuals.any_question import make_any_question
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.counterfactuals.solve import Explanation, explain
from recsys_ops.models.factored import FactoredRecommender
from recsys_ops.models.linear import top_lists
from recsys_ops.models.recommender import LINEAR, Recommender
from recsys_ops.status import Status

_SCORE_BYTES, _USERS_AT_ONCE = 64 * 2**20, 64
"""Memory of the scores of all items for the users that are scored at once, and most such users."""


def list_blocks(
    recommender: Recommender, blocks: Sequence[tuple[int, int]], arguments: dict[str, Any]
) -> NDArray[np.int64]:
    """Best items of consecutive blocks of users, ``(n_users, n)``."""
    histories = arguments["histories"]
    return np.concatenate(
        [
            top_lists(recommender, histories[first:last], arguments["n"], is_unseen=arguments["is_unseen"])
            for first, last in blocks
        ]
    )


def run_shard(inputs: CounterfactualInputs, shard: Shard, isolated: Isolated) -> ShardOutput:
    """Explanations of the users of one shard, at least one row for every case."""
    starts = inputs.cases.user_starts
    first, last = int(starts[shard.first_unit]), int(starts[shard.last_unit + 1])
    rows: list[Row] = []
    counts: Counter[str] = Counter()
    n_timeouts = 0
    waiting = [case for case in range(first, last) if case - first not in isolated]
    factual = _factual_scores(inputs, np.unique(inputs.cases.user[waiting]))
    scored, scores = -1, None
    for case in range(first, last):
        user, item = int(inputs.cases.user[case]), int(inputs.cases.item[case])
        if case - first in isolated:
            status, reason = isolated[case - first]
            found = [Explanation(item, 0, Status(status), reason)]
        else:
            at_case(case - first)
            if user != scored:  # once for all cases of a user
                scored, scores = next(factual)
            found = _explain(inputs, user, item, scores)
        counts[str(found[0].status)] += 1
        n_timeouts += any(_is_timeout(option) for option in found)
        rows.extend((user, explanation) for explanation in found)
    tables = result_tables(
        inputs.users, inputs.items, inputs.histories, inputs.settings, rows, verb=inputs.verb, language=inputs.language
    )
    return ShardOutput(tables, dict(counts), last - first, n_timeouts)


def _factual_scores(
    inputs: CounterfactualInputs, users: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.float64] | None]]:
    """Of all items for each of some users, where the question is of inequalities; a search asks for more than scores.

    For a few users at once: reading the factors of a large catalogue takes longer than multiplying them.
    """
    if not isinstance(inputs.recommender, LINEAR):
        yield from ((int(user), None) for user in users)
        return
    size = int(np.clip(_SCORE_BYTES // (8 * inputs.recommender.n_items), 1, _USERS_AT_ONCE))
    for first in range(0, len(users), size):
        some = users[first : first + size]
        yield from zip(some.tolist(), inputs.recommender.scores(inputs.histories.scaled(some)), strict=True)


def _explain(
    inputs: CounterfactualInputs, user: int, item: int, scores: NDArray[np.float64] | None
) -> list[Explanation]:
    settings, histories = inputs.settings, inputs.histories
    items, amounts, costs, may_go = histories.of_user(user)
    if settings.keep_selected:
        may_go = (items != item) if may_go is None else may_go & (items != item)
    question = make_any_question(
        inputs.recommender, items, amounts, item, k=settings.k, scale=histories.scale, validity=settings.validity,
        removed_items=settings.removed_items, candidates=settings.candidates, drop=settings.drop,
        weights=costs, removable=may_go,
        max_removed=settings.max_removed, max_distance=settings.max_distance,
        only_shortest=settings.plausibility == "none" and settings.n_options == 1,
        scores=scores,
    )  # fmt: skip
    likelihood = None if inputs.likelihood is None else inputs.likelihood.of_user(user)
    return explain(question, likelihood, settings)


def _is_timeout(option: Explanation) -> bool:
    """What a solver found and did not prove best is feasible because the clock ended it; a search ends by itself."""
    return option.status in (Status.TIMEOUT, Status.FEASIBLE) and option.method != "search"


def case_seconds(lengths: NDArray[np.int64], settings: Settings, recommender: Recommender) -> NDArray[np.float64]:
    """What a case takes on one core, roughly, by the length of the history and, from factors, of the catalogue.

    Measured on MovieLens-100K, and with 128 factors on up to a million items.
    """
    each: NDArray[np.float64] = 0.01 + 1e-4 * lengths.astype(np.float64)
    if isinstance(recommender, FactoredRecommender):
        each += 2e-9 * recommender.n_items * recommender.item_factors.shape[1]
    if not isinstance(recommender, LINEAR):
        return 0.5 + 100 * each
    return each if settings.plausibility == "none" and settings.engine == "direct" else 10 * each


def seconds_before_search(recommender: Recommender) -> float:
    """What a case may take before its search, whose limit does not count it: its question.

    From factors a hundred times as long as usual: in one case of a hundred the bounds rule out little of a catalogue.
    """
    if not isinstance(recommender, FactoredRecommender):
        return 0.0
    return float(2e-7 * recommender.n_items * recommender.item_factors.shape[1])
