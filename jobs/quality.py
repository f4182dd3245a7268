"""The quality of a run's recommender, measured by the driver before the cases, and the seconds that it took."""

import logging
import time
from collections.abc import Callable

from recsys_ops.evaluation import TooFewUsersError
from recsys_ops.quality import Quality

_log = logging.getLogger("recsys_ops.jobs")


def measured(job: str, measure: Callable[[], Quality | None], *, is_wanted: bool) -> tuple[Quality | None, float]:
    """Quality of the recommender and the seconds it took to find out; None where the data are too few for it, or
    it cannot be fitted at all.

    Parameters
    ----------
    job : str
        Name of the job, for the log.
    measure : callable
        Raises TooFewUsersError, or returns None, where too little can be held out.
    is_wanted : bool
        Whether the settings want it measured.
    """
    if not is_wanted:
        return None, 0.0
    started = time.perf_counter()
    try:
        quality = measure()
    except (TooFewUsersError, FloatingPointError) as error:
        _log.warning("%s: the recommender is not measured: %s", job, error)
        quality = None
    return quality, time.perf_counter() - started
