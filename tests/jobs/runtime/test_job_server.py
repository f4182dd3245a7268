"""Following a job while its server comes and goes, without a server."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from ray.exceptions import AuthenticationError

from jobs.errors import Interrupted
from jobs.runtime import job_server
from jobs.runtime.job_server import JobServer
from recsys_ops.errors import ConfigError

LOG = "one\ntwo\nthree\n"
ENDED = SimpleNamespace(
    submission_id="r", status="SUCCEEDED", driver_exit_code=0, message="", error_type=None, metadata=None
)
GONE = RuntimeError("Request failed with status code 404: Job r does not exist.")


class Client:
    """Answers each request for the log with the next of ``tails``: a text, or an error after its first line."""

    def __init__(self, *tails: str | Exception, job: Any = ENDED) -> None:
        self.tails = list(tails)
        self.job = job

    async def tail_job_logs(self, submission_id: str) -> AsyncIterator[str]:
        tail = self.tails.pop(0) if len(self.tails) > 1 else self.tails[0]
        yield LOG[:4]
        if isinstance(tail, Exception):
            raise tail
        yield tail[4:]

    def get_job_info(self, submission_id: str) -> Any:
        if isinstance(self.job, Exception):
            raise self.job
        return self.job


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``follow(client)`` gives the job at its end and what was written."""
    monkeypatch.setattr(job_server, "RETRY_SECONDS", 0.01)

    def follow(client: Client) -> tuple[Any, str]:
        server: Any = JobServer.__new__(JobServer)
        server.address, server._client = "http://head:8265", client
        written: list[str] = []
        return server.follow("r", written.append), "".join(written)

    return follow


@pytest.mark.parametrize(
    "lost",
    [
        aiohttp.ClientConnectionError(),
        ConnectionError("Failed to connect to Ray"),
        RuntimeError("WebSocket connection closed unexpectedly with close code 1006"),
    ],
)
def test_a_lost_connection_is_taken_up_again_and_nothing_is_written_twice(follow: Any, lost: Exception) -> None:
    job, written = follow(Client(lost, lost, LOG))
    assert (job.status, job.exit_code, written) == ("SUCCEEDED", 0, LOG)


def test_a_server_that_stays_away_is_given_up(follow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_server, "AWAY_SECONDS", 0.05)
    with pytest.raises(Interrupted, match=r"the job server does not answer \(ClientConnectionError\)"):
        follow(Client(aiohttp.ClientConnectionError()))


def test_a_head_that_was_started_anew_does_not_know_the_job(follow: Any) -> None:
    with pytest.raises(Interrupted, match="the cluster does not know the job any more"):
        follow(Client(LOG, job=GONE))


def test_a_token_that_is_not_accepted_any_more_ends_it(follow: Any) -> None:
    with pytest.raises(ConfigError, match="the cluster does not accept the token"):
        follow(Client(AuthenticationError("Unauthorized")))
