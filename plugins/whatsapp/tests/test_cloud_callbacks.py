"""What Meta calls back: believed when it is signed, read as pywa reads it, whatever else stands beside it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from connectpulse_whatsapp.cloud.provider import CloudProvider
from connectpulse_whatsapp.cloud.samples import change, posted, status
from connectpulse_whatsapp.cloud.signature import is_genuine, sign
from connectpulse_whatsapp.cloud.template_words import APPROVALS
from connectpulse_whatsapp.simulator.options import NUMBER, Options, settings
from connectpulse_whatsapp.simulator.server import CloudApi
from whatsapp_scene import Listener, connected, message, oracle, run, serving

from connectpulse.core.api import Callback, Events, Inbound, MessageState, Receipt, Stop, TemplateWord

KNOWN = settings(Options(), "https://graph.facebook.com")
TO = "+923217654321"
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def told(*changes: dict[str, Any]) -> Events:
    return CloudProvider.parse_callback(KNOWN, posted(*changes))


def receipt(**fields: Any) -> Receipt:
    (found,) = told(change("messages", statuses=[status("wamid.1", **fields)]))
    assert isinstance(found, Receipt)
    return found


def chosen(kind: str, **answer: str) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, kind: answer}}


def inbound(**fields: Any) -> Any:
    head = {"from": TO[1:], "id": "wamid.a", "timestamp": str(int(AT.timestamp()))}
    (found,) = told(change("messages", messages=[{**head, **fields}]))
    return found


@pytest.mark.parametrize("named", [{"phone_number_id": "999999999999"}, {}, None])
def test_what_concerns_a_number_of_others_is_passed_over(named: dict[str, str] | None) -> None:
    """Meta calls one address for all numbers of an app, whosever they are."""
    wrote = {"from": TO[1:], "id": "wamid.a", "timestamp": "0", "type": "text", "text": {"body": "For them alone"}}
    failed = status("wamid.1", "failed", errors=[{"code": 131050}])
    wish = {"wa_id": TO[1:], "category": "marketing_messages", "value": "stop"}
    moved = {"user_id": {"previous": "PK.1", "current": "PK.2"}}
    theirs = [
        change("messages", messages=[wrote]),
        change("messages", statuses=[failed]),
        change("user_preferences", user_preferences=[wish]),
        change("user_id_update", user_id_update=[moved]),
    ]
    assert len(told(*theirs)) == len(theirs), "the pattern they depart from"
    for each in theirs:
        each["value"]["metadata"] = named
    assert told(*theirs, change("messages", statuses=[status("wamid.2", "read")])) == [
        Receipt("wamid.2", MessageState.READ, occurred_at=AT, address=TO)
    ]


def test_half_a_character_spoils_nothing() -> None:
    """Phones cut texts in the middle of a pair; JSON can say so, and UTF-8 cannot."""
    cut = posted(change("messages", messages=[
        {"from": TO[1:], "id": "wamid.a", "timestamp": "0", "type": "text", "text": {"body": "Yes \ud83d"}},
        {"from": TO[1:], "id": "wamid.b", "timestamp": "0", "type": "text", "text": {"body": "\U0001f600 اردو"}},
    ]))  # fmt: skip
    assert rb"\ud83d" in cut.body
    assert [each.text for each in CloudProvider.parse_callback(KNOWN, cut) if isinstance(each, Inbound)] == [
        "Yes ?", "\U0001f600 اردو",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("told_as", "priced_as"),
    [
        ("marketing", "marketing"), ("MARKETING_LITE", "marketing"), ("authentication_international", "authentication"),
        ("utility", "utility"), ("group_marketing", ""), ("service", ""), (None, ""),
    ],
)  # fmt: skip
def test_what_is_billed_is_told_in_the_words_of_rates(told_as: str | None, priced_as: str) -> None:
    pricing = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": told_as}
    charged = receipt(word="delivered", pricing=pricing)
    assert (charged.quantity, charged.category) == (1, priced_as)
    free = receipt(word="delivered", pricing=pricing | {"billable": False})
    assert (free.quantity, free.category) == (0, "")


@pytest.mark.parametrize("body", [b"[" * 100_000, rb'"\ud83d' + b"[" * 100_000, b'{"entry":7}', b"\xff"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        CloudProvider.parse_callback(KNOWN, replace(posted(), body=body))


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("sent", MessageState.SENT),
        ("delivered", MessageState.DELIVERED),
        ("read", MessageState.READ),
        ("played", MessageState.READ),
        ("failed", MessageState.FAILED),
    ],
)
def test_each_state(word: str, state: MessageState) -> None:
    assert receipt(word=word) == Receipt("wamid.1", state, "", "failed" if word == "failed" else "", AT, TO)


@pytest.mark.parametrize(
    ("code", "attempt", "state", "again"),
    [
        (131026, 1, MessageState.UNDELIVERABLE, None),
        (131047, 1, MessageState.REJECTED, None),
        (132001, 1, MessageState.REJECTED, None),
        (131049, 1, MessageState.UNDELIVERABLE, timedelta(hours=24)),
        (131049, 2, MessageState.UNDELIVERABLE, None),
        (131056, 3, MessageState.UNDELIVERABLE, timedelta(seconds=64)),
        (131000, 1, MessageState.FAILED, timedelta(seconds=30)),
        (130429, 1, MessageState.FAILED, timedelta(seconds=1)),
        (131042, 1, MessageState.FAILED, None),
        (999999, 1, MessageState.FAILED, None),
    ],
)
def test_each_failure(code: int, attempt: int, state: MessageState, again: timedelta | None) -> None:
    found = receipt(word="failed", biz_opaque_callback_data=f"1f.{attempt}", errors=[{"code": code, "title": "no"}])
    assert (found.state, found.code, found.again, found.token) == (state, str(code), again, "1f")
    assert found.suppress is False


def test_the_limit_of_a_person_is_final_where_nobody_knows_the_attempt() -> None:
    assert receipt(word="failed", errors=[{"code": 131049}]).again is None


@pytest.mark.parametrize(("billable", "quantity"), [(True, 1), (False, 0), ("yes", None), (None, None)])
def test_what_is_billed(billable: Any, quantity: int | None) -> None:
    assert receipt(word="delivered", pricing={"billable": billable, "category": "utility"}).quantity == quantity
    assert receipt(word="delivered").quantity is None


@pytest.mark.parametrize(
    "broken",
    [{"status": "warning"}, {"status": None}, {"id": None}, {"id": ""}, {"id": 7}, "sent", None, {"errors": 7}],
)
def test_a_state_nobody_knows_spoils_no_other(broken: Any) -> None:
    odd = {**status("wamid.0", "sent"), **broken} if isinstance(broken, dict) else broken
    found = told(change("messages", statuses=[odd, status("wamid.1", "read")]), {"field": "messages", "value": "odd"})
    assert found[-1] == Receipt("wamid.1", MessageState.READ, occurred_at=AT, address=TO)


def test_a_business_scoped_recipient_is_no_number() -> None:
    assert receipt(word="read", recipient_id="PK.1349").address == "PK.1349"
    assert receipt(word="read", recipient_id=None, recipient_user_id="PK.1349").address == "PK.1349"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"type": "text", "text": {"body": "Hello"}}, "Hello"),
        ({"type": "button", "button": {"payload": "x", "text": "Yes"}}, "Yes"),
        ({"type": "button", "button": {"payload": "STOP", "text": "روکیں"}}, "STOP"),
        (chosen("button_reply", id="reply-0", title="Yes"), "Yes"),
        (chosen("button_reply", id="STOP", title="Nein"), "STOP"),
        (chosen("list_reply", id="1", title="Red"), "Red"),
        (chosen("nfm_reply", body="Sent"), "[form] Sent"),
        ({"type": "reaction", "reaction": {"message_id": "wamid.1", "emoji": "👍"}}, "👍"),
        ({"type": "reaction", "reaction": {"message_id": "wamid.1"}}, "[reaction taken back]"),
        ({"type": "image", "image": {"id": "1", "caption": "This"}}, "[image] This"),
        ({"type": "document", "document": {"id": "1", "filename": "a.pdf"}}, "[document] a.pdf"),
        ({"type": "audio", "audio": {"id": "1"}}, "[audio]"),
        ({"type": "location", "location": {"latitude": 31.5, "longitude": 74, "name": "A"}}, "[location] A, 31.5, 74"),
        ({"type": "contacts", "contacts": [{"name": {"formatted_name": "Ali"}}]}, "[contact] Ali"),
        ({"type": "order", "order": {"catalog_id": "1"}}, "[order]"),
        ({"type": "unsupported", "errors": [{"code": 131051}]}, "[a kind of message that WhatsApp does not hand on]"),
        ({"type": "text", "text": "odd"}, ""),
    ],
)  # fmt: skip
def test_each_kind_of_message_is_a_text_to_read(fields: dict[str, Any], text: str) -> None:
    assert inbound(**fields) == Inbound(TO, NUMBER, text, "wamid.a", AT)


def test_who_writes_without_a_number_is_known_by_id() -> None:
    assert inbound(**{"from": None}, from_user_id="PK.1349", type="text", text={"body": "Hi"}).address == "PK.1349"


@pytest.mark.parametrize("kind", ["user_changed_number", "user_changed_user_id"])
def test_who_changed_their_number_gets_nothing_at_the_old_one(kind: str) -> None:
    assert inbound(type="system", system={"type": kind, "body": "changed"}) == Stop(TO, NUMBER, "undeliverable")


def test_other_news_of_the_system_are_passed_over() -> None:
    head = {"from": TO[1:], "id": "wamid.a", "type": "system", "system": {"type": "customer_identity_changed"}}
    assert told(change("messages", messages=[head])) == []


def test_who_resumes_promotions_there_has_not_agreed_here() -> None:
    wish = {"wa_id": TO[1:], "category": "marketing_messages", "value": "resume"}
    assert told(change("user_preferences", user_preferences=[wish])) == []


@pytest.mark.parametrize("event", sorted(APPROVALS))
def test_each_word_on_a_template(event: str) -> None:
    value = {
        "message_template_id": 7,
        "event": event,
        "reason": "ABUSIVE_CONTENT",
        "message_template_category": "UTILITY",
    }
    (word,) = told({"field": "message_template_status_update", "value": value})
    assert isinstance(word, TemplateWord)
    assert (word.reference, word.state, word.category) == ("7", APPROVALS[event], "utility")
    assert word.reason.endswith("Abusive content.")


def test_a_category_that_is_only_foretold_changes_nothing() -> None:
    value = {"message_template_id": 7, "new_category": "UTILITY", "correct_category": "MARKETING"}
    assert told({"field": "template_category_update", "value": value}) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"entry": {}}', b"\xff", b"[" * 100_000])
def test_what_is_none_of_metas_is_a_value_error(body: bytes) -> None:
    callback = Callback("POST", "https://a.example", {}, (), body)
    with pytest.raises(ValueError):  # noqa: PT011 - the contract names no more
        CloudProvider.parse_callback(KNOWN, callback)


def test_the_handshake_wants_our_word_and_gets_theirs() -> None:
    query = (("hub.mode", "subscribe"), ("hub.verify_token", KNOWN["verify_token"]), ("hub.challenge", "42"))
    callback = Callback("GET", "https://a.example", {}, query, b"")
    assert is_genuine(KNOWN, callback)
    assert CloudProvider.answer_callback(KNOWN, callback) == ("text/plain", "42")
    assert CloudProvider.parse_callback(KNOWN, callback) == ()
    for missing in range(3):
        assert not is_genuine(KNOWN, replace(callback, query=query[:missing] + query[missing + 1 :]))
    assert not is_genuine(KNOWN, replace(callback, query=(*query[:1], ("hub.verify_token", "x" * 18), query[2])))


def test_signatures_are_those_of_pywa() -> None:
    validate = oracle("pywa.utils", "pywa").webhook_updates_validator
    for body in (b"{}", '{"a": "سلام"}'.encode(), b"\x00" * 10_000):
        assert validate(KNOWN["app_secret"], body, sign(KNOWN["app_secret"], body))
        assert not validate(KNOWN["app_secret"], body + b" ", sign(KNOWN["app_secret"], body))


@pytest.mark.parametrize("given", ["", "sha256=", "sha1=" + "0" * 40, "sha256=" + "0" * 64, "sha256=ü"])
def test_other_signatures_are_refused(given: str) -> None:
    genuine = posted(change("messages", statuses=[status("wamid.1", "sent")]))
    assert is_genuine(KNOWN, genuine)
    assert is_genuine(KNOWN, replace(genuine, headers={"x-hub-signature-256": genuine.headers["X-Hub-Signature-256"]}))
    assert not is_genuine(KNOWN, replace(genuine, headers={"X-Hub-Signature-256": given}))
    assert not is_genuine({**KNOWN, "app_secret": "another"}, genuine)


def test_pywa_reads_the_simulators_webhooks_as_we_do() -> None:
    pywa, types = oracle("pywa", "pywa"), oracle("pywa.types", "pywa")

    async def scene() -> tuple[list[Callback], list[Any]]:
        async with CloudApi(Options(batch=1, callers=1)) as api:
            listener = Listener(api.settings)
            async with serving(listener.take) as url, connected(api.settings) as provider:
                assert await api.webhooks.handshake(url)
                await provider.send_batch([message("+923217654322", "2a"), message("+923217654391", "2b")])
                api.control.write("+923217654321", "کیا حال ہے؟")
                return listener.callbacks, await listener.wait(5)

    callbacks, events = run(scene())
    client = pywa.WhatsApp(token="t", phone_id="1")
    read: list[tuple[Any, ...]] = []
    for callback in callbacks:
        if callback.method == "POST":
            update = json.loads(callback.body)
            kind = types.MessageStatus if b'"statuses"' in callback.body else types.Message
            read.append(_facts(kind.from_update(client, update)))
    ours = [
        (each.reference, each.state.label, each.code, f"{each.token}.1", each.address)
        if isinstance(each, Receipt)
        else (each.reference, each.text, each.address)
        for each in events
    ]
    assert read == ours


def _facts(update: Any) -> tuple[Any, ...]:
    """Return what pywa found in an update, in our words."""
    number = f"+{update.from_user.wa_id}"
    if not hasattr(update, "tracker"):
        return update.id, update.text, number
    code = str(update.error.code) if update.error else ""
    state = "undeliverable" if code == "131026" else update.status.value.lower()
    return update.id, state, code, update.tracker, number
