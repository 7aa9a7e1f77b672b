"""The tables of metrics are whole, and nothing outside them can be counted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from prometheus_client.parser import text_string_to_metric_families

from observability import metrics

ROOT = Path(metrics.__file__).parents[1]
SOURCES = [path for top in ("adapters", "observability", "services") for path in (ROOT / top).rglob("*.py")]
WRITTEN = re.compile(r"""metrics\.(?:count|observe|gauge)\(\s*"(tongche_\w+)\"""")
NAMES = {*metrics.COUNTERS, *metrics.HISTOGRAMS, *metrics.GAUGES}


def test_every_name_has_its_row_and_every_row_its_name() -> None:
    """The words that the type check knows are the words of the tables."""
    assert set(get_args(metrics.CounterName)) == set(metrics.COUNTERS)
    assert set(get_args(metrics.HistogramName)) == set(metrics.HISTOGRAMS)
    assert set(get_args(metrics.GaugeName)) == set(metrics.GAUGES)


def test_every_label_is_of_the_closed_set() -> None:
    """No metric has a label that callers cannot name, and none that they can name is without a metric."""
    rows = [*metrics.COUNTERS.values(), *metrics.HISTOGRAMS.values(), *metrics.GAUGES.values()]
    assert {label for _, labels in rows for label in labels} == set(get_type_hints(metrics.Labels))


def test_every_metric_is_written_by_something() -> None:
    """A series that stays at nothing tells an operator that all is well when nobody looks."""
    assert {name for path in SOURCES for name in WRITTEN.findall(path.read_text(encoding="utf-8"))} == NAMES


def test_the_operators_page_speaks_of_metrics_that_there_are() -> None:
    """An alarm on a name that is gone never rings."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"tongche_\w+_\w+|tongche_cases", page)) <= NAMES


def test_no_label_can_hold_a_vehicle_or_a_case() -> None:
    """A label's every value is a series, and its values are read by many."""
    assert not set(get_type_hints(metrics.Labels)) & {"vin", "case", "case_id", "message", "key", "path"}


def test_what_was_counted_is_rendered() -> None:
    """Prometheus' own parser reads what we serve."""
    before = metrics.read("tongche_poison_total", topic="tax.events")
    metrics.count("tongche_poison_total", 3, topic="tax.events")
    metrics.observe("tongche_store_commit_seconds", 0.004)
    metrics.gauge("tongche_outbox_waiting", 7)
    assert metrics.read("tongche_poison_total", topic="tax.events") == before + 3
    families = {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}
    assert families["tongche_outbox_waiting"].samples[0].value == 7
    assert "tongche_store_commit_seconds" in families


def test_a_label_that_is_not_the_metrics_own_is_an_error() -> None:
    """A wrong label fails at once instead of making a series that nobody looks at."""
    with pytest.raises(ValueError, match="label"):
        metrics.count("tongche_poison_total", group="x")
