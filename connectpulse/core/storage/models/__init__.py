"""Every table of core, by noun. Importing this package maps them all."""

from .audit import AuditEntry
from .campaign import UNITS, Campaign, CampaignList, Counter, Quote
from .connection import Connection, ConnectionSlot, Route
from .consent import ANY, Consent, Suppression
from .contact import Address, Contact, ContactList, CustomField, Import, ImportChunk, ImportFault, ListMember
from .decision import Decision
from .job import Job, Pace
from .mail import Mail, Notice, NoticeRead
from .message import Attempt, CallbackRequest, Dispatch, InboundMessage, Message, Receipt, Reference
from .organisation import Membership, Organisation
from .retention import Archive, Hold, RetentionClock, RetentionRun, RuleChoice
from .rights import ErasedPerson, SubjectPackage, SubjectRequest
from .template import Sender, Template, TemplateVersion

__all__ = [
    "ANY",
    "UNITS",
    "Address",
    "Archive",
    "Attempt",
    "AuditEntry",
    "CallbackRequest",
    "Campaign",
    "CampaignList",
    "Connection",
    "ConnectionSlot",
    "Consent",
    "Contact",
    "ContactList",
    "Counter",
    "CustomField",
    "Decision",
    "Dispatch",
    "ErasedPerson",
    "Hold",
    "Import",
    "ImportChunk",
    "ImportFault",
    "InboundMessage",
    "Job",
    "ListMember",
    "Mail",
    "Membership",
    "Message",
    "Notice",
    "NoticeRead",
    "Organisation",
    "Pace",
    "Quote",
    "Receipt",
    "Reference",
    "RetentionClock",
    "RetentionRun",
    "Route",
    "RuleChoice",
    "Sender",
    "SubjectPackage",
    "SubjectRequest",
    "Suppression",
    "Template",
    "TemplateVersion",
]
