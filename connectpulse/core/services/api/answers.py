"""Requests that may be sent again: an Idempotency-Key has one effect, and one answer for 24 hours.

The answer is written in the transaction of the effect. Requests with the same word at the same time wait for the
first and get its answer; a request that was refused has no effect, and may be sent again.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from psycopg.errors import LockNotAvailable
from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from ...errors import Refused
from ...storage.models import ApiAnswer
from ..work import Work

KEPT_FOR = timedelta(hours=24)
PATIENCE = "5s"
LONGEST = 200


class Reused(Refused):
    """The word came before, with another request."""


class Busy(Refused):
    """The same request is being worked on."""


class Answer(NamedTuple):
    """What a request is answered with; `is_again` if its effect was had before."""

    status: int
    body: dict[str, Any]
    is_again: bool = False


def once(
    work: Work, key_id: int, word: str, request: bytes, act: Callable[[], tuple[int, dict[str, Any]]]
) -> Answer:  # fmt: skip
    """Do `act` unless a request with this `word` did it; return its answer either way.

    `request` is all that makes the request what it is: method, path and body.
    """
    hashed, asked = hashlib.sha256(word.encode()).digest(), hashlib.sha256(request).digest()
    made = _begin(work, key_id, hashed, asked)
    if made is None:
        return _kept(work, key_id, hashed, asked)
    status, body = act()
    work.session.execute(
        update(ApiAnswer).where(ApiAnswer.id == made).values(status=status, body=body),
        execution_options={"synchronize_session": False},
    )
    return Answer(status, body)


def _begin(work: Work, key_id: int, word: bytes, request: bytes) -> int | None:
    """Take the word; wait for whoever has it; return None if it has had its effect."""
    late = work.clock() - KEPT_FOR
    mine = (ApiAnswer.key_id == key_id, ApiAnswer.word == word)
    work.session.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
    try:
        work.session.execute(delete(ApiAnswer).where(*mine, ApiAnswer.created_at <= late))
        made = work.session.execute(
            insert(ApiAnswer.__table__)
            .values(
                organisation_id=work.organisation_id, key_id=key_id, word=word, request=request,
                created_at=work.clock(),
            )
            .on_conflict_do_nothing()
            .returning(ApiAnswer.__table__.c.id)
        )  # fmt: skip
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise Busy("The same request is being worked on. Send it again in a moment.") from None
        raise
    work.session.execute(text("SET LOCAL lock_timeout = DEFAULT"))
    found: int | None = made.scalar_one_or_none()
    return found


def _kept(work: Work, key_id: int, word: bytes, request: bytes) -> Answer:
    row = work.session.execute(
        select(ApiAnswer.request, ApiAnswer.status, ApiAnswer.body).where(
            ApiAnswer.key_id == key_id, ApiAnswer.word == word
        )
    ).one()
    if bytes(row.request) != request:
        raise Reused("This Idempotency-Key came with another request before. Use a new one for a new request.")
    return Answer(row.status, dict(row.body or {}), True)
