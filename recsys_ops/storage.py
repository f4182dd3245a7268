"""Stores by fsspec URL: credentials come from the environment, transient failures are retried, refusals are explained.

Credentials, endpoint and region of ``s3://`` are what the AWS tools use: variables (AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL ...), a profile (AWS_PROFILE), ~/.aws/config, or the machine's role. They are
never part of a URL, because URLs stand in logs, manifests and process lists.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import fsspec
from botocore import exceptions as boto

from recsys_ops.errors import ConfigError, StorageError

ATTEMPTS = 9
"""Tries of one request, about 45 s with the waits between them: as long as a store takes to restart."""
QUICK_ATTEMPTS = 4
"""Tries before the work begins, about 4 s: a wrong address should not cost a minute."""
CONNECTIONS = 64
"""Concurrent requests of one process; they hide the latency of object stores, tens of milliseconds."""

STORE_EXCEPTIONS: tuple[type[Exception], ...] = (OSError, ImportError, boto.BotoCoreError, boto.ClientError)
_OPEN_EXCEPTIONS: tuple[type[Exception], ...] = (ValueError, *STORE_EXCEPTIONS)

_PLAIN_HOST = re.compile(r"(arn:[\w:-]+|\[[\da-f:]+\](:\d+)?|[^:@]*(:\d{1,5})?)", re.IGNORECASE)
_SECRET_QUERY = re.compile(r"[?&][^=&/]*(secret|token|passw|signature|credential|key|sig)[^=&/]*=", re.IGNORECASE)

_SET_CREDENTIALS = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for a role), or AWS_PROFILE; for a store "
    "other than AWS also AWS_ENDPOINT_URL."
)
_REMEDIES = {
    "NoSuchBucket": "There is no such bucket. Create it, or correct the URL.",
    "AccessDenied": (
        "The credentials are known, but may not do this. Under this prefix a job needs GetObject, PutObject, "
        "DeleteObject and ListBucket; a reader GetObject and ListBucket."
    ),
    "NoCredentialsError": f"There are no credentials. {_SET_CREDENTIALS}",
    "ProfileNotFound": "Set AWS_PROFILE to a profile of ~/.aws/config, or unset it.",
    "EndpointConnectionError": "Nothing answers at the endpoint. Check AWS_ENDPOINT_URL and the network.",
    "ValueError": "The endpoint is not a URL. Check AWS_ENDPOINT_URL.",
    "PermanentRedirect": "The bucket is in another region. Set AWS_DEFAULT_REGION.",
    "InvalidRequest": "The store does not offer what was requested. With --sse: is that encryption set up there?",
    "ServiceUnavailable": "The store failed at every try. Repeat when it is back; --resume goes on.",
}
_REMEDIES |= dict.fromkeys(("403", "AllAccessDisabled"), _REMEDIES["AccessDenied"])
_REMEDIES |= dict.fromkeys(
    ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed",
     "AuthorizationHeaderMalformed", "TokenRefreshRequired"),
    f"The store does not accept the credentials. {_SET_CREDENTIALS}",
)  # fmt: skip
_REMEDIES |= dict.fromkeys(("PartialCredentialsError", "CredentialRetrievalError"), _REMEDIES["NoCredentialsError"])
_REMEDIES |= dict.fromkeys(("ConnectTimeoutError", "ConnectionError"), _REMEDIES["EndpointConnectionError"])
_REMEDIES |= dict.fromkeys(("301", "307", "IllegalLocationConstraintException"), _REMEDIES["PermanentRedirect"])
_REMEDIES |= dict.fromkeys(
    ("InvalidEncryptionAlgorithmError", "InvalidArgument", "KMS.NotFoundException"), _REMEDIES["InvalidRequest"]
)
_REMEDIES |= dict.fromkeys(("500", "502", "503", "504", "InternalError", "SlowDown"), _REMEDIES["ServiceUnavailable"])
_ANY_REMEDY = "Check the URL, its permissions and the free space, then repeat with --resume."


@dataclass(frozen=True)
class Encryption:
    """How the store is to encrypt what is written (SSE); by default as its bucket says."""

    algorithm: str | None = None
    kms_key: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Arguments of every S3 call that writes."""
        named = {"ServerSideEncryption": self.algorithm, "SSEKMSKeyId": self.kms_key}
        return {name: value for name, value in named.items() if value is not None}


BUCKET_DEFAULT = Encryption()


def open_store(url: str, *, encryption: Encryption = BUCKET_DEFAULT, attempts: int = ATTEMPTS) -> tuple[Any, str]:
    """File system and path of ``url``, the path without a trailing slash; asks the store nothing yet.

    Parameters
    ----------
    url : str
        A path or any fsspec URL.
    encryption : Encryption
        Of what is written to S3.
    attempts : int
        Tries of one S3 request, with back-off, on 5xx, throttling and broken connections.

    Raises
    ------
    ConfigError
        The URL holds credentials.
    StorageError
        The protocol is unknown or its driver is not installed.
    """
    refuse_credentials(url)
    is_s3 = url.startswith(("s3://", "s3a://"))
    options = _s3_options(encryption, attempts) if is_s3 else {}
    try:
        filesystem, path = fsspec.core.url_to_fs(url, **options)
    except _OPEN_EXCEPTIONS as error:
        raise StorageError(
            f"{shown_url(url)}: no such store ({error}). Use a local folder or a URL such as s3://bucket/folder."
        ) from error
    if is_s3:
        # Its own loop around botocore's: needed only for answers that break off in the middle.
        filesystem.retries = 2 if attempts > QUICK_ATTEMPTS else 1
    return filesystem, str(path).rstrip("/")


def open_file(url: str, mode: str = "rb", *, compression: str | None = None, encoding: str | None = None) -> Any:
    """A file to read, as a context manager; ``compression="infer"`` goes by the suffix.

    Raises
    ------
    ConfigError, StorageError
        As ``open_store``; on entering what the store raises, so wrap it in ``storage_errors``.
    """
    filesystem, path = open_store(url)
    packed = fsspec.core.get_compression(path, compression)
    return fsspec.core.OpenFile(filesystem, path, mode, compression=packed, encoding=encoding)


def read_json(
    filesystem: Any,
    path: str,
    *,
    error: type[Exception] = StorageError,
    remedy: str = "Remove the file, or use another --run-id.",
) -> Any:
    """Content of a JSON file, or None where there is no such file.

    Parameters
    ----------
    filesystem : fsspec file system
    path : str
    error : type of exception, optional
        Raised where the file is not JSON; ``remedy`` ends its message.

    Raises
    ------
    StorageError
        The store refused, or by default the file is not JSON.
    """
    with storage_errors(path, "reading"):
        try:
            content = filesystem.cat_file(path)
        except OSError as problem:
            if not is_missing_file(problem):
                raise
            return None
    try:
        return json.loads(content)
    except ValueError as problem:
        raise error(f"{shown_url(path)}: not JSON ({problem}). {remedy}") from problem


@contextmanager
def storage_errors(url: str, doing: str) -> Iterator[None]:
    """Turn what a store raises into a ``StorageError`` that names ``url``, what was being done, and the remedy."""
    try:
        yield
    except _OPEN_EXCEPTIONS as error:
        if isinstance(error, ValueError) and not _is_bad_endpoint(error):
            raise
        reason = store_code(error) or type(error).__name__
        # What the store says of its own answers is in the code; its other texts may name the endpoint.
        detail = reason if reason in _REMEDIES else f"{type(error).__name__}: {error}"
        remedy = _REMEDIES.get(reason, _ANY_REMEDY)
        raise StorageError(f"{shown_url(url)}: {doing} failed ({detail}). {remedy}") from error


def store_code(error: BaseException) -> str | None:
    """The S3 error code behind an exception of s3fs, such as NoSuchBucket; None for other errors."""
    for raised in (error, error.__cause__):
        response = getattr(raised, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code"))
    return None


def is_missing_file(error: BaseException) -> bool:
    """Whether ``error`` says that there is no such file, in a place that exists."""
    missing = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
    return isinstance(error, missing) and store_code(error) != "NoSuchBucket"


def is_bad_content(error: BaseException) -> bool:
    """Whether an error met while reading is about what is in the file, not about its store."""
    if isinstance(error, OSError):
        is_of_store = isinstance(error, PermissionError | ConnectionError | TimeoutError | FileNotFoundError)
        return error.errno is None and store_code(error) is None and not is_of_store
    return not isinstance(error, STORE_EXCEPTIONS) and not _is_bad_endpoint(error)


def refuse_credentials(url: str) -> None:
    """Refuse a URL that holds a user, password, key or signature, without repeating any of it.

    Raises
    ------
    ConfigError
    """
    hosts = [match.group(1) for match in re.finditer(r"://([^/?]*)", url)]
    is_secret = "://" in url and _SECRET_QUERY.search(url)
    if is_secret or not all(_PLAIN_HOST.fullmatch(host) for host in hosts):
        scheme = url.partition("://")[0].rpartition(":")[2]
        raise ConfigError(
            f"{scheme}://...: the URL holds credentials, which would end up in logs. {_SET_CREDENTIALS} "
            "The keys in the URL are now in your shell's history: replace them."
        )


def refuse_credentials_within(content: Any) -> None:
    """``refuse_credentials`` for every text in what a YAML file holds, however deep.

    Raises
    ------
    ConfigError
    """
    left, seen = [content], set()
    while left:
        value = left.pop()
        if isinstance(value, str):
            refuse_credentials(value)
        elif isinstance(value, dict | list | tuple | set) and id(value) not in seen:
            seen.add(id(value))  # by its aliases, YAML can nest a list in itself
            left += [*value, *value.values()] if isinstance(value, dict) else value


def shown_url(url: str) -> str:
    """``url`` without user, password and query, to stand in messages and manifests."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        return url
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _is_bad_endpoint(error: BaseException) -> bool:
    return isinstance(error, ValueError) and "Invalid endpoint" in str(error)


def _s3_options(encryption: Encryption, attempts: int) -> dict[str, Any]:
    return {
        "use_listings_cache": False,
        "max_concurrency": 1,  # of one file: one GET instead of a HEAD and several, which distinguishes errors better
        "s3_additional_kwargs": encryption.headers,
        "config_kwargs": {
            "retries": {"mode": "standard", "total_max_attempts": attempts},
            "max_pool_connections": CONNECTIONS,
            "read_timeout": 60,
        },
    }
