"""Worlds whose story Hypothesis writes, and shortens where something is wrong."""

from __future__ import annotations

import random
from functools import partial

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adapters.spec import Features
from tests.simulation.bookkeeper import Books
from tests.simulation.dispatching import OFFICES, VINS, Dispatch
from tests.simulation.offices import MOODS
from tests.simulation.plans import settled
from tests.simulation.supervisor import Supervisor
from tests.simulation.world import World

SLOTS = st.sampled_from(["0", "1"])
SECONDS = st.sampled_from([0.3, 2.0, 6.0])


class Disturbed(RuleBasedStateMachine):
    """What may befall any service, at any moment."""

    supervisor: Supervisor

    @property
    def world(self) -> World:
        """Where it happens."""
        return self.supervisor.world

    @rule(seconds=st.sampled_from([0.01, 0.1, 1.0, 4.0]))
    def let_time_pass(self, seconds: float) -> None:
        """Whatever is under way goes on."""
        self.world.run(self.world.now + seconds)

    @rule(many=st.integers(1, 40))
    def let_little_happen(self, many: int) -> None:
        """To stop in the middle of something."""
        end = self.world.steps + many
        self.world.run(self.world.now + 1, lambda: self.world.steps >= end)

    @rule(slot=SLOTS)
    def kill(self, slot: str) -> None:
        """As by `kill -9`."""
        self.supervisor.kill(slot)

    @rule(slot=SLOTS, seconds=SECONDS, replaced=st.booleans())
    def freeze(self, slot: str, seconds: float, *, replaced: bool) -> None:
        """As by SIGSTOP, perhaps with a new one in its place when it thaws."""
        self.supervisor.freeze(slot, seconds, replaced=replaced)

    @rule(kind=st.sampled_from(["broker", "disk", "slow disk"]), seconds=SECONDS)
    def away(self, kind: str, seconds: float) -> None:
        """Something that all need is away for a while."""
        self.supervisor.outage(kind, seconds)

    @rule(often=st.sampled_from([0.0, 0.2]))
    def doubt(self, often: float) -> None:
        """Things are done without anybody hearing of it, or not done."""
        self.supervisor.service.cluster.trouble = self.supervisor.service.disk.doubt = often

    @invariant()
    def nothing_crashes_unplanned(self) -> None:
        """A process ends only where a new one helps."""
        assert not self.supervisor.unplanned
        assert not self.world.complaints


class BooksDisturbed(Disturbed):
    """A service whose effect is in its store; alone or one of two."""

    @initialize(slots=st.sampled_from(["0", "01"]), seed=st.integers(0, 1000))
    def begin(self, slots: str, seed: int) -> None:
        """An empty topic."""
        self.books = Books(World(seed))
        self.supervisor = Supervisor(self.books, set(slots))

    @rule(key=st.sampled_from(["a", "b"]), twice=st.booleans())
    def send(self, key: str, *, twice: bool) -> None:
        """A message comes, perhaps twice."""
        self.books.send(key, twice=twice)

    @invariant()
    def nothing_is_wrong_yet(self) -> None:
        """What is judged at every moment."""
        assert not self.books.wrong

    def teardown(self) -> None:
        """In the end everything was applied and said, once and in order."""
        outcome = settled(self.supervisor, lambda: self.books.finished, partial(self.books.judged, alone=False))
        assert not outcome.wrong, str(outcome)


class DispatchDisturbed(Disturbed):
    """Two processes that carry commands to two organisations."""

    @initialize(features=st.sampled_from(Features), seed=st.integers(0, 1000))
    def begin(self, features: Features, seed: int) -> None:
        """Nothing to deliver yet."""
        random.seed(seed)
        self.dispatch = Dispatch(World(seed), features)
        self.supervisor = Supervisor(self.dispatch, {"0", "1"})

    @rule(office=st.sampled_from(OFFICES), vin=st.sampled_from(VINS[:2]), twice=st.booleans())
    def send(self, office: str, vin: str, *, twice: bool) -> None:
        """A command comes, perhaps twice."""
        self.dispatch.send(office, vin, twice=twice)

    @rule(office=st.sampled_from(OFFICES), mood=st.sampled_from(list(MOODS)))
    def change_mood(self, office: str, mood: str) -> None:
        """An organisation gets better or worse."""
        self.dispatch.offices[office].mood = MOODS[mood]

    @invariant()
    def nothing_is_wrong_yet(self) -> None:
        """What is judged at every moment."""
        assert not self.dispatch.wrong

    def teardown(self) -> None:
        """In the end everything was done once, or waits for a person."""
        for office in self.dispatch.offices.values():
            office.mood = MOODS["well"]
        outcome = settled(self.supervisor, lambda: self.dispatch.finished, self.dispatch.judged)
        assert not outcome.wrong, str(outcome)


_SETTINGS = settings(max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
BooksDisturbed.TestCase.settings = _SETTINGS
DispatchDisturbed.TestCase.settings = _SETTINGS
TestBooks = BooksDisturbed.TestCase
TestDispatch = DispatchDisturbed.TestCase
