"""How routes of this version are declared: address, method, the scope they need, and what they say of themselves."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from flask import Blueprint, Response, current_app, request

from ....core.domain.form import Field, Form, Kind, read
from ....core.errors import Refused
from ....core.services.api import answers
from ....core.services.work import Work
from .. import door
from ..problem import Problem, of

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

_LARGEST_OBJECT = 4_000

V = TypeVar("V", bound=Callable[..., Any])


class Route(NamedTuple):
    """A route as the document describes it. `asked` is the form of its body, `query` that of its query.

    `takes_file`: its body is a file, sent as `file` in multipart/form-data.
    """

    rule: str
    method: str
    scope: str
    title: str
    answer: Mapping[str, Any]
    query: Form = ()
    asked: Form = ()
    status: int = 200
    takes_file: bool = False


ROUTES: dict[str, Route] = {}
"""Endpoint -> its route. What is not in here answers nobody."""
_OPERATIONS = door.guard(blueprint)


def route(made: Route) -> Callable[[V], V]:
    """Declare a function as the answer of a route."""

    def declare(function: V) -> V:
        endpoint = f"{blueprint.name}.{function.__name__}"
        ROUTES[endpoint] = made
        _OPERATIONS[endpoint] = door.Operation(made.scope, made.takes_file)
        blueprint.add_url_rule(made.rule, function.__name__, function, methods=[made.method])
        return function

    return declare


blueprint.register_error_handler(Exception, of)


def query(form: Form) -> dict[str, Any]:
    """Return the typed values of this request's query; raise Refused with every fault."""
    return read(form, request.args)


def body(form: Form) -> dict[str, Any]:
    """Return the typed values of this request's JSON object; raise Refused with every fault, Problem for no JSON."""
    if not request.is_json:
        raise Problem(415, "Send a JSON object with the header Content-Type: application/json.")
    try:
        sent = request.get_json(silent=True)
    except RecursionError:
        raise Problem(400, "The body is nested too deeply.") from None
    if not isinstance(sent, dict):
        raise Problem(400, "The body is not a JSON object.")
    faults = {each.name: f"{each.label}: {fault}" for each in form if (fault := _fault(each, sent.get(each.name)))}
    if faults:
        refusal = Refused(*faults.values())
        refusal.fields = faults
        raise refusal
    return read(form, sent)


_TEXT = ((str,), "text")
_JSON: defaultdict[Kind, tuple[tuple[type, ...], str]] = defaultdict(
    lambda: _TEXT,
    {
        Kind.NUMBER: ((int,), "whole number"),
        Kind.SWITCH: ((bool,), "true or false"),
        Kind.JSON: ((dict,), "object"),
        Kind.CHECKS: ((list,), "list"),
        Kind.PICK: ((int,), "whole number"),
        Kind.PICKS: ((list,), "list"),
        Kind.FILE: ((int,), "whole number"),
        Kind.FILES: ((list,), "list"),
        Kind.PIECES: ((list,), "list"),
    },
)
"""What a field of each kind is in JSON, and how that is called; `read` is made for forms, where all is text."""


def _fault(field: Field, value: Any) -> str:
    """Return why `value` cannot be a field's, empty if it can."""
    kinds, called = _JSON[field.kind]
    if value is not None and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
        return f"this is no {called}."
    if field.kind is Kind.JSON and len(json.dumps(value)) > _LARGEST_OBJECT:
        return f"at most {_LARGEST_OBJECT:,} characters."
    written = json.dumps(value, ensure_ascii=False)
    if "\\u0000" in written or any("\ud800" <= letter <= "\udfff" for letter in written):
        return "contains a character that cannot be stored."
    return ""


def respond(work: Work, status: int, act: Callable[[], dict[str, Any]]) -> Response:
    """Do what a POST asks for, once per Idempotency-Key if it carries one, and return the answer."""
    word = request.headers.get("Idempotency-Key", "")
    if not word:
        return _json(status, act())
    if len(word) > answers.LONGEST or not word.isprintable():
        raise Refused(f"Idempotency-Key: at most {answers.LONGEST} printable characters; a random UUID is good.")
    given = answers.once(work, door.the_key().id, word, _request(), lambda: (status, act()))
    made = _json(given.status, given.body)
    if given.is_again:
        made.headers["Idempotent-Replay"] = "true"
    return made


def _request() -> bytes:
    """Return all that makes this request what it is."""
    head = f"{request.method} {request.path}?{request.query_string.decode('latin-1')}"
    return head.encode() + b"\n" + hashlib.sha256(request.get_data()).digest()


def _json(status: int, content: dict[str, Any]) -> Response:
    return Response(current_app.json.dumps(content), status, mimetype="application/json")
