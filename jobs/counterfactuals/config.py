"""Settings of the counterfactuals job."""

from typing import Literal

from pydantic import Field

from jobs.config import JobConfig
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.models.likelihood import MIN_INSTANCES


class CounterfactualsConfig(JobConfig):
    """Settings of the counterfactuals job."""

    k: int = Field(default=10, ge=1)
    """Length of the list that users see: an explanation brings the item's rank above k."""
    top: int = Field(default=3, ge=1)
    """Best items of each user to explain."""
    users: str | None = None
    """Users to do, ids separated by commas; all by default."""
    model: str = "ease"
    """Recommender: ease, knn, slim, als, pure-svd, hybrid, or a file: of weights, elsa:A.npy, als:FILE, onnx:FILE and others."""  # noqa: E501
    model_ids: str | None = None
    """URL of the ids of the rows of --model, where its file names none and they are not in the order of the items."""
    ridge: float | None = Field(default=None, gt=0)
    """Penalty of ease and hybrid; by default the best one on held-out users."""
    ratings: bool = Field(default=False, json_schema_extra={"flags": "--ratings/--binary"})
    """Histories of ratings, of which stars are taken, instead of interactions that are removed."""
    validity: Literal["kth", "score"] = "kth"
    """kth: the item's rank is guaranteed to exceed k. score: it falls below the present score of the k-th best other item."""  # noqa: E501
    removed_items: Literal["excluded", "eligible"] = "excluded"
    """Whether an item that is removed from the history may be recommended again."""
    candidates: Literal["unseen", "all"] = "unseen"
    """Whether items of the history may be recommended and explained (all), as where people visit a shop again."""
    drop: int | None = Field(default=None, ge=1)
    """Positions that an explanation brings the item below where it stands, in place of --k."""
    keep_selected: bool = False
    """With --candidates all: the interaction with the item itself is barred from its explanation."""
    language: Literal["en", "de"] = "en"
    """Language of the sentences: en or de."""
    lists: bool = False
    """Store the list that the user would see without what is removed: column list_after, the first --k items."""
    plausibility: Literal["none", "optimise", "threshold"] = "none"
    """optimise: weigh distance against the log-likelihood of what is left. threshold: it must have at least --threshold."""  # noqa: E501
    alpha: float = Field(default=0.1, ge=0)
    """With optimise: distance that one nat of log-likelihood is worth."""
    threshold: float | None = None
    """With threshold: least log-likelihood; by default the median of all histories."""
    aggregator: Literal["disjunction", "sum", "mean", "none"] = "disjunction"
    """What the likelihood knows of a category: whether anything is left, how much, the mean; none: items themselves."""
    categories: str | None = None
    """Column of the items whose values or tags are the categories; by default the first feature of that kind."""
    mixture: Literal["exact", "best"] = "exact"
    """Likelihood of the optimiser: exact, or its bound by the likeliest child of each mixture, as in the paper."""
    min_instances: float = Field(default=MIN_INSTANCES, gt=0, le=1)
    """Share of the users below which the network divides them no further: smaller fits closer, and takes longer."""
    folds: int = Field(default=1, ge=1)
    """With plausibility: networks, each learned without the users that it is used for; 1: one network of all users."""
    removal_costs: str | None = None
    """URL of a table of user_id, item_id, cost: what removing an interaction costs, 1 without a row; an empty cost: it must stay."""  # noqa: E501
    max_removed: int | None = Field(default=None, ge=1)
    """Most interactions that an explanation removes or lowers; what takes more is infeasible."""
    max_distance: float | None = Field(default=None, gt=0)
    """Greatest distance of an explanation; what is farther is infeasible."""
    options: int = Field(default=1, ge=1)
    """Most explanations of one item; each keeps something that every earlier one touches."""
    time_limit: float = Field(default=10.0, gt=0)
    """Seconds per item, all options together."""
    engine: Literal["direct", "pyomo"] = "direct"
    """direct: bounds first, then a reduced program. pyomo: the textbook program, slow, for comparison."""

    @property
    def is_partial(self) -> bool:
        """Whether only users that are named are done."""
        return self.users is not None

    @property
    def settings(self) -> Settings:
        """The part of the settings that the search sees."""
        return Settings(
            k=self.k, validity=self.validity, removed_items=self.removed_items, plausibility=self.plausibility,
            candidates=self.candidates, drop=self.drop, keep_selected=self.keep_selected, lists=self.lists,
            alpha=self.alpha, threshold=self.threshold, mixture=self.mixture, n_options=self.options,
            time_limit=self.time_limit, engine=self.engine,
            max_removed=self.max_removed, max_distance=self.max_distance,
        )  # fmt: skip
