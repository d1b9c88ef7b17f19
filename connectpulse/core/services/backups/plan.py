"""What this site's settings say about its backups, set once at start; and which backups are kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pyrage import RecipientError, x25519

from ...errors import Misconfigured

LATE = timedelta(hours=26)
"""How old the newest backup may be."""

RESTORING = "pulse_restoring"
"""A table that is there from the beginning of a restore to its end; no process works on a database that has it."""

LEFT_OUT = (
    "pulse_api_request*",  # may not outlive its seven days in a backup
    "huey_*",  # only wakes
)
"""Tables whose rows are not backed up; `*` stands for any ending."""


@dataclass(frozen=True, slots=True)
class Plan:
    """For whom backups are encrypted (an age recipient, empty for none), when they are made, how many are kept.

    They are made at `hour`, and from then on `every` so many hours. Where `wal_days` is not zero, the write-ahead log
    of the embedded server over the folder `server` is put away as well, and so many days of it are kept.
    """

    recipient: str = ""
    hour: int = 2
    keep: tuple[int, int, int] = (14, 8, 12)
    every: int = 24
    wal_days: int = 0
    server: Path | None = None


class _Site:
    plan = Plan()


def use(
    recipient: str, hour: int, keep: tuple[int, int, int], every: int = 24,
    wal_days: int = 0, server: Path | None = None,
) -> None:  # fmt: skip
    """Make backups by these settings from now on; raise Misconfigured if `recipient` is no age recipient."""
    if recipient:
        read_recipient(recipient)
    _Site.plan = Plan(recipient, hour, keep, every, wal_days, server)


def site() -> Plan:
    """Return the plan of this process's site."""
    return _Site.plan


def read_recipient(text: str) -> x25519.Recipient:
    """Return the age recipient `text` names; raise Misconfigured if it is none."""
    try:
        return x25519.Recipient.from_str(text)
    except RecipientError:
        raise Misconfigured(
            "BACKUP_RECIPIENT must be an age recipient, like age1… `connectpulse backup keys` prints a fresh pair."
        ) from None


def last_slot(now: datetime, hour: int, every: int = 24) -> datetime:
    """Return the last moment before `now` that a backup was to be made at: at `hour`, then `every` so many hours."""
    first = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    if first > now:
        first -= timedelta(days=1)
    return first + (now - first) // timedelta(hours=every) * timedelta(hours=every)


def kept(taken: Sequence[tuple[str, datetime]], keep: tuple[int, int, int]) -> set[str]:
    """Return the names of the backups to keep, of `taken` (name, moment).

    Of each of the last so many days, weeks and months that have a backup, the last one. Periods without one do
    not count, so a clock that jumps ahead makes nothing old; the newest is always kept.
    """
    newest = sorted(taken, key=lambda each: (each[1], each[0]), reverse=True)
    found = {newest[0][0]} if newest else set()
    for most, period in zip(keep, _PERIODS, strict=True):
        last: dict[object, str] = {}
        for name, moment in newest:
            last.setdefault(period(moment), name)
        found |= set(list(last.values())[:most])
    return found


_PERIODS: tuple[Callable[[datetime], object], ...] = (
    lambda moment: moment.date(),
    lambda moment: moment.isocalendar()[:2],
    lambda moment: (moment.year, moment.month),
)
