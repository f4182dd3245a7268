"""Dashboard and alerts ask only for metrics that the jobs have, under the names that a scrape shows."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from jobs.runtime import metrics
from tests.cluster.manifests import ROOT, documents

MONITORING = ROOT / "cluster" / "monitoring"
HISTOGRAMS = {"recsys_ops_case_seconds"}


def expressions() -> list[str]:
    """All PromQL of the dashboard and of the alerts."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    variables = [variable["query"]["query"] for variable in dashboard["templating"]["list"] if "refresh" in variable]
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    (rules,) = documents(MONITORING / "alerts.yaml")
    alerts = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    assert sum("alert" in rule for group in rules["groups"] for rule in group["rules"]) == 3
    return variables + panels + alerts


def test_every_metric_that_is_used_exists() -> None:
    defined = {f"recsys_ops_{name}" for name in metrics._DESCRIPTIONS}
    scraped = {f"ray_{name}" for name in defined - HISTOGRAMS}
    scraped |= {f"ray_{name}_{part}" for name in defined & HISTOGRAMS for part in ("bucket", "sum", "count")}
    used = {name for text in expressions() for name in re.findall(r"\b(?:ray_)?recsys_ops_\w+", text)}
    assert used == scraped


def test_labels_that_are_used_are_those_of_the_metrics() -> None:
    for text in expressions():
        for selector in re.findall(r"\{([^}]*)\}", text):
            assert set(re.findall(r"(\w+)\s*=", selector)) <= {*metrics.TAGS, "status"}


def test_the_series_of_the_alerts_test_have_the_labels_that_a_scrape_shows() -> None:
    (tests,) = documents(Path(__file__).with_name("alerts_test.yaml"))
    for series in [entry["series"] for test in tests["tests"] for entry in test["input_series"]]:
        name, labels = re.match(r"ray_recsys_ops_(\w+)\{(.*)\}", series).groups()
        status = {"status"} if name == "cases_total" else set()
        assert set(re.findall(r"(\w+)=", labels)) - {"WorkerId"} == {*metrics.TAGS} | status


def test_no_alert_looks_at_runs_over_some_cases_only() -> None:
    (rules,) = documents(MONITORING / "alerts.yaml")
    selectors = [text for group in rules["groups"] for rule in group["rules"]
             for text in re.findall(r"ray_recsys_ops_\w+(?:\{[^}]*\})?", rule["expr"])]  # fmt: skip
    assert len(selectors) >= 7
    assert all('scope="whole"' in selector for selector in selectors)


def test_panels_do_not_overlap_and_have_one_name_each() -> None:
    panels = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert len({panel["title"] for panel in panels}) == len({panel["id"] for panel in panels}) == len(panels)


def test_the_scrape_keeps_the_job_label_of_the_metrics() -> None:
    (monitor,) = documents(MONITORING / "pod-monitor.yaml")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["honorLabels"] is True
    assert endpoint["port"] == "metrics"


def promtool(*arguments: str) -> str:
    """What Prometheus's own checker says; skips where it is not installed."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (it comes with Prometheus)")
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.usefixtures("machine")
def test_alerts_fire_when_they_should_and_not_before() -> None:
    assert "SUCCESS" in promtool("test", "rules", str(Path(__file__).with_name("alerts_test.yaml")))


@pytest.mark.usefixtures("machine")
def test_prometheus_understands_every_expression(tmp_path: Path) -> None:
    queries = [text.replace("$__rate_interval", "1m").replace("$job", ".*") for text in expressions()]
    selected = [text for text in queries if not text.startswith("label_values")]
    rules = [{"record": f"selected:{number}", "expr": text} for number, text in enumerate(selected)]
    (tmp_path / "selected.yaml").write_text(yaml.safe_dump({"groups": [{"name": "selected", "rules": rules}]}))
    assert f"{len(selected)} rules found" in promtool("check", "rules", str(tmp_path / "selected.yaml"))
