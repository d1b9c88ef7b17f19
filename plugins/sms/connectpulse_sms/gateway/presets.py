"""Ready-made settings for gateways whose manners are known, each to be completed with one's own account.

Sources: Kannel's user guide and its program (1.4.5), playSMS's WEBSERVICES.md, Jazz's "SMS Sending API
Document" 1.0, and for the other Pakistani operators public code only, which their remarks say.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

Row = dict[str, Any]


def _row(when: str, error: str, reason: str, **more: Any) -> Row:
    return {"when": when, "class": error, "reason": reason, **more}


def _rows(form: str, table: Iterable[tuple[str, str, str]]) -> list[Row]:
    """Return a row for each (what identifies it, class, reason), put into `form` where %s stands."""
    return [_row(form % what, error, reason) for what, error, reason in table]


_CONFIRM = "Known from public code only: confirm with the operator's document"

_COMMON: Final = [
    _row(
        "regex: (?i)(invalid|wrong|incorrect).*(user|password|login|key)",
        "credential",
        "credentials_refused",
    ),
    _row("regex: (?i)insufficient|low balance|expired", "credential", "balance_exhausted"),
    _row("regex: (?i)(invalid|unknown).*(mask|sender)", "sender", "mask_refused"),
    _row("regex: (?i)invalid.*(number|mobile|recipient)", "recipient", "number_refused"),
]
"""Refusals that gateways without documented errors write in plain words."""

KANNEL: Final = {
    "auth": "query",
    "path": "/cgi-bin/sendsms",
    "query": "from={from}&to={to}&text={text}&coding={unicode}&charset=UTF-8&dlr-mask=31&dlr-url={callback_url}",
    "unicode_no": "0",
    "unicode_yes": "2",
    "success": "status: 202\nregex: ^(0: Accepted for delivery|3: Queued for later delivery)",
    "errors": [
        _row("regex: ^Authorization failed", "credential", "credentials_refused"),
        _row("regex: ^(Missing|Empty) receiver number", "recipient", "number_missing"),
        _row("regex: denied by white- and/or black-lists", "recipient", "number_denied"),
        _row("regex: ^Sender missing", "sender", "sender_missing"),
        _row("status: 503", "provider", "gateway_busy", action="retry", after=5),
    ],
    "check_path": "/cgi-bin/sendsms",  # without a receiver, which sends nothing but tries the account
    "check_success": "status: 400\nregex: ^Missing receiver number",
    "callback_query": "reference={reference}&status=%d&recipient=%p&time=%T&error=%A",
    "receipt_states": {
        "1": "delivered",
        "2": "undeliverable",
        "4": "sent",
        "8": "sent",
        "16": "rejected",
        "34": "expired",
        "66": "sent",
    },
    "receipt_error": "error ~ err:(\\w+)",
    "receipt_time": "time",
    "receipt_recipient": "recipient",
    "inbound_charset": "charset",
}

PLAYSMS: Final = {
    "remarks": "The webservices token is in the user's preferences. playSMS reports no delivery by itself.",
    "auth": "query",
    "auth_query": "u={username}&h={token}",
    "path": "/index.php",
    "query": "app=ws&op=pv&to={to}&from={from}&msg={text}&unicode={unicode}",
    "success": "json: data[0].status = OK",
    "message_id": "json: data[0].smslog_id",
    "error_code": 'regex: "error"\\s*:\\s*"?(\\d+)',
    "errors": [
        *_rows(
            'regex: "error"\\s*:\\s*"?%s\\b',
            [
                ("100", "credential", "credentials_refused"),
                ("102", "content", "field_missing"),
                ("103", "credential", "balance_exhausted"),
                ("104", "credential", "token_refused"),
                ("105", "credential", "token_refused"),
                ("106", "credential", "our_address_refused"),
                ("201", "content", "number_or_text_missing"),
            ],
        ),
        _row('regex: "error"\\s*:\\s*"?200\\b', "provider", "sending_failed", action="retry", after=60),
        _row('regex: "status"\\s*:\\s*"ERR"', "content", "gateway_refused"),
    ],
    "check_path": "/index.php",
    "check_query": "app=ws&op=cr",
    "check_success": 'regex: "status"\\s*:\\s*"OK"',
}

TELENOR: Final = {
    "remarks": f"{_CONFIRM}: the error numbers, and how a text in Urdu is marked (unicode=true here).",
    "base_url": "https://telenorcsms.com.pk:27677/corporate_sms2/api",
    "countries": "PK",
    "country_code": "92",
    "auth": "login",
    "login_path": "/auth.jsp",
    "login_query": "msisdn={username}&password={password}",
    "login_success": "xml: corpsms/response = OK",
    "login_session": "xml: corpsms/data",
    "login_minutes": 25,
    "path": "/sendsms.jsp",
    "query": "session_id={session}&to={to}&text={text}&mask={from}&unicode={unicode}",
    "unicode_no": "false",
    "unicode_yes": "true",
    "success": "xml: corpsms/response = OK",
    "message_id": "xml: corpsms/data",
    "error_code": "regex: (?i)error\\s*(\\d+)",
    "errors": [
        {"when": "xml: corpsms/data ~ (?i)^error\\s*102$", "action": "login"},
        *_rows(
            "xml: corpsms/data ~ (?i)^error\\s*%s$",
            [
                ("100", "credential", "balance_exhausted"),
                ("101", "content", "parameter_missing"),
                ("103", "sender", "mask_refused"),
                ("200", "credential", "credentials_refused"),
                ("201", "credential", "credentials_refused"),
                ("211", "content", "message_id_unknown"),
                ("300", "credential", "account_blocked"),
                ("411", "recipient", "number_refused"),
            ],
        ),
        _row("xml: corpsms/data ~ (?i)^error\\s*30[45]$", "throttle", "too_fast", action="retry", after=1),
        # No fault of the connection and no reason to slow down: five attempts reach over a night.
        _row(
            "xml: corpsms/data ~ (?i)^error\\s*506$",
            "content",
            "outside_permitted_time",
            action="retry",
            after=10_800,
        ),
    ],
    "check_path": "/ping.jsp",
    "check_query": "session_id={session}",
    "check_success": "xml: corpsms/response = OK",
}

ZONG: Final = {
    "remarks": f"{_CONFIRM}: what a good answer and each refusal say.",
    "base_url": "https://cbs.zong.com.pk/reachrestapi/home",
    "countries": "PK",
    "country_code": "92",
    "method": "POST",
    "path": "/SendQuickSMS",
    "body_kind": "json",
    "body": '{"loginId": "{username}", "loginPassword": "{password}", "Destination": "{to}", '
    '"Mask": "{from}", "Message": "{text}", "UniCode": "{unicode}", "ShortCodePrefered": "n"}',
    "success": "status: 200\nregex: (?i)(?<!un)success",
    "errors": [
        _row("regex: (?i)insufficient", "credential", "balance_exhausted"),
        _row("regex: (?i)invalid", "credential", "credentials_refused"),
    ],
}

UFONE: Final = {
    "remarks": f"{_CONFIRM}: which texts come with a refusal.",
    "base_url": "https://bsms.ufone.com/bsms_v8_api",
    "countries": "PK",
    "country_code": "92",
    "auth": "query",
    "auth_query": "id={username}&password={password}",
    "path": "/sendapi-0.3.jsp",
    "query": "shortcode={from}&mobilenum={to}&message={text}&lang={unicode}&messagetype={purpose}&groupname=",
    "unicode_no": "English",
    "unicode_yes": "urdu",
    "purpose_promotional": "Nontransactional",
    "purpose_transactional": "Transactional",
    "success": "xml: response_to_browser/response_id = 0",
    "error_code": "xml: response_to_browser/response_text",
    "errors": [
        _row(
            "xml: response_to_browser/response_id != 0\n"
            "xml: response_to_browser/response_text ~ (?i)password|login|authenti",
            "credential",
            "credentials_refused",
        ),
        _row("xml: response_to_browser/response_id != 0", "content", "gateway_refused"),
    ],
}

JAZZ: Final = {
    "remarks": "Jazz must know the address this server calls from. This way of sending has no mark for texts "
    "in Urdu: confirm with the operator's document.",
    "base_url": "https://connect.jazzcmt.com",
    "countries": "PK",
    "country_code": "92",
    "number_format": "national",
    "auth": "query",
    "auth_query": "Username={username}&Password={password}",
    "path": "/sendsms_url.html",
    "query": "From={from}&To={to}&Message={text}",
    "success": "regex: ^\\s*Message Sent Successfully!",
    "errors": _rows(
        "regex: (?i)%s",
        [
            ("Invalid Username/Password", "credential", "credentials_refused"),
            ("account is expired", "credential", "account_expired"),
            ("Insufficient Funds", "credential", "balance_exhausted"),
            ("Mask not allowed", "sender", "mask_refused"),
            ('The "FROM" Field is empty', "sender", "sender_missing"),
            ('The "TO" Field is empty', "recipient", "number_missing"),
            ('The "MESSAGE" Field is empty', "content", "text_missing"),
            ("banned words", "content", "banned_words"),
        ],
    ),
    "check_path": "/request_sms_check.html",
    "check_success": "regex: ^\\s*\\d+\\s*,\\s*\\d+",
    "check_balance": "regex: \\d+\\s*,\\s*\\d+",
}

EOCEAN: Final = {
    "remarks": f"{_CONFIRM}: what a refusal says. One in other words than these is recorded as unknown.",
    "base_url": "https://pk.eocean.us/APIManagement/API",
    "countries": "PK",
    "country_code": "92",
    "auth": "query",
    "auth_query": "user={username}&pwd={password}",
    "path": "/RequestAPI",
    "query": "sender={from}&reciever={to}&msg-data={text}&response=string",
    "success": "regex: Message Id",
    "message_id": "regex: Message Id\\W*(\\w+)",
    "errors": _COMMON,
}

PLAIN: Final = {
    "remarks": "Take the parameters' names, the word for success and the refusals from its document.",
    "auth": "query",
    "path": "/api/sms",
    "query": "sender={from}&mobile={to}&message={text}",
    "success": "status: 200\nregex: (?i)^\\W*(ok|success|sent|accepted)",
    "errors": _COMMON,
}

_RESELLER: Final = {
    "countries": "PK",
    "country_code": "92",
    "auth": "query",
    "auth_query": "username={username}&password={password}",
    "success": PLAIN["success"],
    "errors": _COMMON,
}
_ASKS: Final = "its address, the names of its fields and what its refusals say"

SENDPK: Final = {
    **_RESELLER,
    "remarks": f"{_CONFIRM}: {_ASKS}.",
    "path": "/api/sms.php",
    "query": "mask={from}&mobile={to}&message={text}",
}

BIZSMS: Final = {
    **_RESELLER,
    "remarks": f"{_CONFIRM}: {_ASKS}.",
    "path": "/api",
    "query": "mask={from}&mobile={to}&message={text}",
}

VEEVO: Final = {
    **_RESELLER,
    "remarks": f"{_CONFIRM}: {_ASKS}.",
    "path": "/sendsms",
    "query": "mask={from}&mobile={to}&message={text}",
}

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Kannel": KANNEL,
    "playSMS": PLAYSMS,
    "Telenor Pakistan, corporate SMS": TELENOR,
    "Zong CBS": ZONG,
    "Ufone BSMS": UFONE,
    "Jazz CMT": JAZZ,
    "eOcean": EOCEAN,
    "SendPK": SENDPK,
    "BizSMS": BIZSMS,
    "Veevo Tech": VEEVO,
    "User name and password in the address": PLAIN,
}
