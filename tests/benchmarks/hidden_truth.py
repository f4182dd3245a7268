"""A real catalogue of which some features are hidden, so that suggestions can be compared with the truth."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.recourse.work import summarise_blocks
from recsys_ops.datasets import Dataset, user_groups
from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.features.rules import FeatureRule
from recsys_ops.models.feature_linear import FeatureLinearModel
from recsys_ops.models.feature_recommender import make_feature_model
from recsys_ops.models.user_summary import user_block_size
from recsys_ops.recourse.group import TargetGroup, draw_sample, make_group
from recsys_ops.recourse.plausible import Plausibility, fit_plausibility
from recsys_ops.recourse.problem import Search
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse, find_recourses

HIDDEN = 0.3
K = 10


@dataclass(frozen=True)
class HiddenTruth:
    """A catalogue, the items of which something is hidden, and what: ``(item, name of the feature)``."""

    items: EncodedItems
    providers: NDArray[np.int64]
    model: FeatureLinearModel
    group: TargetGroup
    selected: NDArray[np.int64]
    truth: frozenset[tuple[int, str]]

    def plausibility(self, level: float) -> Plausibility:
        """Fitted on what is not hidden."""
        return fit_plausibility(self.items, self.providers, level)

    def search(self, plausibility: Plausibility | None, settings: RecourseSettings) -> list[Recourse]:
        """Recourses of the items of which something is hidden."""
        search = Search(self.model, self.items, self.group, settings, plausibility)
        return [
            found
            for first in range(0, len(self.selected), 32)
            for found in find_recourses(search, self.selected[first : first + 32])
        ]

    def truths(self, recourses: list[Recourse]) -> NDArray[np.bool_]:
        """For every word and tag that is suggested, whether it is among the hidden ones."""
        added = [
            (one.item, self.items.columns.value[change.column].lower())
            for one in recourses
            for change in one.changes
            if self.items.rules[self.items.columns.rule[change.column]].kind in ("tags", "text")
        ]
        return np.array([pair in self.truth for pair in added], dtype=bool)


def hide(
    dataset: Dataset,
    column: str,
    *,
    n_items: int,
    least: int,
    seed: int,
    where: tuple[str, str],
    share: float = HIDDEN,
) -> HiddenTruth:
    """Hide a share of the tags or words of items that have at least so many; ``where``: groups and model.

    The group is the middle one.
    """
    rule = next(rule for rule in dataset.rules if rule.column == column)
    cells = dataset.items.column(column).to_pylist()
    parts = [_parts(cell, rule) for cell in cells]
    rng = np.random.default_rng(seed)
    rich = np.flatnonzero([len({name.lower() for name in one}) >= least for one in parts])
    selected = np.sort(rng.choice(rich, size=n_items, replace=False))
    truth: set[tuple[int, str]] = set()
    for item in selected:
        names = sorted({name.lower() for name in parts[item]})
        gone = set(rng.choice(names, size=round(share * len(names)), replace=False).tolist())
        truth |= {(int(item), name) for name in gone}
        parts[item] = [name for name in parts[item] if name.lower() not in gone]
    cell_of = {"tags": rule.separator.join, "text": " ".join}[rule.kind]
    is_list = any(isinstance(cell, list) for cell in cells)
    shown = parts if is_list else [cell_of(one) for one in parts]
    items = dataset.items.set_column(dataset.items.column_names.index(column), column, pa.array(shown))
    encoded = encode_items(items, dataset.rules)
    groups, model = where
    fitted = make_feature_model(model, replace(dataset, items=items), encoded)
    providers = dataset.items.column("seller_id").combine_chunks().dictionary_encode().indices.to_numpy()
    return HiddenTruth(encoded, providers, fitted, _group(dataset, encoded, fitted, groups), selected, frozenset(truth))


def _parts(cell: str | list[str] | None, rule: FeatureRule) -> list[str]:
    if rule.kind == "text":
        return re.findall(r"\w\w+", cell or "")
    return [part for part in (cell.split(rule.separator) if isinstance(cell, str) else cell or []) if part]


def _group(dataset: Dataset, encoded: EncodedItems, model: FeatureLinearModel, groups: str) -> TargetGroup:
    labels, group_of_user = user_groups(dataset, groups)
    number, size, n = len(labels) // 2, user_block_size(*encoded.matrix.shape), dataset.n_users
    blocks = [(first, min(first + size, n)) for first in range(0, n, size)]
    nobody = np.array([], dtype=np.int64)
    arguments = {"k": K, "groups": group_of_user, "n_groups": len(labels), "selected": nobody}
    summary, _ = summarise_blocks(model, blocks, {**arguments, "columns": encoded.columns})
    users = np.flatnonzero(group_of_user == number)
    sample = draw_sample(len(users), 2000, np.random.default_rng(0))
    return make_group(model, encoded.columns, summary, label=labels[number], users=users, sample=sample)
