"""What counts as equal: the one place where the tolerances of this package are set, each relative to what it compares.

Scores. What tells two items a and z apart is ``sum_j left_j (B[j, z] - B[j, a])`` over what is left of the history. It
is a difference only where it exceeds ``MARGIN`` times the sum of the absolute terms of the same sum, and ``MARGIN``
times the smallest term of the full history, so that neither ties nor rounding decide. Whatever has been taken away
has no say in it. The rule is linear in the units taken: it makes each term a little less favourable to z.

A recommender that is not linear has no such terms: there the margin is a part of the two scores (``scored``).

Distances and objectives. What is computed here is exact up to ``ROUNDING``; what the solver says is exact up to
``RESOLUTION`` of the greatest cost that an explanation can contain (the program is put in units of it).

The solver. Its rows hold up to ``FEASIBILITY``, so every program is a relaxation: what it returns is evaluated here,
and what it rules out is confirmed by an argument of another kind (``certificate``, ``confirm``).
"""

MARGIN = 1e-6
"""Part of the contributions to two scores by which these must differ, so that one stands above the other."""

SINGLE_MARGIN = 1e-5
"""The same part of two scores themselves, where the recommender computes in float32."""

SUMMATION = 1e-14
"""Part of the contributions to a score that rounding may move it by, in whatever order they are added."""

SLACK = 1e-3
"""Part of the margin that a lower bound gives away, so that rounding can never make it too high."""

ROUNDING = 1e-12
"""Relative difference of two distances or objectives, summed in another order, that is no difference."""

LIKELIHOOD_ROUNDING = 1e-9
"""Relative difference of log-likelihoods, summed in another order, that does not decide about a threshold."""

RESOLUTION = 1e-7
"""Objectives of the solver closer than this are the same; the greatest cost is about 1."""

GRAINS = 1e-6
"""Part of a grain by which the solver may miss a multiple of it."""

FEASIBILITY = 1e-7
"""Violation of rows and of integrality that the solver may leave. HiGHS 1.15 errs with 1e-9."""

CONFIRMING_FEASIBILITY = 1e-6
"""The same where the solver is to confirm what it said, under other settings."""


def is_less(value: float, other: float) -> bool:
    """Whether a distance or an objective is less than another by more than rounding."""
    if other == float("inf"):
        return value < other
    return value < other - ROUNDING * max(abs(value), abs(other))


def is_at_least(bound: float, value: float) -> bool:
    """Whether a lower bound closes the gap to a value, up to rounding."""
    return not is_less(bound, value)
