"""The outcomes of a case, each with its remedy; the same words in enum, tables, logs and summaries."""

from enum import StrEnum


class Status(StrEnum):
    """Outcome of one case (an item and a group, a user and an item)."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    TIMEOUT = "timeout"
    ALREADY_SATISFIED = "already_satisfied"
    NOT_STARTED = "not_started"
    ERROR = "error"

    @property
    def remedy(self) -> str:
        """What the reader of a row with this status can do next."""
        return _REMEDIES[self]


_REMEDIES = {
    Status.OPTIMAL: "Nothing to do: proven best.",
    Status.FEASIBLE: "Not proven best: column gap says how far from the bound it may be. See column reason, if filled.",
    Status.INFEASIBLE: "Proven impossible with these settings; column reason says why. Allow more, or want less.",
    Status.TIMEOUT: "No solution within the time limit: raise --time-limit.",
    Status.ALREADY_SATISFIED: "The item is already where it should be: nothing to change.",
    Status.NOT_STARTED: "The run had to end before it: first in line in the next run; give --deadline more time.",
    Status.ERROR: "The case failed; the reason column says why. Report it if the reason is not in your data.",
}
