"""What ended an attempt, by what Ray raises."""

from ray import exceptions as failures

from jobs.runtime.isolation import AttemptEnd

_NODE_LOSSES = (failures.NodeDiedError, failures.ObjectLostError, failures.LocalRayletDiedError)


def end_of(error: BaseException) -> tuple[AttemptEnd, str]:
    """How it ended, and the detail for the log."""
    if isinstance(error, failures.RayTaskError):
        cause = error.cause
        if isinstance(cause, _NODE_LOSSES):
            return AttemptEnd.NODE_LOST, type(cause).__name__
        return AttemptEnd.DEFECT, f"{type(cause).__name__}: {cause}"
    if isinstance(error, _NODE_LOSSES):
        return AttemptEnd.NODE_LOST, f"{type(error).__name__}"
    if isinstance(error, failures.OutOfMemoryError):
        return AttemptEnd.CRASH, "out of memory"
    if isinstance(error, failures.WorkerCrashedError):
        return AttemptEnd.CRASH, "the worker process died (killed, out of memory or crashed in native code)"
    return AttemptEnd.CRASH, f"{type(error).__name__}: {error}"
