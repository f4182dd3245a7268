"""What the recourse job's workers do: summarise blocks of users, and search the cases of a shard."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.recourse.inputs import RecourseInputs
from jobs.recourse.tables import frontier_table, recourse_table
from jobs.runtime.heartbeat import at_case, is_trial
from jobs.runtime.shards import Shard
from jobs.store.records import Isolated, ShardOutput
from recsys_ops.acceptance.acting import Acting
from recsys_ops.acceptance.learned import Learned, choose_first
from recsys_ops.features.encode import fix_features
from recsys_ops.features.plans import Plans
from recsys_ops.models.feature_linear import FeatureLinearModel
from recsys_ops.models.user_summary import GroupCounts, UserSummary, join_summaries, summarise_users
from recsys_ops.recourse.examples import find_examples
from recsys_ops.recourse.group import TargetGroup, without_fixed
from recsys_ops.recourse.options import Expected, find_options_each
from recsys_ops.recourse.problem import Search
from recsys_ops.recourse.rank_aim import find_rank_recourses
from recsys_ops.recourse.solve import Recourse, success_of_any_change
from recsys_ops.status import Status


def summarise_blocks(
    model: FeatureLinearModel, blocks: Sequence[tuple[int, int]], arguments: dict[str, Any]
) -> tuple[UserSummary, GroupCounts]:
    """Summaries of consecutive blocks of users, and the sum of their counts."""
    return join_summaries(summarise_users(model, first, last, **arguments) for first, last in blocks)


def run_shard(inputs: RecourseInputs, shard: Shard, isolated: Isolated) -> ShardOutput:
    """Recourses of the batches of one shard, at least one row for every case."""
    starts = inputs.cases.batch_starts
    first = int(starts[shard.first_unit])
    outcomes: list[list[Recourse]] = []
    for batch in shard.units:
        outcomes.extend(_run_batch(inputs, int(starts[batch]), int(starts[batch + 1]), first, isolated))
    cases = np.repeat(np.arange(first, int(starts[shard.last_unit + 1])), [len(options) for options in outcomes])
    counts = Counter(str(options[0].status) for options in outcomes)
    labels = [inputs.groups[g].label for g in inputs.cases.group[cases]]
    ranks = inputs.cases.rank_before[cases]
    rows = [option for options in outcomes for option in options]
    method = "examples" if inputs.examples else "recrec"
    tables = {
        "recourse": recourse_table(inputs.item_table, rows, labels, ranks, method),
        "frontier": frontier_table(inputs.item_table, rows, labels),
    }
    return ShardOutput(tables, dict(counts), len(outcomes))


def _run_batch(
    inputs: RecourseInputs, start: int, end: int, shard_start: int, isolated: Isolated
) -> list[list[Recourse]]:
    """Search the cases of one batch group by group; back in the order of the cases."""
    cases = inputs.cases
    found: dict[int, list[Recourse]] = {}
    is_weighed = inputs.learned.acting is not None and not inputs.examples
    for case in range(start, end):
        if case - shard_start in isolated:
            status, reason = isolated[case - shard_start]
            found[case] = [Recourse(int(cases.item[case]), Status(status), reason, None)]
    for group in np.unique(cases.group[start:end]):
        these = [c for c in range(start, end) if cases.group[c] == group and c not in found]
        sellers, names = (
            [str(name) for name in inputs.item_table.column(column).take(cases.item[these]).to_pylist()]
            for column in ("seller_id", "item_id")
        )
        impossible = [frozenset(inputs.learned.impossible.get(seller, ())) for seller in sellers]
        for fixed in dict.fromkeys(impossible):
            of_these = [position for position, features in enumerate(impossible) if features == fixed]
            searched = [these[position] for position in of_these]
            outcomes = _search_said(inputs, searched, fixed, start - shard_start, shard_start)
            for position, options in zip(of_these, outcomes, strict=True):
                found[these[position]] = _likeliest_first(
                    options, sellers[position], names[position], inputs.learned, is_weighed=is_weighed
                )
    return [found[case] for case in range(start, end)]


def _search_said(
    inputs: RecourseInputs, cases: Sequence[int], fixed: frozenset[str], n_done: int, shard_start: int
) -> Iterator[list[Recourse]]:
    """Search the cases of one group, and say before each which it is; ``n_done`` cases of the shard are done.

    In a trial each is searched alone, so that it is seen which is late.
    """
    is_at_once = bool(inputs.examples) or inputs.settings.aim == "rank" or inputs.plausibility is None
    for some in [[case] for case in cases] if is_trial() else [cases]:
        outcomes = _search(inputs, int(inputs.cases.group[some[0]]), inputs.cases.item[list(some)], fixed)
        for position, case in enumerate(some):
            n_together = len(some) if is_at_once and position == 0 else 1
            at_case(case - shard_start, n_together=n_together, n_done=n_done)
            yield next(outcomes)


def _search(
    inputs: RecourseInputs, group: int, items: NDArray[np.int64], fixed: frozenset[str]
) -> Iterator[list[Recourse]]:
    encoded = fix_features(inputs.encoded, fixed)
    target = without_fixed(inputs.groups[group], encoded.columns) if fixed else inputs.groups[group]
    search = Search(inputs.model, encoded, target, inputs.settings, inputs.plausibility)
    if inputs.examples:
        yield from find_examples(search, items, inputs.offer, inputs.examples[group])
        return
    if inputs.settings.aim == "rank":
        yield from ([found] for found in find_rank_recourses(search, items))
        return
    standing = {int(item): inputs.standing[item, group] for item in items if (item, group) in inputs.standing}
    found = find_options_each(search, items, inputs.offer, standing, _expected(inputs, group))
    for item, options in zip(items.tolist(), found, strict=True):
        yield _with_cost_of_rule(search, options) if (item, group) in inputs.drawn else options


def _with_cost_of_rule(search: Search, options: list[Recourse]) -> list[Recourse]:
    """The options of a case with what any change would reach: at least what the best of them does."""
    reached = [one.success_after for one in options] + [success_of_any_change(search, options[0].item)]
    most = max((success for success in reached if success is not None), default=None)
    return [replace(one, success_any_change=most) for one in options]


def _likeliest_first(
    options: list[Recourse], seller: str, item: str, learned: Learned, *, is_weighed: bool = False
) -> list[Recourse]:
    """The option that stands or its provider is most willing to act upon, then the others as they were.

    Where the search has weighed what the provider is likely to act upon, its first one is that.
    """
    features = [{change.feature for change in option.changes} for option in options]
    is_dismissed = frozenset(features[0]) in learned.dismissed.get(item, ())
    stays = is_weighed or options[0].since is not None
    if len(options) > 1 and (is_dismissed or not stays):
        distances = [(option.sparsity, option.proximity) for option in options]
        sparsity, proximity = np.array(distances, dtype=np.float64).T
        first = choose_first(sparsity, proximity, features, seller=seller, learned=learned, item=item)
        ordered = [options[first], *options[:first], *options[first + 1 :]]
        options = [replace(option, option=number) for number, option in enumerate(ordered)]
    return options if learned.acting is None else [_with_probability(one, seller, learned.acting) for one in options]


def _with_probability(option: Recourse, seller: str, acting: Acting) -> Recourse:
    """The option with how likely its provider acts upon it, if it changes something."""
    if not option.sparsity or option.proximity is None:
        return option
    features = frozenset(change.feature for change in option.changes)
    plan = Plans(np.array([float(option.sparsity)]), np.array([option.proximity]), [features], np.zeros(1))
    return replace(option, acting=float(acting.probability(seller, plan)[0]))


def _expected(inputs: RecourseInputs, group: int) -> Expected | None:
    """What plans are expected to gain by what their providers are likely to act upon; None where that is not known."""
    learned, label = inputs.learned, inputs.groups[group].label
    if learned.acting is None:
        return None

    def expected(item: int, plans: Plans) -> NDArray[np.float64]:
        seller, name = (str(inputs.item_table.column(column)[item].as_py()) for column in ("seller_id", "item_id"))
        rng = np.random.default_rng([inputs.settings.seed, learned.n_ratings, item, *label.encode()])
        explores = rng.random() < inputs.explore
        return learned.expected_gain(plans, seller=seller, item=name, rng=rng if explores else None)

    return expected


def case_seconds(groups: Sequence[TargetGroup], n_options: int = 1) -> float:
    """What a case takes on one core, roughly; measured on MovieLens-100K and -1M."""
    sizes = [len(group.sample) * len(group.columns) for group in groups]
    return n_options * (0.01 + 2.5e-7 * float(np.mean(sizes)))
