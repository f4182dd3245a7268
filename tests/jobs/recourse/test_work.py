"""The order of a case's options, given what was learned, and the plans that providers are likely to act upon."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from jobs.recourse.config import RecourseConfig
from jobs.recourse.inputs import RecourseInputs, make_catalogue, make_inputs
from jobs.recourse.work import _likeliest_first, run_shard, summarise_blocks
from jobs.runtime.shards import Shard
from jobs.runtime.worker import one_thread
from recsys_ops.acceptance.acting import Acting
from recsys_ops.acceptance.learned import Learned
from recsys_ops.datasets import load_dataset
from recsys_ops.features.changes import Change
from recsys_ops.features.plans import Plans
from recsys_ops.models.feature_recommender import make_feature_model
from recsys_ops.recourse.solve import Recourse
from recsys_ops.status import Status


def option(number: int, *features: str) -> Recourse:
    changes = [Change(feature, "", "", "") for feature in features]
    return Recourse(0, Status.FEASIBLE, None, 5, changes=changes, option=number, sparsity=len(changes), proximity=1.0)


def test_an_option_that_its_provider_cannot_carry_out_is_not_the_first_even_without_willingness() -> None:
    options = [option(0, "tag: new"), option(1, "price", "tag: old"), option(2, "price")]
    learned = Learned(impossible={"ann": {"tag: new"}})
    ordered = _likeliest_first(options, "ann", "7", learned)
    assert ordered[0].changes == options[1].changes
    assert [one.option for one in ordered] == [0, 1, 2]
    assert _likeliest_first(options, "bob", "7", learned) == options


def test_an_option_that_was_dismissed_is_not_the_first_even_if_it_stood() -> None:
    options = [replace(option(0, "tag: new"), since="night-1"), option(1, "price", "tag: old")]
    learned = Learned(dismissed={"7": {frozenset({"tag: new"})}})
    assert _likeliest_first(options, "ann", "7", learned)[0].changes == options[1].changes
    assert _likeliest_first(options, "ann", "8", learned) == options


AT = np.array([1.0, 9.0])
ACTING = Acting(
    ("description", "tag"), 6.0, {"sparsity": (AT, -1.5 * (AT - 1))}, np.zeros(2), 1.0, np.full(4, 0.2), {}, {}
)  # fmt: skip
"""Providers who lose a point and a half by each change."""


def test_what_the_search_weighed_stays_first_unless_it_was_dismissed() -> None:
    options = [option(0, "tag: new"), option(1, "price", "tag: old")]
    learned = Learned(dismissed={"7": {frozenset({"tag: new"})}}, acting=ACTING)
    kept, other = (_likeliest_first(options, "ann", item, learned, is_weighed=True) for item in ("8", "7"))
    assert [one.changes for one in kept] == [one.changes for one in options]
    assert [one.changes for one in other] == [one.changes for one in reversed(options)]
    assert all(one.acting is not None for one in [*kept, *other])


@pytest.fixture(scope="module")
def inputs() -> RecourseInputs:
    """Some items of a small shop, nothing learned."""
    config = RecourseConfig(
        data="synthetic:items=40,users=60,ratings_per_user=8", groups="n_ratings:2", model="hybrid",
        least_support=0.05, folds=0, explore=0.0, options=2,
    )  # fmt: skip
    shop, items = load_dataset(str(config.data), seed=0), np.arange(9)
    with one_thread():
        catalogue = make_catalogue(config, shop, lambda encoded: make_feature_model("hybrid", shop, encoded))
        arguments = {
            "k": config.k, "groups": catalogue.group_of_user, "n_groups": 2, "selected": items,
            "columns": catalogue.encoded.columns,
        }  # fmt: skip
        summary, counts = summarise_blocks(catalogue.model, [(0, 60)], arguments)
        return make_inputs(config, catalogue, items, summary, counts, learned=Learned(), seen_by=None)


def rows_of(inputs: RecourseInputs, n_shards: int = 1) -> pa.Table:
    starts = inputs.cases.batch_starts
    edges = np.linspace(0, len(starts) - 1, n_shards + 1).astype(int)
    with one_thread():
        parts = [
            run_shard(inputs, Shard(n, a, b - 1, int(starts[b] - starts[a])), {}).tables["recourse"]
            for n, (a, b) in enumerate(pairwise(edges.tolist()))
        ]
    return pa.concat_tables(parts)


def test_what_providers_are_likely_to_act_upon_comes_first_in_any_shard(inputs: RecourseInputs) -> None:
    weighing = replace(inputs, learned=Learned(acting=ACTING, n_ratings=100))
    plain, weighed = rows_of(inputs).to_pylist(), rows_of(weighing)
    assert weighed.to_pylist() == rows_of(weighing, 3).to_pylist()
    first = {(row["item_id"], row["group"]): row for row in weighed.to_pylist() if row["option"] == 0}
    nearer = 0
    for row in plain:
        assert row["acting"] is None
        if row["option"] == 0 and row["changes"] and row["reason"] is None:
            new = first[row["item_id"], row["group"]]
            names = {change["feature"] for change in new["changes"]}
            one = Plans(*(np.array([new[name]], float) for name in ("sparsity", "proximity")), [names], np.zeros(1))
            assert new["acting"] == ACTING.probability("anybody", one)[0]
            nearer += new["sparsity"] < row["sparsity"]
    assert nearer > 2


def test_exploring_shows_other_plans_first_and_the_same_ones_again(inputs: RecourseInputs) -> None:
    learned = Learned(acting=ACTING, n_ratings=100)
    never, always, again = (
        rows_of(replace(inputs, learned=learned, explore=share)).to_pylist() for share in (0.0, 1.0, 1.0)
    )
    assert always == again
    assert never != always
