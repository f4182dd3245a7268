"""Create a file only if nothing is there, which makes a commit happen once; replace one, one writer after the other.

Three protocols to create, the first that the store has; what is replaced is always claimed, which every store can:

``hard-link``        A local folder: write aside, then link; the file system refuses a name that is taken.
``conditional-put``  S3: PUT with ``If-None-Match: *``; the store answers 412 when the object exists.
``claim``            A store without that (it answers 501, or takes no notice): write a claim with a name of our own
                     beside the file, list the claims, and give way if another is there; then look whether the file
                     exists, write it, and remove the claim. Of two writers at least one sees the other's claim,
                     because stores list what was written (as S3 does since 2020); both may give way, and nothing is
                     lost, because each can try again. A claim older than ``CLAIM_SECONDS`` by the store's clock is of
                     a writer that died; a writer that took longer than half of that gives way itself. So a second
                     writer is refused unless the first stalls for that long between its last look and its write.
"""

import errno
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from jobs.errors import StorageError
from jobs.store.files import is_local, write_bytes, written_aside
from recsys_ops.storage import (
    BUCKET_DEFAULT,
    QUICK_ATTEMPTS,
    Encryption,
    open_store,
    read_json,
    shown_url,
    storage_errors,
    store_code,
)

Protocol = Literal["hard-link", "conditional-put", "claim"]

CLAIM_SECONDS = 120.0
"""Between claiming and writing lie three small requests, each of which may be retried for 45 s."""

_NOT_OFFERED = {errno.ENOSYS, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP}


def check_writable(out: str, *, encryption: Encryption = BUCKET_DEFAULT) -> None:
    """Write, read and remove a probe file under ``out``, to fail before the work and not after it.

    Parameters
    ----------
    out : str
        Folder or URL of the results; nothing above or beside it is touched.
    encryption : Encryption
        As the results will be written.

    Raises
    ------
    ConfigError
        The URL holds credentials.
    StorageError
        ``out`` cannot be written; the message says why and what to do.
    """
    filesystem, root = open_store(out, encryption=encryption, attempts=QUICK_ATTEMPTS)
    with storage_errors(out, "writing a probe file"):
        if is_local(filesystem):
            filesystem.makedirs(root, exist_ok=True)
        find_protocol(filesystem, root)
    read_json(filesystem, f"{root}/latest/none.json")  # a missing file must not look like a forbidden one


def find_protocol(filesystem: Any, folder: str) -> Protocol:
    """Find out by a probe file in ``folder``, which is removed again, how files can be created there only once.

    Raises
    ------
    OSError, BotoCoreError
        The folder cannot be written.
    """
    probe = f"{folder}/.probe-{uuid.uuid4().hex}"
    try:
        _create_in_one_step(filesystem, probe, b"first")
        _create_in_one_step(filesystem, probe, b"second")
    except FileExistsError:
        filesystem.rm_file(probe)
        return "hard-link" if is_local(filesystem) else "conditional-put"
    except OSError as error:
        if not _is_not_offered(error):
            raise
        filesystem.pipe_file(probe, b"plain")
    filesystem.rm_file(probe)
    return "claim"


def create_bytes(filesystem: Any, path: str, data: bytes, protocol: Protocol) -> None:
    """Write ``path`` only if nothing is there.

    Raises
    ------
    FileExistsError
        ``path`` exists with other content, or (``claim``) another writer is about to write it. The same content is
        a repeat of our own request, and success.
    StorageError
        Anything else.
    """
    create = _create_by_claim if protocol == "claim" else _create_in_one_step
    with storage_errors(path, "creating"):
        try:
            create(filesystem, path, data)
            is_ours = True
        except FileExistsError:
            # A store client that lost the answer to a successful request repeats it and meets its own file.
            is_ours = _holds(filesystem, path, data)
    if not is_ours:
        raise FileExistsError(path)


def replace_bytes(filesystem: Any, path: str, content: Callable[[], bytes | None]) -> None:
    """Write what ``content`` gives, unless that is None, while no other writer is at it.

    Parameters
    ----------
    filesystem, path
    content : callable
        Called when it is our turn, so that it may depend on what stands at ``path``; perhaps more than once.

    Raises
    ------
    StorageError
        The store refused, or others were at it all the time.
    """
    begun = time.monotonic()
    while time.monotonic() - begun < 2 * CLAIM_SECONDS:  # longer than the claim of a writer that died counts
        with storage_errors(path, "replacing"), suppress(FileExistsError), _claimed(filesystem, path) as is_in_time:
            data = content()
            if data is None:
                return
            if is_in_time():
                write_bytes(filesystem, path, data)
                return
        time.sleep(random.uniform(0.02, 0.5))  # two that gave way to each other must not meet again
    raise StorageError(
        f"{shown_url(path)}: other writers were at it for {2 * CLAIM_SECONDS:.0f} s. Repeat with --resume."
    )


def _create_in_one_step(filesystem: Any, path: str, data: bytes) -> None:
    if is_local(filesystem):
        with written_aside(Path(path), [data]) as temporary:
            os.link(temporary, path)
        return
    _while_contended(lambda: _put_new(filesystem, path, data))


def _put_new(filesystem: Any, path: str, data: bytes) -> None:
    try:
        filesystem.pipe_file(path, data, mode="create")
    except OSError as error:
        if store_code(error) in ("PreconditionFailed", "412"):
            raise FileExistsError(path) from error
        raise


def _while_contended(put: Callable[[], None]) -> None:
    """S3 answers 409 while another conditional PUT of the same object is under way: ask again."""
    for wait in (0.2, 0.5, 1.0, 2.0):
        try:
            put()
        except OSError as error:
            if store_code(error) not in ("ConditionalRequestConflict", "409"):
                raise
            time.sleep(wait)
        else:
            return
    put()


def _create_by_claim(filesystem: Any, path: str, data: bytes) -> None:
    with _claimed(filesystem, path) as is_in_time:
        if filesystem.exists(path) or not is_in_time():
            raise FileExistsError(path)
        write_bytes(filesystem, path, data)


@contextmanager
def _claimed(filesystem: Any, path: str) -> Iterator[Callable[[], bool]]:
    """A claim on ``path`` until the end of the ``with`` block, or FileExistsError where another writer has one.

    Gives a function to ask right before writing: whether the claim is still young enough to write under it.
    """
    folder, _, name = path.rpartition("/")
    claim = f"{folder}/_claims/{name}-{uuid.uuid4().hex}"
    started = time.monotonic()
    write_bytes(filesystem, claim, b"")
    try:
        rivals = [other for other in filesystem.ls(f"{folder}/_claims", detail=False) if name in other]
        if any(_is_alive(filesystem, rival, claim) for rival in rivals if not rival.endswith(claim.rpartition("/")[2])):
            raise FileExistsError(path)
        yield lambda: time.monotonic() - started <= CLAIM_SECONDS / 2
    finally:
        with suppress(FileNotFoundError):
            filesystem.rm_file(claim)


def _is_alive(filesystem: Any, rival: str, claim: str) -> bool:
    """Whether a claim is about as young as ours, by the clock of the store."""
    try:
        age = filesystem.modified(claim) - filesystem.modified(rival)
    except FileNotFoundError:
        return False
    return bool(age.total_seconds() < CLAIM_SECONDS)


def _holds(filesystem: Any, path: str, data: bytes) -> bool:
    try:
        return bool(filesystem.cat_file(path) == data)
    except FileNotFoundError:
        return False


def _is_not_offered(error: OSError) -> bool:
    code = store_code(error)
    return code in ("NotImplemented", "501") if code else error.errno in _NOT_OFFERED
