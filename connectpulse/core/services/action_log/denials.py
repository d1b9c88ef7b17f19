"""Writing down what was refused: pages that were denied, acts that were not done, requests that were forged.

Such an entry has a transaction of its own, because that of the act is rolled back. Who is refused decides how
often: so each actor gets a few entries a minute and strangers share a few more, in each process. What was left
out is counted in the next entry.
"""

import time
from dataclasses import dataclass
from threading import Lock

from .. import audit
from ..work import Actor, Opener

MOST = 20
"""Entries a minute for one actor."""
MOST_STRANGERS = 60
"""Entries a minute for all who are not signed in, together."""
MINUTE = 60.0
_STRANGERS = "strangers"
_KNOWN = ("user", "key", "command")


@dataclass(slots=True)
class _Count:
    since: float
    written: int = 0
    left_out: int = 0


_counts: dict[str, _Count] = {}
_lock = Lock()


def note(
    open_work: Opener, actor: Actor, organisation: int | None, verb: str, kind: str = "", id: object = "",
    name: str = "", **detail: str,
) -> bool:  # fmt: skip
    """Write down that something was refused; return whether it was, or only counted."""
    left_out = _admit(actor)
    if left_out is None:
        return False
    told: dict[str, str | int] = {**detail, "left_out_before": left_out} if left_out else {**detail}
    with open_work(actor, organisation) as work:
        audit.record_named(work, verb, organisation, kind, id, name, **told)
    return True


def _admit(actor: Actor) -> int | None:
    """Return how many were left out before this one; None if this one is left out as well."""
    is_known = actor.kind in _KNOWN
    name = f"{actor.kind}:{actor.id}:{actor.name if actor.id is None else ''}" if is_known else _STRANGERS
    now = time.monotonic()
    with _lock:
        count = _counts.get(name)
        if count is None or now - count.since >= MINUTE:
            left_out = count.left_out if count else 0
            _forget(now)
            count = _counts[name] = _Count(now)
        else:
            left_out = 0
        if count.written >= (MOST if is_known else MOST_STRANGERS):
            count.left_out += 1
            return None
        count.written += 1
        return left_out


def start_over() -> None:
    """Forget what was counted: a house that is built begins with none."""
    with _lock:
        _counts.clear()


def _forget(now: float) -> None:
    """Drop counts that say nothing any more, so that they stay few."""
    for name in [name for name, count in _counts.items() if now - count.since >= MINUTE and not count.left_out]:
        del _counts[name]
