"""The arithmetic of the benches, and what they tell of it."""

from __future__ import annotations

from typing import get_args

import pytest

from services.bench import isolation
from services.bench.arithmetic import growth, noise, percentile
from services.bench.contest import medians
from services.bench.figures import Reach, Row, Target
from services.bench.follower import Seen
from services.bench.messages import commands
from services.bench.recovery import Played, _found, firsts
from services.bench.stopwatch import Stopwatch
from services.cli.bench import _VERDICTS
from services.runtime.record import Record, read


def test_a_percentile_is_one_of_the_values() -> None:
    """The nearest rank: of twenty, the second largest is the 95th percentile; of one, it is that one."""
    assert percentile([float(number) for number in range(20, 0, -1)], 0.95) == 19
    assert percentile([7.0], 0.99) == 7
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2


def test_growth_is_the_median_of_pairs() -> None:
    """One disturbed turn does not decide."""
    assert growth([(100.0, 101.0), (100.0, 900.0), (200.0, 204.0)]) == pytest.approx(0.02)


def test_noise_is_how_much_the_same_differs_from_itself() -> None:
    """Up or down, from each measurement to the next; one leap does not decide."""
    assert noise([100.0, 110.0, 99.0, 990.0]) == pytest.approx(0.1)
    assert noise([100.0, 100.0]) == 0


@pytest.mark.parametrize(
    ("alive", "dead", "verdict"),
    [
        ([100, 102, 100, 101], [103, 104, 102], "reached"),
        ([100, 102, 100, 101], [130, 131, 128], "missed"),
        ([100, 150, 100, 150], [100, 150, 100], "noise"),
        ([100, 150, 100, 150], [115, 180, 120], "noise"),
        ([100, 150, 100, 150], [900, 950, 900], "missed"),
    ],
)
def test_isolation_is_judged_only_where_the_same_comes_out_the_same(
    alive: list[float], dead: list[float], verdict: str
) -> None:
    """Turns that differ by half without anybody dead say nothing about a twentieth; ninefold is no noise."""
    found = isolation._found(isolation.Turns(alive, dead), isolation.Size(pairs=3))
    assert found.rows[-1].verdict == verdict


def test_rounds_are_told_by_their_medians() -> None:
    """Each figure by itself."""
    assert medians([{"a": 1, "b": 9}, {"a": 3, "b": 1}, {"a": 2, "b": 5}]) == {"a": 2, "b": 5}


@pytest.mark.parametrize(
    ("target", "value", "verdict"),
    [
        (Target("≥", 25), 25, "reached"),
        (Target("≥", 25), 24.9, "missed"),
        (Target("≤", 0.05), 0.05, "reached"),
        (Target("<", 5), 5, "missed"),
        (None, 1, ""),
        (Target("<", 5), "-", ""),
    ],
)
def test_a_row_says_whether_its_target_is_reached(target: Target | None, value: float | str, verdict: str) -> None:
    """Where it has one."""
    assert Row("", "", value, target).verdict == verdict


def test_the_clock_runs_from_the_warm_up_to_the_last_that_counts() -> None:
    """What comes after the last changes nothing."""
    watch = Stopwatch(10, 0.5)
    for _ in range(9):
        watch.count()
    assert watch.measured == {}
    watch.count()
    measured = dict(watch.measured)
    assert measured.keys() == {"per_s", "cpu_us"}
    watch.count()
    assert watch.measured == measured


def test_recovery_tells_all_kills_together_and_the_broker_apart() -> None:
    """Nineteen quick ones and a slow one: the slow one is beyond the 95th percentile."""
    kills = [("journey", 1.0)] * 19 + [("dispatch", 9.0)]
    found = _found(Played(kills, 14.0, 0), {"checker": "clean"})
    assert found.figures == {"kills": 20, "p95_s": 1.0, "checker": "clean"}
    assert [row.value for row in found.rows] == [1.0, 9.0, 1.0, 14.0, 0, "clean"]


def test_work_flows_from_the_first_word_about_each_vehicle_after_the_kill() -> None:
    """Not what the dead one wrote, nor others; while the broker is away what is written is not yet read."""
    seen = [
        Seen("mine", "car 1", 9.9, 10.2, b""),
        Seen("others", "car 2", 10.1, 10.2, b""),
        Seen("mine", "car 3", 10.3, 14.0, b""),
        Seen("mine", "car 1", 10.1, 14.0, b""),
        Seen("mine", "car 1", 10.2, 14.1, b""),
    ]
    assert firsts(seen, "mine", 10.0, lambda one: one.at) == [10.1, 10.3]
    assert firsts(seen, "mine", 10.0, lambda one: one.read) == [14.0, 14.0]


def test_the_messages_are_real_and_of_the_size_that_is_told() -> None:
    """Valid commands about so many vehicles in turn, each with an id of its own, about 700 bytes."""
    sent = list(commands("topic", 30, 10))
    assert len({one.id for one in sent}) == 30
    assert len({one.key for one in sent}) == 10
    for one in sent:
        assert read(Record(one.topic, 0, 0, one.key, one.headers, one.value)).envelope.id == one.id
        size = len(one.key) + len(one.value) + sum(len(name) + len(value) for name, value in one.headers)
        assert 650 < size < 750


def test_every_verdict_has_its_words() -> None:
    """For people, in both languages."""
    assert _VERDICTS.keys() == set(get_args(Reach))
    assert all("\n" in words for verdict, words in _VERDICTS.items() if verdict)
