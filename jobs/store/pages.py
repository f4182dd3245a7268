"""Pages beside a run: written as files or as an archive, and listed in a manifest that every call adds to."""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from jobs.store.files import json_bytes, write_bytes
from recsys_ops.storage import BUCKET_DEFAULT, Encryption, open_store, read_json, storage_errors

MANIFEST = "_pages.json"
_LIKE_ANY_OTHER = (1980, 1, 1, 0, 0, 0)
"""Time of every page in an archive, so that the same pages are the same bytes."""

Entry = dict[str, Any]
"""Of the manifest: ``path``, ``bytes`` and ``sha256`` of a file, and of an archive what is in it."""


def write_page(filesystem: Any, root: str, path: str, content: bytes) -> Entry:
    """Write one file below the folder of pages, and say what it is.

    Raises
    ------
    StorageError
        The store refused.
    """
    with storage_errors(f"{root}/{path}", "writing pages"):
        filesystem.makedirs(f"{root}/{path}".rpartition("/")[0], exist_ok=True)
        filesystem.pipe_file(f"{root}/{path}", content)
    return {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def archive(pages: Iterable[tuple[str, bytes]]) -> tuple[bytes, int]:
    """A ZIP of pages by path, and the bytes of the pages: one file for the store where there are too many.

    Only what is compressed is held.
    """
    packed, n_bytes = io.BytesIO(), 0
    with zipfile.ZipFile(packed, "w") as zipped:
        for path, page in pages:
            about = zipfile.ZipInfo(path, _LIKE_ANY_OTHER)
            about.external_attr, about.create_system = 0o644 << 16, 3
            zipped.writestr(about, page, zipfile.ZIP_DEFLATED)
            n_bytes += len(page)
    return packed.getvalue(), n_bytes


def write_pages(
    folder: str,
    files: Mapping[str, bytes],
    *,
    encryption: Encryption = BUCKET_DEFAULT,
    about: Mapping[str, object] = MappingProxyType({}),
    written: Sequence[Entry] = (),
) -> None:
    """Write pages by path, then add them to the manifest of the folder, so that whoever reads it finds them all.

    Parameters
    ----------
    folder : str
        URL.
    files : mapping of bytes
    encryption : Encryption
    about : mapping
        What the pages of the folder have in common. It is about these pages only: with it the manifest begins anew.
    written : sequence of Entry
        Files that ``write_page`` wrote already, to be listed as well.

    Raises
    ------
    StorageError
        The store refused.
    InputError
        The manifest there is not JSON.
    """
    filesystem, root = open_store(folder, encryption=encryption)
    entries = [*written, *(write_page(filesystem, root, path, content) for path, content in files.items())]
    path = f"{root}/{MANIFEST}"
    earlier = None if about else read_json(filesystem, path, remedy="Remove it, and write the pages again.")
    by_path = {entry["path"]: entry for entry in [*(earlier or {}).get("pages", []), *entries]}
    write_bytes(filesystem, path, json_bytes({**about, "pages": [by_path[name] for name in sorted(by_path)]}))
