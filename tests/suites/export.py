"""One small export: its files, and what is read or the message that refuses it."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recsys_ops.datasets.dataset import Dataset

ITEMS = "item_id,seller_id,title,price,tags\na,s,Tea,3.5,x|y\nb,s,Oil,12,x\n"
RATINGS = "user_id,item_id,rating\n1,a,4\n2,b,5\n2,a,1\n"
ONES = "user_id,item_id\n1,a\n2,b\n2,a\n"
RULES = "features:\n  - {column: price, kind: number}\n  - {column: tags, kind: tags}\n"
YAML = f"rating_range: [1, 5]\n{RULES}"
SEMICOLONS = 'tables: {items: {delimiter: ";", decimal: ",", encoding: ENCODING}}\n'


@dataclass(frozen=True)
class Export:
    """Files of one folder; ``value`` is what ``read`` finds in the data set, or else ``message`` refuses it."""

    name: str
    files: dict[str, Any]
    read: Callable[[Dataset], Any] = field(default=lambda dataset: dataset.ratings.toarray().tolist())
    value: Any = None
    message: str = ""
    yaml: str = YAML
    data: str = ""

    def write(self, folder: Path) -> str:
        """Write it, and give what ``--data`` takes."""
        usual = {} if self.data else {"items.csv": ITEMS, "interactions.csv": RATINGS, "features.yaml": self.yaml}
        taken = {name.partition(".")[0].partition("/")[0] for name in self.files}
        usual = {name: text for name, text in usual.items() if name.partition(".")[0] not in taken}
        for name, content in (usual | self.files).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, pa.Table):
                pq.write_table(content, path)
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return f"{self.data}:{folder}" if self.data else str(folder)


def column(name: str) -> Callable[[Dataset], Any]:
    """What items have in a column, in the order of their ids."""
    return lambda dataset: dataset.items.column(name).to_pylist()


def ids(dataset: Dataset) -> Any:
    """Ids of the items."""
    return dataset.item_ids.to_pylist()


def items(*rows: str, header: str = "item_id,seller_id,title,price,tags") -> str:
    """A table of items in text."""
    return "\n".join((header, *rows)) + "\n"


def zipped(**members: str) -> bytes:
    """A zip file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.csv", text)
    return packed.getvalue()


def lines(*rows: Any) -> str:
    """JSON lines."""
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def deleted(rows: list[int]) -> dict[str, Any]:
    """A deletion vector in a Delta log: these rows in a roaring bitmap, as text of base 85 (Z85)."""
    letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(rows) - 1, 16) + struct.pack(f"<{len(rows)}H", *rows)
    whole = struct.pack("<IqI", 1681511377, 1, 0) + bitmap
    padded = whole + b"\0" * (-len(whole) % 4)
    words = [int.from_bytes(padded[start : start + 4], "big") for start in range(0, len(padded), 4)]
    text = "".join(letters[word // 85**place % 85] for word in words for place in (4, 3, 2, 1, 0))
    return {"storageType": "i", "pathOrInlineDv": text, "sizeInBytes": len(whole), "cardinality": len(rows)}


def delta(*tables: pa.Table, without: list[int] | None = None) -> dict[str, Any]:
    """A Delta table of these files; of the first, rows ``without`` are deleted."""
    types = {"int64": "long", "string": "string", "double": "double"}
    names = {name: str(table.schema.field(name).type) for table in tables for name in table.column_names}
    fields = [{"name": name, "type": types[kind], "nullable": True, "metadata": {}} for name, kind in names.items()]
    reader = {"minReaderVersion": 3, "minWriterVersion": 7}
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    log: list[Any] = [
        {"protocol": reader | features},
        {"metaData": {"id": "1", "format": {"provider": "parquet", "options": {}}, "configuration": {},
                      "schemaString": json.dumps({"type": "struct", "fields": fields}), "partitionColumns": []}},
    ]  # fmt: skip
    files: dict[str, Any] = {"interactions/gone.parquet": tables[0]}  # what the log does not name is no row
    for number, table in enumerate(tables):
        content = io.BytesIO()
        pq.write_table(table, content)
        files[f"interactions/{number}.parquet"] = content.getvalue()
        added = {"path": f"{number}.parquet", "partitionValues": {}, "size": content.tell(), "modificationTime": 0,
                 "dataChange": True, "stats": json.dumps({"numRecords": table.num_rows})}  # fmt: skip
        log.append({"add": added | ({"deletionVector": deleted(without)} if without and number == 0 else {})})
    return files | {"interactions/_delta_log/00000000000000000000.json": "\n".join(map(json.dumps, log))}


def ratings(**columns: list[Any]) -> pa.Table:
    """Interactions."""
    return pa.table(columns)


def german(encoding: str) -> str:
    """The description of a table with semicolons and decimal commas."""
    return YAML + SEMICOLONS.replace("ENCODING", encoding)


def priced(cell: str) -> str:
    """Items, the second at this price."""
    return items("a,s,Tea,3.5,x", f"b,s,Oil,{cell},x")


def tagged(first: str) -> str:
    """Items, the first with these tags."""
    quoted = first.replace('"', '""')
    return items(f'a,s,Tea,3.5,"{quoted}"', "b,s,Oil,12,x")


def rows_of(count: int, **columns: Any) -> pa.Table:
    """A table of items with these columns."""
    usual = {"item_id": ["a", "b"], "seller_id": ["s", "s"], "title": ["Tea", "Oil"], "price": [3.5, 12.0],
             "tags": [["x"], ["y"]]}  # fmt: skip
    return pa.table({name: values[:count] for name, values in (usual | columns).items()})
