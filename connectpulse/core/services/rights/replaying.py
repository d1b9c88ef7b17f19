"""Erasing again whom a restored backup brought back: found by hashing the addresses in it, never by a list of names.

Only erasures the database does not know of are done, so a second run does nothing, and somebody who came back
after their erasure is left as they are. Cost: one hash or two per distinct address, 1.5 µs each.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select, text

from ...errors import Refused
from ...storage import guard
from ...storage.models import ErasedPerson
from .. import addresses, audit, erased
from ..work import SYSTEM, Opener, Work
from . import erasing, erasures, finding, holding, scrubbing
from .erasures import Erasure

_PAGE = 20_000
_SOURCES = (
    "SELECT DISTINCT organisation_id, scheme, value FROM pulse_address",
    "SELECT DISTINCT organisation_id, scheme, value FROM pulse_suppression WHERE value NOT LIKE 'erased:%'",
    "SELECT DISTINCT organisation_id, scheme, value FROM pulse_consent",
    "SELECT DISTINCT organisation_id, 'channel:' || channel, address FROM pulse_message",
    "SELECT DISTINCT organisation_id, 'channel:' || channel, address FROM pulse_inbound",
    "SELECT DISTINCT coalesce(organisation_id, 0), 'channel:', address FROM pulse_receipt WHERE address <> ''",
    "SELECT DISTINCT coalesce(organisation_id, 0), scheme, address FROM pulse_subject_request",
    "SELECT DISTINCT coalesce(organisation_id, 0), 'email', recipient FROM pulse_mail",
    "SELECT DISTINCT 0, 'email', email FROM ab_register_user",
    "SELECT DISTINCT coalesce(m.organisation_id, 0), 'email', u.email FROM ab_user u "
    "LEFT JOIN pulse_membership m ON m.user_id = u.id",
)


@dataclass(slots=True)
class Replayed:
    """What was done: erasures new to the database, their rows, and entries and archives that cannot be used."""

    known: int = 0
    applied: int = 0
    people: int = 0
    rows: int = 0
    faults: list[str] = field(default_factory=list)


def run(open_work: Opener, *, scrub: bool = True) -> Replayed:
    """Do every erasure of the ledger that the database does not know of. No worker may run meanwhile.

    Entries that were tampered with and archives that cannot be read are listed in `faults` and do not keep the
    others from being done.
    """
    done = Replayed()
    missing: list[Erasure] = []
    with open_work(SYSTEM) as work:
        known = set(work.session.scalars(select(ErasedPerson.erasure).distinct()))
    for entry in erasures.all_of():
        if isinstance(entry, Refused):
            done.faults.append(str(entry))
        elif entry.id in known:
            done.known += 1
        else:
            missing.append(entry)
    if not missing:
        return done
    hits = _search(open_work, missing)
    dirty: set[str] = set()
    for entry in missing:
        dirty |= _apply(open_work, entry, hits.get(entry.id, set()), done)
    if scrub and dirty:
        scrubbing.scrub(open_work, sorted(dirty))
    return done


def _search(open_work: Opener, missing: list[Erasure]) -> dict[str, set[tuple[int, str, str]]]:
    """Return the addresses of each erasure that are in the database, as organisation, scheme and value."""
    wanted: dict[bytes, list[tuple[int, str]]] = defaultdict(list)
    for entry in missing:
        for home, each in entry.hashes:
            wanted[each].append((home, entry.id))
    found: dict[str, set[tuple[int, str, str]]] = defaultdict(set)
    with open_work(SYSTEM) as work:
        for organisation_id, scheme, value in _candidates(work):
            for home in {organisation_id, erased.EVERYWHERE}:
                for at, erasure in wanted.get(erased.hashed(home, scheme, value), ()):
                    found[erasure].add((at, scheme, value))
    return found


def _candidates(work: Work) -> Iterator[tuple[int, str, str]]:
    """Yield every address of the database once or twice, a page at a time."""
    for source in _SOURCES:
        rows = work.session.execute(text(source).execution_options(yield_per=_PAGE, stream_results=True))
        for organisation_id, scheme, value in rows:
            for each in _schemes(work, scheme):
                yield organisation_id, each, value


def _schemes(work: Work, named: str) -> list[str]:
    """Return the kinds of address a source may mean: that of a channel, or any where the channel is gone."""
    if not named.startswith("channel:"):
        return [named]
    channel = work.registry.channels.get(named.removeprefix("channel:"))
    return [channel.scheme] if channel is not None else list(addresses.SCHEMES)


def _apply(open_work: Opener, entry: Erasure, hits: set[tuple[int, str, str]], done: Replayed) -> set[str]:
    """Do one erasure, in one transaction per organisation it was done in; return the tables it touched."""
    homes: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for home, scheme, value in hits:
        homes[home].add((scheme, value))
    dirty: set[str] = set()
    rows = 0
    with open_work(SYSTEM) as work, guard.platform_scope(work.session, "replay an erasure"):
        subjects = {home: finding.find(work, theirs, home or None).subject for home, theirs in sorted(homes.items())}
    for subject in subjects.values():
        holding.erase(open_work, subject, done.faults)
    with open_work(SYSTEM) as work, guard.platform_scope(work.session, "replay an erasure"):
        for home, subject in subjects.items():
            erasing.release(work, subject, is_still=True)
            rows += sum(erasing.tables(work, subject, entry.id, [home]).values())
        erased.remember_hashes(
            work, [{"organisation": home, "hash": each, "erasure": entry.id} for home, each in entry.hashes]
        )
        if rows:
            audit.record_named(work, "subject_request.replayed", None, "Erasure", entry.id, entry.id, rows=rows)
        dirty |= set(erasing.touched(work))
    done.applied += 1
    done.people += bool(hits)
    done.rows += rows
    return dirty
