"""Reading answers: expressions, documents, error tables, and HTTP's own statuses where these say nothing."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from connectpulse_sms.gateway.answer import Answer, conditions, extractor
from connectpulse_sms.gateway.documents import parse_json, parse_xml
from connectpulse_sms.gateway.form import complete
from connectpulse_sms.gateway.verdict import Judge, SessionEnded, Verdict, error_table
from gateway_scene import BASIC
from hypothesis import example, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from connectpulse.core.api import Accepted, ErrorClass, Refused, Rejected, Reply, TryLater, Unknown, requests

quick = settings(derandomize=True, deadline=None, max_examples=200)


def answer(body: str | bytes = "", status: int = 200, **headers: str) -> Answer:
    octets = body.encode() if isinstance(body, str) else body
    return Answer(Reply(status, CIMultiDict({name.replace("_", "-"): text for name, text in headers.items()}), octets))


JSON = '{"data": [{"id": 7, "ok": true, "gone": null, "word": "سلام"}], "a-b": {"c d": 1.5}}'
XML = '<?xml version="1.0"?><s:r xmlns:s="urn:x"><s:code n="1"> 0 </s:code><t>a<b>c</b>d</t></s:r>'


@pytest.mark.parametrize(
    ("expression", "body", "found"),
    [
        ("json: data[0].id", JSON, "7"),
        ("json: $.data[0].ok", JSON, "true"),
        ("json: data[0].gone", JSON, None),
        ("json: data[0].word", JSON, "سلام"),
        ("json: a-b.c d", JSON, "1.5"),
        ("json: data[1].id", JSON, None),
        ("json: data.id", JSON, None),
        ("json: [1]", "[1, 2]", "2"),
        ("json: $", '{"a": 1}', '{"a": 1}'),
        ("json: id", "not json", None),
        ("json: id", "[" * 100_000, None),
        ("xml: r/code", XML, "0"),
        ("xml: /r/code", XML, "0"),
        ("xml: //code", XML, "0"),
        ("xml: .//code[@n='1']", XML, "0"),
        ("xml: r/t", XML, "acd"),
        ("xml: r/none", XML, None),
        ("xml: r", "not xml", None),
        ("xml: r", "", None),
        ("regex: id=(\\w+)", "ok id=a7 id=b", "a7"),
        ("regex: \\d+", "ok 12 13", "12"),
        ("regex: x(y)?", "x", None),
        ("regex: never", "x", None),
        ("status", "", "200"),
    ],
)
def test_extractors_find(expression: str, body: str, found: str | None) -> None:
    assert extractor(expression, "Here")(answer(body)) == found


@pytest.mark.parametrize(
    ("lines", "body", "status", "holds"),
    [
        ("status: 200", "", 200, True),
        ("status: 200, 202", "", 202, True),
        ("status: 2xx", "", 204, True),
        ("status: 2xx", "", 302, False),
        ("regex: ^OK", "OK", 200, True),
        ("regex: ^OK", "NOT OK", 200, False),
        ("regex: ^(OK)?", "", 200, True),
        ("json: data[0].id = 7", JSON, 200, True),
        ("json: data[0].id = 8", JSON, 200, False),
        ("json: data[0].id != 8", JSON, 200, True),
        ("json: data[0].none != 8", JSON, 200, False),
        ("json: data[0].word ~ ^سل", JSON, 200, True),
        ("json: data[0].none ~ ^x", JSON, 200, False),
        ("json: data[0].id", JSON, 200, True),
        ("json: data[0].gone", JSON, 200, False),
        ("xml: r/code = 0", XML, 200, True),
        ("xml: .//code[@n='2'] = 0", XML, 200, False),
        ("status: 200\n\n regex: OK ", "OK", 200, True),
        ("status: 200\nregex: OK", "OK", 500, False),
    ],
)
def test_conditions_hold(lines: str, body: str, status: int, holds: bool) -> None:
    assert conditions(lines, "Here")(answer(body, status)) is holds


@pytest.mark.parametrize(
    "expression",
    ["", "id", "css: a", "json:", "json: a..b", "json: a[x]", "json: a.", "xml:", "xml: a[", "xml: p:a", "regex: (",
     "regex: (a+)+$", "regex: (\\w*\\s)*x", "status: 200"],
)  # fmt: skip
def test_a_malformed_extractor_is_refused(expression: str) -> None:
    with pytest.raises(Refused, match=r"^Here: "):
        extractor(expression, "Here")


@pytest.mark.parametrize("line", ["", "status", "status: 20", "status: ok", "regex: [", "json: a ~ (", "OK"])
def test_a_malformed_condition_is_refused(line: str) -> None:
    with pytest.raises(Refused, match=r"^Here: "):
        conditions(line, "Here")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("é سلام".encode("cp1256", "replace"), "text/plain; charset=windows-1256"),
        ("\ufeffOK".encode(), "text/plain"),
        (b"OK \xff", "text/plain; charset=utf-8"),
        (b"OK", 'text/plain; charset="no-such-thing"'),
        (b"OK", "text/plain; charset=hex"),
    ],
)
def test_any_octets_read_as_text(body: bytes, kind: str) -> None:
    assert answer(body, Content_Type=kind).text


def test_a_mark_before_the_text_is_no_part_of_it() -> None:
    assert conditions("regex: ^OK$", "Here")(answer("\ufeffOK".encode()))


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE r SYSTEM "http://127.0.0.1/x.dtd"><r/>',
        '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><r>&b;</r>',
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>',
    ],
)
def test_documents_with_a_type_definition_are_refused(document: str) -> None:
    for encoding in ("utf-8", "utf-16"):
        with pytest.raises(ValueError, match="document type definition"):
            parse_xml(document.encode(encoding))


def test_deep_nesting_is_harmless() -> None:
    deep = b"<a>" * 100_000 + b"</a>" * 100_000
    assert extractor("xml: .//b", "Here")(answer(deep)) is None
    with pytest.raises(ValueError, match="deeply"):
        parse_json("[" * 100_000)


@quick
@given(st.binary(max_size=200), st.integers(100, 599))
@example(b'{"a": 1' + b"0" * 5000 + b"}", 200)
def test_no_answer_breaks_the_judge(body: bytes, status: int) -> None:
    rows = [{"when": "json: a[0].b = 1", "class": "content"}, {"when": "xml: a/b ~ x", "class": "content"}]
    verdict = Judge.of(
        complete(
            {**BASIC, "success": "json: a = 1", "errors": rows, "message_id": "xml: .//id", "billed_parts": "json: n"}
        )
    ).judge(answer(body, status), "t")
    assert isinstance(verdict, Accepted | Rejected | TryLater | Unknown)


PATHS = st.text(st.sampled_from("ab1.[]/@='*$:() -"), max_size=12)


@quick
@given(st.text(max_size=30) | PATHS)
def test_paths_are_refused_or_usable(path: str) -> None:
    for kind in ("json", "xml"):
        try:
            find = extractor(f"{kind}: {path}", "Here")
        except Refused:
            continue
        find(answer(XML if kind == "xml" else JSON))


def judge(reply: Answer, **more: Any) -> Verdict:
    return Judge.of(complete({**BASIC, **more})).judge(reply, "our-token")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Unknown("answer_not_understood", "200")),
        (204, Unknown("answer_not_understood", "204")),
        (302, Unknown("redirected", "302")),
        (400, Rejected("request_refused", ErrorClass.CONTENT, "400")),
        (401, Rejected("credentials_refused", ErrorClass.CREDENTIAL, "401")),
        (402, Rejected("balance_exhausted", ErrorClass.CREDENTIAL, "402")),
        (403, Rejected("credentials_refused", ErrorClass.CREDENTIAL, "403")),
        (404, Rejected("request_refused", ErrorClass.CONTENT, "404")),
        (408, Unknown("gateway_failed", "408")),
        (409, Unknown("gateway_failed", "409")),
        (422, Rejected("request_refused", ErrorClass.CONTENT, "422")),
        (429, TryLater(timedelta(seconds=5), ErrorClass.THROTTLE, "too_fast", "429")),
        (500, Unknown("gateway_failed", "500")),
        (502, Unknown("gateway_failed", "502")),
        (503, Unknown("gateway_failed", "503")),
        (504, Unknown("gateway_failed", "504")),
    ],
)
def test_statuses_mean_what_http_says(status: int, expected: Verdict) -> None:
    assert judge(answer("?", status)) == expected


@pytest.mark.parametrize("status", [200, 302, 408, 500, 502, 503, 504])
def test_what_is_unclear_goes_again_where_that_is_safe(status: int) -> None:
    verdict = judge(answer("?", status), ambiguity="idempotent")
    assert isinstance(verdict, TryLater)
    assert verdict.error is ErrorClass.PROVIDER


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("7", 7), ("0", 0), ("99999999999999999999", requests.LONGEST_PAUSE.total_seconds()), ("soon", 5), ("-3", 5),
     ("", 5), ("١٢", 5), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 21 Oct 2015 07:28:00 -0000", 0)],
)  # fmt: skip
def test_retry_after_is_honoured_within_reason(asked: str, seconds: float) -> None:
    verdict = judge(answer("?", 429, Retry_After=asked))
    assert isinstance(verdict, TryLater)
    assert verdict.after == timedelta(seconds=seconds)


def test_retry_after_may_be_a_date() -> None:
    verdict = judge(answer("?", 429, Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=100))))
    assert isinstance(verdict, TryLater)
    assert timedelta(seconds=90) < verdict.after <= timedelta(seconds=100)


def test_references_and_billed_parts_come_from_the_answer() -> None:
    more = {"success": "json: ok = true", "message_id": "json: id", "billed_parts": "json: parts"}
    assert judge(answer('{"ok": true, "id": 12, "parts": 3}'), **more) == Accepted(("12",), 3)
    assert judge(answer('{"ok": true, "parts": "many"}'), **more) == Accepted(("our-token",))
    assert judge(answer("OK")) == Accepted(("our-token",))


ROWS = [
    {"when": "status: 403\nregex: quota", "class": "throttle", "reason": "quota", "action": "retry", "after": 60},
    {"when": "json: code = 21", "class": "recipient", "reason": "unknown_number"},
    {"when": "json: code = 22", "class": "recipient", "reason": "opted_out", "action": "suppress"},
    {"when": "json: code = 23", "reason": "who_knows", "action": "unknown"},
    {"when": "json: code = 24", "action": "login"},
    {"when": "json: code = 25", "class": "sender"},
]


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ("quota", 403, TryLater(timedelta(seconds=60), ErrorClass.THROTTLE, "quota", "403")),
        ("other", 403, Rejected("credentials_refused", ErrorClass.CREDENTIAL, "403")),
        ('{"code": 21}', 200, Rejected("unknown_number", ErrorClass.RECIPIENT, "21")),
        ('{"code": 22}', 200, Rejected("opted_out", ErrorClass.RECIPIENT, "22", suppress=True)),
        ('{"code": 23}', 200, Unknown("who_knows", "23")),
        ('{"code": 24}', 200, SessionEnded()),
        ('{"code": 25}', 200, Rejected("gateway_refused", ErrorClass.SENDER, "25")),
        ('{"code": 26}', 200, Unknown("answer_not_understood", "26")),
    ],
)
def test_the_error_table_comes_first(body: str, status: int, expected: Verdict) -> None:
    assert judge(answer(body, status), errors=ROWS, error_code="json: code") == expected


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("503", "must have a condition"),
        ({"class": "content"}, "must have a condition"),
        ({"when": "status: 503"}, "class must be one of recipient"),
        ({"when": "status: 503", "class": "weather"}, "class must be one of recipient"),
        ({"when": "status: x", "class": "content"}, "not a list of HTTP statuses"),
        ({"when": "status: 503", "class": "content", "action": "shout"}, "'shout' is not one of fail"),
        ({"when": "status: 503", "class": "content", "reason": "Not So"}, "must be written like_this"),
        ({"when": "status: 503", "class": "provider", "action": "retry", "after": "5"}, "number of seconds"),
        ({"when": "status: 503", "class": "provider", "then": "5"}, "'then' is not one of"),
    ],
)
def test_a_malformed_row_is_named(row: Any, fault: str) -> None:
    with pytest.raises(Refused) as refused:
        error_table([ROWS[0], row])
    assert refused.value.problems[0].startswith("Error table, row 2: ")
    assert fault in str(refused.value)


def test_the_table_must_be_a_list() -> None:
    with pytest.raises(Refused, match="must be a list"):
        error_table({"503": "busy"})
