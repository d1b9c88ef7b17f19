"""Sending through Vonage over real sockets, by either interface, and what becomes of it however the answer fares."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from connectpulse_sms.vonage import VonageProvider, codes, peer
from connectpulse_sms.vonage.settings import MESSAGES, SMS
from hosted_scene import AFTER_LEAVING, Handler, connected, faults, message, oracle, read, saying, send

from connectpulse.core.api import Accepted, ErrorClass, Outcome, Rejected, Submission, TryLater, Unknown, requests

ACCOUNTS = {SMS: peer.settings(), MESSAGES: peer.settings(interface=MESSAGES)}
CALLBACK = "https://pulse.example.com/callbacks/7/x"
TAKEN = {
    SMS: (200, {"message-count": "1", "messages": [{"status": "0", "message-id": "0A"}]}),
    MESSAGES: (202, {"message_uuid": "0A"}),
}


def outcome(handler: Handler, interface: str, sent: Submission | None = None, **more: Any) -> Outcome:
    return send(VonageProvider, {**ACCOUNTS[interface], **more}, handler, [sent or message()])[0]


def seen(interface: str, sent: Submission, callback_url: str = CALLBACK, **more: Any) -> tuple[web.Request, bytes]:
    requests: list[tuple[web.Request, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        requests.append((request, await request.read()))
        status, document = TAKEN[interface]
        return web.Response(status=status, text=json.dumps(document))

    settings = {**ACCOUNTS[interface], **more}
    (result,) = send(VonageProvider, settings, take, [sent], callback_url=callback_url)
    assert isinstance(result, Accepted)
    (found,) = requests
    return found


def test_the_sms_api_gets_a_form() -> None:
    request, body = seen(SMS, message("hello & [1]", sender="+447700900000", validity=timedelta(seconds=5)))
    assert (request.method, request.path) == ("POST", "/sms/json")
    assert dict(parse_qsl(body.decode())) == {
        "api_key": peer.ACCOUNT,
        "api_secret": peer.SECRET,
        "from": "447700900000",
        "to": "923001234567",
        "text": "hello & [1]",
        "type": "text",
        "ttl": "20000",
        "client-ref": "1a",
        "callback": CALLBACK,
    }


def test_the_messages_api_gets_a_document_their_library_would_send() -> None:
    models = oracle("vonage_messages.models.sms", "vonage-messages")
    request, body = seen(MESSAGES, message("سلام"))
    assert (request.method, request.path) == ("POST", "/v1/messages")
    assert request.headers["Authorization"] == requests.basic(peer.ACCOUNT, peer.SECRET)
    found = json.loads(body)
    theirs = models.Sms(
        to="923001234567", from_="PULSE", text="سلام", ttl=14400, client_ref="1a", webhook_url=CALLBACK,
        webhook_version="v1", sms={"encoding_type": "unicode"},
    )  # fmt: skip
    assert found == json.loads(theirs.model_dump_json(by_alias=True, exclude_none=True))


def test_a_form_may_be_signed_instead_as_their_library_checks() -> None:
    _, body = seen(SMS, message("a & b = سلام"), sign_requests=True, signature_method="sha256")
    fields = dict(parse_qsl(body.decode()))
    assert "api_secret" not in fields
    auth = oracle("vonage_http_client.auth", "vonage-http-client").Auth(
        api_key=peer.ACCOUNT, signature_secret=peer.SIGNATURE, signature_method="sha256"
    )
    assert auth.check_signature(fields)


def test_a_callback_address_that_is_too_long_is_left_to_the_account() -> None:
    _, body = seen(SMS, message(), callback_url="https://pulse.example.com/" + "x" * 100)
    assert "callback" not in dict(parse_qsl(body.decode()))


@pytest.mark.parametrize("interface", ACCOUNTS)
@pytest.mark.parametrize("handler", AFTER_LEAVING.values(), ids=AFTER_LEAVING)
def test_what_may_have_been_taken_is_unknown(handler: Handler, interface: str) -> None:
    assert isinstance(outcome(handler, interface, timeout=1), Unknown)


def refused(result: Outcome, code: str, error: ErrorClass, reason: str) -> None:
    if error in (ErrorClass.THROTTLE, ErrorClass.PROVIDER):
        assert isinstance(result, TryLater)
        assert result.after >= timedelta(seconds=5)
    else:
        assert isinstance(result, Rejected)
        assert result.suppress is (code in codes.SUPPRESSED)
    assert (result.error, result.reason, result.code) == (error, reason, code)


@pytest.mark.parametrize("status", codes.SMS_ERRORS)
def test_every_status_is_believed_although_http_says_200(status: str) -> None:
    answer = json.dumps({"message-count": "1", "messages": [{"status": status, "error-text": "x"}]})
    refused(outcome(saying(answer), SMS), status, *codes.SMS_ERRORS[status])


@pytest.mark.parametrize("code", codes.MESSAGES_ERRORS)
def test_every_problem_has_its_outcome(code: str) -> None:
    answer = json.dumps({"type": f"https://developer.vonage.com/api-errors/messages#{code}", "title": "x"})
    refused(outcome(saying(answer, 422), MESSAGES), code, *codes.MESSAGES_ERRORS[code])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("0", "A"), ("0", "B")], Accepted(("A", "B"), 2)),
        ([("0", "A"), ("1", None)], Accepted(("A",), 1)),
        ([("5", None), ("0", "B")], Accepted(("B",), 1)),
        ([("0", None)], Unknown("answer_not_understood")),
        ([("77", None)], Unknown("answer_not_understood", "77")),
        ([], Unknown("answer_not_understood")),
    ],
)
def test_a_message_with_a_part_that_was_taken_never_goes_again(rows: list[Any], expected: Outcome) -> None:
    found = [{"status": status} | ({"message-id": id} if id else {}) for status, id in rows]
    assert outcome(saying(json.dumps({"messages": found})), SMS) == expected


@pytest.mark.parametrize("interface", ACCOUNTS)
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Rejected("request_refused", ErrorClass.CONTENT, "400")),
        (401, Rejected("credentials_refused", ErrorClass.CREDENTIAL, "401")),
        (402, Rejected("balance_exhausted", ErrorClass.CREDENTIAL, "402")),
        (429, TryLater(timedelta(seconds=7), ErrorClass.THROTTLE, "too_fast", "429")),
    ],
)
def test_other_refusals_go_by_their_status(interface: str, status: int, expected: Outcome) -> None:
    assert outcome(saying("{}", status, Retry_After="7"), interface) == expected


def test_what_vonage_would_not_take_is_not_sent() -> None:
    never = saying("{}", 500)
    assert outcome(never, SMS, message("x" * 3201)) == Rejected("text_too_long", ErrorClass.CONTENT)
    for interface in ACCOUNTS:
        assert outcome(never, interface, message("\ud800")) == Rejected("text_not_supported", ErrorClass.CONTENT)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"sign_requests": True, "signature_secret": ""}, "Sign messages"),
        ({"base_url": "https://rest.nexmo.com?x=1"}, "Address"),
        ({"countries": "x"}, "Countries"),
    ],
)
def test_settings_that_cannot_be_right_are_named(change: dict[str, Any], word: str) -> None:
    (fault,) = faults(VonageProvider, {**ACCOUNTS[SMS], **change})
    assert fault.startswith(word)


@pytest.mark.parametrize(("interface", "host"), [(SMS, "rest.nexmo.com"), (MESSAGES, "api.nexmo.com")])
def test_each_interface_has_its_host(interface: str, host: str) -> None:
    settings = read(VonageProvider, {**ACCOUNTS[interface], "base_url": ""})
    assert VonageProvider.disclosure(settings).hosts == (host,)


@pytest.mark.parametrize("interface", ACCOUNTS)
@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_check_tells_what_the_account_says(interface: str, status: int) -> None:
    async def scene() -> None:
        async with connected(VonageProvider, ACCOUNTS[interface], saying('{"value": 10.28}', status)) as provider:
            found = await provider.check()
        assert found.is_working is (status == 200)
        assert ("10.28" in found.steps[-1]) is (status == 200 and interface == SMS)
        assert peer.SECRET not in " ".join(found.steps)

    asyncio.run(scene())


def test_the_stand_in_takes_either_kind_and_a_signature() -> None:
    async def scene() -> None:
        for interface, more in ((SMS, {}), (SMS, {"sign_requests": True}), (MESSAGES, {})):
            async with peer.running(interface) as (known, vonage):
                async with connected(VonageProvider, {**known, **more}) as provider:
                    good, bad = await provider.send_batch([message(), message(to="+923001234500")])
                assert isinstance(good, Accepted)
                assert isinstance(bad, Rejected)
                assert len(vonage.messages) == 1

    asyncio.run(asyncio.wait_for(scene(), 20))
