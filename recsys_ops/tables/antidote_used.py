"""The tables of the antidote job about use: artificial users added to all ratings, several starts, the noise floor."""

import pyarrow as pa

from recsys_ops.tables.antidote import CASE
from recsys_ops.tables.schema import Columns, table_schema

ANTIDOTE_AS_USED_COLUMNS: Columns = {
    **CASE,
    "verdict": (
        pa.string(),
        "On all given ratings: helps; uncertain (the interval holds 0); harms; as random (random rows do as much); "
        "beyond limits; comparison "
        "(baselines and random rows, never advised); null for a case without artificial users.",
    ),
    "within_limits": (pa.bool_(), "Whether --max-rmse-loss and --min-overlap are kept, in the mean over the starts."),
    "before": (pa.float64(), "The objective on all ratings without artificial users, mean over the starts."),
    "after": (pa.float64(), "The same with them."),
    "change": (
        pa.float64(),
        "(after - before) / before, of these means.",
    ),
    "change_low": (pa.float64(), "Where the change from another start lies 95 times of 100: from here."),
    "change_high": (pa.float64(), "To here."),
    "change_worst": (pa.float64(), "The change from the start where it is least wanted."),
    "rmse_change": (pa.float64(), "Change of the RMSE on all ratings, mean over the starts, in stars."),
    "rmse_change_worst": (pa.float64(), "The greatest of the starts."),
    "top10_kept": (pa.float64(), "Share of the users' top 10 that stays, mean over the starts."),
    "start_change": (
        pa.float64(),
        "Noise floor: difference of the objective between two starts without artificial users that 95 of 100 stay "
        "below, as a share.",
    ),
    "start_top10_kept": (pa.float64(), "Noise floor: share of the top 10 that another start alone leaves."),
    "random_change": (pa.float64(), "Noise floor: change of the objective by as many random rows, mean."),
    "random_change_low": (pa.float64(), "Where that from another start lies 95 times of 100: from here."),
    "random_change_high": (pa.float64(), "To here."),
    "random_rmse_change": (pa.float64(), "Noise floor: change of the RMSE by random rows, mean, in stars."),
    "random_top10_kept": (pa.float64(), "Noise floor: share of the top 10 that random rows leave, mean."),
    "detectability": (
        pa.float64(),
        "Probability that an artificial user looks more suspect than a real one, by the three attributes below (AUC of "
        "a shilling detector): 0.5 is chance, 1 always.",
    ),
    "detected_by_length": (pa.float64(), "The same by the number of its ratings alone."),
    "detected_by_deviation": (pa.float64(), "By how far its ratings are from the items' means (RDMA)."),
    "detected_by_similarity": (pa.float64(), "By how similar its 25 nearest neighbours are."),
    "rating_distance": (
        pa.float64(),
        "Distance between the shares of whole stars in artificial and in real ratings: 0 the same, 1 nothing "
        "in common.",
    ),
    "n_starts": (pa.int32(), "Number of starts; no algorithm chooses on them."),
    "converged": (pa.bool_(), "Whether loss and objective settled in every fit of the case, random rows included."),
}

ANTIDOTE_STARTS_COLUMNS: Columns = {
    **CASE,
    "start": (pa.int64(), "Seed of the start."),
    "kind": (pa.string(), "How its item factors are drawn: usual (around a common mean), small or large (around 0)."),
    "before": (pa.float64(), "The objective on all ratings without artificial users."),
    "after": (pa.float64(), "The same with them."),
    "random": (pa.float64(), "The same with as many random rows instead."),
    "rmse_before": (pa.float64(), "Root mean squared error on all ratings without artificial users, in stars."),
    "rmse_after": (pa.float64(), "The same with them."),
    "rmse_random": (pa.float64(), "The same with random rows instead."),
    "top10_kept": (pa.float64(), "Share of the users' top 10 that stays."),
    "converged": (pa.bool_(), "Whether loss and objective settled without and with artificial users."),
}

ANTIDOTE_AS_USED = table_schema(ANTIDOTE_AS_USED_COLUMNS)
"""What the artificial users of a case do when added to all ratings, one row per case."""

ANTIDOTE_STARTS = table_schema(ANTIDOTE_STARTS_COLUMNS)
"""The same from each start, one row per case and start."""
