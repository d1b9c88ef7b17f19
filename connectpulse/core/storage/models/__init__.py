"""Every table of core, by noun. Importing this package maps them all."""

from .access import (
    AccessChange,
    AccountState,
    Challenge,
    Invitation,
    KnownDevice,
    Passkey,
    PasswordReset,
    RecoveryCode,
    SecondFactorRule,
    SignIn,
    UserSession,
    WrongTries,
)
from .agreement import Agreement
from .api import ApiAnswer, ApiKey, ApiRequest
from .audit import AuditCheck, AuditDraft, AuditEntry, AuditHead, AuditSearch
from .backup import Backup, Drill
from .campaign import UNITS, Campaign, CampaignList, Counter, Fallback, Quote
from .connection import Connection, ConnectionSlot, Route
from .consent import ANY, Consent, Suppression
from .contact import Address, Contact, ContactList, CustomField, Import, ImportChunk, ImportFault, ListMember
from .conversation import CannedAnswer, Thread
from .decision import Decision
from .file import File, FileUse
from .job import Duty, Job, Pace
from .mail import Mail, Notice, NoticeChoice, NoticeRead
from .message import (
    Attempt,
    CallbackRequest,
    Dispatch,
    InboundMessage,
    Message,
    Onward,
    Receipt,
    Reference,
    StrayMessage,
)
from .organisation import Membership, Organisation
from .policy import Acceptance, Operator, PolicyReminder, PolicyVersion
from .retention import Archive, ArchiveExport, Hold, MergedFile, RetentionClock, RetentionRun, RuleChoice
from .rights import ErasedPerson, SubjectPackage, SubjectRequest
from .support import SupportMessage, SupportRequest
from .template import Sender, Template, TemplateReview, TemplateVersion
from .traffic import RangePeak

__all__ = [
    "ANY",
    "UNITS",
    "Acceptance",
    "AccessChange",
    "AccountState",
    "Address",
    "Agreement",
    "ApiAnswer",
    "ApiKey",
    "ApiRequest",
    "Archive",
    "ArchiveExport",
    "Attempt",
    "AuditCheck",
    "AuditDraft",
    "AuditEntry",
    "AuditHead",
    "AuditSearch",
    "Backup",
    "CallbackRequest",
    "Campaign",
    "CampaignList",
    "CannedAnswer",
    "Challenge",
    "Connection",
    "ConnectionSlot",
    "Consent",
    "Contact",
    "ContactList",
    "Counter",
    "CustomField",
    "Decision",
    "Dispatch",
    "Drill",
    "Duty",
    "ErasedPerson",
    "Fallback",
    "File",
    "FileUse",
    "Hold",
    "Import",
    "ImportChunk",
    "ImportFault",
    "InboundMessage",
    "Invitation",
    "Job",
    "KnownDevice",
    "ListMember",
    "Mail",
    "Membership",
    "MergedFile",
    "Message",
    "Notice",
    "NoticeChoice",
    "NoticeRead",
    "Onward",
    "Operator",
    "Organisation",
    "Pace",
    "Passkey",
    "PasswordReset",
    "PolicyReminder",
    "PolicyVersion",
    "Quote",
    "RangePeak",
    "Receipt",
    "RecoveryCode",
    "Reference",
    "RetentionClock",
    "RetentionRun",
    "Route",
    "RuleChoice",
    "SecondFactorRule",
    "Sender",
    "SignIn",
    "StrayMessage",
    "SubjectPackage",
    "SubjectRequest",
    "SupportMessage",
    "SupportRequest",
    "Suppression",
    "Template",
    "TemplateReview",
    "TemplateVersion",
    "Thread",
    "UserSession",
    "WrongTries",
]
