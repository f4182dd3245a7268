"""``--lineage``: OpenLineage events of a run, by the official client, to wherever its own settings say.

Each attempt at a run is one run of OpenLineage: START, then COMPLETE, FAIL or ABORT. A result table is one data set for
all nights, ``<out>/<job>/<table>``, whose version is the run id. What cannot be sent is a warning, and the run goes on.
"""

import importlib.metadata
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from openlineage.client import OpenLineageClient, event_v2
from openlineage.client.facet_v2 import (
    dataset_version_dataset,
    error_message_run,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    processing_engine_run,
    schema_dataset,
    tags_run,
)
from openlineage.client.uuid import generate_new_uuid

from jobs.config import RunConfig
from jobs.store.files import absolute
from recsys_ops.datasets.load import is_made, is_public
from recsys_ops.errors import ConfigError
from recsys_ops.runs import Run
from recsys_ops.tables import parse_schema

_INPUTS = ("data", "feedback", "people")
"""Settings that name what is read."""
_NAMESPACE = "recsys-ops"

_log = logging.getLogger("recsys_ops.jobs")


@dataclass(frozen=True)
class Lineage:
    """One attempt at a run whose START was sent."""

    client: OpenLineageClient
    run: event_v2.Run
    job: event_v2.Job
    inputs: Sequence[event_v2.InputDataset]

    def committed(self, run: Run, *, is_good: bool) -> None:
        """Send COMPLETE, or FAIL for a run whose exit code says that it is not to be used, with its tables."""
        for dataset in self.inputs[:1]:
            if "data" in run.manifest["inputs"]:
                dataset.facets = {"version": _version(str(run.manifest["inputs"]["data"]))}
        if not is_good:
            reasons = "; ".join(run.refused) or "more cases failed than --allowed-errors"
            self._add_message(f"run {run.run_id} is committed and not to be used: {reasons}")
        state = event_v2.RunState.COMPLETE if is_good else event_v2.RunState.FAIL
        self.send(state, [_output(run, name) for name in run.tables])

    def failed(self, message: str, *, is_stopped: bool) -> None:
        """Send ABORT where somebody stopped the run, else FAIL."""
        self._add_message(message)
        self.send(event_v2.RunState.ABORT if is_stopped else event_v2.RunState.FAIL)

    def send(self, state: event_v2.RunState, outputs: Sequence[event_v2.OutputDataset] = ()) -> None:
        """Send one event; whatever the client raises is a warning."""
        event = event_v2.RunEvent(
            eventTime=datetime.now(UTC).isoformat(), eventType=state, run=self.run, job=self.job,
            inputs=list(self.inputs), outputs=list(outputs), producer=_producer(),
        )  # fmt: skip
        try:
            self.client.emit(event)
        except Exception as error:  # noqa: BLE001 - every transport has errors of its own
            _log.warning("--lineage: the event %s was not sent (%s); the run goes on.", state.value,
                         type(error).__name__)  # fmt: skip

    def _add_message(self, message: str) -> None:
        facet = error_message_run.ErrorMessageRunFacet(message=message, programmingLanguage="python")
        self.run.facets = {**(self.run.facets or {}), "errorMessage": facet}


def started(config: RunConfig, job: str, run_id: str) -> Lineage:
    """Send START.

    Raises
    ------
    ConfigError
        The client's own settings cannot be read, or OPENLINEAGE_PARENT_ID is none.
    """
    event_v2.set_producer(_producer())  # of facets; there it is no argument
    try:
        client = OpenLineageClient()
    except Exception as error:  # noqa: BLE001 - its settings are read by the transport that they name, by its own errors
        raise ConfigError(f"--lineage: the settings of OpenLineage cannot be used ({error}).") from None
    facets = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
            name="ray", version=importlib.metadata.version("ray")
        ),
        "tags": tags_run.TagsRunFacet([tags_run.TagsRunFacetFields("run_id", run_id, "recsys-ops")]),
        **_parent(os.environ.get("OPENLINEAGE_PARENT_ID")),
    }
    kind = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="RECSYS_OPS", jobType="JOB")
    lineage = Lineage(
        client, event_v2.Run(str(generate_new_uuid()), facets),
        event_v2.Job(os.environ.get("OPENLINEAGE_NAMESPACE", _NAMESPACE), job, {"jobType": kind}),
        [_input(value) for value in (getattr(config, name, None) for name in _INPUTS) if isinstance(value, str)],
    )  # fmt: skip
    lineage.send(event_v2.RunState.START)
    return lineage


def dataset_name(place: str) -> tuple[str, str]:
    """Namespace and name of a data set, by OpenLineage's convention: ``s3://bucket`` and key, ``file`` and path.

    Parameters
    ----------
    place : str
        URL, path, or ``--data`` of a public data set; what is made by seed is in a namespace of our own.
    """
    if is_made(place):
        return _NAMESPACE, place
    place = place.partition(":")[2] if is_public(place) else place
    scheme, is_url, rest = place.partition("://")
    if not is_url or scheme == "file":
        return "file", absolute(place)
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", key.rstrip("/") or "/"


def _parent(parent: str | None) -> dict[str, Any]:
    if not parent:
        return {}
    words = parent.rsplit("/", 2)
    try:
        namespace, name, run_id = words
        facet = parent_run.ParentRunFacet(run=parent_run.Run(runId=run_id), job=parent_run.Job(namespace, name))
    except ValueError:
        raise ConfigError(f"OPENLINEAGE_PARENT_ID is {parent!r}: expected namespace/job/run, the run a UUID.") from None
    return {"parent": facet}


def _input(place: str) -> event_v2.InputDataset:
    namespace, name = dataset_name(place)
    return event_v2.InputDataset(namespace, name)


def _output(run: Run, table: str) -> event_v2.OutputDataset:
    described = run.manifest["tables"][table]
    out = run.url.rstrip("/").rsplit("/", 2)[0]
    facets: dict[str, Any] = {"version": _version(run.run_id)}
    if described["arrow_schema"]:
        fields = [
            schema_dataset.SchemaDatasetFacetFields(field.name, str(field.type))
            for field in parse_schema(described["arrow_schema"])
        ]
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields)
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=described["rows"], size=sum(part["bytes"] for part in described["parts"]),
        fileCount=len(described["parts"]),
    )  # fmt: skip
    namespace, name = dataset_name(f"{out}/{run.manifest['job']}/{table}")
    return event_v2.OutputDataset(namespace, name, facets=facets, outputFacets={"outputStatistics": statistics})


def _version(text: str) -> dataset_version_dataset.DatasetVersionDatasetFacet:
    return dataset_version_dataset.DatasetVersionDatasetFacet(text)


def _producer() -> str:
    return f"urn:recsys-ops:{importlib.metadata.version('recsys-ops')}"
