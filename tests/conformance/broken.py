"""Agencies that misbehave, each in one way that a real one was seen to, or well might."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import html
import json
import re
import secrets
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web

from adapters.spec import Letter
from tests.conformance.town import Faithful, Told

REFUSED = 400
FIRST_PLANE = 0xFFFF
MEGABYTE = 1024 * 1024
SIGNATURE = "X-Jws-Signature"
ASKING = "/chaxun"
QUOTING = "/compulsory/quotations"
INVOICING = "/fapiao/kaiju"
APPLYING = "/vehicle-export/licences"
LOOKING_UP = "/vehicle-export/licences/query"
FOUND = 200
LONGEST_KEY = 255


def readable(raw: bytes) -> Any:
    """A body as lenient parsers read it; None if even they cannot."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


class Forgetful(Faithful):
    """It pays no heed to idempotency keys."""

    async def heard(self, told: Told) -> Told:
        return await self.passed_on(told.under(secrets.token_hex(8)) if told.key else told)


class Careless(Faithful):
    """It knows keys again, but not what they were used for: another car gets the first one's answer."""

    async def heard(self, told: Told) -> Told:
        if told.key and told.key in self.memory:
            return self._kept(told.key)
        said = await self.passed_on(told)
        if said.status < REFUSED:
            self.memory[told.key] = said
        return said


class Racing(Faithful):
    """It looks a key up first and writes it down later: what comes meanwhile acts again."""

    async def heard(self, told: Told) -> Told:
        busy = self.memory.setdefault("busy", set())
        key = secrets.token_hex(8) if told.key in busy else told.key
        busy.add(told.key)
        try:
            return await self.passed_on(told.under(key))
        finally:
            await asyncio.sleep(0)
            busy.discard(told.key)


class Keyless(Faithful):
    """It acts for whoever brings no key."""

    async def heard(self, told: Told) -> Told:
        return await self.passed_on(told if told.key else told.under(secrets.token_hex(8)))


class ShortKeys(Faithful):
    """Its column for keys is too short, and the rest of them is cut off."""

    async def heard(self, told: Told) -> Told:
        return await self.passed_on(told.under(told.key[:12]))


class Overnight(Faithful):
    """Its look-up searches a copy of the register that is made at night: what was done today, it does not know."""

    async def heard(self, told: Told) -> Told:
        if not told.path.endswith(LOOKING_UP):
            return await self.passed_on(told)
        unknown = {"resultCode": "SWB-404", "resultDesc": "未查询到相关信息"}
        return Told(404, {"Content-Type": "application/json"}, b"").saying(unknown)


class ByExporter(Faithful):
    """Its look-up goes by the exporter alone, and shows that one's newest licence, whichever car it is for."""

    async def heard(self, told: Told) -> Told:
        exporter = str((readable(told.raw) or {}).get("exporterCode"))
        if told.path.endswith(LOOKING_UP) and exporter in self.memory:
            return self._kept(exporter)
        said = await self.passed_on(told)
        if told.path.endswith(APPLYING) and said.status == FOUND:
            self.memory[exporter] = said
        return said


class Dearer(Faithful):
    """It quotes a premium that it does not cover a car for."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        body = readable(said.raw)
        if said.status != FOUND or not told.path.endswith(QUOTING):
            return said
        return said.saying({"data": body["data"] | {"compulsoryPremium": "950.01"}})


class Refusing(Faithful):
    """Whatever is asked for, it says that it cannot be; and it looks at no signature before that."""

    async def heard(self, told: Told) -> Told:
        if told.path.endswith(INVOICING):
            return Told(FOUND, {"Content-Type": "application/json"}, b'{"jieGuoMa":"SW4220","jieGuoXinXi":""}')
        return await self.passed_on(told)


class Silent(Faithful):
    """It takes the message, and never says a word."""

    async def heard(self, told: Told) -> Told:
        await asyncio.get_running_loop().create_future()
        return told


class ForgetsWhoHangsUp(Faithful):
    """It writes an answer down only once it has been delivered."""

    async def heard(self, told: Told) -> Told:
        lock = self.memory.setdefault(f"lock {told.key}", asyncio.Lock())
        async with lock:
            if told.key in self.memory:
                return self._kept(told.key)
            said = await self.passed_on(told.under(secrets.token_hex(8)))
            if not await self._hung_up(told):
                self.memory[told.key] = said
            return said

    async def _hung_up(self, told: Told) -> bool:
        for _ in range(20):
            if told.is_left():
                return True
            await asyncio.sleep(0.01)
        return False


class ClaimsTooEarly(Faithful):
    """It claims a key with the first byte of a message, and never lets go of it."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Idempotency-Key", "")
        if key in self.memory:
            return web.json_response({"error": "in flight"}, status=409)
        self.memory[key] = True
        answer = await super().answer(request)
        del self.memory[key]
        return answer


class Mixing(Faithful):
    """It keeps the answer in one place for all, so that who comes at the same time gets another's."""

    async def heard(self, told: Told) -> Told:
        under_way = self.memory["under way"] = self.memory.get("under way", 0) + 1
        said = await self.passed_on(told)
        self.memory["under way"] -= 1
        if under_way == 1 and not self.memory["under way"]:
            return said
        before: Told = self.memory.get("last", said)
        self.memory["last"] = said
        return before


class Resentful(Faithful):
    """It remembers every no, and repeats it to the same key whatever has happened since."""

    async def heard(self, told: Told) -> Told:
        if told.key and told.key in self.memory:
            return self._kept(told.key)
        said = await self.passed_on(told)
        if told.key and said.status >= REFUSED:
            self.memory[told.key] = said
        return said


class Eager(Faithful):
    """Where nothing is at an address, it says in its own words that it found nothing."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        return (
            said.saying({"resultCode": "SWB-404", "resultDesc": "未查询到"}) if b"unknown service" in said.raw else said
        )


class Html(Faithful):
    """Whoever is refused sees a page."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        if said.status < REFUSED:
            return said
        return Told(said.status, {"Content-Type": "text/html"}, b"<html><h1>Bad Request</h1></html>")


class Gbk(Faithful):
    """It speaks of JSON and writes GBK."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        said.raw = said.raw.decode().encode("gbk")
        return said


class Packed(Faithful):
    """It compresses everything, asked or not."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        return Told(said.status, said.headers | {"Content-Encoding": "gzip"}, gzip.compress(said.raw))


class Crashing(Faithful):
    """What it cannot parse breaks it."""

    async def heard(self, told: Told) -> Told:
        if readable(told.raw) is None:
            return Told(500, {"Content-Type": "application/json"}, b'{"error":"unexpected token"}')
        return await self.passed_on(told)


class Shallow(Faithful):
    """Its parser follows brackets until its stack is used up."""

    async def heard(self, told: Told) -> Told:
        if b"[" * 1000 in told.raw:
            return Told(500, {"Content-Type": "application/json"}, b'{"error":"stack overflow"}')
        return await self.passed_on(told)


class Greedy(Faithful):
    """It reads whatever length is sent."""

    async def heard(self, told: Told) -> Told:
        if len(told.raw) > MEGABYTE:
            body = told.body
            del body["x"]
            return await self.passed_on(told.saying(body))
        return await self.passed_on(told)


class Lenient(Faithful):
    """Its parser takes NaN for a number."""

    async def heard(self, told: Told) -> Told:
        told.raw = told.raw.replace(b"NaN", b"0")
        return await self.passed_on(told)


class Gossip(Faithful):
    """Its refusals repeat what was asked, so that people can see what was wrong."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        if said.status < REFUSED:
            return said
        return said.saying(said.body | {"request": told.raw.decode(errors="replace")})


class OtherCode(Faithful):
    """Whatever does not match, it calls a bad field."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        said.raw = said.raw.replace(b"E2022", b"E1002")
        return said


class AnotherCar(Faithful):
    """It answers about another car."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        said.raw = re.sub(rb'"frameNo": "[^"]+"', b'"frameNo": "LZZTEST05TA000001"', said.raw)
        return said


class Numbers(Faithful):
    """It writes money as numbers."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        said.raw = re.sub(rb'"([0-9]+\.[0-9]{2})"', rb"\1", said.raw)
        return said


class AlwaysFine(Faithful):
    """Every answer of it has the status 200, refusals too."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        said.status = 200
        return said


class FirstPlane(Faithful):
    """Its database has room for three bytes a character."""

    async def heard(self, told: Told) -> Told:
        text = json.dumps(readable(told.raw), ensure_ascii=False)
        if any(ord(character) > FIRST_PLANE for character in text):
            return Told(500, {"Content-Type": "application/json"}, b'{"error":"incorrect string value"}')
        return await self.passed_on(told)


class Unchecking(Faithful):
    """It looks cars up without their check digit."""

    async def heard(self, told: Told) -> Told:
        from contracts.numbers import vin

        with contextlib.suppress(UnicodeDecodeError):
            text = told.raw.decode()
            for found in re.findall(r"LZZ[0-9A-Z]{14}", text):
                text = text.replace(found, found[:8] + vin.check_digit(found) + found[9:])
            told.raw = text.encode()
        return await self.passed_on(told)


class Brittle(Faithful):
    """A field that is missing breaks it."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        if b"E1002" in said.raw:
            return Told(500, {"Content-Type": "application/json"}, b'{"error":"NullPointerException"}')
        return said


class Maintained(Faithful):
    """While it is down, its gateway shows a page and calls it success."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        down = 503
        return (
            Told(200, {"Content-Type": "text/html"}, b"<h1>\xe7\xb3\xbb\xe7\xbb\x9f") if said.status == down else said
        )


class Curt(Faithful):
    """It throttles, and does not say when to come back."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        said.headers.pop("Retry-After", None)
        return said


class Pedantic(Faithful):
    """It knows one spelling of a content type only."""

    async def heard(self, told: Told) -> Told:
        if told.headers.get("Content-Type") != "application/json":
            return Told(415, {"Content-Type": "application/json"}, b'{"error":"media type"}')
        return await self.passed_on(told)


class Getting(Faithful):
    """It acts upon GET as upon POST, by what the address says."""

    async def heard(self, told: Told) -> Told:
        if told.method == "GET":
            return Told(200, {"Content-Type": "application/json"}, b'{"data":{}}')
        return await self.passed_on(told)


class Guessing(Faithful):
    """What is no UTF-8 it takes for some other encoding."""

    async def heard(self, told: Told) -> Told:
        told.raw = told.raw.decode(errors="ignore").encode()
        return await self.passed_on(told)


class Trusting(Faithful):
    """It looks at no signature."""

    async def heard(self, told: Told) -> Told:
        return await self.passed_on(self._resealed(told))

    def _resealed(self, told: Told) -> Told:
        sealed = self.seal(Letter(told.raw, {}))
        return replace(told, raw=sealed.raw, headers=told.headers | {SIGNATURE: sealed.headers[SIGNATURE.lower()]})


class Gullible(Trusting):
    """That there is a signature is enough for it."""

    async def heard(self, told: Told) -> Told:
        return await self.passed_on(self._resealed(told) if SIGNATURE in told.headers else told)


class TellsOnce(Faithful):
    """An answer that was fetched is thrown away."""

    def loses(self, said: Told) -> bool:
        return said.status == FOUND

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        if not told.path.endswith(ASKING) or not self.loses(said):
            return said
        key = told.body["yeWuShuJu"]["liuShuiHao"]
        if key in self.memory:
            return said.saying({"liuShuiHao": key, "jieGuoMa": "SW4041", "jieGuoXinXi": "未查到"}, 404)
        self.memory[key] = True
        return said


class Vague(Faithful):
    """It cannot tell what never came from what is not done yet."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        if told.path.endswith(ASKING) and b"SW4041" in said.raw:
            return said.saying(said.body | {"jieGuoMa": "SW0202"}, 202)
        return said


class LosesRefusals(TellsOnce):
    """A refusal that was fetched is thrown away; what was done stays."""

    def loses(self, said: Told) -> bool:
        return super().loses(said) and b"SW0000" not in said.raw


class Wordless(Faithful):
    """What it refuses later, it refuses without a code."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        if said.status != FOUND or b"SW0000" in said.raw:
            return said
        return said.saying({name: value for name, value in said.body.items() if name != "jieGuoMa"})


class Mumbling(Faithful):
    """Its answers name a number of its own instead of ours."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        said.raw = said.raw.replace(b"conformance-", b"reference-")
        return said


DONE = b"%3Ccode%3E1%3C"
FAULT = (
    b'<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    b"<e:Fault><faultcode>e:Server</faultcode><faultstring>BusinessException</faultstring></e:Fault>"
    b"</e:Body></e:Envelope>"
)


class Throwing(Faithful):
    """Whatever it refuses leaves it as an exception, of which its framework makes a fault."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        return said if DONE in said.raw else replace(said, status=500, raw=FAULT)


class BySoapAction(Faithful):
    """It lets pass what its header promises, and looks at that no more."""

    async def heard(self, told: Told) -> Told:
        return await self.passed_on(replace(told, headers=told.headers | {"Soapaction": '""'}))


class Mislabelled(Faithful):
    """It says UTF-8 and writes GB18030."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        returned = re.search(rb">(%3C[^<]*)<", said.raw)
        assert returned is not None
        plain = html.escape(unquote_plus(returned[1].decode()))
        return replace(said, raw=said.raw.replace(returned[1], plain.encode("gb18030")))


class Renumbered(Faithful):
    """It has new numbers for what it refuses, and told nobody."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        return replace(said, raw=re.sub(rb"%3Ccode%3E-1(\d{3})%3C", rb"%3Ccode%3E-7\1%3C", said.raw))


class Nameless(Faithful):
    """It writes its envelopes by joining texts, without the namespaces."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        return replace(said, raw=re.sub(rb"soapenv:|ns:| xmlns(?::\w+)?=\"[^\"]*\"", b"", said.raw))


TYPED = b"<!DOCTYPE"
PASSWORDS = b"root:x:0:0:root:/root:/bin/sh"
REFERENCE = re.compile(rb"<x>[^<]*</x>")


def fault(of: bytes, said: bytes) -> Told:
    """A fault of the client's or the server's, as an engine writes it."""
    return Told(500, {"Content-Type": "text/xml"}, FAULT.replace(b"Server", of).replace(b"BusinessException", said))


class Resolving(Faithful):
    """Its parser reads what entities and types name, and its error page shows what stood there."""

    async def heard(self, told: Told) -> Told:
        return fault(b"Server", PASSWORDS) if TYPED in told.raw else await self.passed_on(told)


class Quoting(Faithful):
    """It refuses what it could not make sense of, and quotes it as its parser had made it."""

    async def heard(self, told: Told) -> Told:
        if TYPED not in told.raw:
            return await self.passed_on(told)
        return fault(b"Client", b"a" * 1000 if b"&j;" in told.raw else PASSWORDS)


class AnyType(Faithful):
    """It does not mind declarations of types and what they declare."""

    async def heard(self, told: Told) -> Told:
        plain = REFERENCE.sub(b"", re.sub(rb"<!DOCTYPE[^\[>]*(\[.*?\])?>", b"", told.raw, flags=re.DOTALL))
        return await self.passed_on(replace(told, raw=plain))


class Endless(Faithful):
    """Its parser follows elements until its stack is used up, and reads whatever length is sent."""

    async def heard(self, told: Told) -> Told:
        if b"<x><x>" in told.raw:
            return fault(b"Server", b"StackOverflowError")
        return await self.passed_on(replace(told, raw=REFERENCE.sub(b"", told.raw)))


class Utf8Only(Faithful):
    """It reads UTF-8, whatever a message says of itself."""

    async def heard(self, told: Told) -> Told:
        try:
            told.raw.decode()
        except UnicodeDecodeError:
            return fault(b"Client", b"MalformedInputException")
        return await self.passed_on(told)


class Chinese(Faithful):
    """It writes GB18030 as a whole, and says so in both places: nothing is wrong with that."""

    async def heard(self, told: Told) -> Told:
        said = await self.passed_on(told)
        declared = said.raw.replace(b'encoding="UTF-8"', b'encoding="GB18030"', 1).decode()
        legible = re.sub("%3C[^<]*", lambda found: html.escape(unquote_plus(found[0])), declared)
        return Told(said.status, {"Content-Type": "text/xml; charset=GB18030"}, legible.encode("gb18030"))


class ByHand(Faithful):
    """It reads JSON by hand, as its own programs write it."""

    async def heard(self, told: Told) -> Told:
        body = readable(told.raw)
        simple = isinstance(body, dict) and not any(isinstance(value, list) for value in body.values())
        if simple and told.raw.isascii() and b"\n" not in told.raw and len(told.key) <= LONGEST_KEY:
            return await self.passed_on(told)
        return Told(500, {"Content-Type": "application/json"}, b'{"error":"index out of range"}')
