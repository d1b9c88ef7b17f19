"""What the API says when it says no: application/problem+json (RFC 9457), in the words of the panel."""

from collections.abc import Mapping
from typing import Any

import structlog
from flask import Response, current_app, request
from werkzeug.exceptions import HTTPException

from ...core.errors import NotFound, Refused
from ...core.services.api import answers, keys
from ...core.storage.session import AWAY
from .. import current

log = structlog.get_logger(__name__)

_TITLES = {
    400: "This request makes no sense",
    401: "A key is needed",
    403: "You may not do this",
    404: "There is nothing here",
    405: "This address does not take this method",
    409: "Something else is in the way",
    413: "This is too large",
    415: "Only JSON is read here",
    422: "This cannot be done as it stands",
    429: "Too many requests",
    500: "Something broke on our side",
    503: "The site cannot answer now",
}
_ADVICE = {
    400: "Something in it is malformed.",
    404: "It may have been deleted, or it belongs to another organisation. /api/v1/openapi.json lists what there is.",
    405: "/api/v1/openapi.json lists what there is.",
    413: "Send less at once.",
    500: "Nothing was changed. Tell the operator the request_id.",
    503: "Nothing was changed. Try again in a moment.",
}


class Problem(Exception):
    """An answer that ends a request."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})


def answer(
    status: int, detail: str = "", headers: Mapping[str, str] | None = None, faults: Mapping[str, str] | None = None
) -> Response:  # fmt: skip
    """Return the answer for `status`; `faults` are sentences by the name of the field at fault."""
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(status, _TITLES[500 if status >= 500 else 400]),
        "status": status,
        "detail": detail or _ADVICE.get(status, ""),
        "instance": request.path,
        "request_id": current.request_id(),
    }
    if faults:
        said["faults"] = dict(faults)
    made = Response(current_app.json.dumps(said), status, mimetype="application/problem+json")
    made.headers.extend(headers or {})
    return made


def of(error: Exception) -> Response:
    """Return the answer that an error of a request means."""
    if isinstance(error, Problem):
        return answer(error.status, error.detail, error.headers)
    if isinstance(error, HTTPException):
        kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
        return answer(error.code or 500, headers=kept)
    if isinstance(error, NotFound):
        return answer(404, str(error))
    if isinstance(error, Refused):
        return _refused(error)
    if isinstance(error, AWAY):
        log.error("database_away", path=request.path, error=type(getattr(error, "orig", error)).__name__)
        return answer(503, headers={"Retry-After": "5"})
    log.error("request_failed", endpoint=request.endpoint, exc_info=error)
    return answer(500)


def _refused(error: Refused) -> Response:
    if isinstance(error, keys.BadKey):
        return answer(401, str(error), {"WWW-Authenticate": 'Bearer error="invalid_token"'})
    if isinstance(error, keys.WrongNetwork):
        return answer(403, str(error))
    if isinstance(error, answers.Busy):
        return answer(409, str(error), {"Retry-After": "1"})
    return answer(422, str(error), faults=error.fields)


def is_for(path: str) -> bool:
    """Return whether a request to `path` is answered like this."""
    return path.startswith("/api/")
