"""Policies at the operators' interface: the packs, what they mean for a case, and what a draft would change.

Nothing here carries personal data: cases are named by their ids, and told by rule, date and amount.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, func, select

from contracts.policy import Pack, Policies, PolicyFaults, on_trial, parse, read_packs
from services.runtime import problems
from services.runtime.face import Runtime
from services.runtime.operator import operator

from . import store
from .case import Case
from .outlook import Change, Difference, Outlook, Question, Stage, outlook, trial
from .process import NoSuchCase, Process
from .tables import cases

PAGE: Final = 200
_LONGEST_PACK: Final = 100_000


class Draft(BaseModel):
    """A pack to be tried, as the text of its file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pack: Annotated[str, Field(max_length=_LONGEST_PACK)]


def mount(app: FastAPI, runtime: Runtime, process: Process) -> None:
    """Add the interface, and its way of naming what is wrong with a draft."""
    app.include_router(_routes(runtime, process))
    app.add_exception_handler(PolicyFaults, _faulty)


def _routes(runtime: Runtime, process: Process) -> APIRouter:
    router = APIRouter(prefix="/v1", dependencies=[Depends(operator(runtime.secrets))])
    shelf = read_packs()

    @router.get("/policies")
    async def packs() -> dict[str, Any]:
        return {"packs": [pack.entries for pack in shelf]}

    @router.get("/cases/{case_id}/policies")
    async def explain(case_id: str) -> dict[str, Any]:
        case = await runtime.store.read(partial(store.seen, case_id=case_id))
        if case is None:
            raise NoSuchCase(case_id)
        return told(outlook(case, process.policies, runtime.clock.today()), shelf)

    @router.post("/policies/trial")
    async def try_out(draft: Draft) -> StreamingResponse:
        tried = on_trial(process.policies, parse(draft.pack))
        test = _Trial(runtime, process.policies, tried, runtime.clock.today())
        return StreamingResponse(test.lines(), media_type="application/x-ndjson")

    return router


@dataclass(slots=True)
class _Trial:
    """A draft against all open cases, a page at a time: memory does not grow with their number."""

    runtime: Runtime
    current: Policies
    tried: Policies
    today: date
    checked: int = 0
    changed: int = 0
    gaps: dict[str, int] = field(default_factory=lambda: {"closed": 0, "opened": 0})

    async def lines(self) -> AsyncIterator[str]:
        """How many are open, each case that changes, after each page how far it is, and at last the sum."""
        yield _line(open=await self.runtime.store.read(_count_open))
        after: str | None = ""
        while after is not None:
            # Reckoned where the store reads, so that the cases which live meanwhile are not kept waiting.
            after, changes = await self.runtime.store.read(partial(self._page, after=after))
            for change in changes:
                yield _line(case=change)
            yield _line(checked=self.checked)
        yield _line(done=True, checked=self.checked, changed=self.changed, gaps=self.gaps)

    def _page(self, connection: Connection, after: str) -> tuple[str | None, list[dict[str, Any]]]:
        """The last id of the next page, None where that was the last one, and what changes in it."""
        found = _open_cases(connection, after)
        self.checked += len(found)
        changes = list(trial(found, self.current, self.tried, self.today))
        for change in changes:
            self._count(change)
        return (found[-1].id if len(found) == PAGE else None), [_changed(change) for change in changes]

    def _count(self, change: Change) -> None:
        self.changed += 1
        self.gaps["closed"] += any(each.closes_gap for each in change.differences)
        self.gaps["opened"] += any(each.opens_gap for each in change.differences)


_OPEN: Final = cases.c.headline.not_in(("CLOSED", "CANCELLED", "REFUSED"))


def _count_open(connection: Connection) -> int:
    return connection.execute(select(func.count()).where(_OPEN)).scalar_one()


def _open_cases(connection: Connection, after: str) -> list[Case]:
    wanted = select(cases.c.state).where(_OPEN, cases.c.id > after)
    rows = connection.execute(wanted.order_by(cases.c.id).limit(PAGE)).scalars()
    return [Case.model_validate_json(state) for state in rows]


def told(found: Outlook, shelf: Iterable[Pack]) -> dict[str, Any]:
    """An outlook as JSON, each answer with the title and source of its pack, and every pack that is named."""
    by_id = {pack.id: pack for pack in shelf}
    return {
        "case": found.case.id,
        "kind": found.case.kind,
        "headline": found.case.headline,
        "packs": [_entries(by_id, id_) | {"stage": stage} for id_, stage in _named(found).items()],
        "questions": [_question(question, by_id) for question in found.questions],
        "annotations": [pack.entries for pack in found.annotations],
    }


def _entries(by_id: Mapping[str, Pack], id_: str) -> dict[str, Any]:
    """As the list of packs has it; one that an old case remembers and no file holds any more is named all the same."""
    return by_id[id_].entries if id_ in by_id else {"id": id_, "status": None}


def _named(found: Outlook) -> dict[str, str]:
    """The packs of a case, each by how far it is with it: what has decided, what will, and what only annotates."""
    by_stage: dict[str, list[str]] = {
        "decided": [*found.case.packs, *_answering(found, "decided")],
        "ahead": [*_answering(found, "ahead")],
        "annotates": [pack.id for pack in found.annotations],
    }
    named: dict[str, str] = {}
    for stage, packs in by_stage.items():
        for pack in packs:
            named.setdefault(pack, stage)
    return named


def _answering(found: Outlook, stage: Stage) -> Iterator[str]:
    for question in found.questions:
        if question.stage == stage and question.said and question.said.pack:
            yield question.said.pack


def _question(question: Question, by_id: dict[str, Pack]) -> dict[str, Any]:
    pack = by_id.get(question.said.pack or "") if question.said else None
    return {
        "rule": question.rule,
        "stage": question.stage,
        "field": question.date_field,
        "date": question.on.isoformat(),
        "assumed": question.assumed,
        **_answer(question),
        "title": pack and pack.title.model_dump(),
        "source": pack and pack.source.model_dump(exclude_none=True),
    }


def _answer(question: Question) -> dict[str, Any]:
    answer = asdict(question.said) if question.said else {"pack": None, "zh": None, "en": None, "fen": {}}
    return answer | {"gap": question.gap}


def _changed(change: Change) -> dict[str, Any]:
    return {
        "id": change.case.id,
        "kind": change.case.kind,
        "headline": change.case.headline,
        "questions": [_difference(each) for each in change.differences],
    }


def _difference(each: Difference) -> dict[str, Any]:
    return {
        "rule": each.before.rule,
        "field": each.before.date_field,
        "date": each.before.on.isoformat(),
        "assumed": each.before.assumed,
        "before": _answer(each.before),
        "after": _answer(each.after),
        "gap": "closed" if each.closes_gap else "opened" if each.opens_gap else None,
    }


def _line(**members: Any) -> str:
    return json.dumps(members, ensure_ascii=False) + "\n"


async def _faulty(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, PolicyFaults):
        raise error
    title = problems.both("政策包有误", "the pack cannot be used")
    faults = [{"zh": fault.zh, "en": fault.en} for fault in error.faults]
    return problems.answer(422, "bad-pack", title=title, code="bad-pack", faults=faults)
