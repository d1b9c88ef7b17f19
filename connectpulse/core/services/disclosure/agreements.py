"""Agreements with providers: without one, nothing leaves the house over a connection.

A connection needs an agreement that holds today, unless nothing really leaves over it: its provider only
simulates (`Capability.SIMULATED`), or the operator says that the connection is a trial, which is shown wherever
it is used.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select

from ...domain.provider import Capability
from ...domain.roles import PLATFORM_ADMINISTRATOR
from ...errors import Refused
from ...registry import Registry
from ...storage.models import Agreement, Connection, Quote
from .. import records
from ..notices import board
from ..work import Work

WARN_BEFORE = timedelta(days=30)
LONGEST = timedelta(days=3653)


class Standing(StrEnum):
    """How a connection stands to the rule."""

    SIMULATED = "simulated"
    TRIAL = "trial"
    AGREED = "agreed"
    ENDING = "ending"
    EXPIRED = "expired"
    MISSING = "missing"

    @property
    def may_send(self) -> bool:
        """Whether anything may be sent over it."""
        return self not in (Standing.EXPIRED, Standing.MISSING)


@dataclass(frozen=True, slots=True)
class Stands:
    """A connection's standing, and until when its agreement holds."""

    standing: Standing
    until: date | None = None


def exempt(registry: Registry, connection: Connection) -> Standing | None:
    """Return why a connection needs no agreement, None if it needs one."""
    provider = registry.providers.get(connection.provider)
    if provider is not None and Capability.SIMULATED in provider.capabilities:
        return Standing.SIMULATED
    return Standing.TRIAL if connection.is_trial else None


def standings(work: Work, connections: Iterable[Connection]) -> dict[int, Stands]:
    """Return how connections stand, in one query however many there are."""
    wanted = list(connections)
    today = work.clock().date()
    held = {
        row[0]: row[1]
        for row in work.session.execute(
            select(Agreement.connection_id, func.max(Agreement.expires_on))
            .where(Agreement.connection_id.in_([each.id for each in wanted]))
            .group_by(Agreement.connection_id)
        )
    }
    return {each.id: _stands(exempt(work.registry, each), held.get(each.id), today) for each in wanted}


def _stands(without: Standing | None, until: date | None, today: date) -> Stands:
    if without is not None:
        return Stands(without, until)
    if until is None:
        return Stands(Standing.MISSING)
    if until < today:
        return Stands(Standing.EXPIRED, until)
    return Stands(Standing.ENDING if until - today < WARN_BEFORE else Standing.AGREED, until)


def standing(work: Work, connection: Connection) -> Stands:
    """Return how one connection stands."""
    return standings(work, [connection])[connection.id]


def objection(work: Work, connection: Connection) -> str | None:
    """Return why nothing may be sent over a connection, None if it may."""
    stands = standing(work, connection)
    return None if stands.standing.may_send else reason(connection.name, stands)


def reason(name: str, stands: Stands) -> str:
    """Return a standing that keeps a connection from sending, as a sentence."""
    if stands.standing is Standing.EXPIRED and stands.until is not None:
        return f"The agreement for {name} ended on {stands.until:%d %B %Y}. Record the new one first."
    return f"No agreement with the provider of {name} is on record. Record it, or mark the connection as a trial."


def trials(work: Work, campaign_id: int) -> list[str]:
    """Return the names of the connections of a campaign's newest quote over which nobody is really written to."""
    quoted = select(Quote.connections).where(Quote.campaign_id == campaign_id).order_by(Quote.id.desc()).limit(1)
    chosen = [int(key) for key in work.session.scalar(quoted) or {}]
    rows = work.session.scalars(select(Connection).where(Connection.id.in_(chosen)).order_by(Connection.name)).all()
    return [row.name for row in rows if exempt(work.registry, row) is not None]


def obstacles(work: Work, quote: Quote) -> list[str]:
    """Return why connections that would carry what was quoted may send nothing; one sentence each."""
    chosen = [int(key) for key in quote.connections]
    rows = work.session.scalars(select(Connection).where(Connection.id.in_(chosen)).order_by(Connection.id)).all()
    found = standings(work, rows)
    return [reason(row.name, found[row.id]) for row in rows if not found[row.id].standing.may_send]


def record(work: Work, connection_id: int, values: Mapping[str, Any]) -> Agreement:
    """Record an agreement for a connection; raise Refused with every fault."""
    connection = records.find(work, Connection, connection_id, lock=True)
    _check(work, values)
    made = Agreement(connection_id=connection.id, connection_name=connection.name, **_columns(values))
    records.create(work, made, "agreement.recorded", connection=connection.name, expires_on=made.expires_on)
    _settle(work, connection)
    return made


def change(work: Work, agreement_id: int, values: Mapping[str, Any]) -> Agreement:
    """Correct an agreement; raise Refused with every fault."""
    agreement = records.find(work, Agreement, agreement_id, lock=True)
    _check(work, values)
    for name, value in _columns(values).items():
        setattr(agreement, name, value)
    records.update(work, agreement, "agreement.changed")
    connection = work.session.get(Connection, agreement.connection_id) if agreement.connection_id else None
    if connection is not None:
        _settle(work, connection)
    return agreement


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    texts = ("party", "reference", "contact", "email")
    return {name: str(values.get(name) or "").strip() for name in texts} | {
        name: values[name] for name in ("agreed_on", "expires_on")
    }


def _check(work: Work, values: Mapping[str, Any]) -> None:
    agreed, expires, today = values.get("agreed_on"), values.get("expires_on"), work.clock().date()
    faults = {
        name: f"{label}: please fill this in."
        for name, label in (("party", "Company"), ("reference", "Reference"))
        if not str(values.get(name) or "").strip()
    }
    if agreed is None or expires is None:
        faults["agreed_on" if agreed is None else "expires_on"] = "An agreement has a date, and a day it ends."
    elif agreed > today:
        faults["agreed_on"] = "Agreed on: this day has not come yet."
    elif expires <= agreed:
        faults["expires_on"] = "Ends on: this lies before the agreement itself."
    elif expires - agreed > LONGEST:
        faults["expires_on"] = "Ends on: at most ten years after the agreement; look at it again by then."
    if faults:
        refusal = Refused(*faults.values())
        refusal.fields = faults
        raise refusal


def _settle(work: Work, connection: Connection) -> None:
    """End what was told about a connection whose agreement holds for long now."""
    found = standing(work, connection).standing
    if found is Standing.AGREED:
        board.end(work, _key(connection.id, Standing.ENDING))
    if found.may_send:
        board.end(work, _key(connection.id, Standing.EXPIRED))
        board.end(work, _key(connection.id, Standing.MISSING))


def _key(connection_id: int, found: Standing) -> str:
    return f"agreement:{connection_id}:{found}"


def watch(work: Work) -> int:
    """Warn of agreements that end soon, and stop connections whose agreement is over; return how many it touched.

    Platform work; safe to run at any time and any number of times.
    """
    from .. import connections

    rows = work.session.scalars(select(Connection).order_by(Connection.id)).all()
    found = standings(work, rows)
    touched = 0
    for row in rows:
        stands = found[row.id]
        if stands.standing is Standing.ENDING:
            touched += _warn(work, row, stands)
        elif not stands.standing.may_send and row.is_active:
            connections.pause(work, row.id, reason(row.name, stands))
            board.post(
                work, "agreement.over", f"Nothing is sent over {row.name} any more", reason(row.name, stands),
                roles=(PLATFORM_ADMINISTRATOR,), level=board.ALARM, link=f"/connections/show/{row.id}",
                key=_key(row.id, stands.standing),
            )  # fmt: skip
            touched += 1
    return touched


def _warn(work: Work, row: Connection, stands: Stands) -> bool:
    assert stands.until is not None
    made = board.post(
        work, "agreement.ending", f"The agreement for {row.name} ends on {stands.until:%d %B %Y}",
        "After that day nothing is sent over this connection. Renew it and record the new one.",
        roles=(PLATFORM_ADMINISTRATOR,), level=board.ALARM, link=f"/connections/show/{row.id}",
        key=_key(row.id, Standing.ENDING),
    )  # fmt: skip
    return made is not None
