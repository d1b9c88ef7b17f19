"""The document of this version, OpenAPI 3.1, made of the same table the routes are made of."""

import re
from typing import Any

from ....core.domain.form import SHAPE, Field, Form, Kind, Shape
from ....core.domain.scopes import ANY_KEY, NO_KEY, SCOPES
from .. import door
from . import routing

TEXT = {"type": "string"}
TIME = {"type": ["string", "null"], "format": "date-time"}
LIST = {"type": "array", "items": TEXT}
_TYPES: dict[Kind, dict[str, Any]] = {
    Kind.NUMBER: {"type": "integer"},
    Kind.SWITCH: {"type": "boolean"},
    Kind.JSON: {"type": "object"},
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.MOMENT: {"type": "string", "format": "date-time"},
    Kind.CHECKS: {"type": "array", "items": TEXT},
    Kind.PICKS: {"type": "array", "items": {"type": "integer"}},
    Kind.PICK: {"type": "integer"},
    Kind.FILE: {"type": "integer"},
    Kind.FILES: {"type": "array", "items": {"type": "integer"}},
    Kind.PIECES: {"type": "array"},
}
_PROBLEMS = {
    "400": "The request is malformed.",
    "401": "There is no key, or it is not good.",
    "403": "The key may not do this, or not from this address.",
    "409": "The same request is being worked on.",
    "422": "The request cannot be done as it stands; `faults` says why by field.",
    "429": "Too many requests; Retry-After says when to come again.",
    "503": "The site cannot answer now.",
}
_ABOUT = (
    "Send a key with every request: `Authorization: Bearer pulse_…`. Keys are made in the panel under API keys; each "
    "has scopes, networks it may be used from, a limit and an end.\n\nLists are paged by key: follow `next`. Times are "
    "UTC. A POST may carry an `Idempotency-Key`: the same request sent again within 24 hours has no second effect and "
    "gets the same answer. Refusals are `application/problem+json`; every answer has an `X-Request-ID`. From one "
    f"network address {door.NETWORK_LIMIT:,} requests a minute are taken at most."
)


_FILE = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "string", "format": "binary"}},
            "required": ["file"],
        }
    }
}


def object_of(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object in which all of `properties` are there."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def whole() -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint, route in routing.ROUTES.items():
        address = "/api/v1" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.rule)
        paths.setdefault(address, {})[route.method.lower()] = _operation(endpoint, route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Connect Pulse", "version": "1", "description": _ABOUT},
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": _scopes()}},
            "schemas": {"Problem": _problem()},
        },
    }


def _scopes() -> str:
    return "Scopes: " + "; ".join(f"`{name}`: {what}" for name, what in SCOPES.items()) + "."


def _operation(endpoint: str, route: routing.Route) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": endpoint.partition(".")[2],
        "summary": route.title,
        "responses": {str(route.status): _content(route.title, "application/json", route.answer), **_refusals()},
    }
    if route.scope != NO_KEY:
        made["security"] = [{"key": [] if route.scope == ANY_KEY else [route.scope]}]
    parameters = [_parameter(each) for each in route.query]
    parameters += [
        {"name": name, "in": "path", "required": True, "schema": {"type": "integer"}}
        for name in re.findall(r"<(?:\w+:)?(\w+)>", route.rule)
    ]
    if route.method == "POST":
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 200}})
        made["requestBody"] = {"required": True, "content": _FILE if route.takes_file else _json(route.asked)}
    return made | ({"parameters": parameters} if parameters else {})


def _refusals() -> dict[str, Any]:
    kind = {"$ref": "#/components/schemas/Problem"}
    return {status: _content(why, "application/problem+json", kind) for status, why in _PROBLEMS.items()}


def _content(description: str, kind: str, schema: Any) -> dict[str, Any]:
    return {"description": description, "content": {kind: {"schema": schema}}}


def _parameter(field: Field) -> dict[str, Any]:
    return {"name": field.name, "in": "query", "description": _said(field), "schema": _type(field)}


def _json(form: Form) -> dict[str, Any]:
    return {"application/json": {"schema": schema(form)}}


def schema(form: Form) -> dict[str, Any]:
    """Return the schema of a JSON object with the fields of `form` and no others."""
    return {
        "type": "object",
        "properties": {field.name: _type(field) | {"description": _said(field)} for field in form},
        "required": [field.name for field in form if field.is_required and field.only is None],
        "additionalProperties": False,
    }


def _said(field: Field) -> str:
    words = (f"{field.label}.", _said_of_files(field), field.help, _said_of_others(field))
    return " ".join(each for each in words if each)


def _said_of_others(field: Field) -> str:
    """Return beside which answers a field is asked, empty where it always is."""
    return f"Only where {field.only[0]} is {' or '.join(field.only[1])}." if field.only else ""


def _said_of_files(field: Field) -> str:
    """Return which files a field takes, empty where it takes none."""
    if field.kind not in (Kind.FILE, Kind.FILES):
        return ""
    kinds = f" of {' or '.join(field.accept)}" if field.accept else ""
    most = f", of {field.high:,} bytes at most" if field.high is not None else ""
    return f"{'A file' if field.kind is Kind.FILE else 'Files'}{kinds}{most}."


def _type(field: Field) -> dict[str, Any]:
    made = dict(_TYPES.get(field.kind, TEXT))
    if field.kind is Kind.PIECES:
        items = {"anyOf": [_shape(each) for each in field.shapes]}
        return made | {"items": items} | ({"maxItems": field.high} if field.high is not None else {})
    if field.choices:
        made["enum"] = [value for value, _ in field.choices]
    if field.default is not None:
        made["default"] = field.default
    if field.kind in (Kind.FILE, Kind.FILES):  # their bound is one of bytes
        return made
    least, most = ("minLength", "maxLength") if made["type"] == "string" else ("minimum", "maximum")
    return made | {name: bound for name, bound in ((least, field.low), (most, field.high)) if bound is not None}


def _shape(shape: Shape) -> dict[str, Any]:
    """Return the schema of a piece of one shape."""
    asked = schema(shape.form)
    named = {SHAPE: {"const": shape.name, "description": f"{shape.title}."}}
    return asked | {"properties": named | asked["properties"], "required": [SHAPE, *asked["required"]]}


def _problem() -> dict[str, Any]:
    return object_of(
        type=TEXT, title=TEXT, status={"type": "integer"}, detail=TEXT, instance=TEXT, request_id=TEXT
    ) | {"description": "RFC 9457, with `faults` by field where there are any."}  # fmt: skip
