"""``--deadline``: when a run has to end, as people say it."""

import re
from datetime import UTC, datetime, time, timedelta

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?\s*(?:(\d+(?:\.\d+)?)m(?:in)?)?\s*(?:(\d+(?:\.\d+)?)s)?")
LEAST_RESERVE_SECONDS = 20.0
_RESERVE_SHARE = 0.1
_MOST_RESERVE_SECONDS = 600.0


def moment(text: str, now: datetime) -> datetime:
    """The time that is meant.

    Parameters
    ----------
    text : str
        A duration such as ``2h``, ``90m`` or ``1h30m``; a time of day such as ``05:30`` or ``05:30+01:00``, the next
        one; or a date and time. Without a zone it is UTC.
    now : datetime
        With its zone.

    Raises
    ------
    ValueError
        It is none of these.
    """
    duration = _DURATION.fullmatch(text.strip())
    if duration and any(duration.groups()):
        hours, minutes, seconds = (float(part or 0) for part in duration.groups())
        return now + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    try:
        clock = time.fromisoformat(text.strip())
    except ValueError:
        pass
    else:
        zone = clock.tzinfo or UTC
        found = datetime.combine(now.astimezone(zone).date(), clock.replace(tzinfo=zone))
        return found if found > now else found + timedelta(days=1)
    try:
        whole = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("expected a time such as 05:30 or 05:30+01:00, or a duration such as 2h or 90m") from None
    return whole if whole.tzinfo else whole.replace(tzinfo=UTC)


def reserve_seconds(left: float, after: float | None) -> float:
    """Seconds before the deadline at which no case may be computed any more, for what follows the cases.

    Parameters
    ----------
    left : float
        Seconds to the deadline.
    after : float or None
        Seconds that it took in an earlier run; None where there is none.
    """
    by_default = _RESERVE_SHARE * max(left, 0.0) if after is None else 2.0 * after
    return min(max(LEAST_RESERVE_SECONDS, by_default), _MOST_RESERVE_SECONDS)
