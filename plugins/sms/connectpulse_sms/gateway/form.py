"""What an administrator is asked for: everything a gateway's manual says, as settings."""

from collections.abc import Mapping
from typing import Any, Final

from connectpulse.core.api import Ambiguity, Field, Form, Kind

from .numbering import FORMATS

TEXT, LONG, SECRET, NUMBER = Kind.TEXT, Kind.LONG_TEXT, Kind.SECRET, Kind.NUMBER
CHOICE, JSON = Kind.CHOICE, Kind.JSON

_METHODS = (("GET", "GET"), ("POST", "POST"))
_BODIES = (("none", "No body"), ("form", "Form"), ("json", "JSON"), ("xml", "XML"), ("text", "Plain text"))
_AUTH = (
    ("none", "None"),
    ("query", "In the query"),
    ("basic", "HTTP Basic (user name and password)"),
    ("bearer", "Bearer token"),
    ("header", "A header"),
    ("login", "A login that gives a session"),
)
_LOST = (
    (Ambiguity.BLIND, "Leave it unknown: the gateway can neither be asked nor be sent the same twice"),
    (Ambiguity.IDEMPOTENT, "Send it again: the gateway recognises our reference"),
    (Ambiguity.LOOKUP, "Ask: the gateway finds a message by our reference"),
)
_MESSAGE = "{to} {from} {text} {reference} {parts} {validity_seconds} {unicode} {purpose} {callback_url}"
_FIND = "json: data.id · xml: response/id · regex: id=(\\w+)"
_HOLDS = "One condition a line, all must hold: status: 200 · json: status = OK · xml: .//code != 0 · regex: ^OK"

_LOGIN = ("auth", ("login",))
_LOOKUP = ("ambiguity", (Ambiguity.LOOKUP.value,))
_FILLED = tuple(kind for kind, _ in _BODIES if kind != "none")

FORM: Final[Form] = (
    Field("remarks", "Remarks", LONG, "What is still to be confirmed with the operator.", group="Gateway"),
    Field("base_url", "Address", TEXT, "Like https://sms.example.com/api", is_required=True, group="Gateway"),
    Field("countries", "Countries", TEXT, "Where the gateway's operator works, for your privacy notice: "
          "ISO codes like PK, AE.", is_required=True, group="Gateway"),
    Field("timeout", "Longest wait for an answer, seconds", NUMBER, default=30, low=1, high=120,
          group="Gateway"),
    Field("certificates", "Certificates to trust", LONG, "PEM, for a gateway whose certificate no public "
          "authority signed.", group="Gateway"),
    Field("username", "User name", TEXT, "Placeholder {username}.", group="Credentials"),
    Field("password", "Password", SECRET, "Placeholder {password}.", group="Credentials"),
    Field("token", "Token or API key", SECRET, "Placeholder {token}.", group="Credentials"),
    Field("auth", "How they are sent", CHOICE, default="none", choices=_AUTH, group="Credentials"),
    Field("auth_query", "Credentials in the query", TEXT, "Like user={username}&pwd={password}",
          default="username={username}&password={password}", group="Credentials", only=("auth", ("query",))),
    Field("auth_header", "Header", TEXT, "Like X-API-Key: {token}", default="X-API-Key: {token}",
          group="Credentials", only=("auth", ("header",))),
    Field("login_method", "Method", CHOICE, default="GET", choices=_METHODS, group="Login", only=_LOGIN),
    Field("login_path", "Path", TEXT, "Like /login", group="Login", only=_LOGIN),
    Field("login_query", "Query", LONG, "Like user={username}&pwd={password}", group="Login", only=_LOGIN),
    Field("login_body_kind", "Body", CHOICE, default="none", choices=_BODIES, group="Login", only=_LOGIN),
    Field("login_body", "Body's text", LONG, group="Login", only=("login_body_kind", _FILLED)),
    Field("login_success", "Success", LONG, _HOLDS, default="status: 2xx", group="Login", only=_LOGIN),
    Field("login_session", "Where the session is", TEXT, _FIND + " It becomes {session}.", group="Login", only=_LOGIN),
    Field("login_minutes", "Session's age, minutes", NUMBER, "A new login follows after it.", default=20,
          low=1, high=1440, group="Login", only=_LOGIN),
    Field("method", "Method", CHOICE, default="GET", choices=_METHODS, group="Message"),
    Field("path", "Path", TEXT, "Like /send. Placeholders: " + _MESSAGE, group="Message"),
    Field("query", "Query", LONG, "Like to={to}&from={from}&text={text}", group="Message"),
    Field("body_kind", "Body", CHOICE, default="none", choices=_BODIES, group="Message",
          only=("method", ("POST",))),
    Field("body", "Body's text", LONG, 'Like {"to": "{to}", "text": "{text}"}', group="Message",
          only=("body_kind", _FILLED)),
    Field("headers", "Further headers", JSON, 'Like {"X-Source": "campaigns"}', group="Message"),
    Field("number_format", "Numbers are written", CHOICE, default="digits", choices=FORMATS, group="Message"),
    Field("country_code", "Country code", TEXT, "Of national numbers, like 92.", group="Message"),
    Field("trunk_prefix", "Prefix of national numbers", TEXT, default="0", high=3, group="Message"),
    Field("unicode_no", "{unicode} for a GSM text", TEXT, default="0", group="Message"),
    Field("unicode_yes", "{unicode} for any other", TEXT, default="1", group="Message"),
    Field("purpose_promotional", "{purpose} of promotions", TEXT, default="promotional", group="Message"),
    Field("purpose_transactional", "{purpose} of others", TEXT, default="transactional", group="Message"),
    Field("text_encoding", "Texts outside of GSM are written", CHOICE, default="utf-8",
          choices=(("utf-8", "As they are (UTF-8)"), ("ucs2-hex", "As hexadecimal UCS-2")), group="Message"),
    Field("success", "Success", LONG, _HOLDS, is_required=True, group="Answer"),
    Field("message_id", "Where the message id is", TEXT, _FIND + " Empty: receipts carry our {reference}.",
          group="Answer"),
    Field("billed_parts", "Where the billed parts are", TEXT, _FIND, group="Answer"),
    Field("error_code", "Where the error code is", TEXT, _FIND, group="Answer"),
    Field("errors", "Error table", JSON, 'Rows like {"when": "json: code = 21", "class": "recipient", '
          '"reason": "unknown_number"}; "action" may be fail, suppress, retry (with "after" seconds), '
          "unknown or login.", group="Answer"),
    Field("ambiguity", "A message whose answer was lost", CHOICE, default=Ambiguity.BLIND.value,
          choices=tuple((kind.value, words) for kind, words in _LOST), group="Answer"),
    Field("lookup_path", "Path", TEXT, group="Status query", only=_LOOKUP),
    Field("lookup_query", "Query", LONG, "Like id={reference}", group="Status query", only=_LOOKUP),
    Field("lookup_found", "The gateway has it", LONG, _HOLDS, group="Status query", only=_LOOKUP),
    Field("lookup_missing", "The gateway never had it", LONG, _HOLDS, group="Status query", only=_LOOKUP),
    Field("lookup_id", "Where the message id is", TEXT, _FIND, group="Status query", only=_LOOKUP),
    Field("check_path", "Path", TEXT, "A request that costs nothing: a ping or the balance.", group="Check"),
    Field("check_query", "Query", LONG, group="Check"),
    Field("check_success", "Success", LONG, _HOLDS, default="status: 2xx", group="Check"),
    Field("check_balance", "Where the balance is", TEXT, _FIND, group="Check"),
    Field("callback_token", "Secret of the callback address", SECRET, "At least 16 letters, digits, - or _. "
          "Callbacks must carry it as ?token=…, as {callback_url} does. Left empty, one is made.", low=16, high=128,
          is_made=True, group="Callbacks"),
    Field("callback_query", "What {callback_url} ends with", LONG, "Like reference={reference}&status=%d, "
          "for a gateway that is told an address with every message.", group="Callbacks"),
    Field("callback_sources", "Networks callbacks come from", TEXT, "CIDR blocks; empty allows any.",
          group="Callbacks"),
    Field("callback_format", "Callbacks are", CHOICE, default="form", group="Callbacks",
          choices=(("form", "Query or form fields"), ("json", "JSON"), ("xml", "XML"))),
    Field("callback_items", "Path of the list, if several come at once", TEXT, group="Callbacks",
          only=("callback_format", ("json", "xml"))),
    Field("time_zone", "Time zone of times without one", TEXT, default="UTC", group="Callbacks"),
    Field("receipt_reference", "Reference", TEXT, "The field with our reference or the gateway's message id. "
          "Each of these may be a field or a path; `field ~ regex` takes a piece of it.", default="reference",
          group="Delivery receipts"),
    Field("receipt_status", "Status", TEXT, default="status", group="Delivery receipts"),
    Field("receipt_states", "Status table", JSON, 'Their words to ours, like {"DELIVRD": "delivered"}. Ours: '
          "accepted, sent, delivered, read, undeliverable, rejected, failed, expired, ignore.",
          group="Delivery receipts"),
    Field("receipt_error", "Error code", TEXT, group="Delivery receipts"),
    Field("receipt_time", "Time", TEXT, "ISO 8601 or seconds since 1970.", group="Delivery receipts"),
    Field("receipt_recipient", "Recipient", TEXT, group="Delivery receipts"),
    Field("receipt_parts", "Billed parts", TEXT, group="Delivery receipts"),
    Field("inbound_from", "From", TEXT, default="from", group="Incoming messages"),
    Field("inbound_to", "To", TEXT, default="to", group="Incoming messages"),
    Field("inbound_text", "Text", TEXT, default="text", group="Incoming messages"),
    Field("inbound_charset", "Character set", TEXT, "The field that names the text's own, like Kannel's %C.",
          group="Incoming messages"),
    Field("inbound_reference", "Message id", TEXT, group="Incoming messages"),
    Field("inbound_time", "Time", TEXT, group="Incoming messages"),
)  # fmt: skip

_DEFAULTS: Final = {field.name: field.default for field in FORM}


def complete(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return `settings` with the default of every field they leave out."""
    return _DEFAULTS | dict(settings)
