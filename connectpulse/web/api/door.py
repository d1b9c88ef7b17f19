"""Through the API's door, in this order: TLS, the network's limit, the key, its network, its limits, its scope.

Nothing that a browser sends by itself counts: no cookie is read, and there is no session. Therefore no page of
another site can make a request here in somebody's name, and no token against forgery is asked for. A route that
does not say which scope it needs answers nobody. Limits are counted in the one store of the site; where it does
not answer, neither does the API.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import structlog
from flask import Blueprint, Response, current_app, g, request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.strategies import SlidingWindowCounterRateLimiter

from ...core.domain.scopes import ANY_KEY, NO_KEY
from ...core.services import allowances, files
from ...core.services.action_log import denials
from ...core.services.api import keys
from ...core.services.work import SYSTEM, Actor, Work
from .. import current
from ..security.manager import network_address
from .problem import Problem

log = structlog.get_logger(__name__)

NETWORK_LIMIT = 1200
"""Requests a minute from one network address (for IPv6, one /64), whatever keys they carry."""
MOST_BYTES = 256 * 1024
"""The largest body."""

V = TypeVar("V", bound=Callable[..., Any])


class Operation(NamedTuple):
    """What a route asks of a key: a scope, or one of ANY_KEY and NO_KEY. `takes_file`: its body may be a file."""

    scope: str
    takes_file: bool = False


def guard(blueprint: Blueprint) -> dict[str, Operation]:
    """Put the door before every route of `blueprint`; return the table its routes are declared in."""
    operations: dict[str, Operation] = {}

    def enter() -> None:
        _enter(operations.get(request.endpoint or ""))

    blueprint.before_request(enter)
    blueprint.after_request(_tell_limits)
    return operations


def _enter(operation: Operation | None) -> None:
    if current.the_house().settings.public_url.startswith("https://") and not request.is_secure:
        raise Problem(403, "Use https: over http anybody on the way can read the key. It should be replaced now.")
    _count(RateLimitItemPerMinute(NETWORK_LIMIT), "network", network_address())
    _bound(MOST_BYTES + (files.largest() if operation is not None and operation.takes_file else 0))
    if operation is None:
        raise Problem(403, "This address is not open to any key.")
    if operation.scope == NO_KEY:
        return
    key = _key()
    g.api_key = key
    limit = RateLimitItemPerMinute(key.rate_per_minute)
    g.api_limit = limit
    _count(limit, "key", str(key.id))
    _count_together(key)
    if operation.scope != ANY_KEY and operation.scope not in key.scopes:
        _write_refusal(key, f"scope {operation.scope}")
        raise Problem(
            403,
            f"This key lacks the scope {operation.scope}. An administrator of your organisation can give it.",
            {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{operation.scope}"'},
        )


def _bound(most: int) -> None:
    request.max_content_length = most  # also of a body that does not say how long it is
    if (request.content_length or 0) > most:
        raise Problem(413, f"A request may have {most // 1024:,} KB.")


def _count_together(key: keys.Known) -> None:
    """Count this request for all keys of the organisation, where a plugin limits them together."""
    house = current.the_house()
    if house.registry.limits:
        memory: allowances.Memory = current_app.extensions.setdefault("pulse_allowances", allowances.Memory())
        most = memory.api_per_minute(house.work, key.organisation_id)
        if most is not None:
            _count(RateLimitItemPerMinute(most), "organisation", str(key.organisation_id))


def the_key() -> keys.Known:
    """Return the key of this request."""
    key: keys.Known = g.api_key
    return key


@contextmanager
def work() -> Iterator[Work]:
    """Open a unit of work of the key's organisation, committed at the end of the block."""
    key = the_key()
    with current.the_house().work(_actor(key), key.organisation_id) as made:
        yield made


def _actor(key: keys.Known) -> Actor:
    return Actor("key", f"API key {key.name}", key.id, request.remote_addr or "", current.request_id())


def _key() -> keys.Known:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(401, "Send the key with the header Authorization: Bearer.", {"WWW-Authenticate": "Bearer"})
    with current.the_house().work(SYSTEM) as asking:
        in_one_trip(asking)
        try:
            return keys.check(asking, token.strip(), request.remote_addr or "")
        except keys.WrongNetwork as refusal:
            g.api_key = refusal.key  # so that those whose key it is see the attempt
            _write_refusal(refusal.key, "network")
            raise


def in_one_trip(asking: Work) -> None:
    """Let the one statement of `asking` cost one way to the database, without a transaction around it."""
    asking.session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})


def _count(limit: RateLimitItem, *whose: str) -> None:
    """Count this request; raise Problem 429 beyond the limit, 503 where it cannot be counted."""
    try:
        if _limiter().hit(limit, "api", *whose):
            return
        reset = _limiter().get_window_stats(limit, "api", *whose).reset_time
    except Exception as error:
        log.error("limits_not_counted", error=type(error).__name__)
        raise Problem(
            503, "Requests cannot be counted at the moment, so none is let in. Try again soon.", {"Retry-After": "5"}
        ) from None
    wait = max(1, round(reset - time.time()))
    raise Problem(
        429, f"At most {limit.amount} requests a minute. Try again in {wait} seconds.", {"Retry-After": str(wait)}
    )


def _limiter() -> SlidingWindowCounterRateLimiter:
    """Return who counts: over the store of the site's one limiter, and never over a stand-in for it."""
    return SlidingWindowCounterRateLimiter(current_app.extensions["appbuilder"].sm.limiter.storage)


def _tell_limits(response: Response) -> Response:
    limit = g.get("api_limit")
    if limit is not None and response.status_code != 503:
        try:
            left = _limiter().get_window_stats(limit, "api", "key", str(the_key().id))
        except Exception:  # the request was let in and answered; only the figures are missing
            return response
        response.headers["RateLimit-Limit"] = str(limit.amount)
        response.headers["RateLimit-Remaining"] = str(max(0, left.remaining))
        response.headers["RateLimit-Reset"] = str(max(0, round(left.reset_time - time.time())))
    return response


def _write_refusal(key: keys.Known, why: str) -> None:
    """Write down that a good key was used for what it may not do; a flood of it is counted, not written."""
    denials.note(
        current.the_house().work, _actor(key), key.organisation_id, "api_key.refused", "ApiKey", key.id, why=why,
        method=request.method, page=request.endpoint or "",
    )  # fmt: skip
