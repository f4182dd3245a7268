"""Rows of a result table on stdout, for other programs and for pages: JSON, CSV or Markdown."""

import csv
import io
import json
import sys
from collections.abc import Sequence
from typing import Any, Literal

from jobs.console import plain


def write_rows(rows: Sequence[dict[str, Any]], format: Literal["json", "csv", "md"]) -> None:
    """Write rows, and nothing else.

    Parameters
    ----------
    rows : sequence of dict
        With the same columns.
    format : {"json", "csv", "md"}
        A list of objects; a header and a line per row, with lists as JSON; a table of the columns that have values,
        without lists.
    """
    written = {"json": _json, "csv": _csv, "md": _markdown}[format](rows)
    sys.stdout.write(written if written.endswith("\n") else f"{written}\n")


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return json.dumps(list(rows), ensure_ascii=False, default=str, indent=2)


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(list(rows[0]) if rows else [])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return text.getvalue()


def _markdown(rows: Sequence[dict[str, Any]]) -> str:
    names = [name for name in (rows[0] if rows else {}) if any(_is_shown(row[name]) for row in rows)]
    lines = [names, ["---"] * len(names), *([_in_cell(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _is_shown(value: Any) -> bool:
    return value is not None and not isinstance(value, list | dict)


def _in_cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else _cell(value)
    return " ".join(text.split()).replace("|", "\\|")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return plain(json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value))
