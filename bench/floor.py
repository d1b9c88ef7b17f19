"""The database floor: the rows of a campaign written and updated in the same batches, with nothing around them.

One connection, one batch after the other, each committed to disk: COPY of the messages, then per batch the
claim, the outcomes with their references, and as many rounds of receipts with their states as the campaign had.
No sending, no decisions. The messages are copies of one that was sent, so it is measured after a campaign.
"""

import time
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import text

from connectpulse.core.domain.message import MessageState
from connectpulse.core.storage import arrays, ids
from connectpulse.core.storage.session import raw
from connectpulse.testing.factories import ADMINISTRATOR

from .scene import Scene

BATCH = 500

_MESSAGES = (
    "COPY pulse_message (id, organisation_id, campaign_id, contact_id, dispatch_id, changed_at, state, parts, "
    "quantity, units, address, channel, sender, body, extra) FROM STDIN"
)
_PATTERN = "COPY (SELECT channel, sender, body, extra FROM pulse_message LIMIT 1) TO STDOUT"
_ROUNDS: Final = {
    0: (),
    1: (MessageState.DELIVERED,),
    2: (MessageState.SENT, MessageState.DELIVERED),
    3: (MessageState.SENT, MessageState.DELIVERED, MessageState.READ),
}
_DISPATCH = """
INSERT INTO pulse_dispatch (id, organisation_id, campaign_id, connection_id, channel, purpose, sender,
    validity_minutes, first_id, last_id, cursor, messages, due_at, expires_at)
VALUES (%(first)s, 1, -1, -1, 'floor', 'transactional', 'floor', 60, %(first)s, %(last)s, %(first)s, 500, now(),
    now() + interval '1 day')
"""
_CLAIM = (
    "UPDATE pulse_dispatch SET state = 'claimed', worker = 'floor', cursor = last_id WHERE id = %(first)s",
    "SELECT id, address, sender, body, extra, parts FROM pulse_message "
    "WHERE id BETWEEN %(first)s AND %(last)s AND state = 0",
)
_OUTCOMES = (
    "UPDATE pulse_message SET state = 3, connection_id = 1, changed_at = now(), submitted_at = now() "
    "WHERE id BETWEEN %(first)s AND %(last)s AND state = 0",
    "INSERT INTO pulse_reference (organisation_id, connection_id, message_id, part, reference) "
    "SELECT 1, -1, id, 0, name FROM unnest(%(ids)s::bigint[], %(names)s::text[]) AS r (id, name)",
    "INSERT INTO pulse_counter (organisation_id, campaign_id, name, amount) VALUES (1, -1, 'state:accepted', 500)",
)
_RECEIPTS = (
    "INSERT INTO pulse_receipt (id, organisation_id, message_id, connection_id, state, reference) "
    "SELECT (SELECT pulse_id()) + n - 1, 1, m.message_id, -1, %(state)s, name "
    "FROM unnest(%(names)s::text[]) WITH ORDINALITY AS r (name, n) "
    "JOIN pulse_reference m ON m.reference = name AND m.connection_id = -1 "
    "AND m.message_id BETWEEN %(first)s AND %(last)s",
    "UPDATE pulse_message SET state = %(state)s, changed_at = now() "
    "WHERE id BETWEEN %(first)s AND %(last)s AND state = %(before)s",
    "INSERT INTO pulse_counter (organisation_id, campaign_id, name, amount) VALUES (1, -1, 'state:delivered', 500)",
)
_END = ("UPDATE pulse_dispatch SET state = 'done' WHERE id = %(first)s",)


def measure(stage: Scene, messages: int) -> float:
    """Return messages per second; takes away what it wrote and what the campaign before it left."""
    pattern, rounds = _pattern(stage)
    _clear(stage)
    with stage.house.work(ADMINISTRATOR) as work:
        firsts = ids.blocks(work.session.connection(), -(-messages // BATCH))
    pages = [(_copy_lines(stage, first, pattern), _facts(first)) for first in firsts]
    began = time.perf_counter()
    for lines, facts in pages:
        _insert(stage, lines, facts)
        _run(stage, _CLAIM, facts)
        _run(stage, _OUTCOMES, facts)
        before = MessageState.ACCEPTED
        for state in rounds:
            _run(stage, _RECEIPTS, {**facts, "before": int(before), "state": int(state)})
            before = state
        _run(stage, _END, facts)
    rate = len(pages) * BATCH / (time.perf_counter() - began)
    _clear(stage)
    return rate


def _pattern(stage: Scene) -> tuple[str, tuple[MessageState, ...]]:
    """Return the last fields of a message that was sent, as COPY writes them, and the states its like went through."""
    with stage.house.work(ADMINISTRATOR) as work:
        cursor = raw(work.session).cursor()
        with cursor.copy(_PATTERN) as copy:
            line = b"".join(bytes(part) for part in copy).decode().rstrip("\n")
        receipts, messages = (
            work.session.scalar(text(f"SELECT count(*) FROM {table}")) or 0
            for table in ("pulse_receipt", "pulse_message")
        )
    if not line:
        raise RuntimeError("No campaign was sent, so nobody knows what its messages look like.")
    return line, _ROUNDS[min(round(receipts / messages), max(_ROUNDS))]


def _facts(first: int) -> dict[str, Any]:
    span = range(first, first + BATCH)
    return {
        "first": first,
        "last": span[-1],
        "ids": arrays.ints(span),
        "names": arrays.texts([f"{each:x}" for each in span]),
    }


def _copy_lines(stage: Scene, first: int, pattern: str) -> str:
    now, address = datetime.now(UTC).isoformat(), stage.line.trial.address
    return "".join(
        f"{first + n}\t1\t-1\t{n}\t{first}\t{now}\t0\t1\t1\t1\t{address(n)}\t{pattern}\n" for n in range(BATCH)
    )


def _insert(stage: Scene, lines: str, facts: dict[str, Any]) -> None:
    with stage.house.work(ADMINISTRATOR) as work:
        connection = raw(work.session)
        with connection.cursor() as cursor, cursor.copy(_MESSAGES) as copy:
            copy.write(lines)
        connection.execute(_DISPATCH, facts)


def _run(stage: Scene, statements: tuple[str, ...], facts: dict[str, Any]) -> None:
    with stage.house.work(ADMINISTRATOR) as work:
        for statement in statements:
            cursor = raw(work.session).execute(statement, facts)
            if cursor.description:
                cursor.fetchall()


def _clear(stage: Scene) -> None:
    with stage.house.work(ADMINISTRATOR) as work:
        raw(work.session).execute(
            "TRUNCATE pulse_message, pulse_reference, pulse_receipt, pulse_dispatch, pulse_counter"
        )
