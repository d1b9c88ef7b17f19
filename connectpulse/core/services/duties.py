"""Core's own duties: the retention rule of each of its tables, and who finds a person in them.

Core owes what a plugin owes, and is checked by the same functions.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from .. import plugin_checks
from ..domain import roles
from ..domain.audit import AuditAction
from ..domain.jobs import Job
from ..domain.retention import RetentionRule, Subject, SubjectHandler, Then
from ..errors import PluginRefused
from ..registry import Registry
from ..storage import migrate, models
from ..storage.base import Table
from . import expansion, files, imports, leaving, periodic, quotes, reviews
from .access import duties as access
from .action_log import cutting, erasure
from .action_log import duties as action_log
from .actions import ACTIONS
from .api import duties as api
from .backups import duties as backups
from .conversations import duties as conversations
from .disclosure import duties as disclosure
from .kinds import KINDS
from .ledger import UnmeteredLedger
from .notices import duties as notices
from .policy import duties as policy
from .retention import duties as retention
from .rights import duties as rights
from .rights import handlers as special
from .rights import makers
from .subjects import both, by_address, by_contact, by_user, either, handler
from .support import duties as support
from .titles import TITLES
from .traffic import duties as traffic
from .work import Work

MESSAGE_LOG = timedelta(days=90)
MONTH = timedelta(days=30)
YEAR = timedelta(days=365)
SIGN_IN = timedelta(days=180)
PROCESSED = timedelta(days=7)
ACCOUNTABILITY = timedelta(days=730)

MAKERS: dict[type[Any], tuple[str, ...]] = {
    models.Campaign: ("created_by", "launched_by", "approved_by"),
    models.File: ("created_by",),
    models.Import: ("created_by",),
    models.TemplateVersion: ("created_by",),
}
"""Columns that keep the full name of whoever made a row."""

PARTS = (
    notices.PART,
    action_log.PART,
    api.PART,
    access.PART,
    policy.PART,
    support.PART,
    disclosure.PART,
    backups.PART,
    retention.PART,
    rights.PART,
    traffic.PART,
    conversations.PART,
)
"""Parts of core that lie in folders of their own; each declares its duties in its `duties` module."""


def register(registry: Registry) -> None:
    """Put core's actions, duties, jobs and ledger into an empty registry; raise PluginRefused on a gap."""
    rules, handlers = retention_rules(), subject_handlers()
    taken = actions()
    faults = list(plugin_checks.duties(core_tables(), rules, handlers))
    if faults:
        raise PluginRefused("core", faults)
    registry.actions.update({action.verb: action for action in taken})
    registry.rules.update({rule.model.__tablename__: rule for rule in rules})
    registry.subjects.update({each.model.__tablename__: each for each in handlers})
    registry.roles |= {role.name: role for role in roles.CORE}
    registry.ledgers[UnmeteredLedger.name] = UnmeteredLedger()
    jobs = [
        Job("import", imports.step, imports.give_up),
        Job("quote", quotes.step, quotes.give_up),
        Job("expand", expansion.step, expansion.give_up),
        Job("cancel", leaving.cancel_step),
        reviews.KIND,
        periodic.KIND,
        *(job for part in PARTS for job in part.jobs),
    ]
    registry.jobs |= {job.name: job for job in jobs}
    for part in PARTS:
        registry.acts |= {act.name: act for act in part.acts}


def actions() -> list[AuditAction]:
    """Return every verb of core."""
    return [*ACTIONS, *(action for part in PARTS for action in part.actions)]


def core_tables() -> set[str]:
    """Return the tables core answers for: its own and Flask-AppBuilder's accounts."""
    return migrate.tables_of("connectpulse") | migrate.tables_of("flask_appbuilder")


def _account(table: str) -> type[Any]:
    found: type[Any] = next(
        mapper.class_ for mapper in Table.registry.mappers if getattr(mapper.class_, "__tablename__", "") == table
    )
    return found


def retention_rules() -> list[RetentionRule]:
    """Return one rule for every table of core."""

    def kept(model: type[Any], purpose: str, *personal: str, age: str = "created_at") -> RetentionRule:
        return RetentionRule(model, age, None, Then.PURGE, purpose, personal)

    def log(
        model: type[Any], keep: timedelta, then: Then, purpose: str, *personal: str,
        age: str = "id", final_only: str | None = None, **more: Any,
    ) -> RetentionRule:  # fmt: skip
        return RetentionRule(model, age, keep, then, purpose, personal, final_only, **more)

    m = models
    choice: dict[str, Any] = {"least": MONTH, "most": YEAR}
    rules = [
        kept(m.Organisation, "account, for as long as it lasts"),
        kept(m.Membership, "access control", "user_id"),
        kept(m.Contact, "contact list of the organisation", "name", "fields", "timezone"),
        kept(m.Address, "contact list of the organisation", "value"),
        kept(m.CustomField, "contact list of the organisation"),
        kept(m.ContactList, "contact list of the organisation"),
        kept(m.ListMember, "contact list of the organisation", age="contact_id"),
        kept(m.Suppression, "to respect an objection, for as long as it stands", "value"),
        kept(m.Consent, "proof of consent, for as long as it is relied on", "value", "evidence"),
        log(m.Import, MESSAGE_LOG, Then.PURGE, "what was imported", *MAKERS[m.Import], age="created_at",
            final_only="state <> 'running'"),
        log(m.ImportChunk, PROCESSED, Then.PURGE, "a file being imported", "content", age="import_id",
            parent=m.Import),
        log(m.ImportFault, MESSAGE_LOG, Then.PURGE, "rows that were not imported", "value", age="import_id",
            parent=m.Import),
        kept(m.Template, "content of the organisation"),
        kept(m.TemplateVersion, "content of the organisation", *MAKERS[m.TemplateVersion]),
        kept(m.TemplateReview, "content of the organisation"),
        log(m.File, MESSAGE_LOG, Then.PURGE, "files no template uses", *MAKERS[m.File], age="used_at",
            final_only=files.IDLE, **choice),
        kept(m.FileUse, "content of the organisation", age="version_id"),
        kept(m.Sender, "identities of the organisation"),
        kept(m.Connection, "contract with a provider"),
        kept(m.ConnectionSlot, "operation", age="updated_at"),
        kept(m.Route, "operation"),
        log(m.Campaign, MESSAGE_LOG, Then.ARCHIVE, "campaign log", *MAKERS[m.Campaign], age="created_at",
            final_only="state IN ('finished', 'cancelled', 'failed')", **choice),
        log(m.CampaignList, MESSAGE_LOG, Then.PURGE, "campaign log", age="campaign_id", parent=m.Campaign),
        log(m.Fallback, MESSAGE_LOG, Then.PURGE, "campaign log", age="campaign_id", parent=m.Campaign),
        log(m.Quote, MESSAGE_LOG, Then.PURGE, "campaign log", "sample", age="created_at"),
        log(m.Counter, MESSAGE_LOG, Then.ARCHIVE, "campaign log", age="campaign_id", parent=m.Campaign,
            final_only="campaign_id <> 0"),
        log(m.Dispatch, MESSAGE_LOG, Then.PURGE, "queue", final_only="state IN ('done', 'closed')"),
        log(m.Message, MESSAGE_LOG, Then.ARCHIVE, "message log", "address", "body", "extra",
            final_only="state >= 10", **choice),
        log(m.Onward, MESSAGE_LOG, Then.PURGE, "queue", age="message_id"),
        log(m.Reference, MESSAGE_LOG, Then.PURGE, "message log", age="message_id"),
        log(m.Receipt, MESSAGE_LOG, Then.ARCHIVE, "message log", "address", **choice),
        log(m.Attempt, MESSAGE_LOG, Then.PURGE, "message log", age="created_at"),
        log(m.InboundMessage, MESSAGE_LOG, Then.ARCHIVE, "message log", "address", "body", **choice),
        log(m.StrayMessage, MESSAGE_LOG, Then.PURGE, "message log", "address", "body"),
        log(m.CallbackRequest, PROCESSED, Then.PURGE, "provider requests being worked off", "url", "body",
            final_only="state <> 'open'"),
        log(m.Job, PROCESSED, Then.PURGE, "operation", age="created_at",
            final_only="state IN ('done', 'failed')"),
        kept(m.Duty, "operation"),
        log(m.Pace, PROCESSED, Then.PURGE, "operation", age="next_at"),
        log(m.AuditEntry, ACCOUNTABILITY, Then.ARCHIVE, "accountability", "actor_name", "actor_address",
            "object_name", "detail", statute="What was done is proved for two years.", whole_only=True,
            before_drop=cutting.cut),
        log(m.Decision, ACCOUNTABILITY, Then.PURGE, "accountability", "asked_by_name", "decided_by_name",
            final_only="state <> 'open'", statute="What two people decided is proved for two years."),
        *_account_rules(),
        *(rule for part in PARTS for rule in part.rules()),
    ]  # fmt: skip
    return [
        replace(rule, kinds={**KINDS.get(rule.table, {}), **rule.kinds}, title=rule.title or TITLES.get(rule.table, ""))
        for rule in rules
    ]


def _account_rules() -> list[RetentionRule]:
    personal = {
        "ab_user": ("first_name", "last_name", "username", "email", "password"),
        "ab_register_user": ("first_name", "last_name", "username", "email", "password"),
        "ab_api_key": ("user_id",),
    }
    ages = {"ab_user": "created_on", "ab_register_user": "registration_date", "ab_api_key": "created_on"}
    return [
        RetentionRule(
            _account(table), ages.get(table, "id"), None, Then.PURGE, "account, for as long as it lasts",
            personal.get(table, ()),
        )
        for table in sorted(migrate.tables_of("flask_appbuilder"))
    ]  # fmt: skip


def subject_handlers() -> list[SubjectHandler]:
    """Return who finds a person in each table of core that holds personal columns."""
    m = models
    user, registration, api_key = (_account(t) for t in ("ab_user", "ab_register_user", "ab_api_key"))
    names = ("first_name", "last_name", "username", "email")
    return [
        special.contact(_restrict_contact),
        handler(m.Address, either(by_address(m.Address), by_contact(m.Address)), ("value",), erase_row=True,
                rectifiable=("value",), beside=("scheme", "created_at")),
        special.suppression(),
        handler(m.Consent, by_address(m.Consent), ("value", "evidence"), erase_row=True, rectifiable=("value",),
                beside=("scheme", "channel", "purpose", "created_at")),
        makers.made_by(m.Campaign, MAKERS[m.Campaign], saying="reason"),
        makers.made_by(m.File, MAKERS[m.File]),
        makers.made_by(m.Import, MAKERS[m.Import], saying="reason"),
        makers.made_by(m.TemplateVersion, MAKERS[m.TemplateVersion]),
        special.import_fault(),
        special.import_chunk(),
        special.quote(),
        handler(m.Message, either(by_address(m.Message, None, "address"), by_contact(m.Message)),
                ("address", "body", "extra"), erase_row=False, beside=("id", "channel", "sender", "submitted_at")),
        handler(m.Receipt, by_address(m.Receipt, None, "address"), ("address",), erase_row=False,
                beside=("occurred_at", "reason")),
        handler(m.InboundMessage, either(by_address(m.InboundMessage, None, "address"),
                by_contact(m.InboundMessage)), ("address", "body"), erase_row=False,
                beside=("received_at", "channel", "recipient")),
        handler(m.StrayMessage, by_address(m.StrayMessage, None, "address"), ("address", "body"), erase_row=True),
        special.callback(),
        erasure.subject_handler(user),
        handler(m.Membership, by_user(m.Membership, "user_id"), ("user_id",), erase_row=True),
        special.user(user, names),
        handler(registration, by_address(registration, None, "email"), names, erase_row=True),
        handler(api_key, by_user(api_key, "user_id"), ("user_id",), erase_row=True),
        both(
            handler(m.Decision, by_user(m.Decision, "asked_by"), ("asked_by_name",), erase_row=False),
            handler(m.Decision, by_user(m.Decision, "decided_by"), ("decided_by_name",), erase_row=False),
        ),
        *(each for part in PARTS for each in part.handlers()),
    ]  # fmt: skip


def _restrict_contact(work: Work, subject: Subject, is_restricted: bool) -> int:
    ids = select(models.Contact.id).where(models.Contact.id.in_(subject.contact_ids))
    done = work.session.execute(
        update(models.Contact)
        .where(models.Contact.id.in_(ids))
        .values(restricted_at=work.clock() if is_restricted else None)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]
