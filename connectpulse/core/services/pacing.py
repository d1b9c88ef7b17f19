"""Rates of campaigns and organisations, exact over all workers: one row per rate says when the next may go.

The generic cell rate algorithm: a row holds the time at which everything granted so far will have been due.
A claim may take what fits between now and one burst ahead.
"""

from collections.abc import Mapping

from sqlalchemy import text

from .work import Work

BURST = 0.25
"""Seconds of messages that may be granted at once."""


def allow(work: Work, rates: Mapping[str, int | None], want: int) -> tuple[int, float | None]:
    """Return how many of `want` messages may go now under all `rates` (per second), and else how long to wait.

    Granting is part of the caller's transaction: what is rolled back was not granted.
    """
    limited = {key: rate for key, rate in sorted(rates.items()) if rate}
    if not limited:
        return want, None
    allowed, wait = want, 0.0
    debts: dict[str, float] = {}
    for key, rate in limited.items():
        debts[key] = _debt(work, key)
        room = int((BURST - debts[key]) * rate) if debts[key] < BURST else 0
        allowed = min(allowed, max(room, 1 if debts[key] <= 0 else 0))
        if room < 1:
            wait = max(wait, min(debts[key], debts[key] - BURST + 1 / rate), 0.01)
    if allowed > 0:
        for key, rate in limited.items():
            _grant(work, key, max(debts[key], 0.0) + allowed / rate)
    return allowed, wait if allowed == 0 else None


def _debt(work: Work, key: str) -> float:
    """Return how many seconds ahead of now the grants of `key` reach; locks its row."""
    row = work.session.execute(
        text("SELECT extract(epoch FROM next_at - clock_timestamp()) FROM pulse_pace WHERE key = :key FOR UPDATE"),
        {"key": key},
    ).one_or_none()
    return float(row[0]) if row is not None else 0.0


def _grant(work: Work, key: str, seconds: float) -> None:
    work.session.execute(
        text(
            "INSERT INTO pulse_pace (key, next_at) VALUES (:key, clock_timestamp() + make_interval(secs => :s)) "
            "ON CONFLICT (key) DO UPDATE SET next_at = excluded.next_at"
        ),
        {"key": key, "s": seconds},
    )
