"""Bringing a backup back: into an empty database, whole or not at all, and nothing is sent before a person looks.

What happened after the backup is not in it. So campaigns that ran are paused with that reason, starts that have
passed are missed, single messages and mail on their way are not sent again, and erasures are replayed. Sessions
that were ended since and links that were used would be good again: all of them end. What else was taken away from
somebody since is told in the ledger's store, and is taken away again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pyrage import x25519
from sqlalchemy import URL, select, text, update

from ...errors import Misconfigured, Refused
from ...storage import guard
from ...storage.models import Campaign
from ...storage.stores import Store, places
from .. import audit, campaigns, leaving, recovery, ways_in
from ..access import ending
from ..action_log import checkpoints, verifying
from ..api import keys
from ..retention import archives
from ..rights import replaying
from ..work import SYSTEM, Actor, Opener, Work
from . import pipes, plan, programs, running
from .manifest import Manifest
from .taking import connected

MARK = plan.RESTORING

_QUICK = "-c maintenance_work_mem=256MB"
"""A restore builds every index anew, and in memory faster than with what a server gives by itself."""

_THERE = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'S', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
AND n.nspname NOT LIKE 'pg_toast%' AND c.relname <> 'pulse_restoring'
"""


def load(store: Store, manifest: Manifest, identity: x25519.Identity, url: URL) -> None:
    """Bring the backup's rows into the empty database at `url`, in one transaction.

    The backup is verified before (`manifests.verify`). Raises Refused for a database that is not empty, a key that
    does not open it, an older server; a restore that was interrupted begins again or is taken as done.
    """
    if _is_loaded(url, manifest):
        return
    address, env = programs.place(url)
    program = programs.find("pg_restore", manifest.server, _server(url, manifest))
    command = [
        str(program), "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password",
        f"--dbname={address}",
    ]  # fmt: skip

    def write(out: Any) -> None:
        with store.reading(manifest.file) as source:
            plain = pipes.unpack(source, manifest.file, identity, out)
        if plain.digest != manifest.dump_digest:
            raise Refused(f"What is in {manifest.file} is not what was dumped.")

    pipes.feed(command, env | {"PGOPTIONS": _QUICK}, write)


def check_key(store: Store, manifest: Manifest, identity: x25519.Identity) -> None:
    """Raise Refused unless the key opens the backup; reads its beginning only."""

    class _Enough(Exception):
        """The first block was opened."""

    class _Stop:
        def write(self, block: bytes) -> int:
            raise _Enough

    with store.reading(manifest.file) as source:
        try:
            pipes.unpack(source, manifest.file, identity, _Stop())
        except _Enough:
            return


def _server(url: URL, manifest: Manifest) -> int:
    with connected(url) as connection:
        row = connection.execute("SELECT current_setting('server_version_num')::int / 10000").fetchone()
    version = int(str(row[0])) if row else 0
    if version < manifest.server:
        raise Misconfigured(
            f"The backup is of PostgreSQL {manifest.server}, this is {version}: "
            f"restore into {manifest.server} or newer."
        )
    return version


def _is_loaded(url: URL, manifest: Manifest) -> bool:
    """Mark a database as being restored; return whether an interrupted restore of this backup had brought the rows."""
    with connected(url) as connection:
        is_marked = connection.execute("SELECT to_regclass(%s)", [MARK]).fetchone() != (None,)
        has_tables = connection.execute(_THERE).fetchone() != (0,)
        if has_tables and not is_marked:
            raise Refused("This database is not empty. A backup is restored into an empty one: nothing is overwritten.")
        if is_marked:
            row = connection.execute(f"SELECT name FROM {MARK}").fetchone()
            if row != (manifest.name,):
                raise Refused(f"A restore of {row[0] if row else 'another backup'} was begun here. Restore that one.")
        else:
            connection.execute(f"CREATE TABLE {MARK} AS SELECT '{manifest.name}'::text AS name")
        return has_tables


@dataclass(slots=True)
class Aftermath:
    """What was done to a restored database before anybody works with it, in figures and in sentences."""

    paused: int = 0
    missed: int = 0
    stopped: int = 0
    unsent_mail: int = 0
    sessions: int = 0
    shut_out: int = 0
    erasures: int = 0
    erased: int = 0
    warnings: list[str] = field(default_factory=list)


class Point(Protocol):
    """What a database was brought back to: its name and its moment."""

    @property
    def name(self) -> str: ...

    @property
    def taken_at(self) -> str: ...

    @property
    def moment(self) -> datetime: ...


Step = Callable[[Work, Point, Aftermath], None]


def settle(open_work: Opener, manifest: Point, *, scrub: bool = True) -> Aftermath:
    """Make a restored database safe to work with, whatever happened since the backup. Safe to run twice.

    Without `scrub`, rows of erased people are gone and may still lie in the files of the server: for scratch ones.
    """
    found = Aftermath()
    with open_work(SYSTEM) as work, guard.platform_scope(work.session, "settle a restored database"):
        for step in STEPS:
            step(work, manifest, found)
    _forget_lost(open_work, found)
    _shut_out(open_work, manifest, found)
    replay(open_work, found, scrub=scrub)
    return found


def _shut_out(open_work: Opener, manifest: Point, found: Aftermath) -> None:
    """Take away again what had been taken away after the backup: keys, passwords, accounts, roles, passkeys."""
    told, faults = ways_in.read(places.ledger, manifest.moment)
    with open_work(SYSTEM) as work, guard.platform_scope(work.session, "shut out who was shut out"):
        found.shut_out = ways_in.take_away(work, told)
        good = keys.good(work)
    found.warnings += faults
    if found.shut_out:
        found.warnings.append(
            f"Shut out again: {found.shut_out}. Keys, accounts, roles and passkeys that had been taken away after the "
            "backup are gone; whose password had been changed asks for a link to choose one."
        )
    if good:
        named = ", ".join(f"{name} ({prefix})" for name, prefix in good)
        found.warnings.append(f"Keys of the API that are good: {len(good)}. Revoke those you do not know: {named}.")


def chain(open_work: Opener, manifest: Point) -> list[str]:
    """Return what does not hold of the action log as it was when the backup was made, one sentence each."""
    return verifying.verify(open_work, manifest.moment).sentences()


def replay(open_work: Opener, found: Aftermath, *, scrub: bool) -> None:
    """Erase again whom the backup brought back."""
    done = replaying.run(open_work, scrub=scrub)
    found.erasures, found.erased = done.applied, done.people
    found.warnings += [f"Not everything was erased again: {fault}" for fault in done.faults]


def finish(open_work: Opener, actor: Actor, manifest: Point, found: Aftermath) -> None:
    """Write down that the database was brought back, in the action log and in its checkpoints; let processes work."""
    with open_work(actor) as work:
        audit.record_named(
            work, "backup.restored", None, "Backup", "", manifest.name, taken_at=manifest.taken_at,
            paused=found.paused, missed=found.missed, erased=found.erased,
        )  # fmt: skip
    checkpoints.begin_anew(open_work, manifest.name)
    with open_work(actor) as work:
        work.session.execute(text(f"DROP TABLE IF EXISTS {MARK}"))


def since(manifest: Point) -> str:
    """Return how people are told of the moment of a backup."""
    moment: datetime = manifest.moment
    return f"{moment:%d %B %Y %H:%M} UTC"


def _pause(work: Work, manifest: Point, found: Aftermath) -> None:
    """Pause what ran: what was handed over after the backup is not known to it."""
    reason = (
        f"Restored from the backup of {since(manifest)}. What was handed over since is not known here and would be "
        "sent again: cancel it, or resume it only if nothing was."
    )
    running = list(work.session.scalars(select(Campaign.id).where(Campaign.state == "running")))
    campaigns.pause_for(work, running, reason)
    work.session.execute(
        update(Campaign).where(Campaign.state == "paused", Campaign.id.not_in(running)).values(reason=reason)
    )
    found.paused = len(running)
    if running:
        found.warnings.append(
            f"Campaigns paused: {len(running)}. They ran when the backup was made, and what was handed over since is "
            "not known. Resume none of them before you have asked the provider."
        )


def _miss(work: Work, manifest: Point, found: Aftermath) -> None:
    """Let no start that has passed happen late: it may have happened."""
    reason = (
        f"Restored from the backup of {since(manifest)}: it may have been sent since. Find out before you launch it."
    )
    found.missed = campaigns.miss_passed(work, reason)
    if found.missed:
        found.warnings.append(f"Scheduled campaigns whose time has passed: {found.missed}. They were not started.")


def _stop_singles(work: Work, manifest: Point, found: Aftermath) -> None:
    """Cancel single messages that waited: they were most likely sent since."""
    work.session.execute(
        text("UPDATE pulse_dispatch SET lease_until = now() - interval '1 second' WHERE state = 'claimed'")
    )
    while recovery.leases(work):
        continue
    found.stopped = int(
        work.session.scalar(
            text("SELECT coalesce(sum(messages), 0) FROM pulse_dispatch WHERE campaign_id = 0 AND state = 'ready'")
        )
        or 0
    )
    while leaving.cancel_step(work, 0):
        continue
    if found.stopped:
        found.warnings.append(f"Single messages that waited and are cancelled: {found.stopped}.")


def _stop_mail(work: Work, manifest: Point, found: Aftermath) -> None:
    stopped = work.session.execute(
        text(
            "UPDATE pulse_mail SET state = 'failed', content = NULL, error = 'Not sent again after a restore.' "
            "WHERE state = 'waiting' AND created_at < :taken RETURNING id"
        ),
        {"taken": manifest.moment},
    ).all()
    found.unsent_mail = len(stopped)


def _shut(work: Work, manifest: Point, found: Aftermath) -> None:
    """Let nobody in by what may have been ended, used or revoked since."""
    found.sessions = ending.everything(work, "restored")
    if found.sessions:
        found.warnings.append(f"Sessions that were open and are ended: {found.sessions}. Everybody signs in anew.")


def _forget_lost(open_work: Opener, found: Aftermath) -> None:
    """Take archives that are not there any more out of the catalogue: nobody can be found or erased in them."""
    lost = archives.forget_lost(open_work)
    found.warnings += [f"The archive {name} is in the backup's catalogue and not in the store." for name in lost]


def _know(work: Work, manifest: Point, found: Aftermath) -> None:
    """Write down that the backup was made: in what it holds it is still being made."""
    if isinstance(manifest, Manifest):
        running.settle(work, manifest)


STEPS: tuple[Step, ...] = (_stop_singles, _pause, _miss, _stop_mail, _shut, _know)
"""What is done after a restore, in this order."""
