"""The Cloud API provider against the simulator and against peers that misbehave."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from connectpulse_whatsapp.cloud.codes import ERRORS
from connectpulse_whatsapp.cloud.provider import CloudProvider
from connectpulse_whatsapp.simulator.options import NUMBER, Options, settings
from connectpulse_whatsapp.simulator.server import CloudApi
from whatsapp_scene import (
    CONTENT,
    TEMPLATE,
    Handler,
    connected,
    failing,
    half_open,
    message,
    resetting,
    run,
    saying,
    send,
    silent,
    trickling,
)

from connectpulse.core.api import Accepted, ErrorClass, Rejected, TryLater, Unknown, files
from connectpulse.core.domain import form

FILE = files.StoredFile(7, "sale.png", "image/png", 8, "d" * 64, b"\x89PNG\r\n\x1a\n")
PICTURE = {"content": {**TEMPLATE, "header": "image", "header_file": 7}, "file": FILE}
AFTER_LEAVING: dict[str, Handler] = {
    "no answer": silent,
    "slow": trickling,
    "half-open": half_open,
    "reset": resetting,
    "huge": saying("{" + " " * (1 << 20) + "}"),
    "not json": saying("<html>Welcome to nginx!"),
    "a list": saying("[1]"),
    "no id": saying('{"messages": [{}]}'),
    "odd id": saying('{"messages": [{"id": 7}]}'),
    "nested": saying("[" * 100_000),
    "redirect": saying("{}", 302, Location="http://127.0.0.1:1/elsewhere"),
    "500": saying("{}", 500),
    "503": saying("busy", 503),
}
"""Answers that leave open whether the message was taken."""


@pytest.mark.parametrize("handler", AFTER_LEAVING.values(), ids=list(AFTER_LEAVING))
def test_an_answer_nobody_understands_is_unknown(handler: Handler) -> None:
    (outcome,) = send(handler, [message()], timeout=1)
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("code", sorted(ERRORS, key=int))
def test_every_code_means_what_the_table_says(code: str) -> None:
    error, reason = ERRORS[code]
    asked = {"error_subcode": 33} if code == "33" else {}
    (outcome,) = send(failing(100 if code == "33" else int(code), **asked), [message(attempt=2)])
    assert isinstance(outcome, Rejected | TryLater)
    assert (outcome.error, outcome.reason, outcome.code) == (error, reason, code)
    is_later = error in (ErrorClass.THROTTLE, ErrorClass.PROVIDER) or code == "131056"
    assert isinstance(outcome, TryLater) is is_later


def test_permissions_are_a_range() -> None:
    (outcome,) = send(failing(217), [message()])
    assert isinstance(outcome, Rejected)
    assert outcome.error is ErrorClass.CREDENTIAL


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, ErrorClass.CONTENT), (401, ErrorClass.CREDENTIAL), (404, ErrorClass.CREDENTIAL), (429, ErrorClass.THROTTLE)],
)
def test_a_code_nobody_knows_means_what_its_status_means(status: int, error: ErrorClass) -> None:
    (outcome,) = send(failing(999_999, status), [message()])
    assert isinstance(outcome, Rejected | TryLater)
    assert outcome.error is error


def test_one_person_is_left_alone_longer_each_time() -> None:
    for attempt, seconds in ((1, 4), (2, 16), (3, 64), (4, 256)):
        (outcome,) = send(failing(131056), [message(attempt=attempt)])
        assert isinstance(outcome, TryLater)
        assert outcome.after == timedelta(seconds=seconds)
        assert outcome.error is ErrorClass.RECIPIENT, "others may go on"


def test_the_limit_of_a_person_is_tried_once_more_after_a_day() -> None:
    (first,) = send(failing(131049), [message()])
    assert isinstance(first, TryLater)
    assert first.after >= timedelta(hours=24)
    (second,) = send(failing(131049), [message(attempt=2)])
    assert isinstance(second, Rejected)


def test_who_stopped_promotions_is_suppressed() -> None:
    (outcome,) = send(failing(131050), [message()])
    assert outcome == Rejected("opted_out", ErrorClass.RECIPIENT, "131050", suppress=True)


def test_meta_may_say_how_long_to_wait() -> None:
    (outcome,) = send(saying("{}", 429, Retry_After="7"), [message()])
    assert isinstance(outcome, TryLater)
    assert outcome.after == timedelta(seconds=7)


def test_after_a_refused_token_the_rest_is_spared() -> None:
    asked: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"error": {"code": 190}}, status=401)

    outcomes = send(refuse, [message(token=f"{number:x}") for number in range(1, 40)], window=2)
    assert len(asked) <= 3
    assert {each.error for each in outcomes if isinstance(each, Rejected | TryLater)} == {ErrorClass.CREDENTIAL}


def test_messages_go_out_with_token_attempt_and_number() -> None:
    async def scene() -> None:
        async with CloudApi() as api, connected(api.settings) as provider:
            (outcome,) = await provider.send_batch([message(token="abc", attempt=2)])
            assert isinstance(outcome, Accepted)
            assert outcome.references[0].startswith("wamid.")
            (sent,) = map(json.loads, api.record.messages)
            assert sent["biz_opaque_callback_data"] == "abc.2"

    run(scene())


def test_a_file_is_handed_over_once_and_again_when_it_is_gone() -> None:
    async def scene() -> None:
        async with CloudApi() as api, connected(api.settings, window=8) as provider:
            batch = [message(f"+92321765{number:04d}", f"{number:x}", shared=PICTURE) for number in range(1, 40, 2)]
            assert {type(each) for each in await provider.send_batch(batch)} == {Accepted}
            assert api.record.uploads == 1
            (name,) = api.media.known
            assert all(name.encode() in body for body in api.record.messages)
            api.media.known.clear()
            (outcome,) = await provider.send_batch(batch[:1])
            assert outcome == Rejected("file_not_taken", ErrorClass.CONTENT, "131053")
            (outcome,) = await provider.send_batch(batch[:1])
            assert isinstance(outcome, Accepted)
            assert api.record.uploads == 2

    run(scene())


@pytest.mark.parametrize(
    ("handler", "kind"), [(silent, TryLater), (saying("{}", 500), TryLater), (failing(131053), Rejected)]
)
def test_without_its_file_no_message_is_sent(handler: Handler, kind: type[Any]) -> None:
    asked: list[str] = []

    async def only_files(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await handler(request)

    (outcome,) = send(only_files, [message(shared=PICTURE)], timeout=1)
    assert isinstance(outcome, kind)
    assert all(path.endswith("/media") for path in asked)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sender": "+923009999999"}, "sender_not_yours"),
        ({"shared": None}, "content_not_whole"),
        ({"shared": {"content": {**TEMPLATE, "header": "image", "header_file": 7}}}, "content_not_whole"),
        ({"extra": {"body": ["one", "two"]}}, "content_not_whole"),
        ({"extra": {"body": ["\ud800"]}}, "content_not_whole"),
    ],
)
def test_what_cannot_be_made_is_refused_here(changes: dict[str, Any], reason: str) -> None:
    async def never(request: web.Request) -> web.Response:
        raise AssertionError("nothing should be asked")

    (outcome,) = send(never, [message(**changes)])
    assert isinstance(outcome, Rejected)
    assert outcome.reason == reason


def test_marketing_goes_over_its_own_interface_where_asked() -> None:
    paths: list[tuple[str, dict[str, Any]]] = []

    async def take(request: web.Request) -> web.Response:
        paths.append((request.path.rpartition("/")[2], await request.json()))
        return web.json_response({"messages": [{"id": "wamid.1"}]})

    utility = {"content": {**TEMPLATE, "category": "utility"}}
    batch = [message(), message(shared=utility), message("PK.1349")]
    outcomes = send(take, batch, window=1, uses_marketing_messages=True, shares_activity=True)
    assert outcomes == [Accepted(("wamid.1",))] * 3
    assert [path for path, _ in paths] == ["marketing_messages", "messages", "messages"]
    assert (paths[0][1]["product_policy"], paths[0][1]["message_activity_sharing"]) == ("CLOUD_API_FALLBACK", True)
    assert "biz_opaque_callback_data" not in paths[0][1], "its description allows none"


def test_a_content_is_read_once_for_all_its_messages() -> None:
    async def scene() -> None:
        async with CloudApi() as api, connected(api.settings) as provider:
            for _ in range(60):
                await provider.send_batch([message(shared=dict(CONTENT)), message()])
            assert len(provider._drafts) <= 50

    run(scene())


def test_the_check_knows_whose_number_it_is() -> None:
    async def scene() -> None:
        async with CloudApi() as api:
            for given, is_working in (
                (api.settings, True),
                ({**api.settings, "numbers": "+923009999999 = 106540352242922"}, False),
            ):
                async with connected(given) as provider:
                    found = await provider.check()
                assert found.is_working is is_working
                assert any(NUMBER in step for step in found.steps)

    run(scene())


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("numbers", "+923001234567 106540352242922", "line 1"),
        ("numbers", "+923001234567 = 106540352242922\n+923001234568 = 106540352242922", "same id"),
        ("account_id", "my account", "digits"),
        ("version", "23", "v23.0"),
        ("base_url", "https://graph.facebook.com?x=1", "without query"),
        ("base_url", "graph.facebook.com", "must be like"),
        ("countries", "Pakistan", "two letters"),
    ],
)
def test_settings_that_cannot_be_right_are_told(name: str, value: str, sentence: str) -> None:
    values = form.read(CloudProvider.settings_form, {**settings(Options(), "https://graph.facebook.com"), name: value})
    (fault,) = CloudProvider.check_settings(values)
    assert sentence in fault


def test_throttled_messages_wait_and_those_behind_them_too() -> None:
    async def scene() -> None:
        async with CloudApi(Options(most_per_second=5)) as api, connected(api.settings, window=1) as provider:
            batch = [message(f"+9232176543{number:02d}", f"{number:x}") for number in range(11, 91, 2)]
            outcomes = await provider.send_batch(batch)
            later = [each for each in outcomes if isinstance(each, TryLater)]
            assert len(later) >= 20
            assert {each.error for each in later} == {ErrorClass.THROTTLE}
            assert sum(api.record.refused.values()) <= 2, "each would only have been throttled"

    run(scene())


def test_a_lost_answer_is_unknown_and_the_message_was_taken() -> None:
    async def scene() -> None:
        async with CloudApi(Options(lose_every=1)) as api, connected(api.settings) as provider:
            (outcome,) = await provider.send_batch([message()])
            assert isinstance(outcome, Unknown)
            await asyncio.sleep(0)
            assert api.record.summary()["messages"] == 1

    run(scene())
