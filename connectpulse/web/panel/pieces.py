"""Pieces in forms: a list whose order is that of its inputs. Each piece has a key, and inputs named after it."""

from typing import Any

from flask import request

from ...core.domain.form import SHAPE, Field, Kind


def input_name(field: Field, key: str, asked: Field) -> str:
    """Return what the input of a piece's field is called: `blocks.3.text`."""
    return f"{field.name}.{key}.{asked.name}"


def typed(field: Field) -> list[dict[str, Any]]:
    """Return the pieces this request's form says, in their order."""
    keys = dict.fromkeys(request.form.getlist(field.name))
    return [_piece(field, key) for key in keys]


def _piece(field: Field, key: str) -> dict[str, Any]:
    named = {SHAPE: request.form.get(f"{field.name}.{key}.{SHAPE}", "")}
    shape = field.shape(named)
    return named | {each.name: _answer(field, key, each) for each in (shape.form if shape is not None else ())}


def _answer(field: Field, key: str, asked: Field) -> Any:
    name = input_name(field, key, asked)
    if asked.kind is Kind.SWITCH:
        return name in request.form
    return request.form.getlist(name) if asked.kind is Kind.CHECKS else request.form.get(name)
