"""People who were erased, known by keyed hashes alone, and what happens when somebody brings them back.

The hash is HMAC-SHA256 (RFC 2104) under a key that is not in the database: who reads the table learns nothing,
and an address that returns is recognised. It then gets an ordinary suppression at once, so that sending never
has to hash anything. Cost: one hash and one index probe per address that comes in, and nothing at all for an
organisation that never erased anybody.
"""

import hmac
from collections.abc import Iterable, Mapping

from sqlalchemy import text

from ..storage.models import Connection
from ..storage.trust import trust
from . import audit
from .work import Work

EVERYWHERE = 0
"""The organisation of those who were erased from the whole platform."""
REASON = "erased"
MARK = "erased:"
"""How the value of a suppression begins whose address was erased."""

Address = tuple[str, str]


def hashed(organisation_id: int, scheme: str, value: str) -> bytes:
    """Return the 32 bytes an erased address is known by in one organisation, or `EVERYWHERE`."""
    key = trust.key("erased people")
    return hmac.digest(key, f"{organisation_id}|{scheme}|{value}".encode(), "sha256")


def known(work: Work, organisation_id: int, addresses: Iterable[Address]) -> set[Address]:
    """Return those of `addresses` whose people were erased from an organisation or from the platform."""
    homes = _homes(work, organisation_id)
    if not homes:
        return set()
    whose = {hashed(home, *address): address for address in set(addresses) for home in homes}
    found = work.session.execute(
        text("SELECT hash FROM pulse_erased WHERE organisation_id = ANY(:homes) AND hash = ANY(:hashes)"),
        {"homes": homes, "hashes": list(whose)},
    )
    return {whose[bytes(row[0])] for row in found}


def among(work: Work, connection_id: int, values: Iterable[str]) -> set[str]:
    """Return those of `values`, addresses of a connection's channel, whose people were erased from anywhere.

    Cost: one hash for each value and organisation that ever erased somebody, of those the connection may serve.
    """
    connection = work.session.get(Connection, connection_id)
    if connection is None or connection.channel not in work.registry.channels:
        return set()
    scheme = work.registry.channel(connection.channel).scheme
    only = connection.organisation_id
    homes = _homes(work, only) if only is not None else _all_homes(work)
    whose = {hashed(home, scheme, value): value for value in values for home in homes}
    if not whose:
        return set()
    found = work.session.scalars(
        text("SELECT hash FROM pulse_erased WHERE organisation_id = ANY(:homes) AND hash = ANY(:hashes)"),
        {"homes": homes, "hashes": list(whose)},
    )
    return {whose[bytes(each)] for each in found}


def _all_homes(work: Work) -> list[int]:
    rows = work.session.scalars(
        text(
            "SELECT home FROM (SELECT 0 AS home UNION ALL SELECT id FROM pulse_organisation) AS homes "
            "WHERE EXISTS (SELECT 1 FROM pulse_erased WHERE organisation_id = home)"
        )
    )
    return list(rows)


def _homes(work: Work, organisation_id: int) -> list[int]:
    """Return where somebody was ever erased: the organisation, the platform, both or neither."""
    rows = work.session.execute(
        text(
            "SELECT home FROM unnest(cast(:homes AS bigint[])) AS home "
            "WHERE EXISTS (SELECT 1 FROM pulse_erased WHERE organisation_id = home)"
        ),
        {"homes": [EVERYWHERE, organisation_id]},
    )
    return [row[0] for row in rows]


def meet(work: Work, organisation_id: int, addresses: Iterable[Address]) -> set[Address]:
    """Suppress those of `addresses` whose people were erased; return them. Called wherever addresses come in."""
    found = known(work, organisation_id, addresses)
    if found:
        _suppress(work, organisation_id, found)
    return found


def _suppress(work: Work, organisation_id: int, addresses: set[Address]) -> None:
    schemes, values = map(list, zip(*sorted(addresses), strict=True))
    made = work.session.execute(
        text(
            "INSERT INTO pulse_suppression (organisation_id, scheme, value, reason, source) "
            "SELECT :organisation, scheme, value, :reason, 'erased before' "
            "FROM unnest(cast(:schemes AS text[]), cast(:values AS text[])) AS n (scheme, value) "
            "ON CONFLICT DO NOTHING RETURNING id"
        ),
        {"organisation": organisation_id, "schemes": schemes, "values": values, "reason": REASON},
    ).all()
    if made:
        audit.record_named(
            work, "subject_request.met_again", organisation_id, "Suppression", made[0][0], "", people=len(made)
        )


def forget(work: Work, organisation_id: int, scheme: str, value: str) -> None:
    """Stop recognising an address in one organisation: its person came back of their own will."""
    work.session.execute(
        text("DELETE FROM pulse_erased WHERE organisation_id = :organisation AND hash = :hash"),
        {"organisation": organisation_id, "hash": hashed(organisation_id, scheme, value)},
    )


def remember(work: Work, erasure: str, addresses: Mapping[int, Iterable[Address]]) -> int:
    """Keep the hashes of erased people, by organisation; return how many were kept."""
    rows = [
        {"organisation": home, "hash": hashed(home, *address), "erasure": erasure}
        for home, theirs in addresses.items()
        for address in sorted(set(theirs))
    ]
    remember_hashes(work, rows)
    return len(rows)


def remember_hashes(work: Work, rows: list[dict[str, object]]) -> None:
    """Keep hashes that are known already, as mappings of organisation, hash and erasure."""
    if rows:
        work.session.execute(
            text(
                "INSERT INTO pulse_erased (organisation_id, hash, erasure) VALUES (:organisation, :hash, :erasure) "
                "ON CONFLICT DO NOTHING"
            ),
            rows,
        )
