"""Every preset against a server that answers in that gateway's own words: success and each known refusal.

Success is what the gateway's users see when all is well; the refusals are the rows of its document.
"""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from connectpulse_sms.gateway import GatewayProvider, peer
from connectpulse_sms.gateway.presets import PRESETS
from gateway_scene import connected, message, run

from connectpulse.core.api import Accepted, Callback, ErrorClass, MessageState, Outcome, Receipt, Rejected, TryLater
from connectpulse.core.wire import egress

KANNEL, PLAYSMS, TELENOR, ZONG, UFONE, JAZZ, EOCEAN, SENDPK, BIZSMS, VEEVO, PLAIN = PRESETS
RESELLERS = (SENDPK, BIZSMS, VEEVO)
IN_PLAIN_WORDS = (EOCEAN, *RESELLERS, PLAIN)
ACCOUNT = {
    "username": "923000000001",
    "password": "p&w",
    "token": "abc",
    "countries": "PK",
    "callback_token": "a-secret-of-ours",
}
RECIPIENT, CONTENT, SENDER = ErrorClass.RECIPIENT, ErrorClass.CONTENT, ErrorClass.SENDER
CREDENTIAL, THROTTLE, PROVIDER = ErrorClass.CREDENTIAL, ErrorClass.THROTTLE, ErrorClass.PROVIDER
Asked = list[tuple[str, dict[str, str]]]
Said = tuple[int, str]


def playsms(code: str) -> str:
    return f'{{"status":"ERR","error":"{code}","error_string":"refused","timestamp":1763920000}}'


def telenor(response: str, fact: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8" ?>\n<corpsms>\n<command>Submit_SM</command>\n'
        f"<data>{fact}</data>\n<response>{response}</response>\n</corpsms>"
    )


def ufone(number: int, text: str) -> str:
    return (
        f"<response_to_browser><response_id>{number}</response_id>"
        f"<response_text>{text}</response_text></response_to_browser>"
    )


async def talk(title: str, said: Said, text: str = "hello", purpose: str = "", to: str = "+923001234567") -> Any:
    """Send one message with a preset; return its outcome and what the gateway was asked."""
    asked: Asked = []

    async def answer(request: web.Request) -> web.Response:
        body = (await request.read()).decode()
        asked.append((request.path, dict(request.query) if request.method == "GET" else {"": body}))
        if request.path.endswith("/auth.jsp"):
            return web.Response(text=telenor("OK", "f00f"))
        return web.Response(status=said[0], text=said[1])

    settings = {**PRESETS[title], **ACCOUNT}
    async with connected(answer, settings, callback_url="https://pulse.example.com/in/7") as provider:
        [outcome] = await provider.send_batch([message(text, to=to, purpose=purpose)])
    return outcome, asked


SUCCESS: list[tuple[str, Said, str]] = [
    (KANNEL, (202, "0: Accepted for delivery"), "t-1"),
    (KANNEL, (202, "3: Queued for later delivery"), "t-1"),
    (
        PLAYSMS,
        (200, '{"data":[{"status":"OK","error":"0","smslog_id":"30","queue":"afb5","to":"1"}],"error_string":null}'),
        "30",
    ),
    (TELENOR, (200, telenor("OK", "5512345")), "5512345"),
    (ZONG, (200, '"Submitted Successfully"'), "t-1"),
    (UFONE, (200, ufone(0, "Message Sent Successfully.")), "t-1"),
    (JAZZ, (200, "Message Sent Successfully!"), "t-1"),
    (EOCEAN, (200, "Message Id: 99817 sent to 923001234567"), "99817"),
    (PLAIN, (200, "OK ID:123"), "t-1"),
    (PLAIN, (200, "Sent Successfully"), "t-1"),
    *((title, (200, "OK ID:123"), "t-1") for title in RESELLERS),
]


@pytest.mark.parametrize(("title", "said", "reference"), SUCCESS)
def test_success_is_understood(title: str, said: Said, reference: str) -> None:
    outcome, _ = run(talk(title, said))
    assert outcome == Accepted((reference,))


def test_every_preset_has_a_success_and_passes_the_form() -> None:
    assert {title for title, _, _ in SUCCESS} == set(PRESETS)
    names = {field.name for field in GatewayProvider.settings_form}
    for title, preset in PRESETS.items():
        assert set(preset) <= names, title
        complete = {"base_url": "https://sms.example.com", **preset, **ACCOUNT}
        values = {field.name: field.read(complete.get(field.name)) for field in GatewayProvider.settings_form}
        assert GatewayProvider.check_settings(values) == [], title


REFUSED: list[tuple[str, Said, ErrorClass, str]] = [
    (KANNEL, (403, "Authorization failed for sendsms"), CREDENTIAL, "credentials_refused"),
    (KANNEL, (400, "Missing receiver number, rejected"), RECIPIENT, "number_missing"),
    (KANNEL, (400, "Empty receiver number not allowed, rejected"), RECIPIENT, "number_missing"),
    (KANNEL, (400, "Number(s) has/have been denied by white- and/or black-lists."), RECIPIENT, "number_denied"),
    (KANNEL, (400, "Sender missing and no global set, rejected"), SENDER, "sender_missing"),
    (KANNEL, (400, "Charset or body malformed, rejected"), CONTENT, "request_refused"),
    (PLAYSMS, (200, playsms("100")), CREDENTIAL, "credentials_refused"),
    (PLAYSMS, (200, playsms("101")), CONTENT, "gateway_refused"),
    (PLAYSMS, (200, playsms("102")), CONTENT, "field_missing"),
    (PLAYSMS, (200, playsms("103")), CREDENTIAL, "balance_exhausted"),
    (PLAYSMS, (200, playsms("104")), CREDENTIAL, "token_refused"),
    (PLAYSMS, (200, playsms("105")), CREDENTIAL, "token_refused"),
    (PLAYSMS, (200, playsms("106")), CREDENTIAL, "our_address_refused"),
    (PLAYSMS, (200, playsms("201")), CONTENT, "number_or_text_missing"),
    (PLAYSMS, (200, '{"data":[{"status":"ERR","error":"102","to":"1"}]}'), CONTENT, "field_missing"),
    (TELENOR, (200, telenor("Error", "Error 100")), CREDENTIAL, "balance_exhausted"),
    (TELENOR, (200, telenor("Error", "Error 101")), CONTENT, "parameter_missing"),
    (TELENOR, (200, telenor("Error", "Error 102")), CREDENTIAL, "session_refused"),
    (TELENOR, (200, telenor("Error", "Error 103")), SENDER, "mask_refused"),
    (TELENOR, (200, telenor("Error", "Error 200")), CREDENTIAL, "credentials_refused"),
    (TELENOR, (200, telenor("Error", "Error 201")), CREDENTIAL, "credentials_refused"),
    (TELENOR, (200, telenor("Error", "Error 211")), CONTENT, "message_id_unknown"),
    (TELENOR, (200, telenor("Error", "Error 300")), CREDENTIAL, "account_blocked"),
    (TELENOR, (200, telenor("Error", "Error 411")), RECIPIENT, "number_refused"),
    (ZONG, (200, '"Insufficient Balance"'), CREDENTIAL, "balance_exhausted"),
    (ZONG, (200, '"Invalid login or password"'), CREDENTIAL, "credentials_refused"),
    (UFONE, (200, ufone(1, "Invalid Password")), CREDENTIAL, "credentials_refused"),
    (UFONE, (200, ufone(1, "Mobile number is not correct")), CONTENT, "gateway_refused"),
    (JAZZ, (200, "Invalid Username/Password"), CREDENTIAL, "credentials_refused"),
    (JAZZ, (200, "Your account is expired please contact Admin"), CREDENTIAL, "account_expired"),
    (JAZZ, (200, "Insufficient Funds"), CREDENTIAL, "balance_exhausted"),
    (JAZZ, (200, "Mask not allowed!"), SENDER, "mask_refused"),
    (JAZZ, (200, 'The "FROM" Field is empty...'), SENDER, "sender_missing"),
    (JAZZ, (200, 'The "TO" Field is empty...'), RECIPIENT, "number_missing"),
    (JAZZ, (200, 'The "MESSAGE" Field is empty...'), CONTENT, "text_missing"),
    (JAZZ, (200, "Message contains banned words"), CONTENT, "banned_words"),
    (EOCEAN, (401, "Unauthorized"), CREDENTIAL, "credentials_refused"),
    *((title, (200, "Invalid username or password"), CREDENTIAL, "credentials_refused") for title in IN_PLAIN_WORDS),
    *((title, (200, "ERROR: insufficient balance"), CREDENTIAL, "balance_exhausted") for title in IN_PLAIN_WORDS),
    *((title, (200, "Invalid Mask"), SENDER, "mask_refused") for title in IN_PLAIN_WORDS),
    *((title, (200, "Invalid Mobile Number"), RECIPIENT, "number_refused") for title in IN_PLAIN_WORDS),
]


@pytest.mark.parametrize(("title", "said", "error", "reason"), REFUSED)
def test_refusals_are_understood(title: str, said: Said, error: ErrorClass, reason: str) -> None:
    outcome, _ = run(talk(title, said))
    assert isinstance(outcome, Rejected)
    assert (outcome.error, outcome.reason) == (error, reason)


@pytest.mark.parametrize(
    ("title", "said", "seconds", "error", "code"),
    [
        (KANNEL, (503, "Temporal failure, try again later."), 5, PROVIDER, "503"),
        (PLAYSMS, (200, playsms("200")), 60, PROVIDER, "200"),
        (TELENOR, (200, telenor("Error", "Error 304")), 1, THROTTLE, "304"),
        (TELENOR, (200, telenor("Error", "Error 305")), 1, THROTTLE, "305"),
        (TELENOR, (200, telenor("Error", "Error 506")), 10_800, CONTENT, "506"),
    ],
)
def test_what_passes_is_tried_later(title: str, said: Said, seconds: int, error: ErrorClass, code: str) -> None:
    outcome, _ = run(talk(title, said))
    assert isinstance(outcome, TryLater)
    assert (outcome.after.total_seconds(), outcome.error, outcome.code) == (seconds, error, code)


def test_every_row_of_every_error_table_is_tried() -> None:
    reasons = {(title, reason) for title, _, _, reason in REFUSED}
    for title, preset in PRESETS.items():
        for row in preset.get("errors", []):
            if row.get("action", "fail") == "fail":
                assert (title, row["reason"]) in reasons, (title, row)


REQUESTS: list[tuple[str, str, dict[str, str]]] = [
    (
        KANNEL,
        "/cgi-bin/sendsms",
        {
            "username": "923000000001",
            "password": "p&w",
            "from": "PULSE",
            "to": "923001234567",
            "text": "سلام & 100%",
            "coding": "2",
            "charset": "UTF-8",
            "dlr-mask": "31",
            "dlr-url": "https://pulse.example.com/in/7?token=a-secret-of-ours&"
            "reference=t-1&status=%d&recipient=%p&time=%T&error=%A",
        },
    ),
    (
        PLAYSMS,
        "/index.php",
        {"app": "ws", "op": "pv", "u": "923000000001", "h": "abc", "to": "923001234567", "from": "PULSE",
         "msg": "سلام & 100%", "unicode": "1"},
    ),
    (
        TELENOR,
        "/sendsms.jsp",
        {"session_id": "f00f", "to": "923001234567", "text": "سلام & 100%", "mask": "PULSE", "unicode": "true"},
    ),
    (
        ZONG,
        "/SendQuickSMS",
        {"loginId": "923000000001", "loginPassword": "p&w", "Destination": "923001234567", "Mask": "PULSE",
         "Message": "سلام & 100%", "UniCode": "1", "ShortCodePrefered": "n"},
    ),
    (
        UFONE,
        "/sendapi-0.3.jsp",
        {"id": "923000000001", "password": "p&w", "shortcode": "PULSE", "mobilenum": "923001234567",
         "message": "سلام & 100%", "lang": "urdu", "messagetype": "Nontransactional", "groupname": ""},
    ),
    (
        JAZZ,
        "/sendsms_url.html",
        {"Username": "923000000001", "Password": "p&w", "From": "PULSE", "To": "03001234567",
         "Message": "سلام & 100%"},
    ),
    (
        EOCEAN,
        "/RequestAPI",
        {"user": "923000000001", "pwd": "p&w", "sender": "PULSE", "reciever": "923001234567",
         "msg-data": "سلام & 100%", "response": "string"},
    ),
    *(
        (
            title,
            path,
            {"username": "923000000001", "password": "p&w", "mask": "PULSE", "mobile": "923001234567",
             "message": "سلام & 100%"},
        )
        for title, path in ((SENDPK, "/api/sms.php"), (BIZSMS, "/api"), (VEEVO, "/sendsms"))
    ),
    (
        PLAIN,
        "/api/sms",
        {"username": "923000000001", "password": "p&w", "sender": "PULSE", "mobile": "923001234567",
         "message": "سلام & 100%"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("title", "path", "fields"), REQUESTS)
def test_requests_are_what_the_gateway_expects(title: str, path: str, fields: dict[str, str]) -> None:
    _, asked = run(talk(title, (200, "?"), "سلام & 100%", "promotional"))
    sent_path, sent = asked[-1]
    if "" in sent:
        sent = json.loads(sent[""])
    assert (sent_path, sent) == (path, fields)


def test_telenor_logs_in_before_and_again_when_the_session_ended() -> None:
    outcome, asked = run(talk(TELENOR, (200, telenor("Error", "Error 102"))))
    assert isinstance(outcome, Rejected)
    assert [path for path, _ in asked] == ["/auth.jsp", "/sendsms.jsp", "/auth.jsp", "/sendsms.jsp"]
    assert asked[0][1] == {"msisdn": "923000000001", "password": "p&w"}


def test_ufone_is_told_the_purpose_and_the_language() -> None:
    _, asked = run(talk(UFONE, (200, ufone(0, "ok")), "plain", "transactional"))
    assert (asked[0][1]["messagetype"], asked[0][1]["lang"]) == ("Transactional", "English")


@pytest.mark.parametrize(
    ("title", "said", "last"),
    [
        (KANNEL, (400, "Missing receiver number, rejected"), "The gateway answers as it should."),
        (PLAYSMS, (200, '{"status":"OK","error":"0","data":10}'), "The gateway answers as it should."),
        (TELENOR, (200, telenor("OK", "pong")), "The gateway answers as it should."),
        (JAZZ, (200, "499930, 919"), "The gateway answers as it should. Balance: 499930, 919."),
        (KANNEL, (403, "Authorization failed for sendsms"), "The check request was refused (HTTP status 403)."),
        (JAZZ, (200, "Invalid Username/Password"), "The check request was refused (HTTP status 200)."),
    ],
)
def test_checks_try_the_account(title: str, said: Said, last: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/auth.jsp"):
            return web.Response(text=telenor("OK", "f00f"))
        return web.Response(status=said[0], text=said[1])

    async def scene() -> str:
        async with connected(answer, {**PRESETS[title], **ACCOUNT}) as provider:
            return (await provider.check()).steps[-1]

    assert run(scene()) == last


def test_the_trial_gateway_reports_what_it_took() -> None:
    """The peer of the samples, from request to receipt: delivered, failed and refused."""
    callbacks: asyncio.Queue[Callback] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        query = tuple(parse_qsl(request.query_string, keep_blank_values=True))
        callbacks.put_nowait(Callback("GET", str(request.url), request.headers, query, b""))
        return web.Response()

    async def scene() -> tuple[list[Outcome], list[Any]]:
        app = web.Application()
        app.router.add_get("/in", take)
        egress.allow("127.0.0.1")
        async with peer.serving(app) as address, peer.kannel() as settings:
            provider = GatewayProvider(settings, lambda events: asyncio.sleep(0), callback_url=f"{address}/in")
            await provider.open()
            batch = [message(to="+923001234567"), message(to="+923001234599", token="t-2"), message(to="+923001234500")]
            outcomes = await provider.send_batch(batch)
            events: list[Any] = []
            for _ in range(4):
                callback = await callbacks.get()
                assert GatewayProvider.verify_callback(settings, callback)
                events += GatewayProvider.parse_callback(settings, callback)
            await provider.close()
        egress.allow()
        return outcomes, events

    outcomes, events = run(scene())
    assert outcomes == [Accepted(("t-1",)), Accepted(("t-2",)), Rejected("number_denied", RECIPIENT, "400")]
    reports = {
        (event.reference, event.state, event.code, event.address) for event in events if isinstance(event, Receipt)
    }
    assert reports == {
        ("t-1", MessageState.SENT, "000", "+923001234567"),
        ("t-1", MessageState.DELIVERED, "000", "+923001234567"),
        ("t-2", MessageState.SENT, "000", "+923001234599"),
        ("t-2", MessageState.UNDELIVERABLE, "001", "+923001234599"),
    }
