"""What gateways call back: genuine or forged, by GET and POST, in every format, and nonsense."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from connectpulse_sms.gateway import GatewayProvider
from gateway_scene import BASIC
from hypothesis import given, settings
from hypothesis import strategies as st

from connectpulse.core.api import Callback, Inbound, MessageState, Receipt

quick = settings(derandomize=True, deadline=None, max_examples=200)
SECRET = "0123456789abcdef"
SETTINGS: dict[str, Any] = {
    **BASIC,
    "callback_token": SECRET,
    "receipt_states": {"DELIVRD": "delivered", "UNDELIV": "undeliverable", "ENROUTE": "ignore", "1": "sent"},
    "receipt_error": "error",
    "receipt_time": "time",
    "receipt_recipient": "mobile",
    "receipt_parts": "parts",
    "inbound_reference": "id",
    "inbound_time": "time",
    "country_code": "92",
    "time_zone": "Asia/Karachi",
}
JSON = {**SETTINGS, "callback_format": "json"}
XML = {**SETTINGS, "callback_format": "xml"}
AT = datetime(2026, 11, 23, 13, 5, tzinfo=UTC)


def called(query: str = "", body: bytes | str = b"", method: str = "GET") -> Callback:
    pairs = tuple(parse_qsl(query, keep_blank_values=True))
    octets = body.encode() if isinstance(body, str) else body
    return Callback(method, f"https://pulse.example.com/in?{query}", {}, pairs, octets)


def parse(callback: Callback, known: dict[str, Any] = SETTINGS) -> Sequence[Receipt | Inbound]:
    return GatewayProvider.parse_callback(known, callback)


@pytest.mark.parametrize(
    ("query", "is_genuine"),
    [
        (f"token={SECRET}", True),
        (f"status=1&token={SECRET}&x=", True),
        ("", False),
        ("token=", False),
        (f"token={SECRET[:-1]}", False),
        (f"token={SECRET}0", False),
        (f"token={SECRET.upper()}", False),
        (f"TOKEN={SECRET}", False),
        (f"token={SECRET}&token={SECRET}", False),
        (f"token=x&token={SECRET}", False),
        ("token=%D8%B3%FF", False),
    ],
)
def test_only_the_secret_makes_a_callback_genuine(query: str, is_genuine: bool) -> None:
    assert GatewayProvider.verify_callback(SETTINGS, called(query)) is is_genuine
    assert GatewayProvider.verify_callback(SETTINGS, called(query, b"x", "POST")) is is_genuine


def test_a_secret_in_the_body_is_none() -> None:
    assert not GatewayProvider.verify_callback(SETTINGS, called("", f"token={SECRET}", "POST"))


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_secret_nothing_is_genuine(token: str | None) -> None:
    unset = {**SETTINGS, "callback_token": token}
    assert not GatewayProvider.verify_callback(unset, called("token="))
    assert not GatewayProvider.verify_callback(unset, called(""))


@dataclass(frozen=True)
class Sourced(Callback):
    source: str = ""


@pytest.mark.parametrize(
    ("source", "is_genuine"),
    [
        ("203.0.113.7", True),
        ("198.51.100.1", True),
        ("198.51.100.2", False),
        ("2001:db8::1", False),
        ("", False),
        ("x", False),
    ],
)
def test_callbacks_may_be_limited_to_networks(source: str, is_genuine: bool) -> None:
    limited = {**SETTINGS, "callback_sources": "203.0.113.0/24, 198.51.100.1"}
    plain = called(f"token={SECRET}")
    sourced = Sourced(plain.method, plain.url, plain.headers, plain.query, plain.body, source)
    assert GatewayProvider.verify_callback(limited, sourced) is is_genuine
    assert not GatewayProvider.verify_callback(limited, plain), "where nobody knows the source, none is allowed"


QUERY = "reference=r-1&status=DELIVRD&error=000&time=2026-11-23+18:05:00&mobile=03001234567&parts=2"
DELIVERED = Receipt("r-1", MessageState.DELIVERED, "000", occurred_at=AT, address="+923001234567", quantity=2)


@pytest.mark.parametrize(
    ("known", "callback"),
    [
        (SETTINGS, called(QUERY)),
        (SETTINGS, called("token=x", QUERY, "POST")),
        (SETTINGS, called("reference=r-1&status=DELIVRD", QUERY, "POST")),
        (SETTINGS, called(QUERY + "&" + QUERY)),
        (JSON, called("token=x", json.dumps(dict(parse_qsl(QUERY))), "POST")),
        (JSON, called("reference=r-1&token=x", json.dumps({**dict(parse_qsl(QUERY)[1:]), "parts": 2}), "POST")),
        (JSON, called(QUERY)),
        (
            {**XML, "receipt_reference": "dlr/ref", "receipt_status": ".//state", "receipt_error": "dlr/err",
             "receipt_time": "dlr/at", "receipt_recipient": "dlr/to", "receipt_parts": "dlr/n"},
            called("", "<?xml version='1.0'?><dlr><ref>r-1</ref><s><state>delivrd</state></s><err>000</err>"
                   "<at>2026-11-23T18:05+05:00</at><to>+92 300 1234567</to><n>2</n></dlr>", "POST"),
        ),
    ],
)  # fmt: skip
def test_a_receipt_is_read_in_every_format(known: dict[str, Any], callback: Callback) -> None:
    assert GatewayProvider.check_settings(known) == []
    assert parse(callback, known) == [DELIVERED]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23 18:05", AT),
        ("2026-11-23T13:05:00Z", AT),
        ("1795439100", datetime.fromtimestamp(1795439100, UTC)),
        ("1795439100000", datetime.fromtimestamp(1795439100, UTC)),
        ("yesterday", None),
        ("", None),
        ("0001-01-01", None),
        ("99999999999999999", None),
        ("١٢", None),
    ],
)
def test_times_are_read_or_left_out(text: str, instant: datetime | None) -> None:
    [receipt] = parse(called(f"reference=r&status=1&time={quote(text)}"))
    assert isinstance(receipt, Receipt)
    assert receipt.occurred_at == instant


def test_a_piece_of_a_field_may_be_taken() -> None:
    known = {**SETTINGS, "receipt_error": "answer ~ err:(\\w+)", "receipt_reference": "ref ~ ^[^.]+"}
    assert GatewayProvider.check_settings(known) == []
    [receipt] = parse(called("ref=r-1.2&status=UNDELIV&answer=" + quote("id:7 stat:UNDELIV err:0A1 text:")), known)
    assert receipt == Receipt("r-1", MessageState.UNDELIVERABLE, "0A1")


def test_without_an_error_code_the_status_is_the_code() -> None:
    assert parse(called("reference=r&status=UNDELIV")) == [Receipt("r", MessageState.UNDELIVERABLE, "UNDELIV")]


def test_a_status_may_be_ignored() -> None:
    assert parse(called("reference=r&status=ENROUTE")) == []


def test_several_receipts_come_at_once() -> None:
    known = {**JSON, "callback_items": "results", "receipt_reference": "id", "receipt_status": "status.name"}
    items = [{"id": n, "status": {"name": word}} for n, word in enumerate(["DELIVRD", "ENROUTE", "UNDELIV"])]
    assert GatewayProvider.check_settings(known) == []
    assert parse(called("", json.dumps({"results": items}), "POST"), known) == [
        Receipt("0", MessageState.DELIVERED, "DELIVRD"),
        Receipt("2", MessageState.UNDELIVERABLE, "UNDELIV"),
    ]
    known = {**XML, "callback_items": "r/m", "receipt_reference": "id", "receipt_status": "s"}
    body = "<r><m><id>a</id><s>DELIVRD</s></m><m><id>b</id><s>1</s></m></r>"
    assert parse(called("", body, "POST"), known) == [
        Receipt("a", MessageState.DELIVERED, "DELIVRD"),
        Receipt("b", MessageState.SENT, "1"),
    ]


@pytest.mark.parametrize(
    ("known", "callback", "why"),
    [
        (SETTINGS, called(""), "neither a delivery status nor a text"),
        (SETTINGS, called("hello=world"), "neither a delivery status nor a text"),
        (SETTINGS, called("reference=r&status=LOST"), "'LOST' is not in the connection's status table"),
        (SETTINGS, called("reference=r&status="), "'' is not in the connection's status table"),
        (SETTINGS, called("status=DELIVRD"), "without the reference of a message"),
        (SETTINGS, called("reference=+&status=DELIVRD"), "without the reference of a message"),
        (SETTINGS, called("reference=r&status=1&status=DELIVRD"), "gives the field 'status' more than once"),
        (SETTINGS, called("reference=r&status=1", "status=DELIVRD", "POST"), "more than once"),
        (SETTINGS, called("reference=r", b"\xff\xfe", "POST"), "form cannot be read"),
        (SETTINGS, called("", "a=1&" * 500, "POST"), "form cannot be read"),
        (SETTINGS, called("text=hello"), "not whom it is from"),
        (JSON, called("", "{", "POST"), "is not JSON"),
        (JSON, called("", "[" * 50_000, "POST"), "is not JSON"),
        (JSON, called("", "[1]", "POST"), "neither a delivery status nor a text"),
        (JSON, called("", b"\xff", "POST"), "is not JSON"),
        ({**JSON, "callback_items": "results"}, called("", '{"results": 1}', "POST"), "no list at 'results'"),
        (XML, called("", "<a>", "POST"), "is not XML"),
        (XML, called("", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "POST"), "document type definition"),
    ],
)
def test_nonsense_is_told(known: dict[str, Any], callback: Callback, why: str) -> None:
    with pytest.raises(ValueError, match=r"^The (callback|status)") as told:
        parse(callback, known)
    assert why in str(told.value)


INBOUND = Inbound("+923001234567", "8583", "STOP & سلام 🌙", "m-1", AT)


@pytest.mark.parametrize("method", ["GET", "POST", "JSON", "XML"])
def test_messages_of_people_come_in(method: str) -> None:
    fields = {"from": "03001234567", "to": "8583", "text": INBOUND.text, "id": "m-1", "time": "2026-11-23T18:05:00"}
    known, callback = {
        "GET": (SETTINGS, called(urlencode(fields))),
        "POST": (SETTINGS, called("", urlencode(fields), "POST")),
        "JSON": (JSON, called("", json.dumps(fields), "POST")),
        "XML": (
            XML | {f"inbound_{name}": f".//{name}" for name in ("from", "to", "text", "time")}
            | {"inbound_reference": ".//id"},
            called("", "<mo>" + "".join(f"<{k}>{v.replace('&', '&amp;')}</{k}>" for k, v in fields.items()) + "</mo>"),
        ),
    }[method]  # fmt: skip
    assert parse(callback, known) == [INBOUND]


def test_an_empty_message_is_a_message() -> None:
    assert parse(called("from=%2B923001234567&text=")) == [Inbound("+923001234567", "", "")]


@pytest.mark.parametrize(
    ("charset", "octets", "text"),
    [
        ("UTF-16BE", "بے & STOP 🌙".encode("utf-16-be"), "بے & STOP 🌙"),
        ("windows-1256", "سلام".encode("cp1256"), "سلام"),
        ("UTF-8", "سلام".encode(), "سلام"),
        ("GSM", b"STOP", "STOP"),
        ("", b"STOP", "STOP"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_texts_may_name_their_character_set(charset: str, octets: bytes, text: str, method: str) -> None:
    known = {**SETTINGS, "inbound_charset": "charset"}
    fields = f"from=%2B923001234567&to=8583&text={quote(octets)}&charset={charset}"
    callback = called(fields) if method == "GET" else called("", fields, "POST")
    assert parse(callback, known) == [Inbound("+923001234567", "8583", text)]


@pytest.mark.parametrize("charset", ["UTF-16BE", "klingon", "hex", "ascii\x00"])
def test_a_text_that_is_not_in_its_character_set_is_told(charset: str) -> None:
    known = {**SETTINGS, "inbound_charset": "charset"}
    with pytest.raises(ValueError, match="not in the character set"):
        parse(called(f"from=%2B923001234567&text=odd&charset={quote(charset)}"), known)


JUNK = st.dictionaries(
    st.sampled_from(["reference", "status", "from", "to", "text", "time", "charset"]), st.text(max_size=20)
)


@quick
@given(st.sampled_from([SETTINGS, JSON, XML]), JUNK, st.binary(max_size=100), st.sampled_from(["GET", "POST"]))
def test_junk_is_read_or_refused_and_nothing_else(
    known: dict[str, Any], query: dict[str, str], body: bytes, method: str
) -> None:
    callback = Callback(method, "https://x/?" + urlencode(query, errors="replace"), {}, tuple(query.items()), body)
    assert not GatewayProvider.verify_callback(known, callback)
    try:
        events = parse(callback, {**known, "inbound_charset": "charset"})
    except ValueError as told:
        assert str(told).startswith("The ")  # noqa: PT017 - raising is allowed, not demanded
    else:
        assert all(isinstance(event, Receipt | Inbound) for event in events)


def test_samples_are_what_the_provider_says() -> None:
    samples = GatewayProvider.samples()
    assert GatewayProvider.check_settings(samples.settings) == []
    for callback, events in samples.callbacks:
        assert GatewayProvider.verify_callback(samples.settings, callback)
        assert list(GatewayProvider.parse_callback(samples.settings, callback)) == list(events)
    for callback in samples.forged:
        assert not GatewayProvider.verify_callback(samples.settings, callback)
