"""The status of a verified recourse, and the reason where it does less than was wanted."""

from recsys_ops.recourse.bounds import Bounds
from recsys_ops.recourse.problem import Case
from recsys_ops.status import Status


def status_and_reason(
    case: Case, success: float, n_changes: int, lower_bound: int, bounds: Bounds
) -> tuple[Status, str | None]:
    """What a recourse of some success, changes and proven lower bound is.

    Parameters
    ----------
    case : Case
    success : float
        Share of the group, by the recommender.
    n_changes, lower_bound : int
    bounds : Bounds

    Returns
    -------
    (Status, str or None)
        The reason is None where it does what the settings want.
    """
    settings = case.search.settings
    caps = "" if settings.caps.is_of_sparsity_alone else f" and the caps ({settings.caps})"
    if success < settings.min_success - 1e-9:
        reached = f"{success:.1%} of the group is the most that was reached within the rules{caps}"
        wanted = f"at most {bounds.success:.1%} is possible, and {settings.min_success:.1%} is wanted"
        proven = bounds.success < settings.min_success - 1e-9
        return (Status.INFEASIBLE if proven else Status.FEASIBLE), f"{reached}; {wanted}"
    before = case.success(case.scores)
    if n_changes and success - before < settings.least_gain - 1e-9:
        more, most = 100 * (success - before), 100 * (bounds.success - before)
        gained = f"{more:.2g} % more of the group is the most that was reached within the rules{caps}"
        wanted = f"at most {most:.2g} % is possible, and {100 * settings.least_gain:.2g} % is worth acting for"
        proven = bounds.success - before < settings.least_gain - 1e-9
        return (Status.INFEASIBLE if proven else Status.FEASIBLE), f"{gained}; {wanted}"
    if n_changes == 0 and settings.min_success > 0:
        return Status.ALREADY_SATISFIED, None
    if n_changes == 0 and bounds.success <= case.success(case.scores) + 1e-12:
        within = f"within the rules{caps}" + ("" if case.support is None else " that real items like it support")
        return Status.INFEASIBLE, f"no change {within} brings the item into the top k of another user"
    if n_changes == 0:
        within = f" within the rules{caps}" if caps else ""
        return Status.FEASIBLE, f"nothing found{within} that reaches more users; the bound leaves room"
    return (Status.OPTIMAL if lower_bound == n_changes else Status.FEASIBLE), None
