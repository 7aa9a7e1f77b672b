"""Files: documents are taken out of a folder as they come, and a receipt each is put into another.

Each is carried out once by its key, whatever is killed in between: the world remembers the key, the receipt is there
before the document is taken away, and what still lies there is taken up again. The same document put down again gets
the same receipt; a question is answered afresh.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from http import HTTPStatus
from typing import Final, Literal

from services.runtime.identities import Identities, ours
from services.simulator.faces import documents
from services.simulator.faces.boxes import Boxes, Title
from services.simulator.faces.documents import NotADocument
from services.simulator.faces.face import Premises
from services.simulator.faces.sftp import Cuts, Declines, Door, Endless, Hangs, Receipt
from services.simulator.mishaps import Fate, Mishap
from services.simulator.world import Asked, Outcome, Unknown

KIND: Final = "customs"
LARGEST: Final = 1024 * 1024
"""Bytes of a document."""
_GARBAGE: Final = b"\x00\x1f{]}<<<\xff\xfe not an answer"
_WRONG: Final = b'<?xml version="1.0"?><rows><row>1</row><row>2</row></rows>'
_OPENING: Final = b'<?xml version="1.0"?><DecReceipt>'
_UNANSWERED: Final = 0


@dataclass
class Files:
    """All organisations of the kind, at one door. `port` is where it is, once it is `open`."""

    premises: Premises
    port: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    _came: asyncio.Queue[tuple[str, Title]] = field(default_factory=asyncio.Queue)
    _at_work: set[tuple[str, Title]] = field(default_factory=set)
    _last: dict[str, bytes] = field(default_factory=dict)

    @cached_property
    def _boxes(self) -> Mapping[str, Boxes]:
        world = self.premises.world
        root = world.journal.folder / "files"
        return {name: Boxes(root / name) for name, kind in world.kinds.items() if kind == KIND}

    async def run(self) -> None:
        """Open the door, and take up what comes and what was left."""
        for organisation, boxes in self._boxes.items():
            boxes.open()
            for about in boxes.waiting():
                self.came(organisation, about)
        settings = self.premises.settings
        identities = Identities(settings)
        door = Door(self, lambda: ours(identities), partial(identities.get, KIND))
        async with door.open(settings.bind, settings.simulator_sftp_port) as self.port, asyncio.TaskGroup() as working:
            self.open.set()
            while True:
                working.create_task(self._take_up(*await self._came.get()))

    # -- what the door asks

    def boxes(self, organisation: str) -> Boxes | None:
        return self._boxes.get(organisation)

    def refuses(self) -> bool:
        return all(self.premises.world.faults(name).down == "refuse" for name in self._boxes)

    async def may_begin(self, organisation: str) -> bool:
        fate = self.premises.mishaps.fate(organisation)
        mishap = await fate.before()
        if mishap is not None:
            self._note(Asked(organisation, "", "", None), _UNANSWERED, mishap)
        _demand_not(mishap, fate)
        return mishap is not Mishap.ERROR

    def came(self, organisation: str, about: Title) -> None:
        if (organisation, about) not in self._at_work:
            self._at_work.add((organisation, about))
            self._came.put_nowait((organisation, about))

    def asked_for(self, organisation: str, about: Title) -> None:
        """Whoever looks for what was taken has no receipt: it is carried out again, which gives him one if it may."""
        boxes = self._boxes[organisation]
        if boxes.path("SentBox", about.name).exists() and not boxes.path("InBox", about.receipt).exists():
            self.came(organisation, about)

    async def receipt(self, organisation: str, name: str) -> Receipt | None:
        fate = self.premises.mishaps.fate(organisation)
        mishap = await fate.before()
        asked = Asked(organisation, "", name.removesuffix(".xml"), None)
        if mishap is not None:
            self._note(asked, _UNANSWERED, mishap)
        if mishap is Mishap.ERROR:
            raise Declines("500")
        _demand_not(mishap, fate)
        there = self._boxes[organisation].path("InBox", name)
        if name.startswith(".") or not there.is_file():
            return None
        return await self._read(asked, there.read_bytes(), fate)

    async def _read(self, asked: Asked, raw: bytes, fate: Fate) -> Receipt:
        # It is late when it is put down; whoever reads it has waited for that already.
        punctual = replace(fate, faults=fate.faults.model_copy(update={"late": 0}))
        before = self._last.get(asked.organisation, raw)
        self._last[asked.organisation] = raw
        mishap = await punctual.after(Outcome(200, raw, ""))
        if mishap is not None:
            self._note(asked, 200, mishap)
        match mishap:
            case Mishap.ENDLESS:
                return Endless(_OPENING, b" ")
            case Mishap.GARBAGE:
                return Receipt(_GARBAGE)
            case Mishap.WRONG_SCHEMA:
                return Receipt(_WRONG)
            case Mishap.DUPLICATE:
                return Receipt(before)
        return Receipt(raw)

    # -- documents

    async def _take_up(self, organisation: str, about: Title) -> None:
        boxes = self._boxes[organisation]
        lies = boxes.path("OutBox", about.name)
        again = not lies.exists()
        found = boxes.path("SentBox", about.name) if again else lies
        kept = await self._carried_out(organisation, about, found.read_bytes()[: LARGEST + 1])
        self._at_work.discard((organisation, about))
        if kept is None:
            found.unlink()
        elif not again:
            boxes.taken(about, kept)

    async def _carried_out(self, organisation: str, about: Title, raw: bytes) -> Literal["SentBox", "FailBox"] | None:
        """Where the document goes then; None for nowhere, where a script wants no trace of it."""
        try:
            asked = _asked(organisation, about, raw)
            outcome = await self.premises.world.handle(organisation, asked.path, asked.key, asked.body)
        except (NotADocument, Unknown):
            self._answer(Asked(organisation, "", about.key, None), about, self._no(organisation, "V102"))
            return "FailBox"
        if await self.premises.mishaps.fate(organisation).after(outcome) is Mishap.HANG:
            self._note(asked, _UNANSWERED, Mishap.HANG)
        elif outcome.status == HTTPStatus.NOT_FOUND and outcome.said == b"":
            self._note(asked, outcome.status, None)
            return None
        else:
            self._answer(asked, about, outcome)
        return "SentBox"

    def _answer(self, asked: Asked, about: Title, outcome: Outcome) -> None:
        raw = documents.receipt(about.key, outcome.said, self.premises.world.country.clock.now())
        self._boxes[asked.organisation].put_receipt(about, raw)
        self._note(asked, outcome.status, None)

    def _no(self, organisation: str, code: str) -> Outcome:
        status, said = self.premises.world.country.agencies[organisation].tongue.refusal(code)
        return Outcome(status, said, "")

    def _note(self, asked: Asked, status: int, mishap: Mishap | None) -> None:
        self.premises.world.note(asked, status, None, mishap.value if mishap else None)


def _asked(organisation: str, about: Title, raw: bytes) -> Asked:
    """What a document asks for. Raises `NotADocument`."""
    path = documents.SERVICES.get(about.type)
    if path is None or len(raw) > LARGEST:
        raise NotADocument("nothing that is taken here")
    return Asked(organisation, path, about.key, documents.heard(raw, about.type, about.key))


def _demand_not(mishap: Mishap | None, fate: Fate) -> None:
    """Do to the caller what is to be done to him before anybody looks at what he wants."""
    match mishap:
        case Mishap.CUT:
            raise Cuts
        case Mishap.HANG:
            raise Hangs
        case Mishap.BUSY:
            pause = fate.faults.retry_after_s
            raise Declines("503" if pause is None else f"503, again in {pause} s")
        case Mishap.THROTTLED:
            raise Declines("429, again in 1 s")
