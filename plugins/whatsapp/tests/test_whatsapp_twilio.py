"""WhatsApp through Twilio: templates by SID, values as Twilio numbers them, callbacks signed as its SDK checks."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from connectpulse_whatsapp.content import read
from connectpulse_whatsapp.twilio import account, peer
from connectpulse_whatsapp.twilio.answers import outcome
from connectpulse_whatsapp.twilio.codes import ERRORS
from connectpulse_whatsapp.twilio.content_types import content, values
from connectpulse_whatsapp.twilio.provider import TwilioProvider
from connectpulse_whatsapp.twilio.samples import called, submission
from connectpulse_whatsapp.twilio.signature import is_genuine
from whatsapp_scene import no_intake, oracle, run

from connectpulse.core.api import (
    Accepted,
    Approval,
    Callback,
    ErrorClass,
    Receipt,
    Refused,
    Rejected,
    Reply,
    TemplateSubmission,
    TemplateWord,
    TryLater,
    Unknown,
)
from connectpulse.core.domain import form
from connectpulse.core.wire import egress, signed_forms
from connectpulse.core.wire.signed_forms import sign

WHOLE: dict[str, Any] = {
    "header": "text",
    "header_text": "For {{ first_name }}",
    "body": "Dear {{ first_name }}, your order {{ order }} is on its way to you today.",
    "footer": "Reply STOP to end",
    "buttons": "stop: Stop\nlink: Track | https://example.com/{{ order }}\ncall: Call us | +923001234567\ncode: SALE25",
    "examples": "first_name = Amina\norder = 1042",
}
PLAIN = {"body": "Hello, our shop is open today."}
CODE = {"category": "authentication", "body": "{{ code }}", "expiry": 5}
VALUES = {"header": ["Ali"], "body": ["Ali", "7"], "buttons": {"1": "7"}}
TO = "+923217654321"


@asynccontextmanager
async def connected(url: str = "") -> AsyncIterator[tuple[TwilioProvider, peer.Peer]]:
    egress.allow("127.0.0.0/8")
    async with peer.running() as (settings, running):
        known = form.read(TwilioProvider.settings_form, settings)
        assert TwilioProvider.check_settings(known) == []
        provider = TwilioProvider(known, no_intake, callback_url=url)
        try:
            await provider.open()
            yield provider, running
        finally:
            await provider.close()
            egress.allow()


def template(reference: str = "", given: dict[str, Any] = WHOLE) -> TemplateSubmission:
    return TemplateSubmission("Order", given, {"content": given}, reference)


def test_a_template_is_a_card_with_placeholders_numbered_through() -> None:
    made = content(read(WHOLE))
    assert made["variables"] == {"1": "Amina", "2": "Amina", "3": "1042", "4": "1042"}
    card = made["types"]["whatsapp/card"]
    assert (card["header_text"], card["footer"]) == ("For {{1}}", "Reply STOP to end")
    assert card["body"] == "Dear {{2}}, your order {{3}} is on its way to you today."
    assert card["actions"] == [
        {"type": "QUICK_REPLY", "title": "Stop", "id": "STOP"},
        {"type": "URL", "title": "Track", "url": "https://example.com/{{4}}"},
        {"type": "PHONE_NUMBER", "title": "Call us", "phone": "+923001234567"},
        {"type": "COPY_CODE", "title": "Copy code", "code": "SALE25"},
    ]
    assert values(read(WHOLE), VALUES) == {"1": "Ali", "2": "Ali", "3": "7", "4": "7"}


def test_a_field_that_is_named_twice_is_one_placeholder_where_they_have_names() -> None:
    twice = read({"body": "{{ name }}, dear {{ name }}, please come on {{ day }} to us.", "variables": "named"})
    assert content(twice)["types"]["twilio/text"]["body"] == "{{1}}, dear {{1}}, please come on {{2}} to us."
    assert values(twice, {"body": ["Ali", "Monday"]}) == {"1": "Ali", "2": "Monday"}


@pytest.mark.parametrize(
    ("given", "kind"),
    [(WHOLE, "WhatsappCard"), (PLAIN, "TwilioText"), (CODE, "WhatsappAuthentication")],
    ids=["card", "text", "code"],
)
def test_twilios_own_library_knows_every_field_of_a_template(given: dict[str, Any], kind: str) -> None:
    known = getattr(oracle("twilio.rest.content.v1.content", "twilio").ContentList, kind)
    (made,) = content(read(given))["types"].values()

    def filled(found: Any) -> Any:
        if isinstance(found, dict):
            return {name: filled(each) for name, each in found.items() if each is not None}
        return [filled(each) for each in found] if isinstance(found, list) else found

    assert filled(known(made).to_dict()) == made


def test_a_template_is_made_once_submitted_once_and_then_sent() -> None:
    async def scene() -> None:
        async with connected("https://pulse.example.com/callbacks/7/x") as (provider, twilio):
            message = submission(31, TO, WHOLE, extra=VALUES, attempt=2)
            assert await provider.send_batch([message]) == [Rejected("template_not_found", ErrorClass.CONTENT)]
            first = await provider.submit_template(template())
            assert await provider.submit_template(template()) == first
            (sid,) = twilio.contents
            assert first == TemplateWord(sid, Approval.PENDING, "", "marketing")
            twilio.contents[sid]["whatsapp"] |= {"status": "rejected", "rejection_reason": "Too vague"}
            refused = TemplateWord(sid, Approval.REJECTED, "Too vague", "marketing")
            assert await provider.ask_templates([sid, "HX404"]) == [refused]
            assert await provider.submit_template(template()) == refused
            assert (await provider.submit_template(template(sid))).state is Approval.PENDING
            (sent,) = await provider.send_batch([message])
            assert isinstance(sent, Accepted)
            (fields,) = twilio.messages
            assert (fields["To"], fields["From"]) == (f"whatsapp:{TO}", "whatsapp:+15005550006")
            assert (fields["ContentSid"], "Body" in fields) == (sid, False)
            assert json.loads(fields["ContentVariables"]) == {"1": "Ali", "2": "Ali", "3": "7", "4": "7"}
            assert fields["StatusCallback"].endswith("?pulse=1f.2")

    run(scene())


def test_a_text_goes_as_it_is_and_what_twilio_cannot_show_is_refused() -> None:
    text = {"kind": "text", "body": "سلام 🌙"}

    async def scene() -> None:
        async with connected() as (provider, twilio):
            outcomes = await provider.send_batch(
                [
                    submission(1, TO, text),
                    submission(2, TO, {**text, "buttons": "reply: Yes"}),
                    submission(3, TO, {**text, "body": "a" * 1601}),
                    submission(4, "PK.1349", text),
                    submission(5, TO, WHOLE, extra={"body": ["Ali"]}),
                ]
            )
            assert isinstance(outcomes[0], Accepted)
            reasons = [each.reason for each in outcomes if isinstance(each, Rejected)]
            assert reasons == ["kind_not_supported", "text_too_long", "needs_phone_number", "content_not_whole"]
            assert twilio.messages == [{"To": f"whatsapp:{TO}", "From": "whatsapp:+15005550006", "Body": "سلام 🌙"}]
            with pytest.raises(Refused, match="public address"):
                await provider.submit_template(template("", {**WHOLE, "header": "image", "header_file": 7}))

    run(scene())


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_code_means_what_the_table_says(code: str) -> None:
    error, reason = ERRORS[code]
    made = outcome(Reply(400, {}, json.dumps({"code": int(code)}).encode()), 2)
    assert isinstance(made, Rejected | TryLater)
    assert (made.error, made.reason, made.code) == (error, reason, code)
    assert isinstance(made, TryLater) is (error in (ErrorClass.THROTTLE, ErrorClass.PROVIDER))
    assert getattr(made, "suppress", False) is (code == "21610")


@pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (302, b""), (201, b"[]"), (201, b'{"sid": 7}')])
def test_an_answer_nobody_understands_is_unknown(status: int, body: bytes) -> None:
    assert isinstance(outcome(Reply(status, {}, body)), Unknown)


@pytest.mark.parametrize(
    ("code", "mark", "again"),
    [("63049", "1f.1", timedelta(hours=24)), ("63049", "1f.2", None), ("63049", "", None), ("63024", "1f.1", None),
     ("63018", "1f.1", timedelta(seconds=30)), ("63012", "1f.1", timedelta(seconds=30)), ("", "1f.1", None)],
)  # fmt: skip
def test_each_failure(code: str, mark: str, again: timedelta | None) -> None:
    url = "https://pulse.example.com/callbacks/7/x" + (f"?pulse={mark}" if mark else "")
    callback = called(url, MessageSid="SM1", MessageStatus="undelivered", To=f"whatsapp:{TO}", ErrorCode=code)
    (found,) = TwilioProvider.parse_callback(account.settings(), callback)
    assert isinstance(found, Receipt)
    assert (found.again, found.token, found.address) == (again, mark.partition(".")[0], TO)


def test_signatures_are_those_of_twilios_library() -> None:
    theirs = oracle("twilio.request_validator", "twilio").RequestValidator(account.TOKEN)
    for url in ("https://a.example/c?pulse=1f.1", "https://a.example:8443/c"):
        fields = {"MessageSid": "SM1", "Body": "سلام & so"}
        assert theirs.validate(url, fields, sign(account.TOKEN, url, fields.items()))
    genuine = called(MessageSid="SM1", MessageStatus="sent")
    assert is_genuine(genuine, account.TOKEN)
    for forged in (
        replace(genuine, url=genuine.url + "?pulse=2.1"),
        replace(genuine, body=genuine.body + b"&To=x"),
        replace(genuine, headers={**genuine.headers, "Content-Type": "application/json"}),
        Callback("POST", genuine.url, {}, (), genuine.body),
    ):
        assert not is_genuine(forged, account.TOKEN)
    assert not is_genuine(genuine, "")


def test_a_rule_signs_with_its_shared_key() -> None:
    genuine, key = called(MessageSid="SM1", MessageStatus="sent"), "a-shared-key"
    rule = {"X-Twilio-Webhooks-Signature-Settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}
    signed = sign(key, genuine.url, signed_forms.form(genuine.body), "HMAC_SHA256")
    ruled = replace(genuine, headers={**genuine.headers, **rule, "X-Twilio-Signature": signed})
    known = {**account.settings(), "shared_key": key}
    assert TwilioProvider.verify_callback(known, ruled)
    assert TwilioProvider.verify_callback(known, genuine), "what came without the rule is signed with the token"
    assert not TwilioProvider.verify_callback(account.settings(), ruled)
    assert not TwilioProvider.verify_callback({**known, "shared_key": "another"}, ruled)
    by_token = sign(account.TOKEN, genuine.url, signed_forms.form(genuine.body), "HMAC_SHA256")
    assert not TwilioProvider.verify_callback(
        known, replace(ruled, headers={**ruled.headers, "X-Twilio-Signature": by_token})
    )
    weak = {**rule, "X-Twilio-Webhooks-Signature-Settings": "key=k,algorithm=NONE"}
    assert not TwilioProvider.verify_callback(known, replace(ruled, headers={**ruled.headers, **weak}))


@pytest.mark.parametrize("body", [b"", b"MessageStatus=odd&MessageSid=SM1", b"MessageStatus=sent", b"From=x&To=y"])
def test_what_makes_no_sense_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the contract names no more
        TwilioProvider.parse_callback(account.settings(), Callback("POST", "https://a.example", {}, (), body))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("account_sid", "AC1", "32 letters"),
        ("key_sid", "SK" + "0" * 32, "both its SID and its secret"),
        ("content_url", "content.twilio.com", "Content API: must be like"),
        ("countries", "Pakistan", "two letters"),
    ],
)
def test_settings_that_cannot_be_right_are_told(name: str, value: str, sentence: str) -> None:
    known = form.read(TwilioProvider.settings_form, {**account.settings(), name: value})
    (fault,) = TwilioProvider.check_settings(known)
    assert sentence in fault
