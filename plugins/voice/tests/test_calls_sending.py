"""Calls through Twilio over real sockets: what goes out, and what becomes of it however the answer fares."""

import asyncio
import base64
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from calls_scene import ACCOUNT, CALLBACKS, Handler, connected, read, saying, send
from connectpulse_voice.prompts import desk, making, shelf
from connectpulse_voice.twilio import TwilioCallsProvider, codes, peer, script
from prompts_scene import call, recording

from connectpulse.core.api import (
    Accepted,
    Ambiguity,
    Callback,
    ErrorClass,
    Outcome,
    Rejected,
    Submission,
    TryLater,
    Unknown,
)
from connectpulse.core.domain import form
from connectpulse.core.wire import egress

MADE = json.dumps({"sid": "CA1", "status": "queued"})
GREETING = {"text": "Good day, {{ name }}.", "opt_out_key": "9"}


def outcome(handler: Handler, sent: Submission | None = None, settings: dict[str, Any] = ACCOUNT) -> Outcome:
    return send(handler, [sent or call(**GREETING)], settings)[0]


def seen(sent: Submission, settings: dict[str, Any] = ACCOUNT) -> tuple[web.Request, list[tuple[str, str]]]:
    requests: list[tuple[web.Request, str]] = []

    async def take(request: web.Request) -> web.Response:
        requests.append((request, await request.text()))
        return web.Response(status=201, text=MADE)

    assert outcome(take, sent, settings) == Accepted(("CA1",))
    ((request, body),) = requests
    return request, parse_qsl(body, keep_blank_values=True)


def test_a_call_is_one_form() -> None:
    sent = call({"name": "Ayesha"}, ring_seconds=25, most_seconds=90, **GREETING)._replace(attempt=2)
    request, fields = seen(sent)
    assert (request.method, request.path) == ("POST", f"/2010-04-01/Accounts/{peer.ACCOUNT}/Calls.json")
    known = dict(fields)
    said, ended = known.pop("Url"), known.pop("StatusCallback")
    assert known == {
        "To": "+923001234567",
        "From": "+15005550006",
        "Timeout": "25",
        "TimeLimit": "90",
        "MachineDetection": "DetectMessageEnd",
    }
    for url, about in ((said, script.SAID), (ended, script.ENDED)):
        assert url.startswith(f"{CALLBACKS}?{about}=")
        assert "Ayesha" not in base64.urlsafe_b64decode(url.rpartition("=")[2] + "==").decode("latin-1")
        found, again = script.read(peer.TOKEN, Callback("POST", url, {}, (), b""))
        assert (found, again.attempt, again.address, again.sender) == (about, 2, sent.address, sent.sender)
        assert again.validity == timedelta(hours=4)
        assert (again.extra == {"values": {"name": "Ayesha"}}) is (about == script.SAID)


@pytest.mark.parametrize(
    ("content", "settings", "expected"),
    [
        ({"machine": "hang_up"}, {}, "Enable"),
        ({"machine": "leave_message"}, {}, "DetectMessageEnd"),
        ({"machine": "hang_up"}, {"detect_machines": False}, None),
    ],
)
def test_machines_are_listened_for_as_the_content_says(
    content: dict[str, str], settings: dict[str, Any], expected: str | None
) -> None:
    _, fields = seen(call(**GREETING, **content), {**ACCOUNT, **settings})
    assert dict(fields).get("MachineDetection") == expected


@pytest.mark.parametrize(
    ("more", "user", "password"),
    [({}, peer.ACCOUNT, peer.TOKEN), ({"key_sid": "SK" + "b" * 32, "key_secret": "s3"}, "SK" + "b" * 32, "s3")],
)
def test_requests_are_made_by_the_key_if_there_is_one(more: dict[str, str], user: str, password: str) -> None:
    request, _ = seen(call(**GREETING), {**ACCOUNT, **more})
    scheme, _, given = request.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(given).decode()) == ("Basic", f"{user}:{password}")


async def silent(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def resetting(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize(
    "handler",
    [
        silent,
        resetting,
        saying("<html>Welcome to nginx!"),
        saying("[1]"),
        saying('{"sid": 7}', 201),
        saying("{}", 302, Location="http://127.0.0.1:1/elsewhere"),
        saying("{}", 500),
        saying("busy", 503),
    ],
)
def test_what_may_have_been_taken_is_unknown(handler: Handler) -> None:
    assert isinstance(outcome(handler, settings={**ACCOUNT, "timeout": 1}), Unknown)


@pytest.mark.parametrize("code", codes.ERRORS)
def test_every_code_has_its_outcome(code: str) -> None:
    error, reason = codes.ERRORS[code]
    result = outcome(saying(json.dumps({"code": int(code), "message": "x", "status": 400}), 400))
    assert isinstance(result, TryLater if error in (ErrorClass.THROTTLE, ErrorClass.PROVIDER) else Rejected)
    assert (result.error, result.reason, result.code) == (error, reason, code)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, "{}", Rejected("request_refused", ErrorClass.CONTENT, "400")),
        (401, "no", Rejected("credentials_refused", ErrorClass.CREDENTIAL, "401")),
        (429, "no", TryLater(timedelta(seconds=7), ErrorClass.THROTTLE, "too_fast", "429")),
        (429, '{"code": 21211}', TryLater(timedelta(seconds=7), ErrorClass.THROTTLE, "invalid_number", "21211")),
    ],
)
def test_other_refusals_go_by_their_status(status: int, body: str, expected: Outcome) -> None:
    assert outcome(saying(body, status, Retry_After="7")) == expected


def test_a_throttle_spares_the_calls_behind_it() -> None:
    count = 0

    async def throttle(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        return web.Response(status=429, text="{}", headers={"Retry-After": "3"})

    outcomes = send(throttle, [call(**GREETING)] * 50, window=2)
    assert count <= 2
    assert set(outcomes) == {TryLater(timedelta(seconds=3), ErrorClass.THROTTLE, "too_fast", "429")}


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (call(**GREETING)._replace(shared=None), "content_missing"),
        (call(text=" "), "prompt_not_made"),
        (call(text="\ud800"), "text_not_supported"),
        (call(text="…", language="ur"), "prompt_not_made"),
        (call(prompt="recording", recording=4), "prompt_not_made"),
        (call({f"f{n}": hashlib.sha512(b"%d" % n).hexdigest() for n in range(60)}, **GREETING), "text_too_long"),
    ],
)
def test_what_cannot_be_said_is_not_called_for(sent: Submission, reason: str) -> None:
    assert outcome(saying("called", 500), sent) == Rejected(reason, ErrorClass.CONTENT)


def test_without_an_address_nobody_is_called() -> None:
    (result,) = send(saying("called", 500), [call(**GREETING)], callback_url="")
    assert result == Rejected("no_public_address", ErrorClass.CREDENTIAL)


def test_what_this_site_says_is_made_before_it_is_called_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[bytes] = []

    def decode(content: bytes, most_seconds: int) -> bytes:
        made.append(content)
        return bytes(16_000)

    monkeypatch.setattr(shelf, "folder", lambda: tmp_path)
    monkeypatch.setattr(desk, "decode", decode)
    sent = call(prompt="recording", recording=4)
    content = recording()
    sent = sent._replace(shared={**(sent.shared or {}), "recordings": {making.FIELDS["prompt"][1]: content}})
    seen(sent)
    assert made == [content]


def test_a_private_address_needs_permission() -> None:
    async def scene() -> list[Outcome]:
        provider = TwilioCallsProvider(
            read({**ACCOUNT, "base_url": "http://127.0.0.1:9"}), None, callback_url=CALLBACKS  # type: ignore[arg-type]
        )  # fmt: skip
        try:
            return await provider.send_batch([call(**GREETING)])
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
        ({"key_sid": "SK" + "0" * 32}, "API key"),
        ({"base_url": "ftp://api.twilio.com"}, "Address"),
        ({"base_url": "https://me:pw@api.twilio.com"}, "Address"),
        ({"base_url": "https://[x"}, "Address"),
        ({"countries": "Utopia"}, "Countries"),
    ],
)
def test_settings_that_cannot_be_right_are_named(change: dict[str, str], word: str) -> None:
    values = form.read(TwilioCallsProvider.settings_form, {**ACCOUNT, **change})
    (fault,) = TwilioCallsProvider.check_settings(values)
    assert fault.startswith(word)


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
        async with connected(ACCOUNT, answer) as provider:
            found = await provider.check()
        assert found.is_working is is_working
        assert word in found.steps[-1]
        assert peer.TOKEN not in " ".join(found.steps)

    asyncio.run(scene())


def test_lost_answers_may_be_left_alone() -> None:
    assert TwilioCallsProvider.ambiguity_of(read(ACCOUNT)) is Ambiguity.LOOKUP
    assert TwilioCallsProvider.ambiguity_of(read({**ACCOUNT, "ask_lost": False})) is Ambiguity.BLIND
