"""One of everything that pages show: a fresh, real row of any noun for an organisation, made through the services."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from connectpulse.core.domain.faces import Report
from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.provider import Capability
from connectpulse.core.services import (
    campaigns,
    connections,
    consents,
    contacts,
    files,
    imports,
    records,
    senders,
    suppressions,
    templates,
)
from connectpulse.core.services.access import invitations
from connectpulse.core.services.api import keys
from connectpulse.core.services.conversations import canned
from connectpulse.core.services.disclosure import agreements
from connectpulse.core.services.notices import board
from connectpulse.core.services.policy import operator, versions
from connectpulse.core.services.retention import holds
from connectpulse.core.services.rights import intake, planning
from connectpulse.core.services.support import requests
from connectpulse.core.services.work import Actor, Work
from connectpulse.core.storage import models as m
from connectpulse.core.storage.trust import trust
from connectpulse.core.storage.vault import keyring
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.security import accounts, roles
from connectpulse.web.security.accounts import Account
from tests.house import declared

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


def _file(work: Work) -> int:
    name = _name(work, "File")
    return files.keep(work, f"{name}.txt", name.encode()).id


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


def _consent(work: Work) -> int:
    return consents.give(work, "phone", _number(), m.ANY, m.ANY, marker(work.organisation_id)).id


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


def _thread(work: Work) -> int:
    inbound = work.session.get(m.InboundMessage, _inbound(work))
    assert inbound is not None
    return _row(work, m.Thread, scheme="phone", address=inbound.address, unread=1, waiting_since=work.clock(),
                last_id=inbound.id, inbound_id=inbound.id)  # fmt: skip


def _canned(work: Work) -> int:
    return canned.create(work, _name(work, "Answer"), "", "Dear {{ name }}").id


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


def _request_of(work: Work, kind: str) -> m.SubjectRequest:
    asked = intake.Asked(kind, "phone", _number(), _name(work, "Person"), source="panel", proof="Seen at the counter")
    return intake.submit(work, asked)


def _decision(work: Work) -> int:
    """A request somebody else planned, so that every role but theirs may decide."""
    asking = replace(work, actor=Actor("user", _name(work, "Colleague"), 10_000_000))
    request = planning.plan(asking, _request_of(asking, "deletion").id, 0)
    return work.session.scalars(select(m.Decision.id).where(m.Decision.subject_id == request.id)).one()


def _answered(work: Work) -> int:
    return planning.plan(work, _request_of(work, "objection").id, 0).id


def _hold(work: Work) -> int:
    return holds.place(work, holds.SUBJECT, _name(work, "reason"), scheme="phone", value=_number()).id


def _export(work: Work) -> int:
    row: dict[str, Any] = {"asked_by": work.actor.id, "state": "failed", "table_name": "pulse_message"}
    return _row(work, m.ArchiveExport, organisation_id=work.organisation, **row)


def _invitation(work: Work) -> int:
    role = roles.AUDITOR if work.organisation is None else roles.ANALYST
    invitations.offer(work, "https://pulse.example.org", f"new{next(_numbers)}@example.org", "New", "Person", role)
    return work.session.scalars(select(m.Invitation.id).order_by(m.Invitation.id.desc()).limit(1)).one()


def _account(work: Work) -> int:
    number = next(_numbers)
    account = Account(f"account{number}", f"account{number}@example.org", "Account", str(number))
    return int(accounts.create(work, account, f"long enough {number}", roles.AUDITOR).id)


def _agreement(work: Work) -> int:
    today = work.clock().date()
    values = {"party": "Gateway Ltd.", "reference": "G-1", "agreed_on": today, "expires_on": today + timedelta(days=99)}
    return agreements.record(work, _connection(work), values).id


def _backup(work: Work) -> int:
    return _row(
        work, m.Backup, name=f"pulse-{next(_numbers)}", trigger="schedule", state="done", taken_at=work.clock(),
        finished_at=work.clock(), size=5, dump_size=9, digest="0" * 64,
    )  # fmt: skip


def _drill(work: Work) -> int:
    finding = {"name": "rows", "is_good": True, "detail": "5 tables"}
    found = {"findings": [finding], "seconds": {"restore": "1.0"}, "size": 5, "dump_size": 9}
    name = f"drill-{next(_numbers)}"
    return _row(work, m.Drill, name=name, backup="pulse", is_passed=True, ended_at=work.clock(), report=found)


def _stray(work: Work) -> int:
    return _row(
        work, m.StrayMessage, connection_id=_connection(work), channel="sms", address=_number(), recipient="8811",
        body="Who is this?", received_at=work.clock(),
    )  # fmt: skip


def _support(work: Work) -> int:
    asker = requests.Asker("Vera", f"vera{next(_numbers)}@example.org", work.actor.id, work.organisation)
    return requests.open_request(work, asker, "A question", "How is this done?").id


def _search(work: Work) -> int:
    return _row(work, m.AuditSearch, user_id=work.actor.id, name=f"Search {next(_numbers)}", query={"q": "list"})


def _notice(work: Work) -> int:
    return board.post(work, "test", "A notice", user_id=work.actor.id, link="/notices/") or 0


NOUNS: Mapping[str, Maker] = {
    "account": _account,
    "agreement": _agreement,
    "answered request": _answered,
    "backup": _backup,
    "decision": _decision,
    "drill": _drill,
    "help request": _support,
    "hold": _hold,
    "invitation": _invitation,
    "invitation to the platform": _invitation,
    "notice": _notice,
    "request": lambda work: _request_of(work, "access").id,
    "saved search": _search,
    "stray message": _stray,
    "support request": _support,
    "API key": _key,
    "API request": _request,
    "archive export": _export,
    "audit entry": _audit,
    "campaign": _campaign,
    "canned answer": _canned,
    "connection": _connection,
    "contact": _contact,
    "file": _file,
    "field": lambda work: contacts.create_field(work, _name(work, "Field")).id,
    "import": _import,
    "inbound": _inbound,
    "list": _list,
    "member": _member,
    "message": _message,
    "organisation": _organisation,
    "route": _route,
    "sender": _sender,
    "consent": _consent,
    "suppression": _suppression,
    "template": _template,
    "thread": _thread,
    **declared.table("NOUNS"),
}
"""How a fresh row of each noun is made, in a unit of work of its organisation."""

OF_THE_PLATFORM = frozenset({
    "account", "agreement", "backup", "connection", "drill", "invitation to the platform", "organisation", "route",
    "stray message", "support request",
}) | declared.names("OF_THE_PLATFORM")  # fmt: skip
"""Nouns that belong to no organisation."""
OF_A_PERSON = frozenset({"archive export", "help request", "notice", "saved search"})
"""Nouns that are one person's, wherever they work."""


def fresh(house: House, organisation: int, noun: str, person: int = 1) -> int:
    """Make a row of `noun`, as the account `person`; return its id."""
    of_platform = noun in OF_THE_PLATFORM
    actor = Actor("user", "Petra Platform" if of_platform else f"{marker(organisation)} Administrator", person)
    with house.work(actor, None if of_platform else organisation) as work:
        return NOUNS[noun](work)


def policy(house: House) -> str:
    """Publish a policy that holds and one that comes, and begin a third; return the digest of the one that comes."""
    digest = ""
    for in_days in (0, 40):
        with house.work(factories.ADMINISTRATOR) as work:
            operator.change(work, _OPERATOR)
            draft, today = versions.begin(work), work.clock().date()
            said = {"revised_on": today, "effective_on": today + timedelta(days=in_days), "is_material": in_days > 0}
            versions.change(work, {"source": f"{draft.source}\n\nIn {in_days} days.", **said})
            digest = versions.publish(work).digest or ""
    with house.work(factories.ADMINISTRATOR) as work:
        versions.begin(work)
    return digest


_OPERATOR = {
    "legal_entity": "IISOL (Pvt.) Ltd.", "address": "1 Road, Lahore", "email": "info@example.org",
    "phone": "+92 42 1234567", "postal": "1 Road, Lahore", "privacy_inbox": "privacy@example.org",
}  # fmt: skip


def report(house: House) -> None:
    """Install a plugin's report, `matrix_report`."""
    house.registry.reports["matrix_report"] = Report("matrix_report", "Calls by day", ("Calls", "Note"), _reported)


def _reported(work: Work, limit: int) -> Sequence[Sequence[Any]]:
    return [(1, marker(work.organisation_id))][:limit]


def at_home(house: House) -> None:
    """Give this process the keys of `house` again: it has one set, and other tests brought theirs."""
    keyring.set(house.settings.encryption_keys)
    trust.set(house.settings.trust_key)
