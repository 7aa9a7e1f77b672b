"""What operators are told and may do: how grants stand, taking one back, who was shown what, and counts for reports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, NamedTuple

import pytest
from fastapi import FastAPI

from contracts.examples import examples
from contracts.keys import vehicle_key
from services.projection import problems
from services.projection.disclosures import KEPT, Retention
from services.projection.register import STEADY_S
from services.projection.routes import Office, routes
from services.runtime.settings import Secrets, Settings
from tests.projection.people import SECRET, grant, subscriber
from tests.projection.stage import NOON, Stage, staged, told

SECRETS: Final = Secrets(key_secret=SECRET, operator_user="o", operator_password="p", operator_token="token")
CAR: Final = examples()["tongche.sale.confirmed.v3"][0]["vin"]
KEY: Final = vehicle_key(SECRET, CAR)
TAX: Final = subscriber(
    "T",
    grant("sale.confirmed", 3, "vin", "phone", "buyer_id_no", "battery_excl", id="tax"),
    name="tax",
    title="the tax office",
)
GREEDY: Final = subscriber("M", grant("sale.confirmed", 3, "vin", "buyer_name", id="miit"), name="miit")


class Answer(NamedTuple):
    """What the interface said."""

    status: int
    body: Any


class Desk(NamedTuple):
    """An operator's desk beside a stage."""

    stage: Stage
    app: FastAPI

    async def ask(self, method: str, path: str, body: Any = None, token: str = SECRETS.operator_token) -> Answer:
        """Ask as HTTP would, without a server between."""
        sent: list[Any] = []
        content = b"" if body is None else json.dumps(body).encode()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        path, _, query = path.partition("?")
        headers = [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers}
        await self.app(
            {**scope, "http_version": "1.1", "scheme": "http", "client": None, "server": None}, receive, send
        )
        return Answer(sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:])))


def play(settings: Settings, scene: Callable[[Desk], Awaitable[None]]) -> None:
    """A scene with the tax office, and with MIIT, which asks for too much."""

    async def run() -> None:
        async with staged(settings, TAX, GREEDY) as stage:
            app = FastAPI()
            app.include_router(routes(Office(stage.register, stage.store, SECRET), SECRETS))
            problems.install(app)
            await scene(Desk(stage, app))

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/v1/grants", "/v1/usage", "/v1/disclosures/by-recipient", "/v1/grants/tax"])
def test_only_operators_are_told(settings: Settings, path: str) -> None:
    """Without the token nothing is said."""

    async def scene(desk: Desk) -> None:
        assert (await desk.ask("GET", path, token="wrong")).status == 401
        assert (await desk.ask("GET", path)).status == 200

    play(settings, scene)


def test_grants_are_shown_with_all_that_they_rest_on(settings: Settings) -> None:
    """Field by field, what is sealed, on which topics; and of one that is refused each reason, as A403."""

    async def scene(desk: Desk) -> None:
        answer = await desk.ask("GET", "/v1/grants")
        tax, miit = answer.body["grants"]
        assert answer.body["problem"] is None
        assert (tax["state"], tax["purpose"], tax["legal_basis"]) == ("in-force", "a test", "contract")
        assert tax["fields"] == {"vin": "full", "phone": "masked", "buyer_id_no": "full", "battery_excl": "full"}
        assert tax["sealed"] == ["buyer_id_no"]
        assert tax["topics"] == ["to.tax.sale.events"]
        assert miit["state"] == "refused"
        assert [(one["code"], one["field"], one["reason"]) for one in miit["faults"]] == [
            ("A403", "buyer_name", "denied")
        ]

    play(settings, scene)


def test_where_a_grant_ran_is_told_after_its_end(settings: Settings) -> None:
    """What it has told stands there; here one that was edited so that it asks for too much."""
    more = TAX.model_copy(update={"grants": (TAX.grants[0].model_copy(update={"fields": ("vin", "loan_amount")}),)})

    async def scene(desk: Desk) -> None:
        await desk.stage.write(more, GREEDY)
        await desk.stage.pass_(STEADY_S)
        tax = (await desk.ask("GET", "/v1/grants/tax")).body
        assert (tax["state"], tax["fields"], tax["topics"]) == ("refused", {}, ["to.tax.sale.events"])
        assert (await desk.ask("GET", "/v1/grants/miit")).body["topics"] == []

    play(settings, scene)


def test_a_grant_that_was_prolonged_too_late_is_told_to_be_spent(settings: Settings) -> None:
    """It stands in the file with another end, and gives nothing: whoever lists grants sees why."""
    short = TAX.grants[0].model_copy(update={"until": NOON + timedelta(days=1)})

    async def scene(desk: Desk) -> None:
        await desk.stage.write(TAX.model_copy(update={"grants": (short,)}), GREEDY)
        await desk.stage.pass_(timedelta(days=2).total_seconds())
        told_ = (await desk.ask("GET", "/v1/grants/tax")).body
        assert (told_["state"], told_["spent"]) == ("lapsed", False)
        await desk.stage.write(TAX, GREEDY)
        told_ = (await desk.ask("GET", "/v1/grants/tax")).body
        assert (told_["state"], told_["spent"]) == ("lapsed", True)

    play(settings, scene)


def test_a_grant_is_taken_back_once_with_a_reason(either: Settings) -> None:
    """Who and why is kept; blanks are no reason; what is over cannot be taken back; numbers in a reason are masked."""

    async def scene(desk: Desk) -> None:
        for reason in ("", "  ", None):
            refused = await desk.ask("POST", "/v1/grants/tax/revoke", {"reason": reason, "by": "li"})
            assert refused.status == 422
        done = await desk.ask("POST", "/v1/grants/tax/revoke", {"reason": "over, said 13812345678", "by": "li"})
        assert (done.status, done.body["state"]) == (200, "revoked")
        assert (done.body["who"], done.body["reason"]) == ("li", "over, said [phone]")
        again = await desk.ask("POST", "/v1/grants/tax/revoke", {"reason": "again"})
        assert (again.status, again.body["code"]) == (409, "over")
        unknown = await desk.ask("POST", "/v1/grants/nobodys/revoke", {"reason": "why not"})
        assert (unknown.status, unknown.body["code"]) == (404, "no-grant")

    play(either, scene)


def test_disclosures_are_found_by_vehicle_subscriber_and_day(either: Settings) -> None:
    """The newest first, page by page, each with fields, purpose and basis; a vehicle is asked for by its VIN."""

    async def scene(desk: Desk) -> None:
        for number in range(5):
            desk.stage.clock.at.append(NOON + timedelta(days=number))
            await desk.stage.tell(told(id_=f"m-{number}", key=KEY if number % 2 else "other"))
        search = "/v1/disclosures/search"
        first = (await desk.ask("POST", search, {"most": 3})).body
        assert [one["message"] for one in first["disclosures"]] == ["m-4", "m-3", "m-2"]
        rest = (await desk.ask("POST", search, {"most": 3, "after": first["next"]})).body
        assert [one["message"] for one in rest["disclosures"]] == ["m-1", "m-0"]
        assert rest["next"] is None
        ours = (await desk.ask("POST", search, {"vin": CAR})).body["disclosures"]
        assert [one["message"] for one in ours] == ["m-3", "m-1"]
        assert ours[0]["fields"] == {"vin": "full", "phone": "masked", "buyer_id_no": "full"}
        assert (ours[0]["subscriber"], ours[0]["grant"], ours[0]["case"]) == ("tax", "tax", "case-of-m-3")
        late = (await desk.ask("POST", search, {"since": (NOON + timedelta(days=3)).isoformat()})).body["disclosures"]
        assert [one["message"] for one in late] == ["m-4", "m-3"]
        assert (await desk.ask("POST", search, {"subscriber": "miit"})).body["disclosures"] == []
        wrong = await desk.ask("POST", search, {"vin": "11111111111111112"})
        assert wrong.status == 422
        assert "11111111111111112" not in json.dumps(wrong.body)

    play(either, scene)


def test_reports_count_messages_vehicles_and_fields(either: Settings) -> None:
    """Whoever got the same message twice got one; fields are those that were really there."""

    async def scene(desk: Desk) -> None:
        await desk.stage.tell(told(key="one"), told(key="one", offset=1))
        await desk.stage.tell(told(id_="m-2", key="two", nth=1))
        ((told_,),) = (await desk.ask("GET", "/v1/disclosures/by-recipient")).body.values()
        assert (told_["subscriber"], told_["messages"], told_["vehicles"]) == ("tax", 2, 2)
        assert told_["fields"]["phone"] == ["masked"]
        assert told_["last_at"] == NOON.timestamp()
        ((used,),) = (await desk.ask("GET", "/v1/usage")).body.values()
        assert (used["grant"], used["contract"], used["version"], used["messages"]) == ("tax", "sale.confirmed", 3, 2)
        assert used["fields"] == {"vin": 2, "phone": 1, "buyer_id_no": 1, "battery_excl": 1}
        since = (NOON + timedelta(days=1)).isoformat().replace("+", "%2B")
        assert (await desk.ask("GET", f"/v1/disclosures/by-recipient?since={since}")).body == {"recipients": []}

    play(either, scene)


def test_what_was_withheld_was_not_shown(either: Settings) -> None:
    """An export, for who pinned v1, counts apart from the messages that showed something."""
    old = subscriber("O", grant("sale.confirmed", 1, "vin", id="maker"), name="maker")

    async def scene(desk: Desk) -> None:
        await desk.stage.write(old)
        await desk.stage.tell(told(), told(id_="m-2", nth=1))
        used = next(one for one in (await desk.ask("GET", "/v1/usage")).body["usage"] if one["grant"] == "maker")
        assert (used["messages"], used["withheld"], used["fields"]) == (1, 1, {"vin": 1})

    play(either, scene)


def test_what_was_withheld_is_counted_apart(settings: Settings) -> None:
    """Who was told that there is a message has seen nothing of it."""
    maker = subscriber("O", grant("sale.confirmed", 1, "vin", id="maker"), name="maker")

    async def scene(desk: Desk) -> None:
        await desk.stage.write(TAX, GREEDY, maker)
        await desk.stage.tell(told(key="one"), told(id_="m-2", key="two", nth=1))
        found = (await desk.ask("GET", "/v1/disclosures/by-recipient")).body["recipients"]
        assert {one["subscriber"]: (one["messages"], one["vehicles"], one["withheld"]) for one in found} == {
            "maker": (1, 1, 1),
            "tax": (2, 2, 0),
        }
        used = (await desk.ask("GET", "/v1/usage")).body["usage"]
        assert {one["grant"]: (one["messages"], one["withheld"]) for one in used} == {"maker": (1, 1), "tax": (2, 0)}

    play(settings, scene)


def test_why_something_was_shown_stays_on_record(either: Settings) -> None:
    """A grant that goes on for another purpose, or is gone, takes nothing back of what was shown before."""
    again = TAX.model_copy(
        update={"grants": (TAX.grants[0].model_copy(update={"fields": ("vin",), "purpose": "another"}),)}
    )

    async def scene(desk: Desk) -> None:
        await desk.stage.tell(told())
        await desk.stage.write(again, GREEDY)
        await desk.stage.tell(told(id_="m-2"))
        await desk.stage.write(GREEDY)
        ((told_,),) = (await desk.ask("GET", "/v1/disclosures/by-recipient")).body.values()
        assert (told_["purposes"], told_["legal_bases"]) == (["a test", "another"], ["contract"])
        assert told_["contracts"] == {"sale.confirmed": ["buyer_id_no", "phone", "vin"]}

    play(either, scene)


def test_what_was_kept_for_three_years_goes(either: Settings) -> None:
    """The day before it is still there."""

    async def scene(desk: Desk) -> None:
        await desk.stage.tell(told())
        desk.stage.clock.at.append(NOON + timedelta(days=2))
        await desk.stage.tell(told(id_="m-2"))
        retention = Retention(desk.stage.store, desk.stage.clock)
        for later, left in ((KEPT, ["m-2", "m-1"]), (KEPT + timedelta(days=1), ["m-2"])):
            desk.stage.clock.at.append(NOON + later)
            await retention.prune()
            found = (await desk.ask("POST", "/v1/disclosures/search", {})).body["disclosures"]
            assert [one["message"] for one in found] == left

    assert timedelta(days=3 * 365) < KEPT
    play(either, scene)


def test_a_broken_file_is_told(settings: Settings) -> None:
    """Whoever lists grants sees that the file as it is now is not in force, and where it is wrong."""

    async def scene(desk: Desk) -> None:
        await desk.stage.write_text("[[subscribers]]\nname = 7\n")
        problem = (await desk.ask("GET", "/v1/grants")).body["problem"]
        assert "subscribers 1: name" in problem

    play(settings, scene)
