"""The one door for plugins: everything a plugin may import from Connect Pulse, and nothing else.

A name that is here stays; a name that is not here may change in any release. What a plugin with tables
needs is loaded when it is first asked for: mapping the tables takes seconds, and many plugins have none.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .domain.acts import Act, Effect, Prospect
from .domain.audit import AuditAction
from .domain.contracts import (
    API_VERSION,
    CampaignFacts,
    Channel,
    Ledger,
    Measure,
    Movement,
    Needs,
    PluginInfo,
    PluginKind,
    Preview,
    Pricer,
    Purpose,
    Remarks,
    Rendered,
    Renderer,
    SenderKind,
    Tariff,
    Unpriced,
)
from .domain.doors import Answer, Door, Knock
from .domain.faces import Card, Health, HealthCheck, PaymentGateway, Report, RestoreCheck, View
from .domain.form import Field, Form, Kind, Shape
from .domain.jobs import Duty, Job
from .domain.limits import Allowance, Limit
from .domain.message import Cause, MessageState
from .domain.opt_out import STOP_WORDS, offers_way_out, reads_as_opt_out
from .domain.outcome import Accepted, ErrorClass, Outcome, Rejected, TryLater, Unknown
from .domain.personal import Personal
from .domain.pricing import Price
from .domain.provider import (
    Ambiguity,
    Approval,
    Callback,
    Capability,
    Check,
    ConnectionLost,
    Disclosure,
    Events,
    Inbound,
    Intake,
    Provider,
    Receipt,
    Samples,
    Stop,
    Submission,
    TemplateSubmission,
    TemplateWord,
)
from .domain.retention import RetentionRule, Rows, Subject, SubjectHandler, Then
from .domain.roles import Role
from .domain.template import Template, check_names
from .domain.template import parse as parse_template
from .domain.trial import Ports, Trial
from .errors import Misconfigured, NotFound, OutOfUnits, PluginRefused, PulseError, Refused
from .hookspecs import hookimpl
from .services.addresses import normalise as normalise_address
from .wire import requests, signed_forms
from .wire.egress import resolve as resolve_host
from .wire.http import AnswerLost, EgressSession, Reply, Unreachable, tls_context
from .wire.names import NoAnswer
from .wire.names import ask as ask_dns
from .wire.simulated import SimulatedProvider

if TYPE_CHECKING:
    from .services import audit, files, four_eyes, records
    from .services.campaigns import resume_funded
    from .services.jobs import submit as submit_job
    from .services.notices import board as notices
    from .services.notices import mail
    from .services.receipts import DUE as MESSAGE_DUE
    from .services.subjects import by_address, by_contact, by_user, either
    from .services.subjects import handler as subject_handler
    from .services.suppressions import add as suppress
    from .services.templates import pending as pending_templates
    from .services.templates import record_approval as record_template_approval
    from .services.work import SYSTEM, Actor, Opener, Work, entered
    from .storage.base import BigId, CreatedAt, Json, Moment, Owned, OwnedApart, Table
    from .storage.folders import own_folder
    from .storage.guard import platform_scope
    from .storage.ids import at as id_at
    from .storage.trust import site_key
    from .storage.vault import Encrypted

__all__ = [
    "API_VERSION",
    "MESSAGE_DUE",
    "STOP_WORDS",
    "SYSTEM",
    "Accepted",
    "Act",
    "Actor",
    "Allowance",
    "Ambiguity",
    "Answer",
    "AnswerLost",
    "Approval",
    "AuditAction",
    "BigId",
    "Callback",
    "CampaignFacts",
    "Capability",
    "Card",
    "Cause",
    "Channel",
    "Check",
    "ConnectionLost",
    "CreatedAt",
    "Disclosure",
    "Door",
    "Duty",
    "Effect",
    "EgressSession",
    "Encrypted",
    "ErrorClass",
    "Events",
    "Field",
    "Form",
    "Health",
    "HealthCheck",
    "Inbound",
    "Intake",
    "Job",
    "Json",
    "Kind",
    "Knock",
    "Ledger",
    "Limit",
    "Measure",
    "MessageState",
    "Misconfigured",
    "Moment",
    "Movement",
    "Needs",
    "NoAnswer",
    "NotFound",
    "Opener",
    "OutOfUnits",
    "Outcome",
    "Owned",
    "OwnedApart",
    "PaymentGateway",
    "Personal",
    "PluginInfo",
    "PluginKind",
    "PluginRefused",
    "Ports",
    "Preview",
    "Price",
    "Pricer",
    "Prospect",
    "Provider",
    "PulseError",
    "Purpose",
    "Receipt",
    "Refused",
    "Rejected",
    "Remarks",
    "Rendered",
    "Renderer",
    "Reply",
    "Report",
    "RestoreCheck",
    "RetentionRule",
    "Role",
    "Rows",
    "Samples",
    "SenderKind",
    "Shape",
    "SimulatedProvider",
    "Stop",
    "Subject",
    "SubjectHandler",
    "Submission",
    "Table",
    "Tariff",
    "Template",
    "TemplateSubmission",
    "TemplateWord",
    "Then",
    "Trial",
    "TryLater",
    "Unknown",
    "Unpriced",
    "Unreachable",
    "View",
    "Work",
    "ask_dns",
    "audit",
    "by_address",
    "by_contact",
    "by_user",
    "check_names",
    "either",
    "entered",
    "files",
    "four_eyes",
    "hookimpl",
    "id_at",
    "mail",
    "normalise_address",
    "notices",
    "offers_way_out",
    "own_folder",
    "parse_template",
    "pending_templates",
    "platform_scope",
    "reads_as_opt_out",
    "record_template_approval",
    "records",
    "requests",
    "resolve_host",
    "resume_funded",
    "signed_forms",
    "site_key",
    "subject_handler",
    "submit_job",
    "suppress",
    "tls_context",
]

_ON_DEMAND = {
    "Actor": "services.work",
    "MESSAGE_DUE": "services.receipts:DUE",
    "BigId": "storage.base",
    "CreatedAt": "storage.base",
    "Encrypted": "storage.vault",
    "Json": "storage.base",
    "Moment": "storage.base",
    "Owned": "storage.base",
    "OwnedApart": "storage.base",
    "Table": "storage.base",
    "Work": "services.work",
    "audit": "services.audit:",
    "by_address": "services.subjects",
    "by_contact": "services.subjects",
    "by_user": "services.subjects",
    "SYSTEM": "services.work",
    "Opener": "services.work",
    "entered": "services.work",
    "submit_job": "services.jobs:submit",
    "either": "services.subjects",
    "files": "services.files:",
    "four_eyes": "services.four_eyes:",
    "mail": "services.notices.mail:",
    "notices": "services.notices.board:",
    "pending_templates": "services.templates:pending",
    "id_at": "storage.ids:at",
    "own_folder": "storage.folders",
    "platform_scope": "storage.guard",
    "record_template_approval": "services.templates:record_approval",
    "records": "services.records:",
    "resume_funded": "services.campaigns",
    "site_key": "storage.trust",
    "subject_handler": "services.subjects:handler",
    "suppress": "services.suppressions:add",
}
"""Names that need the mapped tables, and where they live: `module`, `module:other_name`, or `module:` itself."""

if not TYPE_CHECKING:  # else every misspelt name would pass the type checker

    def __getattr__(name: str) -> Any:
        """Return a name that is loaded on demand; raise AttributeError for one that is not here."""
        if name not in _ON_DEMAND:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        place, separator, other = _ON_DEMAND[name].partition(":")
        module = importlib.import_module(f".{place}", __package__)
        return module if separator and not other else getattr(module, other or name)
