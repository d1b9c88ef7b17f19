"""Sending through Twilio over real sockets: what goes out, and what becomes of it however the answer fares."""

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from connectpulse_sms.twilio import TwilioProvider, codes, peer
from hosted_scene import AFTER_LEAVING, Handler, connected, faults, message, read, saying, send

from connectpulse.core.api import (
    Accepted,
    Ambiguity,
    ErrorClass,
    Outcome,
    Rejected,
    Submission,
    TryLater,
    Unknown,
)
from connectpulse.core.wire import egress

ACCOUNT = peer.settings()
FAST = {**ACCOUNT, "timeout": 1}
MADE = json.dumps({"sid": "SM1", "num_segments": "2", "status": "queued"})


def outcome(handler: Handler, settings: dict[str, Any] = ACCOUNT, sent: Submission | None = None) -> Outcome:
    return send(TwilioProvider, settings, handler, [sent or message()])[0]


def seen(settings: dict[str, Any], sent: Submission, **options: Any) -> tuple[web.Request, dict[str, str]]:
    requests: list[tuple[web.Request, str]] = []

    async def take(request: web.Request) -> web.Response:
        requests.append((request, await request.text()))
        return web.Response(status=201, text=MADE)

    assert send(TwilioProvider, settings, take, [sent], **options) == [Accepted(("SM1",), 2)]
    ((request, body),) = requests
    return request, dict(parse_qsl(body, keep_blank_values=True))


def test_a_message_is_one_form() -> None:
    request, fields = seen(ACCOUNT, message("سلام & 1+1=2"), callback_url="https://pulse.example.com/callbacks/7/x")
    assert (request.method, request.path) == ("POST", f"/2010-04-01/Accounts/{peer.ACCOUNT}/Messages.json")
    assert fields == {
        "To": "+923001234567",
        "From": "PULSE",
        "Body": "سلام & 1+1=2",
        "ValidityPeriod": "14400",
        "SmartEncoded": "false",
        "StatusCallback": "https://pulse.example.com/callbacks/7/x",
    }


def test_a_messaging_service_chooses_the_sender() -> None:
    service = "MG" + "a" * 32
    _, fields = seen({**ACCOUNT, "messaging_service_sid": service}, message(validity=timedelta(days=3)))
    assert fields["MessagingServiceSid"] == service
    assert "From" not in fields
    assert fields["ValidityPeriod"] == "36000"


@pytest.mark.parametrize(
    ("more", "user", "password"),
    [({}, peer.ACCOUNT, peer.TOKEN), ({"key_sid": "SK" + "b" * 32, "key_secret": "s3"}, "SK" + "b" * 32, "s3")],
)
def test_requests_are_made_by_the_key_if_there_is_one(more: dict[str, str], user: str, password: str) -> None:
    request, _ = seen({**ACCOUNT, **more}, message())
    scheme, _, given = request.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(given).decode()) == ("Basic", f"{user}:{password}")


@pytest.mark.parametrize("handler", AFTER_LEAVING.values(), ids=AFTER_LEAVING)
def test_what_may_have_been_taken_is_unknown(handler: Handler) -> None:
    assert isinstance(outcome(handler, FAST), Unknown)


@pytest.mark.parametrize("code", codes.ERRORS)
def test_every_code_has_its_outcome(code: str) -> None:
    error, reason = codes.ERRORS[code]
    result = outcome(saying(json.dumps({"code": int(code), "message": "x", "status": 400}), 400))
    if error in (ErrorClass.THROTTLE, ErrorClass.PROVIDER):
        assert isinstance(result, TryLater)
        assert result.after >= timedelta(seconds=5)
    else:
        assert isinstance(result, Rejected)
        assert result.suppress is (code == "21610")
    assert (result.error, result.reason, result.code) == (error, reason, code)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, "{}", Rejected("request_refused", ErrorClass.CONTENT, "400")),
        (400, '{"code": 21999}', Rejected("request_refused", ErrorClass.CONTENT, "21999")),
        (401, "no", Rejected("credentials_refused", ErrorClass.CREDENTIAL, "401")),
        (404, '{"code": 20404}', Rejected("account_not_found", ErrorClass.CREDENTIAL, "20404")),
        (429, "no", TryLater(timedelta(seconds=7), ErrorClass.THROTTLE, "too_fast", "429")),
        (429, '{"code": 63038}', TryLater(timedelta(hours=1), ErrorClass.THROTTLE, "daily_limit_reached", "63038")),
    ],
)
def test_other_refusals_go_by_their_status(status: int, body: str, expected: Outcome) -> None:
    assert outcome(saying(body, status, Retry_After="7")) == expected


def test_a_throttle_spares_the_messages_behind_it() -> None:
    count = 0

    async def throttle(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        return web.Response(status=429, text="{}", headers={"Retry-After": "3"})

    outcomes = send(TwilioProvider, ACCOUNT, throttle, [message()] * 50, window=2)
    assert count <= 2
    assert set(outcomes) == {TryLater(timedelta(seconds=3), ErrorClass.THROTTLE, "too_fast", "429")}


@pytest.mark.parametrize(("count", "quantity"), [("3", 3), ("0", None), (None, None), ("x", None)])
def test_what_is_billed_is_told_where_it_is_known(count: str | None, quantity: int | None) -> None:
    assert outcome(saying(json.dumps({"sid": "SM1", "num_segments": count}), 201)) == Accepted(("SM1",), quantity)


def test_what_twilio_would_not_take_is_not_sent() -> None:
    never = saying("sent", 500)
    assert outcome(never, sent=message("x" * 1601)) == Rejected("text_too_long", ErrorClass.CONTENT)
    assert outcome(never, sent=message("\ud800")) == Rejected("text_not_supported", ErrorClass.CONTENT)


def test_a_private_address_needs_permission() -> None:
    async def scene() -> list[Outcome]:
        provider = TwilioProvider(read(TwilioProvider, {**ACCOUNT, "base_url": "http://127.0.0.1:9"}), None)  # type: ignore[arg-type]
        try:
            return await provider.send_batch([message()])
        finally:
            await provider.close()

    egress.allow()
    (result,) = asyncio.run(scene())
    assert isinstance(result, TryLater)
    assert result.error is ErrorClass.CREDENTIAL


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"account_sid": "AC123"}, "Account SID"),
        ({"messaging_service_sid": "XX" + "0" * 32}, "Messaging service"),
        ({"key_sid": "SK" + "0" * 32}, "API key"),
        ({"base_url": "ftp://api.twilio.com"}, "Address"),
        ({"base_url": "https://me:pw@api.twilio.com"}, "Address"),
        ({"countries": "Utopia"}, "Countries"),
    ],
)
def test_settings_that_cannot_be_right_are_named(change: dict[str, str], word: str) -> None:
    (fault,) = faults(TwilioProvider, {**ACCOUNT, **change})
    assert fault.startswith(word)


def test_it_discloses_what_its_settings_send() -> None:
    plain = TwilioProvider.disclosure(read(TwilioProvider, ACCOUNT))
    pooled = TwilioProvider.disclosure(read(TwilioProvider, {**ACCOUNT, "messaging_service_sid": "MG" + "0" * 32}))
    assert plain.hosts == ("api.twilio.com",)
    assert plain.countries == ("US",)
    assert set(plain.fields) - set(pooled.fields) == {"sender"}


@pytest.mark.parametrize(
    ("answer", "is_working", "word"),
    [
        (saying('{"status": "active", "type": "Full"}'), True, "active"),
        (saying('{"status": "active", "type": "Trial"}'), True, "trial"),
        (saying('{"status": "suspended"}'), False, "suspended"),
        (saying('{"code": 20003}', 401), False, "20003"),
        (saying("gone", 500), False, "500"),
    ],
)
def test_a_check_tells_what_the_account_says(answer: Handler, is_working: bool, word: str) -> None:
    async def scene() -> None:
        async with connected(TwilioProvider, ACCOUNT, answer) as provider:
            found = await provider.check()
        assert found.is_working is is_working
        assert word in found.steps[-1]
        assert peer.TOKEN not in " ".join(found.steps)

    asyncio.run(scene())


def test_lost_answers_may_be_left_alone() -> None:
    assert TwilioProvider.ambiguity_of(read(TwilioProvider, ACCOUNT)) is Ambiguity.LOOKUP
    assert TwilioProvider.ambiguity_of(read(TwilioProvider, {**ACCOUNT, "ask_lost": False})) is Ambiguity.BLIND
