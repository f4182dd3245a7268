"""Log records as lines for people, or as JSON for a log store, with the run, job and shard that each belongs to."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

LogFormat = Literal["text", "json"]

SHARD_LOG = logging.getLogger("recsys_ops.shards")
"""One record per complete shard, with ``extra={"shard": number}``: too many for people, who have the progress."""

_about: dict[str, Any] = {"run_id": None, "job": None, "shard": None}


def set_up_logs(format: LogFormat) -> None:
    """Send all records of this process to stderr in one of the formats; a repeat replaces the format."""
    root = logging.getLogger()
    for own in [handler for handler in root.handlers if isinstance(handler, _Stderr)]:
        root.removeHandler(own)
    SHARD_LOG.setLevel(logging.INFO if format == "json" else logging.WARNING)
    if root.handlers and format == "text":  # somebody else's, who takes the records
        return
    handler = _Stderr(sys.stderr)
    handler.setFormatter(JsonLines() if format == "json" else logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def log_format() -> LogFormat:
    """The format of the last ``set_up_logs`` of this process."""
    handlers = logging.getLogger().handlers
    return "json" if any(isinstance(handler.formatter, JsonLines) for handler in handlers) else "text"


class _Stderr(logging.StreamHandler[TextIO]):
    """Our handler, recognisable among those of others."""


def log_about(*, run_id: str, job: str, shard: int | None = None) -> None:
    """Say what all further records of this process are about."""
    _about.update(run_id=run_id, job=job, shard=shard)


class JsonLines(logging.Formatter):
    """One JSON object per record: time (UTC), level, logger, run_id, job, shard, message, and an exception if any."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            **_about,
            "message": record.getMessage(),
        }
        if hasattr(record, "shard"):
            entry["shard"] = record.shard
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)
