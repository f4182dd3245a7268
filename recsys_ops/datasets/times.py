"""When an interaction was: timestamps as people export them, and the period that is requested."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.arrow import ChunkedArray
from recsys_ops.arrow import compute as pc
from recsys_ops.errors import ConfigError, InputError

TIMESTAMP = "timestamp"

_MILLISECONDS_FROM = 1e11
"""Unix times from here on are in milliseconds; as seconds it would be the year 5138."""

_DAY = r"^\d{1,2}\.\d{1,2}\.\d{4}"
_GERMAN = {
    "%d.%m.%Y": f"{_DAY}$",
    "%d.%m.%Y %H:%M": rf"{_DAY} \d{{1,2}}:\d\d$",
    "%d.%m.%Y %H:%M:%S": rf"{_DAY} \d{{1,2}}:\d\d:\d\d$",
}

_MISSING = np.iinfo(np.int64).min
_DURATION = re.compile(
    r"(?:(\d+(?:\.\d+)?)d)?\s*(?:(\d+(?:\.\d+)?)h)?\s*(?:(\d+(?:\.\d+)?)m(?:in)?)?\s*(?:(\d+(?:\.\d+)?)s)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Period:
    """``since <= time < until``, each in UTC; None for no end. The newest is to be of ``fresh_since`` or later."""

    since: datetime | None = None
    until: datetime | None = None
    fresh_since: datetime | None = None

    @property
    def is_all_time(self) -> bool:
        """Whether nothing is left out."""
        return self.since is None and self.until is None

    @property
    def needs_times(self) -> bool:
        """Whether interactions need a time at all."""
        return not self.is_all_time or self.fresh_since is not None


def parse_time(text: str, option: str) -> datetime:
    """A date or time in ISO 8601; without a time zone it is UTC.

    Parameters
    ----------
    text : str
        ``2026-11-18`` or ``2026-11-18T04:30+01:00``.
    option : str
        Where it was given, for the message.

    Raises
    ------
    ConfigError
        It is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option} {text}: expected a date or time such as 2026-11-18 or 2026-11-18T04:30Z."
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def parse_duration(text: str) -> timedelta:
    """A duration in days, hours, minutes and seconds.

    Parameters
    ----------
    text : str
        ``36h``, ``2d``, ``1d12h``, ``90m`` or ``45s``.

    Raises
    ------
    ValueError
        It is none, or none above 0.
    """
    found = _DURATION.fullmatch(text.strip())
    parts = [float(part or 0) for part in found.groups()] if found else [0.0]
    if not any(parts):
        raise ValueError("expected a duration such as 36h, 2d or 90m")
    days, hours, minutes, seconds = parts
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def is_within(table: pa.Table, period: Period, source: str) -> NDArray[np.bool_]:
    """Which interactions are of a period.

    Parameters
    ----------
    table : pyarrow.Table
    period : Period
    source : str
        File name for messages.

    Returns
    -------
    ndarray, shape (n_rows,)

    Raises
    ------
    InputError
        There is no usable timestamp, no interaction of that period, or none that is fresh.
    """
    if not period.needs_times:
        return np.ones(table.num_rows, dtype=bool)
    times = microseconds(table, source)
    missing = np.flatnonzero(times == _MISSING)
    if len(missing):
        raise InputError(
            f"{source}: column '{TIMESTAMP}' has {len(missing)} values missing (first: row {missing[0]}), and a period "
            "is requested. Give each row a time, or leave out --since, --until and --fresh-within."
        )
    within = np.ones(len(times), dtype=bool)
    if period.since is not None:
        within &= times >= _since_epoch(period.since)
    if period.until is not None:
        within &= times < _since_epoch(period.until)
    if not within.any():
        first, last = (np.datetime64(int(end), "us").astype(str)[:19] for end in (times.min(), times.max()))
        raise InputError(
            f"{source}: no interaction is of the period requested (found {first} to {last} UTC). Correct --since "
            "and --until."
        )
    _check_fresh(int(times[within].max()), period, source)
    return within


def _check_fresh(newest: int, period: Period, source: str) -> None:
    if period.fresh_since is None or newest >= _since_epoch(period.fresh_since):
        return
    last, least = np.datetime64(newest, "us").astype(str)[:16], f"{period.fresh_since.astimezone(UTC):%Y-%m-%dT%H:%M}"
    late = (_since_epoch(period.fresh_since) - newest) / 3.6e9
    raise InputError(
        f"{source}: the newest interaction is of {last} UTC, {late:,.1f} hours older than --fresh-within allows "
        f"(expected {least} UTC or later). See why no newer ones come, or allow more."
    )


def microseconds(table: pa.Table, source: str) -> NDArray[np.int64]:
    """The column ``timestamp`` as microseconds since 1970 in UTC; the least integer where it is missing.

    Parameters
    ----------
    table : pyarrow.Table
        The column holds times or dates, ISO 8601 text, or Unix times in seconds or milliseconds.
    source : str
        File name for messages.

    Raises
    ------
    InputError
        There is no such column, or it holds something else.
    """
    if TIMESTAMP not in table.column_names:
        raise InputError(
            f"{source}: column '{TIMESTAMP}' is missing (found {', '.join(table.column_names)}). Name the column of "
            f"times under tables.interactions.columns.{TIMESTAMP} in features.yaml."
        )
    column = table.column(TIMESTAMP)
    try:
        times = _as_times(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(
            f"{source}: column '{TIMESTAMP}' is {column.type} and holds no times ({' '.join(str(error).split())}). Use "
            "ISO 8601, or Unix times in seconds or milliseconds."
        ) from None
    return times


def _as_times(column: ChunkedArray) -> NDArray[np.int64]:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = _parsed(pc.utf8_trim_whitespace(column))
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        values = pc.fill_null(pc.cast(column, pa.float64()), np.nan).to_numpy()
        is_known = np.isfinite(values)
        least = float(np.abs(values[is_known]).max(initial=0.0))
        scaled = np.where(is_known, values, 0.0) * (1e3 if least >= _MILLISECONDS_FROM else 1e6)
        return np.where(is_known, np.rint(scaled).astype(np.int64), _MISSING)
    if not pa.types.is_temporal(column.type):
        raise pa.ArrowInvalid("expected a time, a number or a text")
    times: Any = pc.cast(pc.cast(column, pa.timestamp("us"), safe=False), pa.int64())
    filled: NDArray[np.int64] = pc.fill_null(times, _MISSING).to_numpy()
    return filled


def _parsed(text: ChunkedArray) -> ChunkedArray:
    """Text as times with or without a zone, as German dates, or as numbers."""
    for form in _GERMAN:  # a dot between its parts tells such a date from those of other countries
        if pc.all(pc.match_substring_regex(text, _GERMAN[form])).as_py():
            dates: ChunkedArray = pc.strptime(text, format=form, unit="us")
            return dates
    for kind in (pa.timestamp("us", "UTC"), pa.timestamp("us"), pa.float64()):
        try:
            parsed: ChunkedArray = pc.cast(text, kind)
        except pa.ArrowInvalid as error:
            problem = error
        else:
            return parsed
    raise problem


def _since_epoch(time: datetime) -> int:
    return int((time - _EPOCH).total_seconds() * 1e6)
