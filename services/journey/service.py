"""The journey as a service: what it follows, its alarm clock, its desk."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from adapters.organisations import ORGANISATIONS
from contracts import policy, topics
from services.runtime.face import Runtime
from services.runtime.subscription import Subscription

from . import desk, holdings, policy_desk
from .process import Process
from .retention import Retention
from .timers import AlarmClock

GROUP: Final = "journey"
FOLLOWED: Final = tuple(
    topic.name for topic in (topics.SALE_EVENTS, topics.DELIVERY_EVENTS, *map(topics.events, topics.AGENCIES))
)


def build(runtime: Runtime) -> FastAPI:
    """Wire the journey to its runtime."""
    process = Process(runtime.clock, policy.load(), frozenset(ORGANISATIONS))
    runtime.subscribe(Subscription(GROUP, FOLLOWED, process.apply))
    alarm = AlarmClock(runtime.store, runtime.clock, process)
    runtime.background("timers", alarm.run)
    runtime.background("census", alarm.census)
    runtime.background("retention", Retention(runtime.store, runtime.clock).run)
    runtime.holds(*holdings.HOLDINGS, messages=holdings.MESSAGES)
    app = FastAPI(title="Tongche journey", docs_url=None, redoc_url=None, openapi_url=None)
    desk.mount(app, runtime, process)
    policy_desk.mount(app, runtime, process)
    return app
