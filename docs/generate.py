"""Write what the pages repeat from the code into them: the columns of the result tables, and the outcomes of a case.

``make docs`` runs it. Between ``<!-- generated: NAME -->`` and ``<!-- end -->`` a page holds what ``GENERATED[NAME]``
gives; the rest of it is written by hand. A test compares the pages with what would be written.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from recsys_ops.status import Status
from recsys_ops.tables import describe_rows, describe_tables

DOCS = Path(__file__).parent
_REGION = re.compile(r"(<!-- generated: ([\w ]+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)


def tables_in_words() -> str:
    """A section per result table: what a row is, and every column with its type and meaning."""
    rows = describe_rows()
    return "\n".join(_section(name, rows[name], columns) for name, columns in describe_tables().items())


def _section(name: str, row: str, columns: Mapping[str, tuple[str, str]]) -> str:
    lines = [f"| `{column}` | {_cell(kind)} | {_cell(meaning)} |" for column, (kind, meaning) in columns.items()]
    return "\n".join(
        [f"### {name}", "", f"One row: {row}", "", "| column | type | meaning |", "| --- | --- | --- |", *lines, ""]
    )


def statuses_in_words() -> str:
    """Every status with what to do about it."""
    lines = [f"| `{status}` | {_cell(status.remedy)} |" for status in Status]
    return "\n".join(["| status | what to do |", "| --- | --- |", *lines, ""])


def _cell(text: str) -> str:
    """``text`` as a cell of a table in Markdown, where ``<`` begins HTML and ``|`` the next cell."""
    return text.replace("<", "&lt;").replace("|", "&#124;")


GENERATED: Mapping[str, Callable[[], str]] = {"tables": tables_in_words, "statuses": statuses_in_words}
"""What gives the content of each region, by its name."""


def updated(page: str) -> str:
    """A page with its generated regions as the code has them now."""
    return _REGION.sub(lambda found: f"{found[1]}{GENERATED[found[2]]()}{found[3]}", page)


def main() -> None:
    """Update every page."""
    for path in sorted(DOCS.glob("*.md")):
        path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
