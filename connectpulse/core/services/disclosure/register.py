"""The register of those to whom personal data is disclosed: per connection what, to where, and on what ground."""

from dataclasses import dataclass
from datetime import date

import structlog
from sqlalchemy import select

from ...domain.provider import Disclosure
from ...storage.models import Agreement, Connection
from .. import connections
from ..work import Work
from .agreements import Standing, Stands, standings

log = structlog.get_logger(__name__)

_NOTHING = Disclosure((), (), ())


@dataclass(frozen=True, slots=True)
class Entry:
    """A connection in the register; `agreement` is the one that holds longest, if there is any."""

    connection: Connection
    provider_title: str
    channel_title: str
    disclosure: Disclosure
    stands: Stands
    agreement: Agreement | None


@dataclass(frozen=True, slots=True)
class Processor:
    """A company that receives data on the operator's behalf, as the public page lists it."""

    party: str
    services: tuple[str, ...]
    fields: tuple[str, ...]
    countries: tuple[str, ...]
    since: date


def entries(work: Work, most: int = 500) -> list[Entry]:
    """Return the register of all connections, by name."""
    rows = work.session.scalars(select(Connection).order_by(Connection.name).limit(most)).all()
    found = standings(work, rows)
    agreements: dict[int, Agreement] = {}
    for each in work.session.scalars(
        select(Agreement).where(Agreement.connection_id.in_(list(found))).order_by(Agreement.expires_on, Agreement.id)
    ):
        if each.connection_id is not None:
            agreements[each.connection_id] = each
    return [_entry(work, row, found[row.id], agreements.get(row.id)) for row in rows]


def _entry(work: Work, row: Connection, stands: Stands, agreement: Agreement | None) -> Entry:
    provider = work.registry.providers.get(row.provider)
    channel = work.registry.channels.get(row.channel)
    return Entry(
        row,
        provider.title if provider else row.provider,
        channel.title if channel else row.channel,
        _disclosure(work, row),
        stands,
        agreement,
    )


def _disclosure(work: Work, row: Connection) -> Disclosure:
    """Return what a connection discloses; a faulty plugin must not hide the register."""
    provider = work.registry.providers.get(row.provider)
    if provider is None:
        return _NOTHING
    try:
        return provider.disclosure(connections.values(row))
    except Exception:
        log.exception("disclosure_failed", connection=row.id, provider=row.provider)
        return _NOTHING


def processors(work: Work) -> list[Processor]:
    """Return the companies that may receive data today, by name, without addresses of machines or accounts."""
    gathered: dict[str, list[Entry]] = {}
    for entry in entries(work):
        is_used = entry.stands.standing in (Standing.AGREED, Standing.ENDING)
        if is_used and entry.agreement is not None:
            gathered.setdefault(entry.agreement.party, []).append(entry)
    return [
        Processor(
            party=party,
            services=tuple(sorted({each.channel_title for each in found})),
            fields=tuple(dict.fromkeys(field for each in found for field in each.disclosure.fields)),
            countries=tuple(sorted({country for each in found for country in each.disclosure.countries})),
            since=min(each.agreement.agreed_on for each in found if each.agreement),
        )
        for party, found in sorted(gathered.items(), key=lambda pair: pair[0].casefold())
    ]
