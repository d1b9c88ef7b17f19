"""One of everything that pages show: a fresh, real row of any noun for an organisation, made through the services."""

import io
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from sqlalchemy import select

from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.provider import Capability
from connectpulse.core.services import (
    campaigns,
    connections,
    contacts,
    imports,
    records,
    senders,
    suppressions,
    templates,
)
from connectpulse.core.services.api import keys
from connectpulse.core.services.work import Actor, Work
from connectpulse.core.storage import models as m
from connectpulse.core.storage.trust import trust
from connectpulse.core.storage.vault import keyring
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import accounts, roles
from connectpulse.web.security.accounts import Account

_numbers = count(1)
Maker = Callable[[Work], int]


def marker(organisation: int) -> str:
    """Return the word that is in the name of whatever is an organisation's."""
    return f"Zebra{organisation}x"


def _name(work: Work, noun: str) -> str:
    return f"{marker(work.organisation or 0)} {noun} {next(_numbers)}"


def _number() -> str:
    return f"+92300{next(_numbers):07}"


def _row(work: Work, model: type[Any], **values: Any) -> int:
    row = model(**values)
    work.session.add(row)
    work.session.flush()
    return int(row.id)


def _contact(work: Work) -> int:
    return factories.contact(work, _number(), _name(work, "Contact")).id


def _list(work: Work) -> int:
    return factories.contact_list(work, _name(work, "List"), [factories.contact(work, _number())]).id


def _template(work: Work) -> int:
    return templates.create(work, _name(work, "Template"), "sms", {"body": "Dear {{ name }}"}).id


def _sender(work: Work) -> int:
    value = f"Z{work.organisation}x{next(_numbers)}"
    return senders.create(work, "sms", "alphanumeric", value, purposes=["promotional", "transactional"]).id


def _campaign(work: Work) -> int:
    draft = campaigns.Draft(
        _name(work, "Campaign"), "sms", "transactional", _template(work), _sender(work), [_list(work)]
    )  # fmt: skip
    return campaigns.create(work, draft).id


def _import(work: Work) -> int:
    lines = f"Name;Mobile\n{marker(work.organisation_id)};0300{next(_numbers):07}\n"
    return imports.upload(work, f"{_name(work, 'file')}.csv", io.BytesIO(lines.encode())).id


def _suppression(work: Work) -> int:
    suppressions.add(work, "phone", _number(), reason="operator", source=marker(work.organisation_id))
    return work.session.scalar(select(m.Suppression.id).order_by(m.Suppression.id.desc()).limit(1)) or 0


def _message(work: Work) -> int:
    return _row(
        work, m.Message, campaign_id=0, contact_id=0, changed_at=work.clock(), state=MessageState.UNKNOWN, parts=1,
        quantity=1, units=1, channel="sms", address=_number(), sender="Pulse", body=_name(work, "text"),
    )  # fmt: skip


def _inbound(work: Work) -> int:
    return _row(
        work, m.InboundMessage, connection_id=1, channel="sms", address=_number(), recipient="8811",
        body=_name(work, "reply"), received_at=work.clock(),
    )  # fmt: skip


def _audit(work: Work) -> int:
    _list(work)
    return work.session.scalar(select(m.AuditEntry.id).order_by(m.AuditEntry.id.desc()).limit(1)) or 0


def _member(work: Work) -> int:
    number = next(_numbers)
    name = f"{marker(work.organisation_id).lower()}{number}"
    user = accounts.create(work, Account(name, f"{name}@example.org", name, "Member"), f"long enough {number}")
    return int(accounts.join(work, user, roles.ANALYST).id)


def _key(work: Work) -> int:
    return keys.create(work, keys.Draft(_name(work, "key"), ["audit:read"], 60))[0].id


def _request(work: Work) -> int:
    return _row(
        work, m.ApiRequest, method="GET", route=f"/api/v1/{marker(work.organisation_id)}", status=200, size=1,
        milliseconds=1, address="203.0.113.7", request_id="a1",
    )  # fmt: skip


def _connection(work: Work) -> int:
    cls = next(each for each in work.registry.providers.values() if Capability.CALLBACKS in each.capabilities)
    return connections.create(work, f"Gateway {next(_numbers)}", cls.name, cls.samples().settings).id


def _route(work: Work) -> int:
    return connections.create_route(work, _connection(work)).id


def _organisation(work: Work) -> int:
    row = m.Organisation(name=f"Further organisation {next(_numbers)}", country="PK", timezone="Asia/Karachi")
    return records.create(work, row, "organisation.created").id


NOUNS: Mapping[str, Maker] = {
    "API key": _key,
    "API request": _request,
    "audit entry": _audit,
    "campaign": _campaign,
    "connection": _connection,
    "contact": _contact,
    "field": lambda work: contacts.create_field(work, _name(work, "Field")).id,
    "import": _import,
    "inbound": _inbound,
    "list": _list,
    "member": _member,
    "message": _message,
    "organisation": _organisation,
    "route": _route,
    "sender": _sender,
    "suppression": _suppression,
    "template": _template,
}
"""How a fresh row of each noun is made, in a unit of work of its organisation."""

OF_THE_PLATFORM = frozenset({"connection", "organisation", "route"})
"""Nouns that belong to no organisation."""


def fresh(house: House, organisation: int, noun: str) -> int:
    """Make a row of `noun`; return its id."""
    of_platform = noun in OF_THE_PLATFORM
    actor = Actor("user", "Petra Platform" if of_platform else f"{marker(organisation)} Administrator", 1)
    with house.work(actor, None if of_platform else organisation) as work:
        return NOUNS[noun](work)


def at_home(house: House) -> None:
    """Give this process the keys of `house` again: it has one set, and other tests brought theirs."""
    keyring.set(house.settings.encryption_keys)
    trust.set(house.settings.trust_key)
