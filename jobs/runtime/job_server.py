"""Ray's job server: submit a command under a name, follow its log, and give its end as an exit code.

Ray says only that a job SUCCEEDED, FAILED or was STOPPED; the exit code of its driver is another field (seen in
2.60). Who may submit is decided by Ray's token (RAY_AUTH_MODE=token with RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH), which
Ray's client takes from the environment and sends in a header.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from jobs.errors import ExitCode, Interrupted
from jobs.runtime.cluster import CONNECT_SECONDS, SET_TOKEN
from recsys_ops.errors import ConfigError
from recsys_ops.storage import refuse_credentials

DEFAULT_ADDRESS = "http://127.0.0.1:8265"
AWAY_SECONDS = 120.0
"""So long may the job server be away, as while the head restarts, before following is given up."""
RETRY_SECONDS = 2.0

_KNOWN = frozenset(ExitCode)


class Submission(NamedTuple):
    """One job as the server reports it; ``exit_code`` is that of its driver, None where Ray does not know it."""

    submission_id: str
    status: str
    exit_code: int | None
    message: str
    error_type: str | None
    metadata: Mapping[str, str]

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.status in ("SUCCEEDED", "FAILED", "STOPPED")


class JobServer:
    """A connection to the job server at ``address``.

    Parameters
    ----------
    address : str, optional
        ``http://host:8265``; by default RAY_API_SERVER_ADDRESS, else the one on this machine.

    Raises
    ------
    ConfigError
        Nothing answers there, it does not accept the token, or the address is none or holds credentials.
    """

    def __init__(self, address: str | None) -> None:
        self.address = (address or os.environ.get("RAY_API_SERVER_ADDRESS") or DEFAULT_ADDRESS).rstrip("/")
        refuse_credentials(self.address)
        _check_reachable(self.address)
        os.environ["RAY_API_SERVER_ADDRESS"] = self.address  # which Ray's client would prefer to its argument
        from ray.job_submission import JobSubmissionClient  # late: only these commands need Ray's client

        for name in ("job.sdk", "dashboard_sdk"):
            logging.getLogger(f"ray.dashboard.modules.{name}").setLevel(logging.WARNING)
        with self._translated_errors():
            self._client: Any = JobSubmissionClient(self.address)

    def submit(self, submission_id: str, command: str, runtime_env: dict[str, Any], metadata: dict[str, str]) -> bool:
        """Start ``command`` on the cluster; False if there is a job of that id already."""
        with self._translated_errors():
            try:
                self._client.submit_job(
                    entrypoint=command, submission_id=submission_id, runtime_env=runtime_env, metadata=metadata
                )
            except RuntimeError as error:
                if "already exists" not in str(error):
                    raise
                return False
        return True

    def jobs(self) -> list[Submission]:
        """All submitted jobs that the cluster knows, oldest first."""
        with self._translated_errors():
            found = [job for job in self._client.list_jobs() if job.submission_id]
        return [_submission(job) for job in sorted(found, key=lambda job: job.start_time or 0)]

    def follow(self, submission_id: str, write: Callable[[str], object]) -> Submission:
        """Write the job's log from its beginning as it grows, until the job ends; a lost connection is made again.

        Raises
        ------
        Interrupted
            The server was away for ``AWAY_SECONDS``.
        ConfigError
            It does not accept the token (any more).
        """
        log, seen = _Log(write), time.monotonic()
        while True:
            try:
                with self._translated_errors():
                    asyncio.run(self._tail(submission_id, log))
                    job = _submission(self._client.get_job_info(submission_id))
                if job.has_ended:
                    return job
                seen = time.monotonic()
            except _UnknownError as error:
                raise Interrupted("the cluster does not know the job any more: its head was started anew.") from error
            except _AwayError as error:
                if time.monotonic() - seen > AWAY_SECONDS:
                    raise Interrupted(f"{error} It has been away for {AWAY_SECONDS:.0f} s.") from error
            time.sleep(RETRY_SECONDS)
            log.start_again()

    async def _tail(self, submission_id: str, log: "_Log") -> None:
        async for text in self._client.tail_job_logs(submission_id):
            log.add(text)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """What Ray's client and its HTTP libraries raise, as our errors."""
        import aiohttp
        import requests
        from ray.exceptions import AuthenticationError

        try:
            yield
        except (AuthenticationError, aiohttp.WSServerHandshakeError) as error:
            if getattr(error, "status", 401) not in (401, 403):
                raise _AwayError(f"{self.address}: {error}.") from error
            raise ConfigError(f"--address {self.address}: the cluster does not accept the token. {SET_TOKEN}") from None
        except (ConnectionError, requests.RequestException, aiohttp.ClientError) as error:
            detail = type(error).__name__
            raise _AwayError(f"--address {self.address}: the job server does not answer ({detail}).") from error
        except RuntimeError as error:  # what Ray's client makes of other answers, and of a connection that breaks off
            detail = str(error).strip().splitlines()[-1]
            kind = _UnknownError if "status code 404" in str(error) else _AwayError
            raise kind(f"--address {self.address}: the job server says: {detail}") from error


class _AwayError(ConfigError):
    """The server does not answer at this moment."""


class _UnknownError(_AwayError):
    """The server answers, and does not know the job."""


class _Log:
    """Writes a text that is sent from its beginning on every connection, once."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write = write
        self.n_written = 0
        self.n_received = 0

    def start_again(self) -> None:
        self.n_received = 0

    def add(self, text: str) -> None:
        first_new = max(self.n_written - self.n_received, 0)
        self.n_received += len(text)
        if first_new < len(text):
            self.write(text[first_new:])
            self.n_written = self.n_received


def exit_code_of_job(job: Submission) -> int:
    """The exit code of a job that ended: its driver's, and 4 where it could not complete its work.

    A driver that was killed (by a signal, for memory, or with its node) has committed nothing and lost no
    complete shard: it can be resumed, as one that was stopped. Where not even its environment could be set up, 1.
    """
    if job.exit_code in _KNOWN and job.status != "STOPPED":
        return int(job.exit_code or 0)
    return ExitCode.DEFECT if job.error_type == "RUNTIME_ENV_SETUP_FAILURE" else ExitCode.INCOMPLETE


def _submission(job: Any) -> Submission:
    status = str(getattr(job.status, "value", job.status))
    return Submission(
        job.submission_id, status, job.driver_exit_code, job.message or "", job.error_type, job.metadata or {}
    )


def _check_reachable(address: str) -> None:
    """Fail in seconds, where a request would wait for minutes."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"--address {address}: expected the job server, such as {DEFAULT_ADDRESS}.")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname, port), timeout=CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--address {address}: no job server answers ({error}). Start the cluster, correct the address, or forward "
            "the port of the head to this machine."
        ) from error
