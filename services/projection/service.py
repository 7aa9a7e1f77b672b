"""Puts the projection together."""

from __future__ import annotations

from functools import partial
from typing import Final

from fastapi import FastAPI

from contracts.topics import SUBSCRIBABLE
from services.runtime import reading, topics
from services.runtime.face import Runtime
from services.runtime.lanes import Lane
from services.runtime.subscribers import SubscribersFile

from . import holdings, problems
from .disclosures import Book, Retention
from .register import Register
from .routes import Office, routes
from .webhooks.addresses import Rules
from .webhooks.post import Postman
from .webhooks.posting import Posting
from .webhooks.routes import routes as webhook_routes
from .work import Projecting

GROUP: Final = "projection"
AT_ONCE: Final = 1_000
"""Lanes at work: each waits for the transaction that records it and for Kafka, so many share both."""


def build(runtime: Runtime) -> FastAPI:
    """Follow every topic of which there may be views, and give operators their interface."""
    file = SubscribersFile(runtime.settings.subscribers)
    provide = partial(topics.ensure, runtime.settings)
    register = Register(file, runtime.store, runtime.clock, runtime.secrets.key_secret, provide)
    book = Book(runtime.store, runtime.clock)
    runtime.background("grants", partial(_keep, register, runtime))
    runtime.background("retention", Retention(runtime.store, runtime.clock).run)
    runtime.first(register.known.wait)
    runtime.work(
        Lane(
            GROUP,
            tuple(SUBSCRIBABLE),
            runtime.settings.kafka,
            runtime.slot,
            at_once=AT_ONCE,
            records=4 * AT_ONCE,
            session_s=runtime.settings.session_s,
        ),
        Projecting(register, book, runtime.producer, runtime.store, runtime.clock),
    )
    runtime.holds(*holdings.HOLDINGS, messages=holdings.MESSAGES)
    app = FastAPI(title="Tongche projection", docs_url=None, redoc_url=None)
    app.include_router(routes(Office(register, runtime.store, runtime.secrets.key_secret), runtime.secrets))
    app.include_router(webhook_routes(_posting(runtime, register), runtime.secrets))
    problems.install(app)
    return app


def _posting(runtime: Runtime, register: Register) -> Posting:
    postman, shelf = Postman.of(Rules.of(runtime.settings)), reading.Shelf(runtime.settings)
    for close in (postman.close, shelf.close):
        runtime.closing(close)
    posting = Posting(
        runtime.settings,
        runtime.store,
        runtime.clock,
        runtime.secrets.key_secret,
        register,
        postman,
        shelf,
        partial(reading.since, runtime.settings),
        partial(reading.spans, runtime.settings),
        runtime.slot,
    )
    runtime.background("webhooks", posting.run)
    return posting


async def _keep(register: Register, runtime: Runtime) -> None:
    # Whoever starts the stack makes all topics at once; the register only adds what is new since then.
    await topics.wait_for(runtime.settings, tuple(SUBSCRIBABLE))
    await register.run()
