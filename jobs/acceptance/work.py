"""What the acceptance job's workers do: fit ratings against distances."""

from collections import Counter

import numpy as np
import pyarrow as pa

from jobs.acceptance.inputs import AcceptanceInputs
from jobs.acceptance.tables import NamedFit, result_tables
from jobs.runtime.heartbeat import at_case
from jobs.runtime.shards import Shard
from jobs.store.records import Isolated, ShardOutput
from recsys_ops.acceptance.acting_tables import acting_tables, learn_acting
from recsys_ops.acceptance.differences import Differences, find_differences
from recsys_ops.acceptance.propensity import Finding, Propensity, fit_propensity

FITS = (("accept", "sparsity"), ("accept", "proximity"), ("act", "sparsity"), ("act", "proximity"))
"""Response and distance of each fit, in the order of the results."""


def run_shard(inputs: AcceptanceInputs, shard: Shard, isolated: Isolated) -> ShardOutput:
    """The fits of one shard; the first one has what is impossible, the remarks and how likely providers act as well."""
    fits = []
    for case, unit in enumerate(shard.units):
        response, distance = FITS[unit]
        if case in isolated:
            found = _failed(inputs, isolated[case][1])
        else:
            at_case(case)
            found = _fit(inputs, response, distance)
        fits.append(NamedFit(response, distance, found, _differences(inputs, response, distance, found)))
    counts = Counter(str(fit.found.finding) for fit in fits)
    is_first = 0 in shard.units
    acting = _acting(inputs) if is_first else _no_acting(inputs)
    return ShardOutput(result_tables(inputs, fits, is_first=is_first) | acting, dict(counts), len(fits))


def _acting(inputs: AcceptanceInputs) -> dict[str, pa.Table]:
    try:
        return learn_acting(inputs.sellers, inputs.options, seed=inputs.seed)
    except np.linalg.LinAlgError as error:
        return acting_tables(inputs.sellers, {}, reason=f"{type(error).__name__}: {error}")


def _no_acting(inputs: AcceptanceInputs) -> dict[str, pa.Table]:
    return {name: table.slice(0, 0) for name, table in acting_tables(inputs.sellers, {}).items()}


def _fit(inputs: AcceptanceInputs, response: str, distance: str) -> Propensity:
    try:
        return fit_propensity(inputs.numbers(distance), inputs.numbers(response), inputs.person, seed=inputs.seed)
    except np.linalg.LinAlgError as error:
        return _failed(inputs, f"{type(error).__name__}: {error}")


def _differences(inputs: AcceptanceInputs, response: str, distance: str, found: Propensity) -> Differences | None:
    """What the properties of people do; None where none are known, or the fit failed already."""
    known = inputs.covariates
    if known is None or found.finding == Finding.ERROR:
        return None
    try:
        return find_differences(inputs.numbers(distance), inputs.numbers(response), inputs.person, known)
    except np.linalg.LinAlgError as error:
        return Differences((), f"{type(error).__name__}: {error}", int(known.is_known.sum()))


def _failed(inputs: AcceptanceInputs, reason: str) -> Propensity:
    return Propensity(Finding.ERROR, reason, len(inputs.person), len(inputs.people))
