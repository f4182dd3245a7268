"""Settings as a caller in Python gives them: checked, completed by defaults, refused where they would be ignored."""

from dataclasses import dataclass
from typing import get_args

import numpy as np

from recsys_ops.errors import ConfigError
from recsys_ops.features.encode import FeatureColumns
from recsys_ops.libraries import needed_for
from recsys_ops.recourse.examples import Nearest
from recsys_ops.recourse.group import MOST_SAMPLED
from recsys_ops.recourse.options import Offer
from recsys_ops.recourse.plausible import LEAST_GAIN, least_support
from recsys_ops.recourse.selection import Selection
from recsys_ops.recourse.settings import Aim, RecourseSettings

MOST_OPTIONS = 5
"""Options to choose from at most."""

EXAMPLE_SUCCESS = 0.01
"""Share of the group that an example must have where no other is wanted."""

_DEFAULTS = RecourseSettings()


@dataclass(frozen=True)
class Requested:
    """What a caller of ``find_recourse`` wants; None where nothing is said."""

    k: int
    method: str
    aim: Aim
    options: int
    max_changes: int | None
    max_proximity: float | None
    max_cost: float | None
    min_success: float | None
    tolerance: float | None
    overlap: float | None
    prove_seconds: float | None
    plausibility: str | None
    least_support: float | None
    device: str | None
    nearest: Nearest | None
    select: Selection | None
    seed: int | None

    @property
    def level(self) -> float | None:
        """Least support of a change, None where any change is allowed."""
        return least_support(self.method, self.plausibility, self.least_support)

    @property
    def settings(self) -> RecourseSettings:
        """The settings of the search."""
        by_examples = self.method == "examples"
        most_changes = np.inf if by_examples else _DEFAULTS.max_changes
        least_success = EXAMPLE_SUCCESS if by_examples else _DEFAULTS.min_success
        return RecourseSettings(
            tolerance=_DEFAULTS.tolerance if self.tolerance is None else self.tolerance,
            max_changes=most_changes if self.max_changes is None else self.max_changes,
            overlap=_DEFAULTS.overlap if self.overlap is None else self.overlap,
            prove_seconds=self.prove_seconds or 0.0,
            device=self.device or _DEFAULTS.device,
            max_proximity=np.inf if self.max_proximity is None else self.max_proximity,
            max_cost=np.inf if self.max_cost is None else self.max_cost,
            min_success=least_success if self.min_success is None else self.min_success,
            least_gain=0.0 if self.level is None else LEAST_GAIN,
            knee=self.tolerance is None and self.level is not None,
            aim=self.aim,
        )

    @property
    def offer(self) -> Offer:
        """How many options, and which."""
        return Offer(self.options, self.select or "study", self.seed or 0)

    def check(self, columns: FeatureColumns, *, n_users: int) -> None:
        """Refuse what is out of range, and what would be ignored for these features and a group of this size.

        Raises
        ------
        ConfigError
            It names the setting and what to do.
        """
        self._check_words()
        self._check_numbers()
        self._check_ignored(columns, n_users)
        if self.device not in (None, "cpu"):
            self._check_device()

    def _check_words(self) -> None:
        words = {
            "method": ("recrec", "examples"),
            "aim": get_args(Aim),
            "plausibility": ("support", "none"),
            "nearest": get_args(Nearest),
            "select": get_args(Selection),
        }
        for name, allowed in words.items():
            value = getattr(self, name)
            if value is not None and value not in allowed:
                raise ConfigError(f"{name}={value!r}: use {' or '.join(repr(word) for word in allowed)}.")

    def _check_numbers(self) -> None:
        ranges = {
            "k": (1, np.inf), "options": (1, MOST_OPTIONS), "max_changes": (1, np.inf), "min_success": (0, 1),
            "least_support": (0, 1), "overlap": (0, 1), "prove_seconds": (0, np.inf), "seed": (0, np.inf),
        }  # fmt: skip
        for name in (*ranges, "tolerance", "max_proximity", "max_cost"):
            if not isinstance(getattr(self, name), int | float | np.number | None):
                raise ConfigError(f"{name}={getattr(self, name)!r}: use a number.")
        for name, (least, greatest) in ranges.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= greatest:
                most = "" if greatest == np.inf else f" to {greatest}"
                raise ConfigError(f"{name}={value}: use {least}{most or ' or more'}.")
        if self.tolerance is not None and not 0 <= self.tolerance < 1:
            raise ConfigError(f"tolerance={self.tolerance}: use 0 or more, and less than 1.")
        for name in ("k", "options", "max_changes", "seed"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, int | np.integer):
                raise ConfigError(f"{name}={value!r}: use a whole number.")
        for name in ("max_proximity", "max_cost"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name}={value}: use more than 0, or leave it out.")

    def _check_ignored(self, columns: FeatureColumns, n_users: int) -> None:
        endless = bool(np.any(columns.can_rise & ~np.isfinite(columns.upper)))
        by_examples, by_recrec = self.method == "examples", self.method == "recrec"
        of_rank = self.aim == "rank" and "with aim='rank'"
        reasons = {
            "aim": by_examples and of_rank and "with method='examples'",
            "options": self.options > 1 and of_rank,
            "min_success": of_rank,
            "tolerance": (by_examples and "with method='examples'") or of_rank,
            "overlap": (by_examples and "with method='examples'")
            or of_rank
            or (not endless and "where all features have upper limits"),
            "prove_seconds": (by_examples and "with method='examples'")
            or of_rank
            or (endless and self.max_proximity is None and "where features have no upper limit, without max_proximity"),
            "plausibility": by_examples and self.plausibility == "support" and "with method='examples'",
            "least_support": self.level is None and "without plausibility='support'",
            "device": (by_examples and "with method='examples'") or of_rank,
            "nearest": by_recrec and "with method='recrec'",
            "select": self.options == 1 and "with one option",
            "seed": self.options == 1 and n_users <= MOST_SAMPLED
            and f"with one option and at most {MOST_SAMPLED} users",
        }  # fmt: skip
        for name, reason in reasons.items():
            if reason and getattr(self, name) is not None:
                raise ConfigError(f"{name}={getattr(self, name)!r} is ignored {reason}. Leave it out.")

    def _check_device(self) -> None:
        with needed_for("the search for recourse"):
            import torch  # late: it takes seconds

        try:
            torch.zeros(1, device=self.device).cpu()
        except (RuntimeError, AssertionError) as error:  # torch raises either, by how it was built
            first = next(iter(str(error).splitlines()), "")
            raise ConfigError(f"device={self.device!r}: this machine has no such torch device ({first}).") from error
