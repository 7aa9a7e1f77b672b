"""The tables of metrics are whole, and nothing outside them can be counted."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest
from prometheus_client.parser import text_string_to_metric_families

from observability import metrics


def test_every_name_has_its_row_and_every_row_its_name() -> None:
    """The words that the type check knows are the words of the tables."""
    assert set(get_args(metrics.CounterName)) == set(metrics.COUNTERS)
    assert set(get_args(metrics.HistogramName)) == set(metrics.HISTOGRAMS)
    assert set(get_args(metrics.GaugeName)) == set(metrics.GAUGES)


def test_every_label_is_of_the_closed_set() -> None:
    """No metric has a label that callers cannot name."""
    rows = [*metrics.COUNTERS.values(), *metrics.HISTOGRAMS.values(), *metrics.GAUGES.values()]
    assert {label for _, labels in rows for label in labels} <= set(get_type_hints(metrics.Labels))


def test_no_label_can_hold_a_vehicle_or_a_case() -> None:
    """A label's every value is a series, and its values are read by many."""
    assert not set(get_type_hints(metrics.Labels)) & {"vin", "case", "case_id", "message", "key", "path"}


def test_what_was_counted_is_rendered() -> None:
    """Prometheus' own parser reads what we serve."""
    before = metrics.read("tongche_messages_handled_total", group="journey", topic="tax.events")
    metrics.count("tongche_messages_handled_total", 3, group="journey", topic="tax.events")
    metrics.observe("tongche_store_commit_seconds", 0.004)
    metrics.gauge("tongche_outbox_waiting", 7)
    assert metrics.read("tongche_messages_handled_total", group="journey", topic="tax.events") == before + 3
    families = {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}
    assert families["tongche_outbox_waiting"].samples[0].value == 7
    assert "tongche_store_commit_seconds" in families


def test_a_label_that_is_not_the_metrics_own_is_an_error() -> None:
    """A wrong label fails at once instead of making a series that nobody looks at."""
    with pytest.raises(ValueError, match="label"):
        metrics.count("tongche_poison_total", group="x")
