"""Where a post may go, and what an answer means."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from ipaddress import ip_network

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from services.projection.webhooks import post
from services.projection.webhooks.addresses import Forbidden, Resolver, Rules
from services.projection.webhooks.post import Missed, Postman
from services.projection.webhooks.reasons import REASONS, reason
from services.runtime.settings import Settings
from tests.projection.receiving import receiving

OURS = Rules((ip_network("10.20.0.0/16"),))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.7",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:10.0.0.7",
        "64:ff9b::a00:7",
        "2002:a00:7::1",
        "2001:0:a00:7::1",
    ],
)
def test_nobodys_neighbour_is_posted_to(address: str) -> None:
    """Private, local, reserved, of many, or an IPv6 way to one of them."""
    assert not Rules().permits(address)
    with pytest.raises(Forbidden):
        Rules().check(f"https://[{address}]/" if ":" in address else f"https://{address}/")


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1111", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"])
def test_the_open_internet_is_posted_to(address: str) -> None:
    """An ordinary address, and an IPv6 way to one."""
    assert Rules().permits(address)


def test_an_installation_may_allow_networks_of_its_own() -> None:
    """Those it names, and no others beside them."""
    assert OURS.permits("10.20.3.4")
    assert not OURS.permits("10.21.3.4")
    assert Rules.of(Settings(webhook_networks="10.20.0.0/16, fd00::/8")).permits("fd00::7")


def test_this_machine_is_posted_to_where_the_installation_is_a_test() -> None:
    """There without TLS as well, and nowhere else."""
    Rules(is_test=True).check("http://127.0.0.1:8080/hook")
    assert not Rules(is_test=True).permits("10.0.0.7")
    with pytest.raises(Forbidden):
        Rules().check("http://127.0.0.1:8080/hook")


class Names(AbstractResolver):
    """Names that stand for what a test wants."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


def test_a_name_is_judged_by_all_that_it_stands_for() -> None:
    """One neighbour among them is enough: which of them is connected to is not ours to choose."""

    async def resolved(*addresses: str) -> int:
        return len(await Resolver(Rules(), Names(*addresses)).resolve("dealer.example", 443))

    assert asyncio.run(resolved("93.184.215.14", "93.184.215.15")) == 2
    with pytest.raises(Forbidden):
        asyncio.run(resolved("93.184.215.14", "10.0.0.7"))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "a.localhost",
        "localhost.",
        "LocalHost.",
        "a.localhost.",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "127.1",
        "127.1.",
        "0177.0.0.1",
        "0",
    ],
)
def test_no_spelling_of_this_machine_gets_around_it(host: str) -> None:
    """It is known from the text, before anything is resolved; where the installation is a test it is this machine."""
    assert Rules().forbids(f"https://{host}/") == "address-forbidden"
    assert host == "0" or Rules(is_test=True).forbids(f"http://{host}/") is None

    async def posted() -> Missed | None:
        postman = Postman.of(Rules())
        try:
            return await postman.post(f"https://{host}:9/", {}, b"{}")
        finally:
            await postman.close()

    missed = asyncio.run(posted())
    assert missed == Missed("address-forbidden")


def test_a_name_that_stands_for_a_neighbour_is_missed_as_its_address_would_be() -> None:
    """Only the resolver can tell, and it says so in the same word."""

    async def posted() -> Missed | None:
        rules = Rules()
        connector = aiohttp.TCPConnector(resolver=Resolver(rules, Names("10.0.0.7")))
        async with aiohttp.ClientSession(connector=connector) as http:
            return await Postman(rules, http).post("https://dealer.example/hook", {}, b"{}")

    assert asyncio.run(posted()) == Missed("address-forbidden")


def test_what_is_not_tls_is_missed_as_that() -> None:
    """Beside the installation's own networks as well."""
    assert OURS.forbids("http://10.20.3.4/hook") == "https-only"
    assert (OURS.forbids("https://10.20.3.4/hook"), OURS.forbids("https://dealer.example/")) == (None, None)


def test_every_reason_is_said_in_words_and_with_what_to_do() -> None:
    """Each that a post may be missed for, and whatever a receiver answers."""
    words = {*REASONS, "http-302", "http-401", "http-404", "http-418", "http-429", "http-500"}
    assert {word for _, word in post._UNREACHED} <= words
    said = {word: reason(word) for word in words}
    assert len(set(said.values())) == len(words)
    assert "TONGCHE_WEBHOOK_NETWORKS" in said["address-forbidden"].fix
    assert reason("http-418") == reason("http-422")
    assert reason("no-such-word") == reason("http-700")


@pytest.mark.parametrize("host", ["a..example", f"{'a' * 64}.example", "a\u3002\u3002example"])
def test_a_name_that_no_resolver_can_be_asked_for_is_no_host(host: str) -> None:
    """It is missed as any other, so that it ends nobody else's posting."""

    async def posted() -> Missed | None:
        postman = Postman.of(Rules())
        try:
            return await postman.post(f"https://{host}/hook", {}, b"{}")
        finally:
            await postman.close()

    assert asyncio.run(posted()) == Missed("no-such-host")


@pytest.mark.parametrize(
    ("status", "headers", "meant"),
    [
        (200, {}, None),
        (299, {}, None),
        (302, {"Location": "/other"}, Missed("http-302", may_lie_in_it=True)),
        (400, {}, Missed("http-400", may_lie_in_it=True)),
        (410, {}, Missed("http-410", is_gone=True)),
        (429, {"Retry-After": "7"}, Missed("http-429", 7.0, is_busy=True)),
        (500, {}, Missed("http-500", may_lie_in_it=True)),
        (502, {}, Missed("http-502", is_busy=True)),
        (503, {"Retry-After": "999999999999"}, Missed("http-503", 3_600.0, is_busy=True)),
        (
            503,
            {"Retry-After": "Sat, 21 Nov 2026 04:00:30 GMT", "Date": "Sat, 21 Nov 2026 04:00:00 GMT"},
            Missed("http-503", 30.0, is_busy=True),
        ),
        (504, {"Retry-After": "soon"}, Missed("http-504", is_busy=True)),
    ],
)
def test_an_answer_means_what_the_standard_says(status: int, headers: dict[str, str], meant: Missed | None) -> None:
    """2xx is taken, 410 ends it, 429 and a gateway's 5xx slow down; where an answer points is not followed."""

    async def posted() -> tuple[Missed | None, int]:
        async with receiving() as receiver:
            receiver.says = lambda _: web.Response(status=status, headers=headers)
            postman = Postman.of(Rules(is_test=True))
            try:
                return await postman.post(receiver.url, {"webhook-id": "m-1"}, b"{}"), len(receiver.posts)
            finally:
                await postman.close()

    assert asyncio.run(posted()) == (meant, 1)


def test_who_does_not_answer_or_is_not_there_is_missed() -> None:
    """Each in a word of its own."""

    async def posted() -> list[Missed | None]:
        postman = Postman.of(Rules(is_test=True))
        hasty = replace(postman, timeout_s=0.2)
        held: list[asyncio.StreamWriter] = []
        silent = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
        rude = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        try:
            ports = [one.sockets[0].getsockname()[1] for one in (silent, rude)]
            found = [
                await one.post(f"http://127.0.0.1:{port}/", {}, b"{}")
                for one, port in zip((hasty, postman), ports, strict=True)
            ]
            rude.close()
            return [*found, await postman.post(f"http://127.0.0.1:{ports[1]}/", {}, b"{}")]
        finally:
            for writer in held:
                writer.close()
            silent.close()
            await postman.close()

    reasons = [missed.reason for missed in asyncio.run(posted()) if missed is not None]
    assert reasons == ["no-answer", "broken-answer", "no-connection"]
