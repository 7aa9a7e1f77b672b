"""The supervisor, over services as small as can be."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from services.stack import readiness
from services.stack.child import pauses
from services.stack.ports import is_free
from services.stack.processes import Identity, end
from services.stack.pulse import Pulse
from services.stack.state import Stack
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from tests.stack.conftest import Eventually, FakeKafka, Stacks


def alive(stack: Stack) -> list[str]:
    return [name for name, child in stack.children.items() if child.identity.is_alive()]


def test_up_returns_when_everything_is_ready(stacks: Stacks, fake_kafka: FakeKafka) -> None:
    """Every service answers, and the addresses say where."""
    stack = stacks("door:good", "console:good").up()
    assert readiness.unready(stack) == []
    assert stack.urls["kafka"] == fake_kafka.bootstrap
    assert stack.urls["door"] == f"http://127.0.0.1:{stack.ports['door']}"


@pytest.mark.usefixtures("fake_kafka")
def test_a_second_up_changes_nothing(stacks: Stacks) -> None:
    """Up is safe to repeat: the same processes go on."""
    fakes = stacks("door:good")
    first, second = fakes.up(), fakes.up()
    assert first.supervisor == second.supervisor
    assert first.children == second.children


@pytest.mark.usefixtures("fake_kafka")
def test_a_killed_service_is_replaced(stacks: Stacks, eventually: Eventually) -> None:
    """Another process takes its place on the same port, at once."""
    fakes = stacks("door:good", "console:good")
    before = fakes.up()
    os.kill(before.children["door"].pid, signal.SIGKILL)
    eventually(lambda: fakes.now.children["door"].restarts == 1)
    eventually(lambda: readiness.unready(fakes.now) == [])
    after = fakes.now
    assert after.ports == before.ports
    assert after.children["door"].pid != before.children["door"].pid
    assert after.children["door"].last_exit == -signal.SIGKILL
    assert after.children["console"] == before.children["console"]


@pytest.mark.usefixtures("fake_kafka")
def test_a_service_that_hangs_is_killed_and_replaced(stacks: Stacks, eventually: Eventually) -> None:
    """Frozen, it lives and does nothing: it is dead before its successor starts, for there is one place for both."""
    fakes = stacks("door:good", "console:good")
    before = fakes.up().children["door"]
    os.kill(before.pid, signal.SIGSTOP)
    eventually(lambda: fakes.now.children["door"].hangs == 1)
    after = fakes.now.children["door"]
    assert not before.identity.is_alive()
    assert (after.restarts, after.last_exit) == (1, -signal.SIGKILL)
    eventually(lambda: readiness.unready(fakes.now) == [])
    assert fakes.now.children["console"].restarts == 0


@pytest.mark.usefixtures("fake_kafka")
def test_a_service_that_is_slow_to_start_is_left_alone(stacks: Stacks) -> None:
    """Silence before the first answer is a start, however long it takes."""
    stack = stacks("door:slow").up()
    assert stack.children["door"].restarts == 0


def test_a_pulse_is_gone_only_after_an_answer_or_when_frozen() -> None:
    """Never answered: starting. Answered once and silent for the limit: hangs. Frozen: hangs even before."""
    assert not any(_felt([False] * 9))
    assert _felt([True, False, False, False, False]) == [False, False, False, True, True]
    assert not any(_felt([True, False, False, True, False, False]))
    assert _felt([False] * 4, frozen=True)[-1]


def test_time_that_the_supervisor_itself_was_frozen_does_not_count() -> None:
    """A laptop that slept for an hour kills nobody."""
    assert not any(_felt([True, False, False], seconds=[0, 3600, 3601], limit=10.0))


def _felt(
    answers: list[bool], *, frozen: bool = False, seconds: list[float] | None = None, limit: float = 3.0
) -> list[bool]:
    clock = iter(seconds or [float(second) for second in range(len(answers))])
    pulse = Pulse(limit, now=lambda: next(clock))
    return [pulse.gone(answered=answered, frozen=frozen) for answered in answers]


@pytest.mark.usefixtures("fake_kafka")
def test_services_outlive_their_supervisor_and_the_next_one_replaces_them(
    stacks: Stacks, eventually: Eventually
) -> None:
    """After kill -9 of the supervisor the services serve on, until a new up ends them and starts its own."""
    fakes = stacks("door:good", "console:stubborn")
    before = fakes.up()
    fakes.kill_supervisor()
    eventually(lambda: not before.runs())
    assert readiness.unready(before) == []
    after = fakes.up()
    assert alive(before) == []
    assert alive(after) == ["door", "console"]
    assert after.ports == before.ports


@pytest.mark.usefixtures("fake_kafka")
def test_a_service_that_was_never_written_down_is_ended_too(stacks: Stacks, eventually: Eventually) -> None:
    """A supervisor may die between starting a service and writing that down: its successor must get the port."""
    fakes = stacks("door:good", "console:good")
    before = fakes.up()
    fakes.kill_supervisor()
    eventually(lambda: not before.runs())
    forgotten = fakes.now
    del forgotten.children["door"]
    forgotten.save(fakes.folder)
    after = fakes.up()
    assert alive(before) == []
    assert (after.ports, after.children["door"].restarts) == (before.ports, 0)


@pytest.mark.usefixtures("fake_kafka")
def test_down_ends_what_a_killed_supervisor_left(stacks: Stacks, eventually: Eventually) -> None:
    """No supervisor is needed to stop its children."""
    fakes = stacks("door:good")
    before = fakes.up()
    fakes.kill_supervisor()
    eventually(lambda: not before.runs())
    assert fakes.down()
    assert alive(before) == []
    assert fakes.now.phase == "stopped"
    assert not fakes.down()


@pytest.mark.usefixtures("fake_kafka")
def test_ports_outlive_a_stop(stacks: Stacks) -> None:
    """Down and up again: the addresses are the same, the ports were free in between."""
    fakes = stacks("door:good")
    before = fakes.up()
    fakes.down()
    assert is_free(before.ports["door"])
    assert fakes.up().ports == before.ports


@pytest.mark.usefixtures("fake_kafka")
def test_a_stubborn_service_does_not_hold_up_the_stop(stacks: Stacks, eventually: Eventually) -> None:
    """Who does not stop when asked, ever, is killed by the supervisor, without any help of `down`."""
    stack = stacks("door:stubborn").up()
    assert stack.supervisor is not None
    os.kill(stack.supervisor.pid, signal.SIGTERM)
    eventually(lambda: not stack.runs())
    assert alive(stack) == []


@pytest.mark.usefixtures("fake_kafka")
def test_a_service_that_cannot_start_is_named_with_its_log(stacks: Stacks) -> None:
    """The diagnosis says which one, and shows what it said."""
    fakes = stacks("door:good", "console:broken", deadline=4)
    with pytest.raises(TroubleError) as trouble:
        fakes.up()
    assert "console did not become ready" in trouble.value.en
    assert "console cannot start" in trouble.value.en
    assert str(fakes.folder.log("console")) in trouble.value.fix


def test_a_supervisor_that_cannot_start_shows_why(stacks: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own trouble reaches the person who typed up, with the fix."""
    monkeypatch.setenv("TONGCHE_DOOR_PORT", "no number")
    with pytest.raises(TroubleError) as trouble:
        stacks("door:good").up()
    assert "supervisor did not become ready" in trouble.value.en
    assert "TONGCHE_DOOR_PORT" in trouble.value.en


def test_up_brings_its_own_broker_and_takes_over_an_orphaned_one(stacks: Stacks, eventually: Eventually) -> None:
    """With real Kafka: a killed supervisor and a killed broker, and the next up serves on the same address."""
    fakes = stacks("door:good", deadline=60)
    before = fakes.up()
    os.kill(before.children["kafka"].pid, signal.SIGKILL)
    eventually(lambda: fakes.now.children["kafka"].restarts == 1)
    eventually(lambda: readiness.unready(fakes.now) == [])
    fakes.kill_supervisor()
    after = fakes.up()
    assert after.urls["kafka"] == before.urls["kafka"]
    assert readiness.unready(after) == []


def test_the_first_replacement_is_immediate_and_no_pause_is_long() -> None:
    """A crash costs no time, a crash loop costs no processor."""
    waits = pauses()
    first = [next(waits) for _ in range(50)]
    assert first[0] == 0
    assert first == sorted(first)
    assert max(first) <= 5


def test_a_number_used_again_is_a_stranger() -> None:
    """A process with our old number but another start is neither alive to us nor ended by us."""
    me = Identity.of(os.getpid())
    stranger = Identity(me.pid, me.started - 100)
    assert me.is_alive()
    assert not stranger.is_alive()
    end([stranger], 0.1)


def test_silence_and_garbage_are_not_ready(stacks: Stacks, fake_kafka: FakeKafka) -> None:
    """An internal question to a port where nobody speaks HTTP is an OSError, nothing else."""
    with pytest.raises(OSError, match="status"):
        readiness.get_json(f"http://{fake_kafka.bootstrap}/api/status", "token")
    assert issubclass(ConnectionError, OSError)
    assert not issubclass(http.client.HTTPException, OSError)


@pytest.mark.usefixtures("fake_kafka")
def test_topics_that_cannot_be_made_are_named(stacks: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    """The services wait for them, but the person need not wait for the services."""
    monkeypatch.setenv("FAKE_TOPICS", "refused")
    with pytest.raises(TroubleError, match="topics did not become ready.*no topics today"):
        stacks("door:good").up()


def test_a_process_that_is_gone_before_it_was_looked_at_is_dead() -> None:
    """A service that dies at once must not take its supervisor along."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert not Identity.of_new(process.pid).is_alive()
