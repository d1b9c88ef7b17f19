"""Every table of core, by noun. Importing this package maps them all."""

from .api import ApiAnswer, ApiKey, ApiRequest
from .audit import AuditCheck, AuditEntry, AuditHead, AuditSearch
from .campaign import UNITS, Campaign, CampaignList, Counter, Quote
from .connection import Connection, ConnectionSlot, Route
from .consent import ANY, Consent, Suppression
from .contact import Address, Contact, ContactList, CustomField, Import, ImportChunk, ImportFault, ListMember
from .decision import Decision
from .job import Job, Pace
from .mail import Mail, Notice, NoticeRead
from .message import Attempt, CallbackRequest, Dispatch, InboundMessage, Message, Receipt, Reference
from .organisation import Membership, Organisation
from .rights import ErasedPerson, SubjectPackage, SubjectRequest
from .template import Sender, Template, TemplateVersion

__all__ = [
    "ANY",
    "UNITS",
    "Address",
    "ApiAnswer",
    "ApiKey",
    "ApiRequest",
    "Attempt",
    "AuditCheck",
    "AuditEntry",
    "AuditHead",
    "AuditSearch",
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
    "Route",
    "Sender",
    "SubjectPackage",
    "SubjectRequest",
    "Suppression",
    "Template",
    "TemplateVersion",
]
