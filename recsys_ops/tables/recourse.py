"""The tables of the recourse job: what to change about an item, and what so many changes reach."""

import pyarrow as pa

from recsys_ops.tables.schema import Columns, table_schema

CHANGE = pa.struct(
    [
        pa.field("feature", pa.string()),
        pa.field("before", pa.string()),
        pa.field("after", pa.string()),
        pa.field("text", pa.string()),
        pa.field("support", pa.float64()),
        pa.field("column", pa.int32()),
        pa.field("encoded", pa.float64()),
    ]
)
"""One change of a recourse, in the provider's words."""

BY_GROUP = pa.struct(
    [
        pa.field("group", pa.string()),
        pa.field("n_targets", pa.int32()),
        pa.field("success_before", pa.float64()),
        pa.field("success_after", pa.float64()),
    ]
)
"""Success of a recourse for all groups in one of them."""


def recourse_columns(item_id: pa.DataType, seller_id: pa.DataType) -> Columns:
    """Columns of the ``recourse`` table."""
    return {
        "item_id": (item_id, "The item, as in the input."),
        "seller_id": (seller_id, "Its provider, as in the input."),
        "title": (pa.string(), "Its title."),
        "group": (
            pa.string(),
            'Group of users that should get to see the item; "all groups" with --for-all-groups.',
        ),
        "option": (pa.int32(), "Number of the recourse within its case, from 0, the one to show first."),
        "status": (
            pa.string(),
            "optimal, feasible, infeasible (proven), timeout, already_satisfied, not_started, error.",
        ),
        "reason": (pa.string(), "Why the row does not reach what was wanted, whatever its changes; else null."),
        "since": (
            pa.string(),
            "Run that gave this advice first; null if it is new in this one, or without --keep.",
        ),
        "n_targets": (
            pa.int32(),
            "Users of the group who have not rated the item, each as often as --group-weights says; success is a share "
            "of these.",
        ),
        "rank_before": (pa.float64(), "Mean rank of the unchanged item among what each of them has not rated."),
        "success_before": (pa.float64(), "Share of them with the unchanged item in their top k."),
        "success_after": (pa.float64(), "Share of them with the changed item in their top k, by the recommender."),
        "by_group": (
            pa.list_(BY_GROUP),
            "With --for-all-groups: n_targets, success_before and success_after in each group; null where nobody in it "
            "may be shown the item, or nothing was searched.",
        ),
        "rank_after": (
            pa.float64(),
            "Mean rank of the changed item among the same; null without --together and --aim rank.",
        ),
        "rank_bound": (
            pa.float64(),
            "Mean rank that no changes within the rules and caps can fall below; null without --aim rank.",
        ),
        "success_if_others_act": (
            pa.float64(),
            "Share of them with the changed item in their top k if one provider in twenty acts; null as above.",
        ),
        "success_joint": (
            pa.float64(),
            "Share of them with the changed item in their top k if all recourses of the joint plan are carried out; "
            "null without --joint, and where the item follows another recourse or none.",
        ),
        "others_before": (
            pa.float64(),
            "Share of users outside of the group with the unchanged item in their top k.",
        ),
        "others_after": (
            pa.float64(),
            "The same with the changed item: what it does to others; null as above.",
        ),
        "acting": (
            pa.float64(),
            "Probability that its provider acts upon it, as the acceptance run of --learned has it; null where that "
            "does not decide which option comes first.",
        ),
        "success_new_users": (
            pa.float64(),
            "Share of users whom the search did not see that it reaches, by cross-fitting over folds of the group; of "
            "option 0, null without --folds or --plausibility and for small groups.",
        ),
        "new_users_lower": (pa.float64(), "Lower end of its 95 % interval."),
        "new_users_upper": (pa.float64(), "Upper end of its 95 % interval."),
        "success_unthresholded": (pa.float64(), "Share that all changes found by the search reach together."),
        "success_any_change": (
            pa.float64(),
            "Share of them with the item in their top k where its changes need not be plausible, by the same search; "
            "of the few cases drawn by --rule-cost-cases, else null.",
        ),
        "success_bound": (
            pa.float64(),
            "Share that no changes within the rules and caps can exceed; null with --aim rank.",
        ),
        "changes": (
            pa.list_(CHANGE),
            "What to do: feature, values before and after, a sentence, and its support: "
            "the probability that a real item like this one is so; null without --plausibility. For programs: the "
            "column of encoded features that changes (of a category, that of its new value), and its encoded value.",
        ),
        "n_changes": (pa.int32(), "Number of changes."),
        "share_changed": (pa.float64(), "Share of the columns of encoded features that change."),
        "cost": (pa.float64(), "Sum of the costs that the rules give to the changed features."),
        "l1": (pa.float64(), "Sum of the absolute changes of the encoded features."),
        "rbo": (pa.float64(), "Mean rank-biased overlap (p = 0.5) of their lists before and after; 1 is equal."),
        "lower_bound": (
            pa.int32(),
            "Number of changes that any recourse of this success (with --aim rank: that halves the mean rank) needs at "
            "least; proven.",
        ),
        "gap": (
            pa.float64(),
            "(n_changes - lower_bound) / n_changes; with a reason, success_bound - success_after, a share of "
            "n_targets. Null where nothing was searched, and with a reason and --aim rank.",
        ),
        "sparsity": (pa.int32(), "Number of features changed."),
        "proximity": (pa.float64(), "Sum of the changes, each divided by the range of its feature."),
        "method": (pa.string(), "recrec, or examples, whose bounds are over real items only."),
    }


def frontier_columns(item_id: pa.DataType, seller_id: pa.DataType) -> Columns:
    """Columns of the ``frontier`` table."""
    return {
        "item_id": (item_id, "The item, as in the input."),
        "seller_id": (seller_id, "Its provider, as in the input."),
        "group": (pa.string(), "Group of users that should get to see the item."),
        "option": (pa.int32(), "Always 0: a case has one path, that of the search; no option need lie on it."),
        "n_changes": (pa.int32(), "Number of changes, from 0."),
        "success": (pa.float64(), "Share of the group that these changes reach, each made in full."),
        "rank": (pa.float64(), "Mean rank of the item after them; null without --aim rank."),
        "text": (pa.string(), "These changes in words."),
    }


def together_columns(item_id: pa.DataType, seller_id: pa.DataType) -> Columns:
    """Columns of the ``together`` table."""
    return {
        "item_id": (item_id, "The item, as in the input."),
        "seller_id": (seller_id, "Its provider, as in the input."),
        "group": (pa.string(), "Group of users that should get to see the item."),
        "share_acting": (
            pa.float64(),
            "Share of the providers that act, each item by its most promising recourse; with --joint by that of the "
            "plan.",
        ),
        "is_taken": (pa.bool_(), "Whether this recourse is among those carried out at this share."),
        "promised": (
            pa.float64(),
            "success_after of the recourse: nobody else acts; with --joint its success_joint: all act.",
        ),
        "kept": (pa.float64(), "Share of the same users with the changed item in their top k if that share acts."),
    }


def together_schema(item_id: pa.DataType, seller_id: pa.DataType) -> pa.Schema:
    """Schema of the ``together`` table: what promises are worth if others act, a row per recourse and share acting.

    Parameters
    ----------
    item_id, seller_id : pyarrow.DataType
        Types of the ids in the input.

    Returns
    -------
    pyarrow.Schema
        Of the first option of cases that have a recourse; with ``--joint`` of the recourses of the plan.
    """
    return table_schema(together_columns(item_id, seller_id))


def recourse_schema(item_id: pa.DataType, seller_id: pa.DataType) -> pa.Schema:
    """Schema of the ``recourse`` table: one row per item, group and option.

    Parameters
    ----------
    item_id, seller_id : pyarrow.DataType
        Types of the ids in the input.

    Returns
    -------
    pyarrow.Schema
        Bounds of ``method`` "examples" are over the real items that the group sees, and over all real items where
        none of these serves.
    """
    return table_schema(recourse_columns(item_id, seller_id))


def frontier_schema(item_id: pa.DataType, seller_id: pa.DataType) -> pa.Schema:
    """Schema of the ``frontier`` table: what so many changes reach, one row per number of changes.

    Parameters
    ----------
    item_id, seller_id : pyarrow.DataType
        Types of the ids in the input.

    Returns
    -------
    pyarrow.Schema
    """
    return table_schema(frontier_columns(item_id, seller_id))
