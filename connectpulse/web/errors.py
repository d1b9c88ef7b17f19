"""Pages for what went wrong: what it is, and what to do next."""

from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask, current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from ..core.errors import NotFound, PulseError, Refused, Wait
from ..core.storage.guard import TenantRequired
from ..core.storage.session import AWAY, is_only_reading
from .api import problem

log = structlog.get_logger(__name__)

_SENTENCES = {
    400: ("This request makes no sense", "Something in it is malformed. Go back and try again."),
    403: ("You may not do this", "Your role does not allow it. An administrator can change that."),
    404: ("There is nothing here", "It may have been deleted, or it belongs to another organisation."),
    405: ("This page cannot be opened like that", "Go back and use the button on the page."),
    413: ("This file is too large", "Split it in smaller files, or ask the operator to raise the limit."),
    429: ("Too many attempts", "Wait a minute, then try again."),
    500: ("Something broke on our side", "Nothing was changed. It is in the log; try again or tell the operator."),
    503: ("The database does not answer", "Nothing was changed. Try again in a moment."),
}

_ONLY_READS = "The database takes no changes at the moment"


def install(app: Flask) -> None:
    """Show our pages for every error of `app`."""
    for kind, handle in (
        (CSRFError, _stale), (HTTPException, _http), (PulseError, _pulse), (Exception, _unexpected),
    ):  # fmt: skip
        app.register_error_handler(kind, _for_machines_or(handle))
    for away in AWAY:
        app.register_error_handler(away, _for_machines_or(_database))


def _for_machines_or(handle: Callable[[Any], ResponseReturnValue]) -> Callable[[Exception], ResponseReturnValue]:
    """Return what answers an error of the API in JSON, and shows a page for any other."""
    return lambda error: problem.of(error) if problem.is_for(request.path) else handle(error)


def _page(status: int, title: str = "", advice: str = "") -> tuple[str, int]:
    said = _SENTENCES.get(status, _SENTENCES[500 if status >= 500 else 400])
    title, advice = title or said[0], advice or said[1]
    if request.headers.get("HX-Request") or request.path.startswith(("/callbacks/", "/hooks/")):
        return f"{title}. {advice}", status
    return render_template("pulse/error.html", status=status, title=title, advice=advice), status


def _stale(error: CSRFError) -> tuple[str, int]:
    return _page(400, "This page has grown old", "Go back, reload the page, and try again. Nothing was changed.")


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:
        return error.get_response()  # a redirect
    page, status = _page(status)
    return page, status, [(name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After")]


def _pulse(error: PulseError) -> ResponseReturnValue:
    if isinstance(error, NotFound):
        return _page(404, advice=str(error))
    if isinstance(error, TenantRequired):
        return render_template("pulse/no_organisation.html"), 200
    if isinstance(error, Wait):
        page, status = _page(error.status, "Not now", str(error))
        return page, status, [("Retry-After", str(error.seconds))]
    if isinstance(error, Refused):
        return _page(400, "This cannot be done", str(error))
    return _unexpected(error)


def _database(error: Exception) -> ResponseReturnValue:
    log.error("database_away", path=_route(), error=type(getattr(error, "orig", error)).__name__)
    page, status = _plain(503, _ONLY_READS if is_only_reading(error) else "")
    return page, status, [("Retry-After", "5")]


def _unexpected(error: Exception) -> tuple[str, int]:
    log.exception("request_failed", path=_route(), endpoint=request.endpoint)
    return _plain(500)


def _route() -> str:
    """Return the rule a request met, and not its path: paths of links hold their secret."""
    return str(request.url_rule or "none")


def _plain(status: int, title: str = "") -> tuple[str, int]:
    """Return a page that needs no database: the shell would ask it who is signed in."""
    named, advice = _SENTENCES[status]
    return current_app.jinja_env.get_template("pulse/broken.html").render(title=title or named, advice=advice), status
