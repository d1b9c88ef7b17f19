"""Webhooks of providers: checked over the bytes that came, stored before they are answered, worked off in batches.

A provider that gets a 2xx forgets the event, so none is given before the request is in the database.
"""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import structlog
from psycopg.rows import tuple_row
from sqlalchemy import text

from ..domain.provider import Callback, Event
from ..domain.redaction import scrub, told
from ..errors import NotFound
from ..storage import arrays, guard
from ..storage.models import CallbackRequest, Connection
from ..storage.session import is_passing, raw
from . import aside, connections, proofs, receipts
from .callback_names import DRAIN as DRAIN
from .callback_names import SESSION
from .events import take_in
from .work import SYSTEM, Opener, Work

log = structlog.get_logger(__name__)

LARGEST = 4_194_304
"""Bytes of the largest body that is taken; providers that gather events send up to 3 MB of them."""

BATCH = 200
MOST_BYTES = 16 << 20
"""Bytes of bodies that are worked off in one transaction, or else one request."""
_KEPT_HEADERS = 40
_HIDDEN = frozenset({"authorization", "cookie", "proxy-authorization"})


class Forged(Exception):
    """The request's signature, token or source is not the provider's."""


class Kept(NamedTuple):
    """A request that is stored: what it is answered with, and the address to visit first, empty for none."""

    media_type: str
    word: str
    visit: str = ""


def store(work: Work, connection_id: int, token: str, callback: Callback) -> Kept:
    """Keep a request for `drain`; return what to do about it once that is committed.

    Raises NotFound for a wrong address, Forged for a wrong signature, and proofs.Missing for a document that must be
    fetched before the signature can be checked: do that outside of any transaction, and come again.
    """
    connection = work.session.get(Connection, connection_id)
    if connection is None or not secrets.compare_digest(connection.token.encode(), token.encode()):
        raise NotFound("There is no such callback address.")
    provider = work.registry.provider(connection.provider)
    settings = connections.values(connection)
    callback = proofs.with_proof(callback, provider.proof_address(settings, callback))
    if not provider.verify_callback(settings, callback):
        raise Forged
    work.session.add(
        CallbackRequest(
            connection_id=connection_id,
            method=callback.method,
            url=callback.url,
            headers=_kept(callback.headers),
            body=callback.body,
        )
    )
    return Kept(*provider.answer_callback(settings, callback), provider.visit_address(settings, callback))


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers a provider may parse by; what proves who it is was checked and is not kept."""
    open_ones = [(name, value) for name, value in headers.items() if name.lower() not in _HIDDEN]
    return dict(open_ones[:_KEPT_HEADERS])


class Pending(NamedTuple):
    """A stored request, ready to be parsed."""

    id: int
    callback: Callback


def open_connections(work: Work) -> list[int]:
    """Return the connections whose requests wait to be worked off."""
    rows = work.session.execute(
        text("SELECT DISTINCT connection_id FROM pulse_callback WHERE state = 'open' LIMIT 100")
    )
    return [row[0] for row in rows]


def drain(open_work: Opener, connection_id: int) -> int:
    """Work off a connection's requests; return how many. Safe to run twice and at the same time.

    A batch that fails is tried request by request, so that one the house cannot digest spoils no other.
    """
    total, limit = 0, BATCH
    while True:
        taken: list[int] = []
        try:
            is_more = _drain(open_work, connection_id, limit, taken)
        except receipts.Moved:
            continue
        except Exception as error:
            if is_passing(error):
                raise  # the database's trouble, not the request's: the sweep comes again
            log.exception("callbacks_failed", connection=connection_id, limit=limit)
            if limit == 1:
                total += _set_aside(open_work, taken, told(error))
            limit = 1
            continue
        total += len(taken)
        if not is_more:
            return total


def _drain(open_work: Opener, connection_id: int, limit: int, taken: list[int]) -> bool:
    """Work off at most `limit` requests; return whether there may be more.

    `taken` is filled with their ids before anything can fail.
    """
    with open_work(SYSTEM) as work, guard.platform_scope(work.session, "work off callbacks"):
        found, is_more = _choose(work, connection_id, limit)
        taken += found
        pending = _read(work, found)
        if pending:
            events, faults = _parse(work, connection_id, pending)
            take_in(work, connection_id, events)
            _close(work, [each.id for each in pending], faults)
        return is_more


def _set_aside(open_work: Opener, ids: list[int], reason: str) -> int:
    with open_work(SYSTEM) as work:
        _close(work, ids, dict.fromkeys(ids, f"The house could not digest it: {reason}"[:300]))
        return len(ids)


def _parse(work: Work, connection_id: int, pending: Sequence[Pending]) -> tuple[list[Event], dict[int, str]]:
    connection = work.session.get(Connection, connection_id)
    events: list[Event] = []
    faults: dict[int, str] = {}
    for each in pending:
        try:
            if each.callback.method == SESSION:
                events.append(aside.event_of(each.callback.body))
                continue
            if connection is None:
                raise ValueError("Its connection is gone.")
            provider = work.registry.provider(connection.provider)
            events += provider.parse_callback(connections.values(connection), each.callback)
        except (ValueError, NotFound) as error:
            faults[each.id] = scrub(str(error))[:300]
    return events, faults


def _choose(work: Work, connection_id: int, limit: int) -> tuple[list[int], bool]:
    """Return the next requests, as many as a transaction takes, and whether others wait behind them.

    One batch of a connection at a time: two tell of the same messages and collide.
    """
    work.session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('pulse_callbacks', :connection))"),
        {"connection": connection_id},
    )
    rows = work.session.execute(
        text(
            "SELECT id, octet_length(body) FROM pulse_callback "
            "WHERE connection_id = :connection AND state = 'open' ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED"
        ),
        {"connection": connection_id, "limit": limit},
    ).all()
    sizes = accumulate(size for _, size in rows)
    chosen = [id for (id, _), size in zip(rows, sizes, strict=True) if size <= MOST_BYTES] or [id for id, _ in rows[:1]]
    return chosen, len(chosen) < len(rows) or len(rows) == limit


def _read(work: Work, ids: Sequence[int]) -> list[Pending]:
    with raw(work.session).cursor(row_factory=tuple_row, binary=True) as cursor:  # bodies are large, and binary
        rows = cursor.execute(
            "SELECT id, method, url, headers, body FROM pulse_callback WHERE id = ANY(%s::bigint[]) ORDER BY id",
            [arrays.ints(ids)],
        ).fetchall()
    found = []
    for id, method, url, headers, body in rows:
        query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
        found.append(Pending(id, Callback(method, url, headers, query, bytes(body))))
    return found


def _close(work: Work, ids: Sequence[int], faults: dict[int, str]) -> None:
    by_fault: dict[str, list[int]] = defaultdict(list)
    for id in ids:
        by_fault[faults.get(id, "")].append(id)
    for fault, those in by_fault.items():
        state = "failed" if fault else "done"
        work.session.execute(
            text("UPDATE pulse_callback SET state = :state, error = :error WHERE id = ANY(:ids)"),
            {"state": state, "error": fault, "ids": those},
        )
        if fault:
            log.warning("callbacks_refused", count=len(those), error=fault)
