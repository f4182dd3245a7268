"""Tiny catalogues: some whose answers are known by hand, others drawn at random for the slow twins."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.features.rules import FeatureRule
from recsys_ops.models.brought_factors import Factors
from recsys_ops.models.feature_linear import FeatureLinearModel, content_model, learned_model
from recsys_ops.models.user_summary import UserSummary, summarise_users
from recsys_ops.recourse.group import TargetGroup, draw_sample, make_group
from recsys_ops.recourse.problem import Search
from recsys_ops.recourse.settings import RecourseSettings
from tests.twins import ranking

WORDS = ("heist", "robot", "wedding", "desert", "detective", "piano", "volcano", "ghost")
TAGS = ("drama", "comedy", "action")
KINDS = ("film", "series", "short")


@dataclass(frozen=True)
class World:
    """A catalogue, its rules and its ratings ``(n_users, n_items)``, nan where a user has not rated.

    The recommender is that of ``factors`` if there are any, else content.
    """

    table: pa.Table
    rules: tuple[FeatureRule, ...]
    opinions: NDArray[np.float64]
    k: int
    factors: Factors | None = None
    items: EncodedItems = field(init=False)
    model: FeatureLinearModel = field(init=False)

    def __post_init__(self) -> None:
        """Encode the items once."""
        object.__setattr__(self, "items", encode_items(self.table, self.rules))
        user, item = np.nonzero(self.rated)
        stored = sp.csr_array((self.opinions[user, item], (user, item)), shape=self.opinions.shape)
        object.__setattr__(self, "model", self._model(stored))

    def _model(self, stored: sp.csr_array) -> FeatureLinearModel:
        if self.factors is None:
            return content_model(self.items.matrix, stored)
        users, own, feature_map = self.factors.users, self.factors.own, self.factors.feature_map
        return learned_model(self.items.matrix, stored, users=users, own=own, feature_map=feature_map)

    def scores(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores ``(n_users, n_items)`` of items with these features ``(n_items, n_features)``, by the definition."""
        if self.factors is None:
            return ranking.all_scores(self.ratings, features)
        scored: NDArray[np.float64] = self.factors.users @ (self.factors.own + features @ self.factors.feature_map).T
        return scored

    @property
    def rated(self) -> NDArray[np.bool_]:
        """Who has rated what."""
        return ~np.isnan(self.opinions)

    @property
    def ratings(self) -> NDArray[np.float64]:
        """Ratings with 0 for none."""
        return np.nan_to_num(self.opinions)

    @property
    def features(self) -> NDArray[np.float64]:
        """Features of all items, dense."""
        return self.items.matrix.toarray()

    def summary(self) -> UserSummary:
        """What recourse needs of all users."""
        n_users = len(self.opinions)
        groups = np.zeros(n_users, dtype=np.int64)
        nobody = np.array([], dtype=np.int64)
        return summarise_users(
            self.model,
            0,
            n_users,
            k=self.k,
            groups=groups,
            n_groups=1,
            selected=nobody,
            columns=self.items.columns,
        )[0]

    def group(self, users: Sequence[int] | None = None, *, n_sampled: int | None = None, seed: int = 0) -> TargetGroup:
        """A target group, of everybody by default, searched over all of its users by default."""
        members = np.arange(len(self.opinions)) if users is None else np.asarray(users)
        n_sampled = len(members) if n_sampled is None else n_sampled
        return make_group(
            self.model,
            self.items.columns,
            self.summary(),
            label="everybody",
            users=members.astype(np.int64),
            sample=draw_sample(len(members), n_sampled, np.random.default_rng(seed)),
        )

    def search(self, settings: RecourseSettings | None = None, *, group: TargetGroup | None = None) -> Search:
        """A search for recourse, for everybody by default."""
        return Search(self.model, self.items, group or self.group(), settings or RecourseSettings())


def text_rule(**changes: object) -> FeatureRule:
    """Words of the column "plot", each as often as it occurs."""
    return FeatureRule.model_validate({"column": "plot", "kind": "text", "min_items": 1, **changes})


def tags_and_a_kind(
    rng: np.random.Generator, n_items: int, *, tags: str, share: float
) -> tuple[pa.Table, tuple[FeatureRule, ...]]:
    """Items with a share of the tags and one of three kinds, all of which may change."""
    table = {
        "genres": [[tag for tag in tags if rng.random() < share] for _ in range(n_items)],
        "kind": ["pqr"[rng.integers(3)] for _ in range(n_items)],
    }
    rules = (
        FeatureRule(column="genres", kind="tags", min_items=1),
        FeatureRule(column="kind", kind="category", min_items=1),
    )
    return pa.table(table), rules


def one_word_world(*, k: int = 1, **changes: object) -> World:
    """Everybody likes "heist"; item 3 lacks it and gets to the top of every list by adding it three times.

    Users rated item 0 (heist heist). Of the rest, item 1 has the word twice and item 2 once; item 4 has it three
    times, but everybody knows it already. Item 3 (robot) lacks it.
    """
    plots = ["heist heist", "heist heist robot", "heist robot", "robot", "heist heist heist"]
    opinions = np.full((4, 5), np.nan)
    opinions[:, [0, 4]] = [[5.0, 4.0], [3.0, 3.0], [4.0, 5.0], [1.0, 2.0]]
    table = pa.table({"plot": plots})
    return World(table, (text_rule(**{"weighting": "count", "upper": 3, **changes}),), opinions, k)


def tie_world(k: int = 2) -> World:
    """Items 1, 2 and 3 are the same to everybody, so all three stand at rank 1; item 4 has nothing."""
    plots = ["heist", "heist", "heist", "heist", "robot"]
    opinions = np.full((3, 5), np.nan)
    opinions[:, 0] = [5.0, 4.0, 3.0]
    return World(pa.table({"plot": plots}), (text_rule(weighting="count", upper=1),), opinions, k)


def checkerboard(n: int = 6) -> World:
    """Even users rated even items and odd users odd ones, all but their own, which is the only one they should see."""
    tags = [["even"] if item % 2 == 0 else ["odd"] for item in range(n)]
    rule = FeatureRule(column="side", kind="tags", min_items=1)
    same = np.add.outer(np.arange(n), np.arange(n)) % 2 == 0
    opinions = np.where(same & ~np.eye(n, dtype=bool), 1.0, np.nan)
    return World(pa.table({"side": tags}), (rule,), opinions, 1)


def random_world(
    seed: int,
    *,
    n_users: int = 14,
    n_items: int = 12,
    k: int = 3,
    rules: Sequence[FeatureRule] | None = None,
    density: float = 0.3,
) -> World:
    """Plots, tags, a kind and a price, with rules that allow some changes and forbid others."""
    rng = np.random.default_rng(seed)
    taste = rng.dirichlet(np.full(len(WORDS), 0.7), size=n_items)
    plots = [
        " ".join(rng.choice(WORDS, size=rng.integers(1, 7), p=taste[item])) if item % 7 else None
        for item in range(n_items)
    ]
    table = pa.table(
        {
            "plot": pa.array(plots, pa.string()),
            "genres": [[tag for tag in TAGS if rng.random() < 0.4] for _ in range(n_items)],
            "kind": [KINDS[rng.integers(len(KINDS))] if rng.random() < 0.9 else None for _ in range(n_items)],
            "price": [round(float(rng.uniform(5, 30)), 2) if rng.random() < 0.9 else None for _ in range(n_items)],
        }
    )
    opinions = np.where(rng.random((n_users, n_items)) < density, rng.integers(1, 6, (n_users, n_items)), np.nan)
    return World(table, tuple(rules or random_rules(rng)), opinions, k)


def random_rules(rng: np.random.Generator) -> list[FeatureRule]:
    """Directions, limits and steps of every kind."""
    return [
        text_rule(upper=[None, 2, 3][rng.integers(3)], direction=["free", "increase"][rng.integers(2)]),
        FeatureRule(
            column="genres",
            kind="tags",
            min_items=1,
            mutable=bool(rng.random() < 0.8),
            weight=float(rng.uniform(0.3, 1)),
        ),
        FeatureRule(
            column="kind",
            kind="category",
            min_items=1,
            mutable=bool(rng.random() < 0.7),
            weight=float(rng.uniform(0.2, 1)),
        ),
        FeatureRule(
            column="price",
            kind="number",
            mutable=bool(rng.random() < 0.8),
            direction=["free", "increase", "decrease"][rng.integers(3)],
            step=[None, 2.5][rng.integers(2)],
            upper=[None, 40.0][rng.integers(2)],
            weight=float(rng.uniform(0.3, 1)),
        ),
    ]
