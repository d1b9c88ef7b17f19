"""What the demo finds or makes at its first start: an organisation, people with roles, an audience, a line out.

Everything goes through the services, as it would from the panel.
"""

import io
from dataclasses import dataclass

from sqlalchemy import select

from ..commands import site
from ..core.services import campaigns, connections, furnishing, imports, records, senders, templates
from ..core.services.campaigns import Draft
from ..core.services.connections import Limits
from ..core.services.work import Actor, Work
from ..core.storage.models import (
    Campaign,
    Connection,
    ConnectionSlot,
    ContactList,
    Import,
    Organisation,
    Sender,
    Template,
)
from ..house import House
from ..web.security import accounts
from ..web.security.accounts import Account
from ..web.security.roles import (
    ANALYST,
    APPROVER,
    AUDITOR,
    CAMPAIGN_MANAGER,
    ORGANISATION_ADMINISTRATOR,
    PLATFORM_ADMINISTRATOR,
    PLATFORM_ROLES,
)
from . import people
from .network import ACCOUNT
from .place import HOST

ORGANISATION = "Mehr Telecom (demo)"
CONNECTION = "Simulated network (demo)"
TEXT = 'Assalam-o-alaikum {{ name | default("friend") }}! Your greeting from {{ city }} arrived. Reply STOP to opt out.'
MANAGER = "manager"
_USERS = (
    ("platform", "Parveen Platform", PLATFORM_ADMINISTRATOR),
    ("auditor", "Asad Auditor", AUDITOR),
    ("admin", "Amina Administrator", ORGANISATION_ADMINISTRATOR),
    (MANAGER, "Moiz Manager", CAMPAIGN_MANAGER),
    ("approver", "Afshan Approver", APPROVER),
    ("analyst", "Ali Analyst", ANALYST),
)


@dataclass(frozen=True, slots=True)
class Login:
    """An account of the demo with its password, which is stored nowhere else."""

    username: str
    password: str
    role: str


def organisation_of(house: House) -> int | None:
    """Return the demo's organisation, None before the first start."""
    with house.work(site.operator()) as work:
        return work.session.scalar(select(Organisation.id).where(Organisation.name == ORGANISATION))


def port_of(house: House) -> int | None:
    """Return the port the demo's connection calls, None before the first start."""
    with house.work(site.operator()) as work:
        found = work.session.scalars(select(Connection).where(Connection.name == CONNECTION)).one_or_none()
        return int(found.settings["port"]) if found is not None else None


def build(house: House, recipients: int, port: int) -> tuple[int, list[Login]]:
    """Make everything and begin importing the audience, in one transaction; return organisation and logins."""
    with house.work(site.operator()) as work:
        _connect(work, port)
        row = Organisation(name=ORGANISATION, country="PK", timezone="Asia/Karachi")
        organisation = records.create(work, row, "organisation.created").id
        furnishing.furnish(work, organisation)
        logins = [_hire(work, *user) for user in _USERS]
        senders.create(work, "sms", "alphanumeric", "MEHR", purposes=["promotional", "transactional"])
        given = imports.upload(work, "people.csv", io.BytesIO(people.csv(recipients)))
        imports.start(work, given.id, people.COLUMNS, new_list="Everybody", consent="People of the demo; none exists")
        templates.create(work, "Greeting", "sms", {"body": TEXT})
    return organisation, logins


def aim(house: House, port: int) -> None:
    """Let the demo's connection call the port its network listens on now."""
    with house.work(site.operator()) as work:
        found = work.session.scalars(select(Connection).where(Connection.name == CONNECTION)).one()
        if found.settings["port"] != port:
            limits = Limits(found.window, found.sessions, found.rate_per_second)
            connections.change(work, found.id, found.name, {**found.settings, "port": port}, limits)


def launcher(house: House, organisation: int) -> Actor:
    """Return the demo's campaign manager, who launches its campaigns."""
    with house.work(site.operator(), organisation) as work:
        user = accounts.by_email(work, _email(MANAGER))
        if user is None:
            return site.operator()
        return Actor("user", user.get_full_name(), user.id)


def first_import(work: Work) -> Import:
    """Return the import of the demo's audience."""
    return work.session.scalars(select(Import).order_by(Import.id).limit(1)).unique().one()


def latest_campaign(work: Work) -> Campaign | None:
    """Return the organisation's newest campaign."""
    return work.session.scalars(select(Campaign).order_by(Campaign.id.desc()).limit(1)).unique().one_or_none()


def has_session(work: Work) -> bool:
    """Return whether a worker holds a session with the network."""
    held = select(ConnectionSlot.slot).where(ConnectionSlot.lease_until > work.clock()).limit(1)
    return work.session.scalar(held) is not None


def draft(work: Work) -> Campaign:
    """Make the demo's campaign: to everybody, once."""

    def first(model: type[Sender | Template | ContactList]) -> int:
        return work.session.scalars(select(model.id).order_by(model.id).limit(1)).one()

    given = Draft("Greetings to everybody", "sms", "promotional", first(Template), first(Sender), [first(ContactList)])
    return campaigns.create(work, given)


def _connect(work: Work, port: int) -> None:
    settings = {"host": HOST, "port": port, **ACCOUNT}
    made = connections.create(work, CONNECTION, "smpp", settings, Limits(window=400), is_trial=True)
    connections.create_route(work, made.id)


def _hire(work: Work, username: str, name: str, role: str) -> Login:
    first, _, last = name.partition(" ")
    password = accounts.fresh_password()
    is_platform = role in PLATFORM_ROLES
    account = Account(username, _email(username), first, last)
    user = accounts.create(work, account, password, role if is_platform else "")
    if not is_platform:
        accounts.join(work, user, role)
    return Login(username, password, role)


def _email(username: str) -> str:
    return f"{username}@demo.example"
