"""Every bench runs in a tiny size and gives the figures that scripts rely on; none is judged by its speed here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from services.bench import agency, backlog, hop, isolation, projection, recovery
from services.bench.figures import Found
from services.bench.ground import Ground
from services.stack import jars
from services.stack.running import Running


def _silently(_: str, __: float) -> None:
    """Nobody watches."""


def _numbers(found: Found) -> dict[str, float]:
    return {name: float(value) for name, value in found.figures.items()}


def test_hop(kafka: str, tmp_path: Path) -> None:
    """Ours, with spans, FastStream and the bare producer, and both ratios."""
    found = hop.run(Ground(tmp_path, kafka), _silently, hop.Size(messages=300, faststream=50, vehicles=60, rounds=1))
    figures = _numbers(found)
    assert list(figures) == [
        "ours_per_s",
        "ours_with_spans_per_s",
        "faststream_per_s",
        "aiokafka_produce_per_s",
        "vs_faststream",
        "vs_aiokafka",
    ]
    assert min(figures.values()) > 0


def test_projection(kafka: str, tmp_path: Path) -> None:
    """A view, plain, sealed, older and traced, beside the hop on the same messages, and the ratios."""
    found = projection.run(Ground(tmp_path, kafka), _silently, projection.Size(messages=300, vehicles=60, rounds=1))
    figures = _numbers(found)
    assert list(figures) == [
        "hop_per_s",
        "plain_per_s",
        "sealed_per_s",
        "older_per_s",
        "hop_with_spans_per_s",
        "plain_with_spans_per_s",
        "plain_vs_hop",
        "sealed_vs_hop",
        "older_vs_hop",
        "with_spans_vs_hop",
    ]
    assert min(figures.values()) > 0


def test_agency(kafka: str, tmp_path: Path) -> None:
    """In our process and over HTTP, beside the bare loop, and our memory."""
    found = agency.run(Ground(tmp_path, kafka), _silently, agency.Size(in_flight=30, messages=60, rounds=1))
    figures = _numbers(found)
    assert list(figures) == [
        "in_flight",
        "per_s",
        "limit_per_s",
        "of_limit",
        "http_per_s",
        "http_bare_per_s",
        "rss_mb",
    ]
    assert min(figures.values()) > 0
    assert (figures["in_flight"], figures["limit_per_s"]) == (30, 150)


def test_backlog(kafka: str, tmp_path: Path) -> None:
    """How many wait, and by what share memory grew; one worker is fed what it finishes."""
    size = backlog.Size(messages=400, few=20, worked_off=60, per_s=200, held_s=0.5)
    found = backlog.run(Ground(tmp_path, kafka), _silently, size)
    assert list(found.figures) == ["messages", "rss_growth"]
    assert found.figures["messages"] == 400


def test_isolation(kafka: str, tmp_path: Path) -> None:
    """The growth of the others' 99th percentile; the dead one's commands are answered once it is healed."""
    size = isolation.Size(pairs=1, turn_s=0.5, settle_s=0.1, per_s=10)
    found = isolation.run(Ground(tmp_path, kafka), _silently, size)
    assert list(found.figures) == ["p99_growth"]


@dataclass(frozen=True, slots=True)
class Clean:
    """The word of a checker that has read nothing."""

    clean: bool = True

    def as_json(self) -> dict[str, str]:
        """As the real one says it."""
        return {"checker": "clean"}


def test_recovery() -> None:
    """A stack carries sales, one of its processes is killed and its successor's work flows; then somebody judges."""
    judged = []

    def judge(stack: Running) -> Clean:
        judged.append(stack.service("dispatch").ask("GET", "/health"))
        return Clean()

    size = recovery.Size(rounds=1, victims=("dispatch",), pause_s=0.1, per_s=10, broker=False, patience_s=0)
    found = recovery.run(jars.silently, judge, _silently, size)
    assert list(found.figures) == ["kills", "p95_s", "checker"]
    assert (found.figures["kills"], found.figures["checker"]) == (1, "clean")
    assert judged
