"""Settings of the recourse job."""

from datetime import UTC, datetime
from typing import Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from jobs.config import JobConfig
from jobs.deadline import moment
from recsys_ops.features.caps import Caps
from recsys_ops.recourse.options import Offer
from recsys_ops.recourse.plausible import LEAST_GAIN, least_support
from recsys_ops.recourse.settings import Aim, RecourseSettings

LOSS = 0.2
"""Share of the users gained that may be lost again where nobody says otherwise, and there is no knee to look for."""

MOST_CHANGES = 10
"""Of one recourse where nobody says otherwise."""


class RecourseConfig(JobConfig):
    """Settings of the recourse job."""

    model: str | None = None
    """Recommender: content, hybrid, or factors of another, lightfm:FILE or towers:FILE; by default hybrid, or content where that does not fit into memory."""  # noqa: E501
    ridge: float | None = Field(default=None, gt=0)
    """Penalty of hybrid; by default the best one on held-out users."""
    k: int = Field(default=10, ge=1)
    """Length of the list that users see: an item is seen if its rank is at most k."""
    groups: str | None = None
    """Target groups: COLUMN of the users (a group per value) or COLUMN:N (N equal parts of a numeric column, n_ratings among them); by default the first column that gives at most 10 groups."""  # noqa: E501
    for_all_groups: bool = False
    """One recourse per item that serves all groups at once, each user counting once; column by_group has the success in each."""  # noqa: E501
    group_weights: str | None = None
    """With --for-all-groups: how often a user of a group counts, 0 to 9, as LABEL=N separated by commas; once for the others."""  # noqa: E501
    items: str | None = None
    """Items to do, ids separated by commas; by default those that are in the top k of few users of a group."""
    sellers: str | None = None
    """Sellers whose items to do, ids separated by commas."""
    seen_by: float = Field(default=0.01, gt=0, le=1)
    """Without --items and --sellers: do items that less than this share of the group has in its top k."""
    sample: float = Field(default=1.0, gt=0, le=1)
    """Share of each group that the search looks at (2,000 users at most); success is always that of the whole group."""
    tolerance: float | None = Field(default=None, ge=0, lt=1)
    """Share of the users gained that may be lost again for fewer changes; by default the knee of the frontier; 0.2 with --plausibility none."""  # noqa: E501
    aim: Aim = "top-k"
    """top-k: lists of k. rank: halve the item's mean rank in the group, where lists of k are out of reach; column rank_after."""  # noqa: E501
    method: Literal["recrec", "examples"] = "recrec"
    """recrec: the fewest changes that reach the most users. examples: become like the nearest real item that the group sees already."""  # noqa: E501
    max_changes: int | None = Field(default=None, ge=1, le=1000)
    """Most changes of one recourse (its sparsity); by default 10, and without a limit with --method examples."""
    max_proximity: float | None = Field(default=None, gt=0)
    """Most proximity of one recourse: the sum of its changes, each by the range of its feature."""
    max_cost: float | None = Field(default=None, gt=0)
    """Most cost of one recourse, by the costs of the features' rules."""
    min_success: float | None = Field(default=None, ge=0, le=1)
    """Least share of the group that a recourse must reach, else its row has a reason (and is infeasible where the bound is short of it too); by default (and with 0) any gain, with --method examples what --seen-by says."""  # noqa: E501
    plausibility: Literal["none", "support"] | None = None
    """support: only changes after which a real item like this could be so, and categories stay unless their rule says mutable; none: any change; by default support, none with --method examples."""  # noqa: E501
    least_support: float | None = Field(default=None, gt=0, le=1)
    """Least probability that a real item like this one has what a change adds; 0.25 by default, at which half of what is suggested is true."""  # noqa: E501
    rule_cost_cases: int = Field(default=12, ge=0)
    """Cases, drawn by the seed, of which the search is repeated without --plausibility to say what that costs: column success_any_change; 0 for none."""  # noqa: E501
    least_gain: float | None = Field(default=None, ge=0, le=1)
    """Least share of the group that a recourse must gain to be worth acting for, else its row has a reason; by default 0.002, any gain with --plausibility none."""  # noqa: E501
    keep: str | None = None
    """Run whose advice is kept where it still may be given and gains nearly as much as the best of today (--tolerance, by default 0.2): an id, a URL, latest or none; nightly: the latest by default."""  # noqa: E501
    language: Literal["en", "de"] = "en"
    """Language of the sentences: en or de."""
    options: int = Field(default=1, ge=1, le=5)
    """Different recourses to choose from per item and group."""
    select: Literal["study", "diverse", "distance"] = "study"
    """With --options: one of the sparsest, one of the most proximate, others at random; diverse: those of which any two differ most; distance: from near to far, for a study of how distance matters."""  # noqa: E501
    nearest: Literal["sparsity", "proximity"] = "sparsity"
    """With --method examples: the distance that decides."""
    folds: int = Field(default=3, ge=0, le=20)
    """Parts of each group on which recourses are measured that were found without them: column success_new_users; 0 for none, and none with --plausibility none."""  # noqa: E501
    joint: Literal["none", "total", "fair"] = "none"
    """After the search, choose for each item the recourse that it follows, or none, so that the promises hold together: total gains most users, fair most for the least served sellers; column success_joint."""  # noqa: E501
    together: bool = True
    """After the search, run the recommender on what 1, 5, 25 and 100 % of the providers would do together: table together, and columns of recourse."""  # noqa: E501
    learned: str | None = None
    """An acceptance run (its URL, or a results folder for the latest one): its caps hold where none is given here, what a provider cannot change stays, and the option that is expected to gain most by what its provider is likely to act upon comes first; nightly takes the latest of --out, if there is one."""  # noqa: E501
    explore: float = Field(default=0.1, ge=0, le=1)
    """Where --learned says how likely providers act: share of the cases, drawn by the seed, whose first option is one that may turn out better, so that more is learned."""  # noqa: E501
    feedback_url: str | None = None
    """With --report: address that sellers' cards post their answers to."""
    overlap: float = Field(default=0.995, ge=0, le=1)
    """Only where features have no upper limit: least mean overlap (RBO) of the group's lists before and after."""
    prove: float = Field(default=0.0, ge=0)
    """Seconds per case to prove the fewest changes by a mixed-integer program; 0 keeps the quick bounds."""
    time_limit: float = Field(default=60.0, gt=0)
    """Seconds per case; one that takes longer twice ends as 'timeout', and the others go on. Each costs a worker and its time twice: set it far above what cases take."""  # noqa: E501
    deadline: str | None = None
    """The run ends by this time: 05:30 (UTC, or 05:30+01:00) or a duration such as 2h; what it does not start has a row that says so and is first in the next run."""  # noqa: E501
    fail_on: Literal["drift"] | None = None
    """drift: where a figure is not as in the last nights, the run is committed but does not become the latest, exit code 1; see recsys-ops runs --drift and --accept."""  # noqa: E501
    device: str = "cpu"
    """Torch device of the descent, for example cuda; results of different devices differ in their last digits."""

    @field_validator("deadline")
    @classmethod
    def _is_a_time(cls, text: str | None) -> str | None:
        if text is not None:
            moment(text, datetime.now(UTC))
        return text

    @field_validator("device")
    @classmethod
    def _known_device(cls, device: str) -> str:
        if device == "cpu":
            return device
        import torch  # late: it takes seconds, and only the workers compute with it

        try:
            torch.device(device)
        except RuntimeError:
            raise ValueError("no such torch device. Use cpu or cuda") from None
        return device

    @model_validator(mode="after")
    def _plausibility_where_it_counts(self) -> "RecourseConfig":
        if self.plausibility == "support" and self.method == "examples":
            raise ValueError(
                "--plausibility support is for --method recrec: an example is a real item as it is. Leave one out"
            )
        if self.keep not in (None, "none") and self.method == "examples":
            raise ValueError("--keep is for --method recrec: an example is a real item as it is. Leave one out")
        if self.least_support is not None and self.level is None:
            raise ValueError("--least-support is ignored without --plausibility support. Leave it out")
        return self

    @model_validator(mode="after")
    def _address_of_pages(self) -> "RecourseConfig":
        if self.feedback_url is not None and not self.report:
            raise ValueError("--feedback-url is ignored without --report. Leave it out, or give both")
        return self

    @model_validator(mode="after")
    def _weights_of_one_plan(self) -> "RecourseConfig":
        if self.group_weights is not None and not self.for_all_groups:
            raise ValueError("--group-weights is ignored without --for-all-groups. Leave it out, or give both")
        return self

    @model_validator(mode="after")
    def _joint_is_weighed(self) -> "RecourseConfig":
        if self.joint != "none" and not self.together:
            raise ValueError("--joint needs --together. Leave --no-together out")
        return self

    @model_validator(mode="after")
    def _nothing_that_a_rank_ignores(self) -> "RecourseConfig":
        if self.aim == "top-k":
            return self
        fields = RecourseConfig.model_fields
        others = ("method", "options", "joint", "prove", "min_success", "least_gain", "tolerance", "overlap")
        ignored = [name for name in others if getattr(self, name) != fields[name].default]
        ignored += ["keep"] if self.keep not in (None, "none") else []
        if ignored:
            named = ", ".join(f"--{name.replace('_', '-')}" for name in ignored)
            raise ValueError(f"{named} knows top-k lists only, not --aim rank. Leave one out")
        return self

    @property
    def level(self) -> float | None:
        """Least support of a change, None where any change is allowed."""
        return least_support(self.method, self.plausibility, self.least_support)

    def settings(self, caps: Caps) -> RecourseSettings:
        """The part of the settings that the search sees; learned caps hold where the settings name none."""
        by_default = min(caps.sparsity, np.inf if self.method == "examples" else MOST_CHANGES)
        return RecourseSettings(
            LOSS if self.tolerance is None else self.tolerance,
            self.max_changes or by_default, self.overlap, self.prove, self.device,
            max_proximity=self.max_proximity or caps.proximity, max_cost=self.max_cost or np.inf,
            min_success=self.wanted, least_gain=self.gain, language=self.language, folds=self.folds, seed=self.seed,
            knee=self.tolerance is None and self.level is not None, aim=self.aim,
        )  # fmt: skip

    @property
    def gain(self) -> float:
        """Least share of the group that a recourse must gain."""
        if self.least_gain is None:
            return 0.0 if self.level is None else LEAST_GAIN
        return self.least_gain

    @property
    def wanted(self) -> float:
        """Least share of the group that a recourse must reach."""
        by_default = self.seen_by if self.method == "examples" else 0.0
        return by_default if self.min_success is None else self.min_success

    @property
    def is_partial(self) -> bool:
        """Whether only items that are named are done."""
        return self.items is not None or self.sellers is not None

    @property
    def offer(self) -> Offer:
        """How many options, and which."""
        return Offer(self.options, self.select, self.seed)
