"""Refuses numbers of payment cards in whatever a page sends, before anything reads it.

Forms that are tables of fields say it beside the field instead: see `core.domain.form`. The API's bodies are
read by the same tables.
"""

from flask import Flask, request

from ..core.domain import card_numbers

_SAY_IT_THEMSELVES = ("add", "edit")
"""Methods of pages whose form is read as a table of fields."""


def install(app: Flask) -> None:
    """Look at every form sent to `app`."""
    app.before_request(_look)


def _look() -> None:
    if request.method != "POST" or not request.endpoint or request.path.startswith(("/api/", "/callbacks/", "/hooks/")):
        return
    if request.endpoint.rpartition(".")[2] in _SAY_IT_THEMSELVES:
        return
    card_numbers.refuse({name: request.form.getlist(name) for name in request.form})
