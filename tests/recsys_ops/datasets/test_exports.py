"""Small exports of every kind: each is read right, or refused by a message that says where and what."""

import re
from pathlib import Path

import pytest

from recsys_ops.datasets import load_dataset
from recsys_ops.errors import InputError
from tests.suites.export import Export
from tests.suites.exports import EXPORTS


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_an_export_is_read_right_or_refused_by_name(export: Export, tmp_path: Path) -> None:
    data = export.write(tmp_path)
    if not export.message:
        assert export.read(load_dataset(data, seed=0)) == export.value
        return
    with pytest.raises(InputError) as refused:
        load_dataset(data, seed=0)
    assert re.search(export.message, str(refused.value), re.DOTALL), str(refused.value)
