"""Lets every request to the API and every callback of a provider leave its line: see `core.services.api.requests`."""

import time
from typing import Any

from flask import Flask, Response, current_app, g, request

from ..core.services.api.requests import RequestLog, Seen
from ..house import House
from . import current

_KEY = "pulse_request_log"
_MOST = 2**63 - 1


def install(app: Flask, house: House) -> None:
    """Log requests of `app`; what waits is written before `house` closes."""
    made = RequestLog(house.work)
    app.extensions[_KEY] = made
    house.closing.append(made.stop)
    app.before_request(_begin)
    app.after_request(_log)


def the_log() -> RequestLog:
    """Return the log of this application."""
    log: RequestLog = current_app.extensions[_KEY]
    return log


def is_logged() -> bool:
    """Return whether this request is one of a machine: to the API, a callback, or at a plugin's door."""
    return request.path.startswith(("/api/", "/callbacks/", "/hooks/"))


def _begin() -> None:
    if is_logged():
        g.began = time.perf_counter()


def _log(response: Response) -> Response:
    if not is_logged():
        return response
    key = g.get("api_key")
    the_log().add(
        Seen(
            organisation_id=key.organisation_id if key else None,
            key_id=key.id if key else None,
            connection_id=_connection(),
            method=(request.method or "")[:10],
            route=str(request.url_rule)[:120] if request.url_rule else "unknown",
            status=response.status_code,
            size=response.content_length or 0,
            milliseconds=round(1000 * (time.perf_counter() - g.get("began", time.perf_counter()))),
            address=(request.remote_addr or "")[:60],
            request_id=current.request_id(),
            agent=request.headers.get("User-Agent", ""),
        )
    )
    return response


def _connection() -> int | None:
    """Return the connection a callback names; numbers that can be none are not kept."""
    arguments: dict[str, Any] = request.view_args or {}
    named = arguments.get("connection_id")
    return named if isinstance(named, int) and named <= _MOST else None
