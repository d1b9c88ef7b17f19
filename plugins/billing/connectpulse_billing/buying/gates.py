"""The gateways as this site uses them: their settings, whether they are open, and trying them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from connectpulse.core.api import Check, EgressSession, Form, Kind, NotFound, Refused, Work, audit, records

from .gateways.base import Gateway, check_base
from .models import Gateway as Row

CHECK_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to pay that payers are offered."""

    name: str
    title: str
    hint: str


def form_of(work: Work, name: str) -> Form:
    """Return what a gateway asks an administrator; raise NotFound for one that is not installed."""
    found = work.registry.gateways.get(name)
    if found is None:
        raise NotFound("There is no such way to pay.")
    return found.settings


def row(work: Work, name: str) -> Row | None:
    """Return what is stored of a gateway, None before it was set up."""
    return work.session.scalars(select(Row).where(Row.name == name)).one_or_none()


def editing(work: Work, name: str) -> Form:
    """Return the form to change a gateway: secrets that are stored need not be typed again."""
    known = row(work, name)
    stored = known.secrets if known is not None else {}
    return tuple(
        replace(each, is_required=False, help="Stored. Leave it empty to keep it.") if each.name in stored else each
        for each in form_of(work, name)
    )


def save(work: Work, name: str, values: dict[str, Any], *, is_open: bool) -> Row:
    """Store a gateway's settings; a secret left empty keeps its value. Raises Refused with what is wrong."""
    form = form_of(work, name)
    secret = {each.name for each in form if each.kind is Kind.SECRET}
    known = row(work, name) or Row(name=name, settings={}, secrets={})
    if "base_url" in values:
        check_base(values["base_url"])
    if name == "easypaisa" and values.get("hash_key") and len(str(values["hash_key"]).encode()) not in (16, 24, 32):
        raise Refused("Hash key: it has 16, 24 or 32 characters.")
    typed = {key: value for key, value in values.items() if key in secret and value}
    known.secrets = {**(known.secrets or {}), **typed}
    missing = [each.label for each in form if each.kind is Kind.SECRET and each.is_required
               and not known.secrets.get(each.name)]  # fmt: skip
    if missing:
        raise Refused(*(f"{label}: please fill this in." for label in missing))
    known.settings = {key: value for key, value in values.items() if key not in secret}
    known.is_open = is_open
    is_new = row(work, name) is None
    return (records.create if is_new else records.update)(work, known, "billing.gateway_changed")


def build(work: Work, name: str, *, must_be_open: bool = True) -> Gateway:
    """Return a gateway with its settings, secrets included; raise NotFound unless it is set up and open."""
    found = work.registry.gateways.get(name)
    known = row(work, name) if found is not None else None
    if known is None or found is None or (must_be_open and not known.is_open):
        raise NotFound("There is no such way to pay.")
    made: Gateway = found.build({**known.settings, **(known.secrets or {})})
    return made


def choices(work: Work, currency: str) -> Sequence[Choice]:
    """Return the open gateways that take a currency, in the order they are to be shown."""
    rows = work.session.scalars(select(Row).where(Row.is_open).order_by(Row.place, Row.id)).all()
    found = []
    for each in rows:
        if each.name in work.registry.gateways:
            made = build(work, each.name)
            if currency in made.currencies:
                found.append(Choice(made.name, made.title, made.hint))
    return found


def ask(gateway: Gateway) -> Check:
    """Try a gateway over the network; call it where no unit of work is open."""

    async def trying() -> Check:
        async with EgressSession(connections=2, timeout=CHECK_SECONDS / 2) as http:
            return await gateway.check(http)

    try:
        return asyncio.run(asyncio.wait_for(trying(), CHECK_SECONDS))
    except TimeoutError:
        return Check(False, (f"There was no answer within {CHECK_SECONDS} seconds.",))


def checked(work: Work, name: str, found: Check) -> None:
    """Take note of how a trial went."""
    known = row(work, name)
    if known is not None:
        known.checked_at, known.is_working = work.clock(), found.is_working
        work.session.flush()
        audit.record(work, "billing.gateway_tested", known, is_working=found.is_working)
