"""The loop, twenty times: nights of recourses, simulated providers who rate some of them, and a night that has learned.

Recourses that do as much for an item differ little in distance, so nobody could learn from one night how distance
matters: three nights with other limits are rated. The night that has learned keeps to the fitted caps and shows first
what the provider is most willing to do; it is compared with the night of the default limit and its first options, by
the probability that the simulated provider acts. A search uses up its cap, and at the threshold people are as unwilling
as beyond it; so a fourth way offers the recourses of the nearest limit as well.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.acceptance import job as acceptance
from jobs.acceptance.config import AcceptanceConfig
from jobs.recourse import job as recourse
from jobs.recourse.config import RecourseConfig
from jobs.runtime import job as runtime
from jobs.runtime.cluster import connect
from recsys_ops.acceptance.feedback import RatedCases, case_ids, read_cases
from recsys_ops.acceptance.learned import Learned, choose_first, read_learned
from recsys_ops.acceptance.loop import Providers, mean_with_interval, simulate_feedback, simulate_providers
from recsys_ops.features.caps import Caps
from recsys_ops.runs import Run, open_run

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600), pytest.mark.usefixtures("machine")]

SEEDS = 20
RATED_LIMITS = (2, 5, 10)
DATA = "synthetic:items=240,users=300,sellers=60"


def night(out: Path, **limits: Any) -> Run:
    """A night's recourses, five options each."""
    name = "-".join(f"{value:g}" for value in limits.values())
    config = RecourseConfig(
        data=DATA,
        out=str(out),
        run_id=f"night-{name}",
        resume=True,
        groups="n_ratings:1",
        seen_by=0.1,
        options=5,
        **limits,
    )
    assert runtime.run_job(config, recourse.JOB) == 0
    return open_run(f"{out}/runs/night-{name}")


def shown_first(runs: list[Run], learned: Learned | None) -> RatedCases:
    """One option of every case of the runs: the first, or the one that what was learned puts first."""
    cases = read_cases(runs)
    table = cases.table
    options: defaultdict[str, list[int]] = defaultdict(list)
    for position, name in enumerate(table["case_id"].to_pylist()):
        options[name.partition("/")[2].rpartition("/")[0]].append(position)
    if learned is None:
        return RatedCases(table.take(pa.array([positions[0] for positions in options.values()])), cases.measured_by)
    chosen = []
    for positions in options.values():
        mine = table.take(pa.array(positions))
        features = [{change["feature"] for change in changes} for changes in mine["changes"].to_pylist()]
        distances = (mine[name].to_numpy() for name in ("sparsity", "proximity"))
        first = choose_first(*distances, features, seller=str(mine["seller_id"][0]), learned=learned)
        chosen.append(positions[first])
    return RatedCases(table.take(pa.array(chosen)), cases.measured_by)


def acting_and_reach(cases: RatedCases, providers: Providers, runs: list[Run]) -> tuple[float, float]:
    """Mean over all cases of the probability to act, and of that times the share of the group reached."""
    reached: dict[str, float] = {}
    items = set()
    for run in runs:
        rows = run.table("recourse").to_table()
        items |= set(rows["item_id"].to_pylist())
        reached |= zip(case_ids(run.run_id, rows).to_pylist(), rows["success_after"].to_pylist(), strict=True)
    acting = providers.act_probability(cases)
    success = np.array([reached[name] for name in cases.table["case_id"].to_pylist()])
    return float(acting.sum()) / len(items), float((acting * success).sum()) / len(items)


def rate(nights: list[Run], providers: Providers, seed: int, url: Path) -> None:
    """Five ratings per provider and night."""
    tables = [simulate_feedback(read_cases([run]), providers, seed=100 * seed + n) for n, run in enumerate(nights)]
    pq.write_table(pa.concat_tables(tables), url)


def learn(out: Path, nights: list[Run], seed: int) -> Learned:
    config = AcceptanceConfig(
        out=str(out), run_id=f"learned-{seed}", run=",".join(run.url for run in nights), seed=seed,
        feedback=str(out / f"feedback-{seed}.parquet"),
    )  # fmt: skip
    assert runtime.run_job(config, acceptance.JOB) == 0
    return read_learned(f"{out}/runs/learned-{seed}")


def test_recourses_are_acted_upon_more_often_after_learning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines, found = [], defaultdict(list)
    with connect("local", 1):
        nights = [night(tmp_path, max_changes=limit) for limit in RATED_LIMITS]
        capped: dict[str, Run] = {}
        for seed in range(SEEDS):
            providers = simulate_providers(read_cases(nights), seed=seed)
            rate(nights, providers, seed, tmp_path / f"feedback-{seed}.parquet")
            learned = learn(tmp_path, nights, seed)
            limits = next_limits(learned.caps)
            if str(limits) not in capped:
                capped[str(limits)] = night(tmp_path, **limits)
            run = capped[str(limits)]
            ways = {
                "before": acting_and_reach(shown_first(nights[-1:], None), providers, nights[-1:]),
                "caps": acting_and_reach(shown_first([run], None), providers, [run]),
                "learned": acting_and_reach(shown_first([run], learned), providers, [run]),
                "and nearer": acting_and_reach(shown_first([run, nights[0]], learned), providers, [run, nights[0]]),
            }
            for way, values in ways.items():
                found[way].append(values)
            numbers = (f"{100 * acting:6.1f} {100 * reach:5.2f}" for acting, reach in ways.values())
            lines.append(f"{seed:4d} {learned.caps!s:<32} {'   '.join(numbers)}")
    with capsys.disabled():
        print("\n% of the recourses acted upon, and % of the group that comes to see the item")
        print(f"seed {'caps learned':<32} {'   '.join(f'{way:>12}' for way in found)}")
        print("\n".join(lines))
        for way in list(found)[1:]:
            for n, what in enumerate(("acted upon", "group reached")):
                gains = [after[n] - before[n] for after, before in zip(found[way], found["before"], strict=True)]
                mean, low, high = (100 * value for value in mean_with_interval(gains))
                print(f"{way}, {what}: {mean:+.2f} points (95 % interval {low:+.2f} to {high:+.2f})")
    gains = [after[0] - before[0] for after, before in zip(found["learned"], found["before"], strict=True)]
    assert mean_with_interval(gains)[1] > 0


def next_limits(caps: Caps) -> dict[str, Any]:
    """The default limits where nothing was learned; half steps of proximity, so that few nights are run."""
    limits: dict[str, Any] = {"max_changes": int(caps.sparsity) if np.isfinite(caps.sparsity) else RATED_LIMITS[-1]}
    if np.isfinite(caps.proximity):
        limits["max_proximity"] = np.floor(2 * caps.proximity) / 2
    return limits
