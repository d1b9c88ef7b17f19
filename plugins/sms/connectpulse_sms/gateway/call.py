"""One kind of request to a gateway, built once from settings and expanded for every message."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from connectpulse.core.api import Refused

from .documents import parse_xml
from .expand import Escape, Pattern, as_is, in_header, in_json, in_url, in_xml, parse

Settings = Mapping[str, Any]

CREDENTIALS: Final = frozenset({"username", "password", "token"})
MESSAGE: Final = frozenset(
    {"to", "from", "text", "reference", "parts", "validity_seconds", "unicode", "purpose", "callback_url"}
)
_BODIES: Final[Mapping[str, tuple[Escape, str]]] = {
    "form": (in_url, "application/x-www-form-urlencoded"),
    "json": (in_json, "application/json"),
    "xml": (in_xml, "application/xml; charset=utf-8"),
    "text": (as_is, "text/plain; charset=utf-8"),
}
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
_NOT_URL = re.compile(r"[^\x21-\x7e]|[\"<>\\^`#{}]")
_AWKWARD = "\"'</>&]]>\\{}\n\t\U0001f600"
"""A value that shows whether a template keeps every placeholder where its escape protects it."""


@dataclass(frozen=True, slots=True)
class Call:
    """`url`, `body` and `headers` name the values they need; `request` puts them in."""

    method: str
    url: Pattern
    headers: tuple[tuple[str, Pattern], ...]
    body: Pattern | None

    @property
    def names(self) -> frozenset[str]:
        """The placeholders that occur anywhere in the request."""
        parts = [self.url, *(pattern for _, pattern in self.headers), *([self.body] if self.body else [])]
        return frozenset().union(*(part.names for part in parts))

    def request(self, values: Mapping[str, str]) -> tuple[str, dict[str, str], bytes | None]:
        """Return URL, headers and body; raise ValueError if a value cannot be written in its place."""
        return (
            self.url.expand(values),
            {name: pattern.expand(values) for name, pattern in self.headers},
            self.body.expand(values).encode() if self.body else None,
        )


def base_url(settings: Settings) -> str:
    """Return the gateway's address without a slash at its end; raise Refused if it is none."""
    base = str(settings["base_url"] or "").rstrip("/")
    try:
        parts = urlsplit(base)
        is_plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_plain = False
    if not is_plain or parts.query or _NOT_URL.search(base):
        raise Refused("Address: must be like https://sms.example.com/api, without query or fragment.")
    if "@" in parts.netloc:
        raise Refused("Address: must not contain credentials; they have fields of their own.")
    return base


def send_call(settings: Settings) -> Call:
    """Return the request that submits a message; raise Refused with everything wrong in it."""
    known = CREDENTIALS | MESSAGE | _session(settings)
    call = Call(
        settings["method"],
        _url(settings, "path", "query", "Path", "Query", known, settings["auth"] == "query"),
        _headers(settings, known, settings["body_kind"]),
        _body(settings, "body", "Body", known),
    )
    if missing := sorted({"to", "text"} - call.names):
        raise Refused(f"Message: {' and '.join(f'{{{name}}}' for name in missing)} must occur in the request.")
    if settings["method"] == "GET" and call.body:
        raise Refused("Body: a GET request has none; choose POST, or leave the body's kind at none.")
    return call


def login_call(settings: Settings) -> Call | None:
    """Return the request that opens a session, None for a gateway without sessions."""
    if settings["auth"] != "login":
        return None
    return Call(
        settings["login_method"],
        _url(settings, "login_path", "login_query", "Login path", "Login query", CREDENTIALS),
        _headers({**settings, "headers": None}, CREDENTIALS, settings["login_body_kind"]),
        _body(settings, "login_body", "Login body", CREDENTIALS),
    )


def question(settings: Settings, name: str, extra: Iterable[str] = ()) -> Call | None:
    """Return the GET request of the settings `name`_path and `name`_query, None where they are empty."""
    if not (settings[f"{name}_path"] or settings[f"{name}_query"]):
        return None
    known = CREDENTIALS | _session(settings) | frozenset(extra)
    label = name.capitalize()
    url = _url(
        settings, f"{name}_path", f"{name}_query", f"{label} path", f"{label} query", known,
        settings["auth"] == "query",
    )  # fmt: skip
    return Call("GET", url, _headers({**settings, "headers": None}, known, "none"), None)


def _session(settings: Settings) -> frozenset[str]:
    return frozenset({"session"}) if settings["auth"] == "login" else frozenset()


def _url(
    settings: Settings,
    path: str,
    query: str,
    path_label: str,
    query_label: str,
    known: frozenset[str],
    with_credentials: bool = False,
) -> Pattern:
    path_text, query_text = settings[path] or "", "".join((settings[query] or "").split("\n"))
    if with_credentials and settings["auth_query"]:
        query_text = "&".join(part for part in (settings["auth_query"], query_text) if part)
    for text, label in ((path_text, path_label), (query_text, query_label)):
        literal = "".join(parse(text, in_url, known, label).pieces[::2])
        if bad := _NOT_URL.search(literal):
            raise Refused(f"{label}: {bad[0]!r} cannot stand in an address; write {in_url(bad[0])}.")
    if path_text and not path_text.startswith("/"):
        raise Refused(f"{path_label}: must begin with a slash.")
    joint = "&" if "?" in path_text else "?"
    return parse(base_url(settings) + path_text + (joint + query_text if query_text else ""), in_url, known, "")


def _headers(settings: Settings, known: frozenset[str], body_kind: str) -> tuple[tuple[str, Pattern], ...]:
    headers = {"Content-Type": _BODIES[body_kind][1]} if body_kind != "none" else {}
    match settings["auth"]:
        case "basic":
            pair = f"{settings['username'] or ''}:{settings['password'] or ''}"
            headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
        case "bearer":
            headers["Authorization"] = "Bearer {token}"
        case "header":
            name, _, value = (settings["auth_header"] or "").partition(":")
            headers[name.strip()] = value.strip()
    extra = settings["headers"] or {}
    if not isinstance(extra, dict) or not all(isinstance(value, str) for value in extra.values()):
        raise Refused('Headers: must be names and texts, like {"X-Source": "campaigns"}.')
    given = {name.lower() for name in extra}
    headers = {name: text for name, text in headers.items() if name.lower() not in given} | extra
    for name in headers:
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS:
            raise Refused(f"Headers: {name[:40]!r} is not a header that can be set here.")
    return tuple((name, parse(text, in_header, known, f"Header {name}")) for name, text in headers.items())


def _body(settings: Settings, name: str, label: str, known: frozenset[str]) -> Pattern | None:
    kind = settings[f"{name}_kind"]
    if kind == "none":
        return None
    text = settings[name] or ""
    pattern = parse(text, _BODIES[kind][0], known, label)
    if kind in ("json", "xml"):
        _check_structure(pattern, kind, label)
    return pattern


def _check_structure(pattern: Pattern, kind: str, label: str) -> None:
    """Raise Refused unless the body stays well formed whatever a message says.

    A JSON placeholder for a number may stand outside of quotes; a text's may not, nor in XML's CDATA.
    """
    plain = {"parts", "validity_seconds", "unicode"} if kind == "json" else set()
    sample = pattern.expand({name: "0" if name in plain else _AWKWARD for name in pattern.names})
    try:
        if kind == "xml":
            parse_xml(sample.encode())
        else:
            json.loads(sample)
    except ValueError:
        where = "inside of quotes" if kind == "json" else "in an element or a quoted attribute"
        raise Refused(f"{label}: is not {kind.upper()} with every placeholder {where}.") from None
    if "<![CDATA[" in sample:
        raise Refused(f"{label}: must not use CDATA; values are escaped already.")
