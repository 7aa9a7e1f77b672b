"""What agencies take in and answer later."""

from __future__ import annotations

from services.simulator.inbox import Inbox
from services.simulator.world import Asked
from tests.simulator.city import City, Play

FIRST = Asked("bank", "/loans", "k1", {"amount": "1.00"})
SECOND = Asked("bank", "/loans", "k2", {"amount": "2.00"})


def _asked(city: City, asked: Asked) -> Asked:
    bank = next(name for name, kind in city.world.kinds.items() if kind == "bank")
    return Asked(bank, asked.path, asked.key, asked.body)


def test_a_request_is_taken_in_once(play: Play) -> None:
    """The same again is the one that is there; its key stands for no other."""

    async def scenario(city: City) -> None:
        inbox, first = Inbox(city.world), _asked(city, FIRST)
        taken = await inbox.take(first)
        assert taken is not None
        assert await inbox.take(first) is taken
        assert await inbox.take(Asked(first.organisation, first.path, first.key, {"amount": "9.00"})) is None
        assert len(city.lines("taken")) == 1

    play(scenario)


def test_what_was_taken_in_survives_a_kill_until_it_is_settled(play: Play) -> None:
    """A new process finds what waits, in the order in which it came, and knows what is settled."""

    async def before(city: City) -> None:
        inbox = Inbox(city.world)
        for asked in (FIRST, SECOND):
            await inbox.take(_asked(city, asked))
        first = inbox.find(_asked(city, FIRST).organisation, "k1")
        assert first is not None
        await inbox.settle(first)
        await inbox.settle(first)

    async def after(city: City) -> None:
        inbox, second = Inbox(city.world), _asked(city, SECOND)
        assert [taken.asked for taken in inbox.waiting(second.organisation)] == [second]
        assert inbox.waiting("tax") == ()
        known = inbox.find(second.organisation, "k1")
        assert known is not None
        assert known.asked == _asked(city, FIRST)
        assert [line["settled"] for line in city.lines("taken")] == [False, False, True]

    play(before)
    play(after)
