"""What the demo finds or makes at its first start: an organisation, people with roles, an audience, a line out.

Everything goes through the services, as it would from the panel.
"""

import io
from dataclasses import dataclass

from sqlalchemy import select

from ..commands import site
from ..core.domain.provider import Approval
from ..core.domain.trial import Trial
from ..core.services import campaigns, connections, contacts, furnishing, imports, records, senders, templates
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
from .network import Network

ORGANISATION = "Mehr Telecom (demo)"
CONNECTION = "Simulated {} network (demo)"
AUDIENCE = "Everybody on {}"
GREETING = "Greetings by {}"
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


def found(house: House) -> tuple[int, list[Login]]:
    """Make the organisation and its people; return it and their logins."""
    with house.work(site.operator()) as work:
        row = Organisation(name=ORGANISATION, country="PK", timezone="Asia/Karachi")
        organisation = records.create(work, row, "organisation.created").id
        furnishing.furnish(work, organisation)
        return organisation, [_hire(work, *user) for user in _USERS]


def equip(house: House, organisation: int, network: Network, recipients: int) -> bool:
    """Make what a channel is tried with as far as it is missing, and begin importing its audience; aim its connection
    at the network as it listens now. Return whether there was no audience before: an earlier start may have been
    stopped anywhere.
    """
    trial, public_url = network.trial, house.settings.public_url
    with house.work(site.operator()) as work:
        connection = _connection(work, trial)
        if connection is None:
            name = CONNECTION.format(work.registry.channel(trial.name).title)
            limits = Limits(window=trial.window)
            connection = connections.create(work, name, trial.provider, network.settings(), limits, is_trial=True)
            connections.create_route(work, connection.id)
        elif (settings := {**connection.settings, **network.settings()}) != connection.settings:
            limits = Limits(connection.window, connection.sessions, connection.rate_per_second)
            connections.change(work, connection.id, connection.name, settings, limits)
        path = connections.callback_path(connection)
    with house.work(site.operator(), organisation) as work:
        is_first = _furnish(work, trial, recipients)
    network.call_back(public_url + path)
    return is_first


def _connection(work: Work, trial: Trial) -> Connection | None:
    name = CONNECTION.format(work.registry.channel(trial.name).title)
    return work.session.scalars(select(Connection).where(Connection.name == name)).one_or_none()


def _furnish(work: Work, trial: Trial, recipients: int) -> bool:
    """Make what is missing of sender, template and audience; return whether the audience was."""
    channel = work.registry.channel(trial.name)
    kind, value = trial.sender
    if work.session.scalars(select(Sender.id).where(Sender.channel == trial.name).limit(1)).first() is None:
        senders.create(work, trial.name, kind, value, purposes=["promotional", "transactional"])
    name = AUDIENCE.format(channel.title)
    is_first = work.session.scalars(select(ContactList.id).where(ContactList.name == name)).first() is None
    if is_first:
        given = imports.upload(work, "people.csv", io.BytesIO(people.csv(recipients, trial.address)))
        columns, consent = people.columns(channel.scheme, contacts.known_names(work)), "Ticked in the demonstration"
        imports.start(work, given.id, columns, new_list=name, consent=consent)
    if work.session.scalars(select(Template.id).where(Template.channel == trial.name).limit(1)).first() is None:
        template = templates.create(work, GREETING.format(channel.title), trial.name, dict(trial.content))
        version = templates.current(work, template.id)
        if version.approval == Approval.PENDING:
            templates.record_approval(work, version.id, Approval.APPROVED, reference=f"demo-{version.id}")
    return is_first


def launcher(house: House, organisation: int) -> Actor:
    """Return the demo's campaign manager, who launches its campaigns."""
    with house.work(site.operator(), organisation) as work:
        user = accounts.by_email(work, _email(MANAGER))
        if user is None:
            return site.operator()
        return Actor("user", user.get_full_name(), user.id)


def first_import(work: Work, trial: Trial) -> Import:
    """Return the import of the audience of a channel."""
    statement = select(Import).where(Import.list_id == _audience(work, trial)).order_by(Import.id).limit(1)
    return work.session.scalars(statement).unique().one()


def latest_campaign(work: Work, trial: Trial) -> Campaign | None:
    """Return the organisation's newest campaign of a channel."""
    statement = select(Campaign).where(Campaign.channel == trial.name).order_by(Campaign.id.desc()).limit(1)
    return work.session.scalars(statement).unique().one_or_none()


def has_session(work: Work, trial: Trial) -> bool:
    """Return whether a worker holds a session with the network of a channel."""
    connection = _connection(work, trial)
    assert connection is not None
    held = select(ConnectionSlot.slot).where(
        ConnectionSlot.lease_until > work.clock(), ConnectionSlot.connection_id == connection.id
    )
    return work.session.scalar(held.limit(1)) is not None


def draft(work: Work, trial: Trial) -> Campaign:
    """Make the demo's campaign over a channel: to everybody, once."""
    template = work.session.scalars(select(Template.id).where(Template.channel == trial.name).limit(1)).one()
    sender = work.session.scalars(select(Sender.id).where(Sender.channel == trial.name).limit(1)).one()
    name = GREETING.format(work.registry.channel(trial.name).title)
    return campaigns.create(work, Draft(name, trial.name, "promotional", template, sender, [_audience(work, trial)]))


def _audience(work: Work, trial: Trial) -> int:
    name = AUDIENCE.format(work.registry.channel(trial.name).title)
    return work.session.scalars(select(ContactList.id).where(ContactList.name == name)).one()


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
