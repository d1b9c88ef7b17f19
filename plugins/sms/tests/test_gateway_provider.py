"""Sending through real sockets: what becomes of a message when a gateway answers well, badly or not at all."""

import asyncio
import contextlib
import logging
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from connectpulse_sms.gateway import GatewayProvider
from gateway_scene import BASIC, Handler, connected, make, message, outcome, run, saying, send

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
from connectpulse.core.wire.http import LARGEST_ANSWER

FAST = {**BASIC, "timeout": 0.3}
IDEMPOTENT = {**FAST, "ambiguity": "idempotent"}


async def silent(request: web.Request) -> web.StreamResponse:
    """Take the message and never answer, until the other side hangs up."""
    await asyncio.Event().wait()
    raise AssertionError


async def trickling(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000000"})
    await response.prepare(request)
    with contextlib.suppress(OSError):
        while True:
            await response.write(b"O")
            await asyncio.sleep(0.05)
    return response


async def resetting(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cut_short(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"OK, but")
    assert request.transport is not None
    request.transport.abort()
    return response


AFTER_LEAVING: dict[str, Handler] = {
    "no answer": silent,
    "slow-loris": trickling,
    "reset": resetting,
    "cut short": cut_short,
    "huge": saying("OK" + "x" * LARGEST_ANSWER),
    "garbage": saying("<html>Welcome to nginx!"),
    "redirect": saying("OK?", 302, Location="http://127.0.0.1:1/elsewhere"),
    "503": saying("busy", 503),
}


@pytest.mark.parametrize("handler", AFTER_LEAVING.values(), ids=AFTER_LEAVING)
def test_what_may_have_been_taken_is_unknown(handler: Handler) -> None:
    settings = {**FAST, "success": "status: 200\nregex: ^OK"}
    assert isinstance(outcome(handler, settings), Unknown)


@pytest.mark.parametrize("handler", AFTER_LEAVING.values(), ids=AFTER_LEAVING)
def test_what_may_have_been_taken_goes_again_where_that_is_safe(handler: Handler) -> None:
    result = outcome(handler, {**IDEMPOTENT, "success": "status: 200\nregex: ^OK"})
    assert isinstance(result, TryLater)
    assert result.error is ErrorClass.PROVIDER


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_message_is_sent_once_however_the_line_breaks(method: str) -> None:
    """Also on a kept-alive connection, where libraries like to try a GET again by themselves."""
    seen: list[str] = []

    async def moody(request: web.Request) -> web.StreamResponse:
        seen.append(request.query["text"])
        return await (resetting(request) if request.query["text"] == "2" else saying()(request))

    outcomes = run(send(moody, {**BASIC, "method": method}, [message(str(n)) for n in (1, 2, 3)], window=1))
    assert seen == ["1", "2", "3"]
    assert outcomes == [Accepted(("t-1",)), Unknown(), Accepted(("t-1",))]


async def dead_address() -> str:
    """Return an address nothing listens at."""
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return f"http://127.0.0.1:{port}"


async def without_gateway(address: str, batch: list[Any]) -> list[Outcome]:
    provider = make({**BASIC, "base_url": address})
    try:
        return await provider.send_batch(batch)
    finally:
        await provider.close()


def test_a_dead_line_means_try_later_and_spares_the_rest() -> None:
    async def scene() -> list[Outcome]:
        egress.allow("127.0.0.1")
        try:
            return await without_gateway(await dead_address(), [message()] * 100)
        finally:
            egress.allow()

    assert set(run(scene())) == {TryLater(timedelta(seconds=30), ErrorClass.PROVIDER, "unreachable")}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1"])
def test_a_private_gateway_needs_permission(host: str) -> None:
    outcomes = run(without_gateway(f"http://{host}:80", [message()] * 3))
    assert {type(one) for one in outcomes} == {TryLater}
    assert {getattr(one, "error", None) for one in outcomes} <= {ErrorClass.CREDENTIAL, ErrorClass.PROVIDER}
    assert outcomes[0] in (
        TryLater(timedelta(minutes=5), ErrorClass.CREDENTIAL, "address_not_allowed"),
        TryLater(timedelta(seconds=30), ErrorClass.PROVIDER, "unreachable"),
    )


def test_opening_to_a_private_address_is_refused_in_plain_words() -> None:
    provider = make({**BASIC, "base_url": "http://192.168.1.5"})
    with pytest.raises(ConnectionLost, match=r"192\.168\.1\.5 is a private address; an administrator may") as lost:
        run(provider.open())
    assert lost.value.error is ErrorClass.CREDENTIAL
    run(provider.close())


def test_opening_to_an_unknown_name_is_the_providers_fault() -> None:
    provider = make({**BASIC, "base_url": "http://nowhere.invalid"})
    with pytest.raises(ConnectionLost, match="cannot be resolved") as lost:
        run(provider.open())
    assert lost.value.error is ErrorClass.PROVIDER
    run(provider.close())


def test_outcomes_keep_the_order_of_the_batch() -> None:
    async def shuffling(request: web.Request) -> web.Response:
        number = int(request.query["text"])
        await asyncio.sleep(0.02 * (number % 3))
        return web.Response(text="OK" if number % 2 else "no", status=200 if number % 2 else 400)

    outcomes = run(send(shuffling, BASIC, [message(str(n), token=f"t-{n}") for n in range(40)], window=8))
    assert outcomes == [
        Accepted((f"t-{n}",)) if n % 2 else Rejected("request_refused", ErrorClass.CONTENT, "400") for n in range(40)
    ]


def test_the_window_is_filled_and_never_exceeded() -> None:
    """The gateway answers only once as many requests are waiting as the window allows."""
    waiting = peak = 0
    full = asyncio.Event()

    async def counting(request: web.Request) -> web.Response:
        nonlocal waiting, peak
        waiting += 1
        peak = max(peak, waiting)
        if waiting == 7:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        waiting -= 1
        return web.Response(text="OK")

    outcomes = run(send(counting, BASIC, [message()] * 30, window=7))
    assert (peak, len(outcomes), set(outcomes)) == (7, 30, {Accepted(("t-1",))})


def test_an_empty_batch_is_no_work() -> None:
    assert run(send(silent, BASIC, [])) == []


@pytest.mark.parametrize(
    ("status", "headers", "first", "rest"),
    [
        (
            429,
            {"Retry-After": "9"},
            TryLater(timedelta(seconds=9), ErrorClass.THROTTLE, "too_fast", "429"),
            TryLater(timedelta(seconds=9), ErrorClass.THROTTLE, "too_fast", "429"),
        ),
        (
            401,
            {},
            Rejected("credentials_refused", ErrorClass.CREDENTIAL, "401"),
            TryLater(timedelta(), ErrorClass.CREDENTIAL, "credentials_refused", "401"),
        ),
    ],
)
def test_a_throttle_or_a_refused_login_spares_the_rest(
    status: int, headers: dict[str, str], first: Outcome, rest: Outcome
) -> None:
    asked = 0

    async def refusing(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response(status=status, headers=headers)

    outcomes = run(send(refusing, BASIC, [message()] * 50, window=1))
    assert outcomes == [first] + [rest] * 49
    assert asked == 1


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"auth": "basic", "username": "user", "password": "päss:1"}, "Authorization", "Basic dXNlcjpww6Rzczox"),
        ({"auth": "bearer", "token": "abc.def"}, "Authorization", "Bearer abc.def"),
        ({"auth": "header", "auth_header": "X-Api-Key: key {token}", "token": "k"}, "X-Api-Key", "key k"),
        ({"headers": {"X-Source": "campaigns/{reference}"}}, "X-Source", "campaigns/t-1"),
    ],
)
def test_credentials_and_headers_go_where_they_belong(auth: dict[str, Any], header: str, value: str) -> None:
    seen: list[str] = []

    async def take(request: web.Request) -> web.Response:
        seen.append(request.headers[header])
        return web.Response(text="OK")

    assert outcome(take, {**BASIC, **auth}) == Accepted(("t-1",))
    assert seen == [value]


SECRETS = {"username": "agent007", "password": "hunter2", "token": "tok3n!", "callback_token": "callback-secret-1"}


@pytest.mark.parametrize("handler", [*AFTER_LEAVING.values(), saying("wrong", 401)], ids=[*AFTER_LEAVING, "401"])
def test_secrets_stay_out_of_logs_and_outcomes(handler: Handler, caplog: pytest.LogCaptureFixture) -> None:
    settings = {
        **FAST,
        **SECRETS,
        "auth": "query",
        "success": "status: 200\nregex: ^OK",
        "query": "to={to}&text={text}&k={token}&cb={callback_url}",
    }

    async def scene() -> tuple[list[Outcome], str]:
        asyncio.get_running_loop().set_debug(True)
        async with connected(handler, settings, callback_url="https://pulse.example.com/in") as provider:
            return await provider.send_batch([message()]), repr(provider) + repr(await provider.check())

    with caplog.at_level(logging.DEBUG):
        told = str(run(scene())) + caplog.text
    assert not [secret for secret in SECRETS.values() if secret in told or secret.replace("!", "%21") in told]


LOOKUP = {
    **FAST,
    "ambiguity": "lookup",
    "lookup_path": "/status",
    "lookup_query": "ref={reference}",
    "lookup_found": "json: found = true",
    "lookup_missing": "json: found = false",
    "lookup_id": "json: id",
}


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (saying('{"found": true, "id": "g-9"}'), Accepted(("g-9",))),
        (saying('{"found": true}'), Accepted(("t-1",))),
        (saying('{"found": false}'), TryLater(timedelta(), ErrorClass.PROVIDER, "not_received")),
        (saying("what?"), Unknown("answer_not_understood", "200")),
        (saying("no", 401), Unknown("answer_not_understood", "401")),
        (resetting, Unknown()),
        (silent, Unknown()),
    ],
)
def test_a_gateway_that_can_be_asked_is_asked(handler: Handler, expected: Outcome) -> None:
    asked: list[str] = []

    async def answering(request: web.Request) -> web.StreamResponse:
        asked.append(request.path_qs)
        return await handler(request)

    async def scene() -> list[Outcome]:
        async with connected(answering, LOOKUP) as provider:
            return await provider.lookup([message()])

    assert run(scene()) == [expected]
    assert asked == ["/status?ref=t-1"]


def test_an_unreachable_gateway_answers_no_lookup() -> None:
    async def scene() -> list[Outcome]:
        egress.allow("127.0.0.1")
        provider = make({**LOOKUP, "base_url": await dead_address()})
        try:
            return await provider.lookup([message()] * 3)
        finally:
            await provider.close()
            egress.allow()

    assert run(scene()) == [Unknown()] * 3, "it was handed over once, so it must not go again"


def test_a_blind_gateway_answers_no_lookup() -> None:
    assert run(GatewayProvider(BASIC, lambda events: asyncio.sleep(0)).lookup([message()])) == [Unknown()]


CHECK = {**BASIC, "check_path": "/balance", "check_success": "json: ok = true", "check_balance": "json: rupees"}


@pytest.mark.parametrize(
    ("settings", "handler", "is_working", "last"),
    [
        (BASIC, silent, True, "No message was sent, so the credentials were not tried."),
        (CHECK, saying('{"ok": true, "rupees": 12.5}'), True, "The gateway answers as it should. Balance: 12.5."),
        (CHECK, saying('{"ok": true}'), True, "The gateway answers as it should."),
        (CHECK, saying("no", 403), False, "The check request was refused (HTTP status 403)."),
        (CHECK, resetting, False, "The gateway was reached, but did not answer the check request."),
    ],
)
def test_a_check_tells_what_it_found(settings: dict[str, Any], handler: Handler, is_working: bool, last: str) -> None:
    async def scene() -> tuple[bool, tuple[str, ...]]:
        async with connected(handler, {**settings, "remarks": "the mask"}) as provider:
            check = await provider.check()
            assert isinstance((await provider.send_batch([]))[:0], list), "an open connection stays open"
            return check.is_working, check.steps

    works, steps = run(scene())
    assert (works, steps[0], steps[-1]) == (is_working, "To be confirmed: the mask", last)
    assert "127.0.0.1 has the address 127.0.0.1." in steps


@pytest.mark.parametrize(
    ("address", "last"),
    [
        (
            "http://10.0.0.1",
            "10.0.0.1 is a private address; an administrator may allow it with the setting EGRESS_ALLOW.",
        ),
        ("http://nowhere.invalid", "The name of nowhere.invalid:80 cannot be resolved."),
    ],
)
def test_a_check_needs_no_open_connection_and_says_why_it_failed(address: str, last: str) -> None:
    check = run(make({**BASIC, "base_url": address}).check())
    assert (check.is_working, check.steps) == (False, (last,))
