"""The catalogue of another team: goodbooks as it is, described by YAML alone."""

import os
from pathlib import Path

import pytest

MAPPING = """\
rating_range: [1, 5]
tables:
  interactions: {{file: {folder}/ratings.csv.gz, columns: {{item_id: book_id}}}}
  items: {{file: {folder}/books.csv.gz, columns: {{item_id: book_id, seller_id: authors}}}}
features:
  - {{column: title, kind: text, mutable: false}}
  - {{column: shelves, kind: tags, separator: "|", label: shelf}}
  - {{column: language_code, kind: category, label: language}}
  - {{column: original_publication_year, kind: number, mutable: false, label: year}}
"""


def goodbooks(folder: Path) -> str:
    """Write the mapping into ``folder`` and give its ``--data``, or skip."""
    data = os.environ.get("RECSYS_OPS_DATA", "")
    if not data:
        pytest.skip("RECSYS_OPS_DATA is not set: goodbooks is not distributed with the project")
    mapping = folder / "goodbooks.yaml"
    mapping.write_text(MAPPING.format(folder=Path(data) / "goodbooks"), encoding="utf-8")
    return str(mapping)
