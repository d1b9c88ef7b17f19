"""What the gateway's server decodes equals what was put in, whatever a person writes."""

import json
import string
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from aiohttp import web
from connectpulse_sms.gateway import expand
from connectpulse_sms.gateway.numbering import Numbering
from gateway_scene import BASIC, message, run, send
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectpulse.core.api import Accepted, ErrorClass, Refused, Rejected

quick = settings(derandomize=True, deadline=None, max_examples=12)
AWKWARD = "a&to=1#x?%00%20 +\r\n\t\"'<b>&amp;]]>{to}{{text}}\\u0041 سلام دنیا 🌙 é \x00\x7f"
TEXTS = st.lists(st.text(max_size=60), min_size=1, max_size=20)
XML_CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
XML_TEXTS = st.lists(st.text(XML_CHARACTERS | st.sampled_from("\t\n\r")), min_size=1, max_size=20)

FORMS: dict[str, dict[str, Any]] = {
    "query": {},
    "form": {"query": "", "method": "POST", "body_kind": "form", "body": "to={to}&from={from}&text={text}"},
    "json": {
        "query": "",
        "method": "POST",
        "body_kind": "json",
        "body": '{"to": "{to}", "from": "{from}", "more": {"parts": {parts}, "text": "{text}"}}',
    },
    "xml": {
        "query": "",
        "method": "POST",
        "body_kind": "xml",
        "body": '<sms to="{to}" from="{from}" again="{text}"><text>{text}</text></sms>',
    },
    "text": {"query": "to={to}&from={from}", "method": "POST", "body_kind": "text", "body": "{text}"},
}


async def decode(request: web.Request, kind: str) -> tuple[str, str, str]:
    """Read a request as any server would; return recipient, sender and text."""
    body = await request.read()
    match kind:
        case "query":
            fields = dict(request.query)
        case "form":
            fields = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
        case "json":
            document = json.loads(body)
            fields = {**document, "text": document["more"]["text"]}
        case "xml":
            root = ElementTree.fromstring(body)
            text = root.findtext("text") or ""
            assert root.attrib["again"] == text
            fields = {**root.attrib, "text": text}
        case _:
            fields = {**request.query, "text": body.decode()}
    return fields["to"], fields["from"], fields["text"]


def round_trip(kind: str, texts: list[str]) -> None:
    received: dict[str, tuple[str, str, str]] = {}

    async def take(request: web.Request) -> web.Response:
        received[request.headers["X-Token"]] = await decode(request, kind)
        return web.Response(text="OK")

    sending = {**BASIC, **FORMS[kind], "headers": {"X-Token": "{reference}"}}
    batch = [message(text, sender=f"M&{text[:9]}", token=str(n)) for n, text in enumerate(texts)]
    outcomes = run(send(take, sending, batch))
    assert outcomes == [Accepted((one.token,)) for one in batch]
    assert [received[one.token] for one in batch] == [("923001234567", one.sender, one.body) for one in batch]


@quick
@given(TEXTS)
@example([AWKWARD])
def test_a_query_arrives_as_it_was_written(texts: list[str]) -> None:
    round_trip("query", texts)


@quick
@given(TEXTS)
@example([AWKWARD])
def test_a_form_arrives_as_it_was_written(texts: list[str]) -> None:
    round_trip("form", texts)


@quick
@given(TEXTS)
@example([AWKWARD])
def test_json_arrives_as_it_was_written(texts: list[str]) -> None:
    round_trip("json", texts)


@quick
@given(XML_TEXTS)
@example([AWKWARD.replace("\x00", "").replace("\x7f", "")])
def test_xml_arrives_as_it_was_written(texts: list[str]) -> None:
    round_trip("xml", texts)


@quick
@given(TEXTS)
@example([AWKWARD])
def test_plain_text_arrives_as_it_was_written(texts: list[str]) -> None:
    round_trip("text", texts)


async def unreached(request: web.Request) -> web.Response:
    raise AssertionError("nothing should have been sent")


@pytest.mark.parametrize(("kind", "text"), [("xml", "bell \x07"), ("query", "half \ud83c"), ("text", "half \ud83c")])
def test_a_text_that_cannot_be_written_is_rejected_unsent(kind: str, text: str) -> None:
    assert run(send(unreached, {**BASIC, **FORMS[kind]}, [message(text)])) == [
        Rejected("text_not_supported", ErrorClass.CONTENT)
    ]


def test_half_a_character_has_no_hexadecimal() -> None:
    sending = {**BASIC, "text_encoding": "ucs2-hex"}
    assert run(send(unreached, sending, [message("half \ud83c")])) == [
        Rejected("text_not_supported", ErrorClass.CONTENT)
    ]


@pytest.mark.parametrize("sender", ["a\r\nX-Evil: 1", "a\nb", "a\x00b"])
def test_a_value_cannot_end_its_header(sender: str) -> None:
    with_header = {**BASIC, "headers": {"X-From": "{from}"}}
    assert run(send(unreached, with_header, [message(sender=sender)])) == [
        Rejected("text_not_supported", ErrorClass.CONTENT)
    ]


def test_hexadecimal_is_for_texts_outside_of_gsm_only() -> None:
    seen: list[tuple[str, str]] = []

    async def take(request: web.Request) -> web.Response:
        seen.append((request.query["text"], request.query["u"]))
        return web.Response(text="OK")

    sending = {
        **BASIC,
        "query": "to={to}&text={text}&u={unicode}",
        "text_encoding": "ucs2-hex",
        "unicode_no": "English",
        "unicode_yes": "urdu",
    }
    run(send(take, sending, [message("plain €"), message("سلام 🌙")], window=1))
    assert seen == [("plain €", "English"), ("0633064406270645 0020d83cdf19".replace(" ", ""), "urdu")]


def test_every_placeholder_has_its_value() -> None:
    seen: dict[str, str] = {}

    async def take(request: web.Request) -> web.Response:
        seen.update(request.query)
        return web.Response(text="OK")

    names = ["to", "from", "text", "reference", "parts", "validity_seconds", "unicode", "purpose"]
    names += ["callback_url", "username", "password", "token"]
    sending = {
        **BASIC,
        "query": "&".join(f"{name}={{{name}}}" for name in names),
        "username": "me&you",
        "password": "p=1",
        "token": "t#1",
        "callback_token": "0123456789abcdef",
        "callback_query": "ref={reference}&d=%d",
    }
    batch = [message("hi", parts=2, purpose="promotional", token="r-9", sender="+923331112222")]
    run(send(take, sending, batch, callback_url="https://pulse.example.com/in/7"))
    assert seen == {
        "to": "923001234567",
        "from": "923331112222",
        "text": "hi",
        "reference": "r-9",
        "parts": "2",
        "validity_seconds": "14400",
        "unicode": "0",
        "purpose": "promotional",
        "callback_url": "https://pulse.example.com/in/7?token=0123456789abcdef&ref=r-9&d=%d",
        "username": "me&you",
        "password": "p=1",
        "token": "t#1",
    }


def test_an_unknown_placeholder_is_refused_with_its_place() -> None:
    with pytest.raises(Refused) as refused:
        expand.parse("to={to}\n&x={mobile}&{to}&{Y}", expand.in_url, {"to"}, "Query")
    assert refused.value.problems == (
        "Query: line 2, column 4: {mobile} is not a placeholder here. Known are {to}.",
        "Query: line 2, column 18: {Y} is not a placeholder here. Known are {to}.",
    )


def test_what_looks_like_a_template_language_is_not_one() -> None:
    pattern = expand.parse("{{to}} { to } {} {to.x} ${to}", expand.as_is, {"to"}, "Body")
    assert pattern.expand({"to": "{text}"}) == "{{text}} { to } {} {to.x} ${text}"


@given(st.text(string.printable))
def test_an_url_escape_leaves_no_reserved_character(value: str) -> None:
    assert set(expand.in_url(value)) <= set(string.ascii_letters + string.digits + "_.-~%")


@pytest.mark.parametrize(
    ("form", "written"),
    [("e164", "+923001234567"), ("digits", "923001234567"), ("zeros", "00923001234567"), ("national", "03001234567")],
)
def test_numbers_are_written_and_read_back(form: str, written: str) -> None:
    numbering = Numbering(form, "92", "0")
    assert numbering.write("+923001234567") == written
    assert numbering.read(written) == "+923001234567"


@pytest.mark.parametrize("value", ["8583", "PULSE", "+8583", "", "Jazz 4G"])
def test_what_is_no_number_is_left_alone(value: str) -> None:
    assert Numbering("digits", "92", "0").read(value) == value


def test_a_national_format_has_no_place_for_strangers() -> None:
    sending = {**BASIC, "number_format": "national", "country_code": "92"}
    assert run(send(unreached, sending, [message(to="+4915112345678")])) == [
        Rejected("number_not_supported", ErrorClass.RECIPIENT)
    ]
