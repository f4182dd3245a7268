"""The tables that every job writes: the run itself, its shards, and the input rows that were set aside."""

import pyarrow as pa

from recsys_ops.tables.schema import Columns, table_schema

_STATUS_COUNT = pa.struct([pa.field("status", pa.string()), pa.field("cases", pa.int64())])
_NAMED_VALUE = pa.struct([pa.field("name", pa.string()), pa.field("value", pa.string())])
_FIGURE = pa.struct(
    [
        pa.field("measure", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("standard_error", pa.float64()),
        pa.field("baseline", pa.float64()),
    ]
)

RUNS_COLUMNS: Columns = {
    "run_id": (pa.string(), "Name of the run, which is also that of its folder."),
    "job": (pa.string(), "Name of the job, as on the command line."),
    "started": (pa.timestamp("us", tz="UTC"), "When the run was first started; a resumed run keeps this time."),
    "seconds": (pa.float64(), "Wall-clock seconds from the start to the commit, including pauses of a resumed run."),
    "cases": (pa.int64(), "Number of cases."),
    "counts": (pa.list_(_STATUS_COUNT), "Number of cases by status."),
    "versions": (pa.list_(_NAMED_VALUE), "Versions of Python and of the libraries that the results depend on."),
    "fingerprints": (pa.list_(_NAMED_VALUE), "SHA-256 of the settings and of everything that was read, by name."),
    "peak_memory_bytes": (pa.int64(), "Largest resident memory of a worker, in bytes."),
    "committed": (pa.timestamp("us", tz="UTC"), "When the run was committed."),
    "shard_seconds": (pa.float64(), "Seconds of work in all workers together."),
    "parts": (pa.int64(), "Number of files of all tables."),
    "shard_retries": (pa.int64(), "Attempts of shards that failed and were repeated."),
    "solver_timeouts": (pa.int64(), "Cases whose search was ended by the time limit."),
    "recommender": (pa.string(), "Recommender that the run is about; null where its quality was not measured."),
    "quality": (pa.list_(_FIGURE), "Its figures on held-out data, with standard errors, beside those of the baseline."),
    "quality_baseline": (pa.string(), "What the baseline is."),
    "better_than_baseline": (pa.bool_(), "Whether it is better by two standard errors; if not, expect little of it."),
    "quality_note": (
        pa.string(),
        "Penalty of the recommender; or how the figures were measured, where not on users that it never saw.",
    ),
}
"""One row per job and run."""

SHARD_TIMINGS_COLUMNS: Columns = {
    "shard": (pa.int64(), "Number of the shard, from 0."),
    "cases": (pa.int64(), "Number of cases in the shard."),
    "seconds": (pa.float64(), "Seconds of the attempt that completed the shard, writing included."),
    "peak_memory_bytes": (pa.int64(), "Largest resident memory of its worker until then, in bytes."),
}
"""One row per shard."""

REJECTED_COLUMNS: Columns = {
    "table": (pa.string(), "Name of the input table."),
    "row": (pa.int64(), "Data row in its file, from 0; a CSV header is not counted."),
    "column": (pa.string(), "Column that breaks the contract."),
    "value": (pa.string(), "Value that was found there, as text."),
    "reason": (pa.string(), "What is wrong with it."),
}
"""One row per input row that was set aside."""

FIGURES_COLUMNS: Columns = {
    "figure": (pa.string(), "What it is of, such as interactions, or the column and value of a feature."),
    "kind": (
        pa.string(),
        "count; share, of one value among several; rate, any other share; churn, of earlier advice; mean; measure, of "
        "the recommender.",
    ),
    "value": (pa.float64(), "The figure."),
    "spread": (
        pa.float64(),
        "Standard deviation of what a mean is of, or standard error of a share or measure; else 0.",
    ),
}
"""One row per figure by which a night is compared with others."""

RUNS = table_schema(RUNS_COLUMNS)
SHARD_TIMINGS = table_schema(SHARD_TIMINGS_COLUMNS)
FIGURES = table_schema(FIGURES_COLUMNS)


def rejected_schema() -> pa.Schema:
    """Schema of the rows that ``--on-bad-rows quarantine`` set aside."""
    return table_schema(REJECTED_COLUMNS)
