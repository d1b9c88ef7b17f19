"""What a gateway answered, and the one-line expressions that look into it.

An extractor finds a text:      `json: messages[0].id`   `xml: response/id`   `regex: id=(\\w+)`   `status`
A condition says yes or no:     `status: 200, 202`   `status: 2xx`   `regex: ^0: Accepted`
                                `json: status = OK`   `xml: .//code != 0`   `json: error ~ ^10\\d$`
A path alone holds if something is there. Several lines of conditions must all hold.
"""

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any
from xml.etree.ElementTree import Element

from connectpulse.core.api import Refused, Reply

from .documents import as_text, json_node, json_path, parse_json, parse_xml, xml_path, xml_text

SEARCHED = 4096
"""Characters of an answer a regular expression sees, which bounds the time it can take."""

_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)
_COMPARISON = re.compile(r"\s+(=|!=|~)\s+")
_STATUSES = re.compile(r"[1-5](?:\d\d|xx)(?:\s*,\s*[1-5](?:\d\d|xx))*")
_NESTED_REPEAT = re.compile(r"\((?:[^()\\]|\\.)*(?<!\\)[*+](?:[^()\\]|\\.)*\)[*+{]")


class Answer:
    """A reply, read as text, JSON or XML only when somebody asks. What it is not reads as None."""

    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self.body = reply.body

    @cached_property
    def text(self) -> str:
        declared = _CHARSET.search(self.headers.get("Content-Type", ""))
        try:
            return self.body.decode(declared[1] if declared else "utf-8-sig", "replace")
        except LookupError:
            return self.body.decode("utf-8-sig", "replace")

    @cached_property
    def json(self) -> Any:
        try:
            return parse_json(self.body)
        except ValueError:
            return None

    @cached_property
    def xml(self) -> Element | None:
        try:
            return parse_xml(self.body.strip())
        except ValueError:
            return None


Extractor = Callable[[Answer], str | None]
Condition = Callable[[Answer], bool]


def extractor(expression: str, label: str) -> Extractor:
    """Return the function that finds a text in an answer; raise Refused naming `label` if it is none."""
    kind, _, rest = (part.strip() for part in expression.partition(":"))
    try:
        match kind:
            case "json":
                steps = json_path(rest)
                return lambda answer: as_text(json_node(answer.json, steps))
            case "xml":
                path = xml_path(rest)
                return lambda answer: None if answer.xml is None else xml_text(answer.xml, path)
            case "regex":
                pattern = regex(rest)
                return lambda answer: first_group(pattern, answer.text)
            case "status" if not rest:
                return lambda answer: str(answer.status)
    except ValueError as error:
        raise Refused(f"{label}: {error}.") from None
    raise Refused(f"{label}: {expression[:60]!r} is not json: …, xml: …, regex: … or status.")


def conditions(lines: str, label: str) -> Condition:
    """Return the condition that all non-empty `lines` hold; raise Refused for a line that is none."""
    tests = [_condition(line.strip(), label) for line in lines.splitlines() if line.strip()]
    if not tests:
        raise Refused(f"{label}: please give at least one condition, like status: 200.")
    if len(tests) == 1:
        return tests[0]
    return lambda answer: all(test(answer) for test in tests)


def regex(pattern: str) -> re.Pattern[str]:
    """Return the compiled pattern; raise ValueError if it is malformed or may take for ever."""
    if _NESTED_REPEAT.search(pattern):
        raise ValueError(f"{pattern!r} repeats a repetition, which may take for ever")
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression ({error})") from None


def first_group(pattern: re.Pattern[str], text: str) -> str | None:
    """Return what the first group of `pattern` found in `text`, the whole match if it has no group."""
    match = pattern.search(text[:SEARCHED])
    return match[min(match.re.groups, 1)] if match else None


def _condition(line: str, label: str) -> Condition:
    kind, _, rest = (part.strip() for part in line.partition(":"))
    if kind == "status":
        return _status_in(rest, label)
    if kind == "regex":
        return _found(rest, label, lambda answer: answer.text)
    path, operator, wanted = (*_COMPARISON.split(line, maxsplit=1), "", "")[:3]
    find = extractor(path, label)
    match operator:
        case "=":
            return lambda answer: find(answer) == wanted
        case "!=":
            return lambda answer: find(answer) not in (None, wanted)
        case "~":
            return _found(wanted, label, find)
    return lambda answer: bool(find(answer))


def _found(pattern: str, label: str, find: Extractor) -> Condition:
    try:
        compiled = regex(pattern)
    except ValueError as error:
        raise Refused(f"{label}: {error}.") from None
    return lambda answer: compiled.search((find(answer) or "")[:SEARCHED]) is not None


def _status_in(text: str, label: str) -> Condition:
    if not _STATUSES.fullmatch(text):
        raise Refused(f"{label}: {text[:40]!r} is not a list of HTTP statuses like 200, 202 or 2xx.")
    codes = {code.strip() for code in text.split(",")}
    return lambda answer: str(answer.status) in codes or f"{answer.status // 100}xx" in codes
