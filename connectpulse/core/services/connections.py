"""Connections to providers and the routes over them: set up, tested, paused and resumed by the operator."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, text

from ..domain import form
from ..domain.provider import Capability, Check, Provider
from ..domain.routing import RouteRule
from ..errors import Refused
from ..storage.models import Connection, Route
from . import audit, records
from .disclosure import agreements
from .work import Work

WAITS = "It waits for an agreement with the provider: record it, then use the connection."
_LAST = 1_000_000
"""Added to the priority of routes that would only wait."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard a connection may be driven; see the columns of `Connection`."""

    window: int = 100
    sessions: int = 1
    rate_per_second: int | None = None

    def check(self) -> None:
        """Raise Refused unless the limits make sense."""
        faults = []
        if not 1 <= self.window <= 10_000:
            faults.append("The window must lie between 1 and 10000 messages.")
        if not 1 <= self.sessions <= 64:
            faults.append("The sessions must lie between 1 and 64.")
        if self.rate_per_second is not None and not 1 <= self.rate_per_second <= 100_000:
            faults.append("The rate must lie between 1 and 100000 parts a second, or stay empty.")
        if faults:
            raise Refused(*faults)


def create(
    work: Work,
    name: str,
    provider: str,
    raw: Mapping[str, Any],
    limits: Limits | None = None,
    organisation_id: int | None = None,
    *,
    is_trial: bool = False,
) -> Connection:
    """Set up a connection; raise Refused with every fault of its settings.

    It waits for an agreement with its provider before it can be used, unless it `is_trial` or only simulates.
    """
    cls = work.registry.provider(provider)
    connection = Connection(name=_name(name), provider=provider, channel=cls.channel, organisation_id=organisation_id)
    connection.token = secrets.token_urlsafe(24)
    connection.is_trial = is_trial
    _write(connection, cls, raw, limits or Limits())
    if agreements.exempt(work.registry, connection) is None:
        connection.is_active, connection.paused_reason = False, WAITS
    return records.create(work, connection, "connection.created", is_trial=is_trial)


def change(
    work: Work, connection_id: int, name: str, raw: Mapping[str, Any], limits: Limits, *, is_trial: bool | None = None
) -> Connection:
    """Change a connection; a secret left empty keeps its value. Workers pick the change up within seconds.

    A trial that becomes a real connection without an agreement waits for one.
    """
    connection = records.find(work, Connection, connection_id, lock=True)
    connection.is_trial = connection.is_trial if is_trial is None else is_trial
    connection.name = _name(name)
    _write(connection, work.registry.provider(connection.provider), raw, limits)
    connection.revision += 1
    if connection.is_active and agreements.objection(work, connection) is not None:
        connection.is_active, connection.paused_reason = False, WAITS
    return records.update(work, connection, "connection.updated")


def remove(work: Work, connection_id: int) -> None:
    """Delete a connection nothing waits for; raise Refused while messages are queued on it."""
    connection = records.find(work, Connection, connection_id, lock=True)
    waiting = work.session.scalar(
        text("SELECT 1 FROM pulse_dispatch WHERE connection_id = :id AND state IN ('ready', 'claimed') LIMIT 1"),
        {"id": connection_id},
    )
    if waiting:
        raise Refused(f"Messages are still waiting for {connection.name}. Pause it instead.")
    records.delete(work, connection, "connection.deleted")


def pause(work: Work, connection_id: int, reason: str) -> None:
    """Stop sending over a connection until somebody resumes it."""
    connection = records.find(work, Connection, connection_id, lock=True)
    if connection.is_active:
        connection.is_active, connection.paused_reason = False, reason[:300]
        work.session.flush()
        audit.record(work, "connection.paused", connection, reason=reason)
        move_on(work, connection_id)


_MOVE_ON = text(
    """
    UPDATE pulse_dispatch d
    SET connection_id = d.alternatives[1], alternatives = d.alternatives[2:]
    FROM pulse_connection c
    WHERE d.connection_id = :id AND d.state = 'ready' AND c.id = d.alternatives[1]
      AND c.is_active AND (c.open_until IS NULL OR c.open_until <= :now)
    """
)


def move_on(work: Work, connection_id: int) -> None:
    """Give what waits for a paused or failing connection to the next one on its route, where there is one."""
    work.session.execute(_MOVE_ON, {"id": connection_id, "now": work.clock()})
    work.session.execute(text("SELECT pg_notify('pulse_dispatch', '*')"))


def resume(work: Work, connection_id: int) -> None:
    """Send over a paused connection again, with a clean bill of health; raise Refused without an agreement."""
    connection = records.find(work, Connection, connection_id, lock=True)
    objection = agreements.objection(work, connection)
    if objection is not None:
        raise Refused(objection)
    connection.is_active, connection.paused_reason = True, ""
    connection.failures, connection.open_until = 0, None
    connection.revision += 1
    work.session.flush()
    audit.record(work, "connection.resumed", connection)


def values(connection: Connection) -> dict[str, Any]:
    """Return a connection's typed settings, secrets included. Never show or log the result."""
    return {**connection.settings, **connection.secrets}


async def check(cls: type[Provider], settings: Mapping[str, Any], callback_url: str) -> Check:
    """Try a connection without sending. Holds no database session: call it between two works."""

    async def ignore(events: Any) -> None:
        """A trial takes nothing in."""

    return await cls(settings, ignore, window=1, callback_url=callback_url).check()


def callback_path(connection: Connection) -> str:
    """Return the path of the connection's webhook, with the token that guards it."""
    return f"/callbacks/{connection.id}/{connection.token}"


def rules(work: Work, channel: str, organisation_id: int, *, is_waiting: bool = False) -> list[RouteRule]:
    """Return the routes that may carry an organisation's messages of a channel.

    Those over connections that are paused or fail at present come after all others; those over connections
    without an agreement that holds are not among them: `is_waiting` returns these instead.
    """
    statement = (
        select(Route)
        .join(Route.connection)
        .where(
            Route.channel == channel,
            Route.is_active,
            or_(Route.organisation_id.is_(None), Route.organisation_id == organisation_id),
            or_(Connection.organisation_id.is_(None), Connection.organisation_id == organisation_id),
        )
    )
    routes = work.session.scalars(statement).unique().all()
    found = agreements.standings(work, {route.connection_id: route.connection for route in routes}.values())
    return [
        RouteRule(route.connection_id, _rank(route, work.clock()), route.weight, route.prefix, route.sender)
        for route in routes
        if found[route.connection_id].standing.may_send is not is_waiting
    ]


def objections(work: Work, channel: str, organisation_id: int) -> list[str]:
    """Return why connections that would carry an organisation's messages of a channel may not; one sentence each."""
    rows = _carrying(work, channel, organisation_id)
    found = agreements.standings(work, rows)
    return [agreements.reason(row.name, found[row.id]) for row in rows if not found[row.id].standing.may_send]


def leaves(work: Work, channel: str, organisation_id: int) -> bool:
    """Return whether an organisation's messages of a channel may reach people: not all its connections only try."""
    return any(agreements.exempt(work.registry, row) is None for row in _carrying(work, channel, organisation_id))


def report(work: Work, channel: str, organisation_id: int) -> bool:
    """Return whether anything that carries an organisation's messages of a channel reports what arrived."""
    providers = [work.registry.providers.get(row.provider) for row in _carrying(work, channel, organisation_id)]
    return any(each is None or Capability.RECEIPTS in each.capabilities for each in providers) or not providers


def _carrying(work: Work, channel: str, organisation_id: int) -> Sequence[Connection]:
    """Return the connections that routes let carry an organisation's messages of a channel."""
    statement = select(Connection).where(
        Connection.id.in_(
            select(Route.connection_id).where(
                Route.channel == channel,
                Route.is_active,
                or_(Route.organisation_id.is_(None), Route.organisation_id == organisation_id),
            )
        ),
        or_(Connection.organisation_id.is_(None), Connection.organisation_id == organisation_id),
    )
    return work.session.scalars(statement.order_by(Connection.id).limit(20)).all()


def _rank(route: Route, now: datetime) -> int:
    connection = route.connection
    is_usable = connection.is_active and (connection.open_until is None or connection.open_until <= now)
    return route.priority if is_usable else route.priority + _LAST


def create_route(work: Work, connection_id: int, **conditions: Any) -> Route:
    """Add a route over a connection; conditions are the columns of `Route`."""
    connection = records.find(work, Connection, connection_id)
    route = Route(connection_id=connection.id, channel=connection.channel, **conditions)
    check_route(route)
    return records.create(work, route, "route.created")


def check_route(route: Route) -> None:
    """Raise Refused unless a route's conditions make sense."""
    if route.weight is not None and not 1 <= route.weight <= 1000:
        raise Refused("The weight must lie between 1 and 1000.")
    if route.prefix and not re.fullmatch(r"\+?[0-9]{1,15}", route.prefix):
        raise Refused("The prefix must be digits, like 92300 or +92300.")


def _name(name: str) -> str:
    if not name.strip():
        raise Refused("Give the connection a name.")
    return name.strip()[:120]


def _write(connection: Connection, cls: type[Provider], raw: Mapping[str, Any], limits: Limits) -> None:
    limits.check()
    hidden = form.secrets(cls.settings_form)
    kept = connection.secrets or {}
    given = {name: value for name, value in raw.items() if name not in hidden or str(value or "").strip()}
    made = {field.name: secrets.token_urlsafe(32) for field in cls.settings_form if field.is_made}
    settings = form.read(cls.settings_form, {**made, **kept, **given})
    faults = cls.check_settings(settings)
    if faults:
        raise Refused(*faults)
    connection.settings = {name: value for name, value in settings.items() if name not in hidden}
    connection.secrets = {name: settings[name] for name in hidden if settings.get(name) is not None}
    connection.window = limits.window
    connection.sessions = limits.sessions
    connection.rate_per_second = limits.rate_per_second


def names(work: Work, connection_ids: Sequence[int]) -> dict[int, str]:
    """Return the names of connections by id."""
    rows = work.session.execute(select(Connection.id, Connection.name).where(Connection.id.in_(connection_ids)))
    return {row[0]: row[1] for row in rows}
