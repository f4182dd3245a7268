"""People's reactions for the tests: small studies drawn at random, and recourse runs that exist in memory only."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from recsys_ops.tables import recourse_schema

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class MemoryRun:
    """What the readers need of a run, without files."""

    run_id: str
    tables: dict[str, pa.Table]
    fingerprint: str = "of the manifest that it does not have"
    manifest: dict[str, Any] = field(default_factory=dict)

    def table(self, name: str) -> ds.Dataset:
        """One table as a dataset."""
        return ds.dataset(self.tables[name])


def ratings_of(seed: int, *, n_people: int = 8, n_each: int = 4) -> tuple[Vector, Vector, NDArray[np.int64]]:
    """Distance, rating and person of a small study; people with one rating to ``n_each``, in any order."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(n_people), rng.integers(1, n_each + 1, n_people))
    rng.shuffle(person)
    distance = rng.integers(1, 9, len(person)).astype(float)
    level = rng.normal(4, 1, n_people)[person]
    return distance, level - 0.4 * np.minimum(distance, 4) + rng.normal(0, 0.8, len(person)), person


def recourse_rows(*changes: tuple[str, ...], **columns: Any) -> pa.Table:
    """Rows of the recourse table: item 0, 1, ... of seller "ann", each changing the features named."""
    rows = [
        {
            "item_id": item,
            "seller_id": "ann",
            "group": "all",
            "option": 0,
            "status": "feasible",
            "changes": [{"feature": name, "before": "", "after": "", "text": ""} for name in names],
            "n_changes": len(names),
            "sparsity": len(names),
            "proximity": 0.5 * len(names),
            "l1": 0.25 * len(names),
        }
        for item, names in enumerate(changes)
    ]
    rows = [row | {name: values[n] for name, values in columns.items()} for n, row in enumerate(rows)]
    return pa.Table.from_pylist(rows, schema=recourse_schema(pa.int64(), pa.string()))


def recourse_run(*changes: tuple[str, ...], run_id: str = "r", **columns: Any) -> Any:
    """A run of such rows."""
    return MemoryRun(run_id, {"recourse": recourse_rows(*changes, **columns)})
