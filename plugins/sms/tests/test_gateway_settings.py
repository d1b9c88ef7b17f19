"""Faults in settings are found when they are saved, each with its place and what to do."""

from typing import Any

import pytest
from connectpulse_sms.gateway import GatewayProvider
from connectpulse_sms.gateway.form import FORM
from gateway_scene import BASIC

from connectpulse.core.api import Ambiguity, Kind

JSON_POST = {"query": "", "method": "POST", "body_kind": "json"}
XML_POST = {"query": "", "method": "POST", "body_kind": "xml"}
LOGIN = {
    "auth": "login",
    "login_path": "/login",
    "login_session": "json: session",
    "query": "s={session}&to={to}&text={text}",
}


def faults(**settings: Any) -> list[str]:
    return GatewayProvider.check_settings({**BASIC, **settings})


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"base_url": "http://kannel.lan:13013/"},
        {"base_url": "https://[2001:4860::8888]:8443/api"},
        {**JSON_POST, "body": '{"to": ["{to}"], "text": "{text}", "parts": {parts}, "u": {unicode}}'},
        {**XML_POST, "body": "<sms to='{to}'><text>{text}</text></sms>"},
        {"query": "app=ws&\nto={to}&text={text}&x=%20"},
        {"path": "/send/{to}?x=1", "query": "text={text}"},
        {"auth": "basic", "username": "u", "password": "p"},
        {"auth": "header", "auth_header": "X-Key: {token}", "headers": {"Content-type": "text/plain"}},
        LOGIN,
        {"ambiguity": "lookup", "lookup_query": "r={reference}", "lookup_found": "status: 200",
         "lookup_missing": "status: 404"},
        {"callback_token": "0123456789abcdef", "query": "to={to}&text={text}&cb={callback_url}"},
    ],
)  # fmt: skip
def test_good_settings_pass(settings: dict[str, Any]) -> None:
    assert faults(**settings) == []


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"base_url": "ftp://sms.example.com"}, "Address: must be like https://"),
        ({"base_url": "https://"}, "Address: must be like https://"),
        ({"base_url": "https://sms.example.com:99999"}, "Address: must be like https://"),
        ({"base_url": "https://sms.example.com/?a=1"}, "Address: must be like https://"),
        ({"base_url": "https://پیغام.example"}, "Address: must be like https://"),
        ({"base_url": "https://{to}.example.com"}, "Address: must be like https://"),
        ({"base_url": "https://me:secret@sms.example.com"}, "Address: must not contain credentials"),
        ({"path": "send"}, "Path: must begin with a slash."),
        ({"query": "to={to}&text={message}"}, "Query: line 1, column 14: {message} is not a placeholder here."),
        ({"query": "to={to}&text={text}&s={session}"}, "{session} is not a placeholder here."),
        ({"query": "to={to}&text={text}&a=b c"}, "Query: ' ' cannot stand in an address; write %20."),
        ({"query": "to={to}&text={text}#x"}, "Query: '#' cannot stand in an address; write %23."),
        ({"query": "to={ to }&text={text}"}, "Query: '{' cannot stand in an address; write %7B."),
        ({"query": "to={to}&text=سلام{text}"}, "Query: 'س' cannot stand in an address"),
        ({"query": "to={to}"}, "Message: {text} must occur in the request."),
        ({"query": ""}, "Message: {text} and {to} must occur in the request."),
        ({"body_kind": "form", "body": "x=1"}, "Body: a GET request has none"),
        ({**JSON_POST, "body": '{"to": {to}, "text": "{text}"}'}, "Body: is not JSON with every placeholder inside"),
        ({**JSON_POST, "body": '{"to": "{to}", "text": "{text}"'}, "Body: is not JSON"),
        ({**XML_POST, "body": "<a to={to}>{text}</a>"}, "Body: is not XML with every placeholder in an element"),
        ({**XML_POST, "body": "<a to='{to}'><![CDATA[{text}]]></a>"}, "Body: must not use CDATA"),
        ({**XML_POST, "body": "<!DOCTYPE a [<!ENTITY x 'y'>]><a to='{to}'>{text}</a>"}, "Body: is not XML"),
        ({"headers": {"X-A": "{nobody}"}}, "Header X-A: line 1, column 1: {nobody} is not a placeholder"),
        ({"headers": {"X A": "b"}}, "Headers: 'X A' is not a header that can be set here."),
        ({"headers": {"Host": "evil.example"}}, "Headers: 'Host' is not a header that can be set here."),
        ({"headers": ["X-A: b"]}, "Headers: must be names and texts"),
        ({"auth": "header", "auth_header": "no colon, bad name"}, "is not a header that can be set here."),
        ({"success": ""}, "Success: please give at least one condition"),
        ({"success": "OK"}, "Success: 'OK' is not json:"),
        ({"message_id": "json: a..b"}, "Message id: 'a..b' is not a path"),
        ({"errors": [{"when": "status: 503"}]}, "Error table, row 1: class must be one of"),
        ({"number_format": "national"}, "Country code: national numbers need one, like 92."),
        ({"country_code": "PK"}, "Country code: 'PK' is not one."),
        ({"certificates": "nonsense"}, "The certificate is not in PEM form"),
        ({**LOGIN, "login_session": ""}, "Where the session is: '' is not json:"),
        ({**LOGIN, "query": "to={to}&text={text}"}, "Message: {session} must occur in the request"),
        ({**LOGIN, "login_query": "to={to}"}, "Login query: line 1, column 4: {to} is not a placeholder here."),
        ({"ambiguity": "lookup"}, "Status query: must have a path or query with {reference}"),
        ({"ambiguity": "lookup", "lookup_path": "/status"}, "Status query: must have a path or query with"),
        ({"ambiguity": "lookup", "lookup_query": "r={reference}"}, "The gateway has it: please give at least one"),
        ({"check_path": "/balance", "check_balance": "css: b"}, "Where the balance is: 'css: b' is not json:"),
        ({"check_path": "balance"}, "Check path: must begin with a slash."),
        ({"query": "to={to}&text={text}&cb={callback_url}"}, "Secret of the callback address: {callback_url} is used"),
        ({"callback_token": "only spaces here"}, "Secret of the callback address: use 16 or more letters"),
        ({"callback_query": "r={ref}"}, "What {callback_url} ends with: line 1, column 3: {ref} is not"),
        ({"callback_sources": "10.0.0.0/99"}, "Networks callbacks come from: "),
        ({"callback_items": "results"}, "Path of the list: only JSON and XML callbacks have lists."),
        ({"callback_format": "json", "receipt_status": "a..b"}, "Receipt status: 'a..b' is not a path"),
        ({"receipt_error": "error ~ ("}, "Receipt error: '(' is not a regular expression"),
        ({"receipt_states": {"DELIVRD": "arrived"}}, "Status table: 'arrived' is not one of accepted"),
        ({"receipt_states": {"1": "cancelled"}}, "Status table: 'cancelled' is not one of accepted"),
        ({"receipt_states": {"1": ["sent"]}}, "Status table: \"['sent']\" is not one of accepted"),
        ({"receipt_states": ["sent"]}, "Status table: must be like"),
        ({"time_zone": "Pakistan Standard Time"}, "Time zone: 'Pakistan Standard Time' is none."),
        ({"time_zone": "../../etc/passwd"}, "Time zone: '../../etc/passwd' is none."),
    ],
)
def test_a_fault_is_told(settings: dict[str, Any], fault: str) -> None:
    found = faults(**settings)
    assert any(fault in sentence for sentence in found), found


def test_all_faults_are_told_at_once() -> None:
    found = faults(path="send", success="", time_zone="x", number_format="national")
    assert {sentence.partition(":")[0] for sentence in found} == {"Path", "Success", "Time zone", "Country code"}
    assert len(found) == 4


def test_no_fault_repeats_a_secret() -> None:
    found = faults(
        base_url="https://u:hunter2@x.example", password="hunter2", token="hunter2", callback_token="hunter2"
    )
    assert found
    assert "hunter2" not in str(found)


def test_secrets_are_kept_as_secrets_and_every_field_has_a_heading() -> None:
    assert {field.name for field in FORM if field.kind is Kind.SECRET} == {"password", "token", "callback_token"}
    assert all(field.group for field in FORM)
    groups = list(dict.fromkeys(field.group for field in FORM))
    assert [field.group for field in FORM] == sorted((field.group for field in FORM), key=groups.index)


@pytest.mark.parametrize("kind", list(Ambiguity))
def test_what_may_be_done_about_lost_answers_is_a_setting(kind: Ambiguity) -> None:
    assert GatewayProvider.ambiguity_of({**BASIC, "ambiguity": kind.value}) is kind
    assert GatewayProvider.ambiguity_of(BASIC) is Ambiguity.BLIND


def test_the_disclosure_is_what_requests_contain() -> None:
    told = GatewayProvider.disclosure({**BASIC, "countries": "pk, AE", "query": "to={to}&text={text}"})
    assert (told.hosts, told.fields, told.countries) == (
        ("sms.example.com",),
        ("recipient's number", "message text"),
        ("PK", "AE"),
    )
    named = GatewayProvider.disclosure(
        {**BASIC, "query": "to={to}&text={text}&f={from}&r={reference}&c={callback_url}"}
    )
    assert named.fields == ("recipient's number", "sender", "message text", "message reference")
