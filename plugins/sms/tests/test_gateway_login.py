"""Gateways that want a login first: one session is shared, renewed when refused or old, and never stormed."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from connectpulse_sms.gateway import GatewayProvider
from connectpulse_sms.gateway.peer import serving
from gateway_scene import BASIC, connected, make, message, no_intake, run, send

from connectpulse.core.api import (
    Accepted,
    ConnectionLost,
    ErrorClass,
    Outcome,
    Rejected,
    TryLater,
    Unknown,
)
from connectpulse.core.wire import egress

LOGIN = {
    **BASIC,
    "timeout": 1,
    "username": "user",
    "password": "p&w",
    "auth": "login",
    "login_method": "POST",
    "login_path": "/login",
    "login_body_kind": "json",
    "login_body": '{"u": "{username}", "p": "{password}"}',
    "login_success": "status: 200\njson: ok = true",
    "login_session": "json: session",
    "query": "s={session}&to={to}&text={text}",
    "check_path": "/ping",
    "check_query": "s={session}",
    "errors": [
        {"when": "regex: session expired", "action": "login"},
        {"when": "json: error = locked", "class": "credential", "reason": "account_locked"},
        {"when": "json: error = busy", "class": "throttle", "reason": "busy", "action": "retry", "after": 3},
    ],
}


class Gateway:
    """Gives out numbered sessions and takes messages for the newest one only."""

    def __init__(self) -> None:
        self.logins: list[Any] = []
        self.taken: list[str] = []
        self.refusal: tuple[int, Any] | None = None
        self.always_expired = False

    async def take(self, request: web.Request) -> web.Response:
        if request.path == "/login":
            self.logins.append(await request.json())
            await asyncio.sleep(0)
            status, document = self.refusal or (200, {"ok": True, "session": self.session})
            return web.json_response(document, status=status)
        if self.always_expired or request.query["s"] != self.session:
            return web.Response(text="session expired")
        self.taken.append(request.query.get("text", request.path))
        return web.Response(text="OK")

    @property
    def session(self) -> str:
        return f"session-{len(self.logins)}"


def test_one_login_serves_all() -> None:
    gateway = Gateway()
    outcomes = run(send(gateway.take, LOGIN, [message()] * 40, window=20))
    assert outcomes == [Accepted(("t-1",))] * 40
    assert gateway.logins == [{"u": "user", "p": "p&w"}]


def test_a_session_that_ended_is_renewed_once_for_all_and_nothing_is_sent_twice() -> None:
    gateway = Gateway()

    async def scene() -> list[Outcome]:
        async with connected(gateway.take, LOGIN, window=10) as provider:
            await provider.send_batch([message("first")])
            gateway.logins.append("somebody else's")
            return await provider.send_batch([message(str(n)) for n in range(30)])

    assert run(scene()) == [Accepted(("t-1",))] * 30
    assert sorted(gateway.taken) == sorted(["first", *map(str, range(30))])
    assert len(gateway.logins) == 3


def test_a_session_that_never_holds_is_given_up() -> None:
    gateway = Gateway()
    gateway.always_expired = True
    first, *rest = run(send(gateway.take, LOGIN, [message()] * 20, window=1))
    assert first == Rejected("session_refused", ErrorClass.CREDENTIAL)
    assert {getattr(one, "error", None) for one in rest} == {ErrorClass.CREDENTIAL}
    assert len(gateway.logins) == 2, "one at the start and one for the message that was refused"


def test_an_old_session_is_renewed_before_it_is_used() -> None:
    gateway = Gateway()
    assert run(send(gateway.take, {**LOGIN, "login_minutes": 0}, [message()] * 2, window=1)) == [Accepted(("t-1",))] * 2
    assert len(gateway.logins) == 3


REFUSALS = [
    ({"error": "locked"}, 200, ErrorClass.CREDENTIAL, "account_locked"),
    ({"error": "busy"}, 200, ErrorClass.THROTTLE, "busy"),
    ({"ok": True}, 200, ErrorClass.PROVIDER, "login_failed"),
    ({}, 401, ErrorClass.CREDENTIAL, "credentials_refused"),
    ({}, 503, ErrorClass.PROVIDER, "login_failed"),
]


@pytest.mark.parametrize(("document", "status", "error", "reason"), REFUSALS)
def test_a_login_that_fails_sends_nothing_and_says_whose_fault_it_is(
    document: Any, status: int, error: ErrorClass, reason: str
) -> None:
    gateway = Gateway()

    async def scene() -> None:
        async with connected(gateway.take, LOGIN) as provider:
            gateway.refusal = (status, document)
            gateway.logins.append("somebody else's")
            [outcome] = await provider.send_batch([message()])
            assert (outcome.error, outcome.reason) == (error, reason)  # type: ignore[union-attr]
            check = await provider.check()
            assert not check.is_working
            assert check.steps[-1].startswith(f"The login failed: {reason.replace('_', ' ')}")

    run(scene())
    assert gateway.taken == []


@pytest.mark.parametrize(
    ("status", "error"), [(401, ErrorClass.CREDENTIAL), (429, ErrorClass.PROVIDER), (503, ErrorClass.PROVIDER)]
)
def test_a_session_that_cannot_be_opened_is_lost(status: int, error: ErrorClass) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=status)

    async def scene() -> None:
        async with connected(refuse, LOGIN):
            pass

    with pytest.raises(ConnectionLost, match="The login failed") as lost:
        run(scene())
    assert lost.value.error is error


def test_closing_ends_a_login_that_is_under_way() -> None:
    async def never(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def scene() -> None:
        arrived = asyncio.Event()

        async def notice(request: web.Request) -> web.Response:
            arrived.set()
            return await never(request)

        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", notice)
        egress.allow("127.0.0.1")
        async with serving(app) as address:
            provider = make({**LOGIN, "timeout": 30, "base_url": address})
            opening = asyncio.create_task(provider.open())
            await arrived.wait()
            opening.cancel()
            await asyncio.wait([opening])
            await provider.close()
        egress.allow()

    run(scene(), 5)


def test_a_check_tries_login_and_ping() -> None:
    gateway = Gateway()

    async def scene() -> tuple[str, ...]:
        async with connected(gateway.take, LOGIN) as provider:
            return (await provider.check()).steps

    assert run(scene())[-2:] == ("The login works.", "The gateway answers as it should.")
    assert gateway.taken == ["/ping"]


def test_a_lookup_logs_in_too() -> None:
    gateway = Gateway()
    lookup = {
        "ambiguity": "lookup",
        "lookup_path": "/status",
        "lookup_query": "s={session}&r={reference}",
        "lookup_found": "regex: OK",
        "lookup_missing": "regex: missing",
    }

    async def scene() -> list[Outcome]:
        async with connected(gateway.take, {**LOGIN, **lookup}) as provider:
            found = await provider.lookup([message()])
            gateway.logins.append("somebody else's")
            return found + await provider.lookup([message()])

    assert run(scene()) == [Accepted(("t-1",)), Unknown("answer_not_understood", "200")]


def test_a_lookup_that_gets_no_session_leaves_the_message_unknown() -> None:
    gateway = Gateway()
    lookup = {
        "ambiguity": "lookup",
        "lookup_path": "/status",
        "lookup_query": "s={session}&r={reference}",
        "lookup_found": "regex: OK",
        "lookup_missing": "regex: missing",
    }

    async def scene() -> list[Outcome]:
        async with connected(gateway.take, {**LOGIN, **lookup, "login_minutes": 0}) as provider:
            gateway.refusal = (401, {})
            return await provider.lookup([message(), message(to="8583")])

    assert run(scene()) == [Unknown(), Unknown()]


def test_a_login_without_an_answer_is_tried_later() -> None:
    gateway = Gateway()

    async def hanging_up(request: web.Request) -> web.Response:
        if gateway.logins and request.path == "/login":
            assert request.transport is not None
            request.transport.abort()
        return await gateway.take(request)

    settings = {**LOGIN, "login_minutes": 0}
    assert run(send(hanging_up, settings)) == [TryLater(timedelta(seconds=5), ErrorClass.PROVIDER, "login_failed")]
    assert gateway.taken == []


def test_asking_for_a_new_login_where_there_is_none_is_a_refusal() -> None:
    async def expired(request: web.Request) -> web.Response:
        return web.Response(text="session expired")

    settings = {**BASIC, "errors": LOGIN["errors"]}
    assert run(send(expired, settings)) == [Rejected("session_refused", ErrorClass.CREDENTIAL)]
    assert GatewayProvider(settings, no_intake).settings["auth"] == "none"
