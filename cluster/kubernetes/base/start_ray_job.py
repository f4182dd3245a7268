"""Start a RayJob from its suspended template: a copy with a name and arguments of its own.

In the nightly CronJob it creates the copy, waits for its end and ends as it did: ``TEMPLATE NAME [ARGUMENT ...]``,
where ``{date}`` stands for today; after a copy that failed, which stays for its history, the next one is NAME-2.
By hand it turns a template on standard input into a run on standard output:
``kubectl get rayjob TEMPLATE -o json | python start_ray_job.py - NAME ARGUMENT ... | kubectl create -f -``
"""

import json
import os
import shlex
import ssl
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
POLL_SECONDS = 15.0
UNREACHABLE_SECONDS = 900.0
"""So long may the API server be away before the wait is given up."""
ENDED = ("Complete", "Failed", "ValidationFailed")
"""States of a RayJob that it does not leave any more."""


def copy(template: dict[str, Any], name: str, arguments: list[str], owner: dict[str, str] | None) -> dict[str, Any]:
    """The RayJob to create; owned by the CronJob's job, where there is one, so that both go together."""
    spec = template["spec"] | {"suspend": False}
    spec["entrypoint"] = " ".join([spec["entrypoint"], shlex.join(arguments)]).strip()
    metadata = {"name": name, "labels": template["metadata"].get("labels", {})}
    if "namespace" in template["metadata"]:
        metadata["namespace"] = template["metadata"]["namespace"]
    if owner:
        metadata["ownerReferences"] = [{"apiVersion": "batch/v1", "kind": "Job"} | owner]
    return {"apiVersion": template["apiVersion"], "kind": "RayJob", "metadata": metadata, "spec": spec}


class RayJobs:
    """The RayJobs of this pod's namespace, through the API server, with the service account's token."""

    def __init__(self, server: str, account: Path = ACCOUNT) -> None:
        namespace = (account / "namespace").read_text()
        self.url = f"{server}/apis/ray.io/v1/namespaces/{namespace}/rayjobs"
        self.account = account
        certificate = account / "ca.crt"
        self.tls = ssl.create_default_context(cafile=certificate) if server.startswith("https") else None

    def get(self, name: str) -> dict[str, Any]:
        """The RayJob ``name``."""
        return self._request("GET", f"{self.url}/{name}")

    def create(self, job: dict[str, Any]) -> bool:
        """Create it; False if one of its name is there already."""
        try:
            self._request("POST", self.url, job)
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise
            return False
        return True

    def _request(self, method: str, url: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if content is None else json.dumps(content).encode()
        token = (self.account / "token").read_text()  # read each time: Kubernetes renews it
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30, context=self.tls) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


def start(jobs: RayJobs, job: dict[str, Any]) -> str:
    """Create the run, unless it is under way or has succeeded; returns the name of the RayJob that is it."""
    name, number = job["metadata"]["name"], 1
    while True:
        numbered = name if number == 1 else f"{name}-{number}"
        if jobs.create(job | {"metadata": job["metadata"] | {"name": numbered}}):
            report(f"{numbered}: created")
            return numbered
        status = jobs.get(numbered).get("status", {})
        if has_succeeded(status) or status.get("jobDeploymentStatus") not in ENDED:
            report(
                f"{numbered}: {'has succeeded already' if has_succeeded(status) else 'is under way, waiting for it'}"
            )
            return numbered
        report(f"{numbered}: ended without success")
        number += 1


def has_succeeded(status: dict[str, Any]) -> bool:
    """Whether a RayJob of this status has ended, and its command with 0."""
    return status.get("jobDeploymentStatus") == "Complete" and status.get("jobStatus") == "SUCCEEDED"


def wait(jobs: RayJobs, name: str) -> int:
    """0 when the run completed, 1 when it failed."""
    reported, reached = None, time.monotonic()
    while True:
        try:
            status = jobs.get(name).get("status", {})
            reached = time.monotonic()
        except OSError as error:
            is_refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
            if is_refused or time.monotonic() - reached > UNREACHABLE_SECONDS:
                raise
            status = {}
        state = status.get("jobDeploymentStatus")
        if state and state != reported:
            reported = state
            report(f"{name}: {state} {status.get('reason', '')} {status.get('message', '')}".strip())
        if state in ENDED:
            return 0 if has_succeeded(status) else 1
        time.sleep(POLL_SECONDS)


def report(line: str) -> None:
    """One line to the pod's log."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main(given: list[str]) -> int:
    """Run the command line; the exit code is the run's."""
    if len(given) < 2:
        report(str(__doc__))
        return 2
    template, name, *arguments = (text.replace("{date}", f"{datetime.now(UTC):%Y-%m-%d}") for text in given)
    if template == "-":
        json.dump(copy(json.load(sys.stdin), name, arguments, None), sys.stdout, indent=1)
        return 0
    jobs = RayJobs(f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}")
    owner = {"name": os.environ["JOB_NAME"], "uid": os.environ["JOB_UID"]}
    return wait(jobs, start(jobs, copy(jobs.get(template), name, arguments, owner)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
