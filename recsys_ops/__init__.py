"""The library: tables and arrays in, arrays out; knows nothing of Ray or of the command line.

    import recsys_ops

    model = recsys_ops.fit_ease(ratings)                      # a DataFrame of user_id, item_id and perhaps rating
    print(recsys_ops.explain(model, ratings, user=5, k=10))   # what the first item of the list hangs on

    model = recsys_ops.fit_recommender(ratings, items, features={"tags": "tags"})
    print(recsys_ops.find_recourse(model, item=7, group="age 30"))   # what to change so that the group gets to see it

    run = recsys_ops.open_run("s3://bucket/out", job="counterfactuals")
    run.table("counterfactuals").to_table()

Read what a job wrote: ``open_run``, ``list_runs``, ``Run``. Read a catalogue: ``load_dataset``, ``Dataset``. Explain a
recommendation, or why there is none: ``fit_ease``, ``fit_als``, ``explain``, ``why_not``. Find recourse:
``fit_recommender`` (or ``fit_content``), ``find_recourse``. What can go wrong: ``InputError``, ``ConfigError``,
``StorageError``; how a case ends: ``Status``.
Each name is imported when it is first used, so that ``import recsys_ops`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recsys_ops.counterfactuals.explanation import explain
    from recsys_ops.counterfactuals.why_not import why_not
    from recsys_ops.datasets.dataset import Dataset
    from recsys_ops.datasets.load import load_dataset
    from recsys_ops.errors import ConfigError, InputError, StorageError
    from recsys_ops.fit import fit_als, fit_ease
    from recsys_ops.recourse.item_recourse import find_recourse
    from recsys_ops.recourse.recommender import fit_content, fit_recommender
    from recsys_ops.runs import Run, list_runs, open_run
    from recsys_ops.status import Status

__all__ = [
    "ConfigError",
    "Dataset",
    "InputError",
    "Run",
    "Status",
    "StorageError",
    "explain",
    "find_recourse",
    "fit_als",
    "fit_content",
    "fit_ease",
    "fit_recommender",
    "list_runs",
    "load_dataset",
    "open_run",
    "why_not",
]

_MODULES = {
    "ConfigError": "recsys_ops.errors",
    "Dataset": "recsys_ops.datasets.dataset",
    "InputError": "recsys_ops.errors",
    "Run": "recsys_ops.runs",
    "Status": "recsys_ops.status",
    "StorageError": "recsys_ops.errors",
    "explain": "recsys_ops.counterfactuals.explanation",
    "find_recourse": "recsys_ops.recourse.item_recourse",
    "fit_als": "recsys_ops.fit",
    "fit_content": "recsys_ops.recourse.recommender",
    "fit_ease": "recsys_ops.fit",
    "fit_recommender": "recsys_ops.recourse.recommender",
    "list_runs": "recsys_ops.runs",
    "load_dataset": "recsys_ops.datasets.load",
    "open_run": "recsys_ops.runs",
    "why_not": "recsys_ops.counterfactuals.why_not",
}
"""Where each public name is defined; a new one is added here, to ``__all__`` and for the type checker above."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'recsys_ops' has no attribute '{name}'")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
