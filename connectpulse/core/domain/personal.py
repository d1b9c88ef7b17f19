"""What may be known of people, and what for: closed lists of kinds and uses, in the words of the privacy policy.

Every personal column is of one kind. A kind that is not here cannot be kept, by core or by a plugin, because
no policy names it; and a policy that leaves out the words of a kind or of a use is not published.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Category(StrEnum):
    """The types of information a policy speaks of."""

    ACCOUNT = "Account information"
    USAGE = "Usage data"
    CONTACTS = "Contact lists"
    TECHNICAL = "Technical data"
    PAYMENT = "Payment information"


class Personal(StrEnum):
    """A kind of personal data. Its value is what the policy must call it, in any mixture of capitals."""

    NAME = "name"
    EMAIL = "email address"
    PHONE = "phone number"
    COMPANY = "company name"
    CREDENTIALS = "login credentials"
    CAMPAIGN = "campaign data"
    MESSAGE_LOG = "message logs"
    API_LOG = "API request logs"
    ACTIVITY = "platform activity"
    CONTACT_ADDRESS = "phone numbers"
    CONTACT_DETAILS = "contact details"
    NETWORK = "IP addresses"
    BROWSER = "browser type"
    DEVICE = "device information"
    TIMES = "access timestamps"
    BILLING = "billing details"

    @property
    def category(self) -> Category:
        """Return the category the policy puts this kind in."""
        return _CATEGORIES[self]

    @property
    def uses(self) -> "frozenset[Use]":
        """Return what this kind may be read for; for nothing else."""
        return _KIND_IS_FOR.get(self) or _CATEGORY_IS_FOR[self.category]


class Use(StrEnum):
    """What the policy says information is used for. Its value is what the policy must call it."""

    OPERATE = "operate"
    DELIVER = "deliver"
    ACCESS = "access permissions"
    REPORT = "reports"
    COMMUNICATE = "communicate"
    SECURE = "security"
    COMPLY = "legal obligations"


_CATEGORY_IS_FOR: Final[Mapping[Category, frozenset[Use]]] = {
    Category.ACCOUNT: frozenset(Use) - {Use.REPORT},
    Category.USAGE: frozenset(Use) - {Use.COMMUNICATE},
    Category.CONTACTS: frozenset({Use.OPERATE, Use.DELIVER, Use.COMPLY}),
    Category.TECHNICAL: frozenset({Use.OPERATE, Use.ACCESS, Use.REPORT, Use.SECURE, Use.COMPLY}),
    Category.PAYMENT: frozenset({Use.OPERATE, Use.ACCESS, Use.COMMUNICATE, Use.SECURE, Use.COMPLY}),
}
"""What the policy's list of information says each type is for: contacts for campaigns, and not for figures or news."""
_KIND_IS_FOR: Final[Mapping[Personal, frozenset[Use]]] = {
    Personal.CREDENTIALS: frozenset({Use.OPERATE, Use.ACCESS, Use.SECURE}),
    Personal.ACTIVITY: frozenset(Use),
}
"""Kinds that are for other uses than the rest of their category: notices and support are activity as well."""


_CATEGORIES: Final[Mapping[Personal, Category]] = {
    kind: category
    for category, kinds in {
        Category.ACCOUNT: (Personal.NAME, Personal.EMAIL, Personal.PHONE, Personal.COMPANY, Personal.CREDENTIALS),
        Category.USAGE: (Personal.CAMPAIGN, Personal.MESSAGE_LOG, Personal.API_LOG, Personal.ACTIVITY),
        Category.CONTACTS: (Personal.CONTACT_ADDRESS, Personal.CONTACT_DETAILS),
        Category.TECHNICAL: (Personal.NETWORK, Personal.BROWSER, Personal.DEVICE, Personal.TIMES),
        Category.PAYMENT: (Personal.BILLING,),
    }.items()
    for kind in kinds
}

_BY_NAME: Final[Mapping[str, Personal]] = {
    "first_name": Personal.NAME,
    "last_name": Personal.NAME,
    "username": Personal.NAME,
    "actor_name": Personal.NAME,
    "author_name": Personal.NAME,
    "asked_by_name": Personal.NAME,
    "decided_by_name": Personal.NAME,
    "email": Personal.EMAIL,
    "phone": Personal.PHONE,
    "company": Personal.COMPANY,
    "password": Personal.CREDENTIALS,
    "user_id": Personal.ACTIVITY,
    "contact_id": Personal.CONTACT_DETAILS,
    "actor_address": Personal.NETWORK,
    "network_address": Personal.NETWORK,
    "ip_address": Personal.NETWORK,
    "user_agent": Personal.BROWSER,
    "browser": Personal.BROWSER,
    "device": Personal.DEVICE,
}
"""Names of columns that mean the same in every table; a rule may say otherwise, and must for all others."""

_NEVER_NAMED = re.compile(
    r"(^|_)(dob|birthday|birth_date|birthdate|date_of_birth|born_on|gender|religion|ethnicity|cnic|passport|"
    r"national_id|ssn|iban|health|diagnosis)($|_)"
)


def is_never_named(column: str) -> bool:
    """Return whether a column's name tells of something about people that no kind covers, declared or not."""
    return _NEVER_NAMED.search(column) is not None


def kind_of(column: str, declared: Mapping[str, str]) -> Personal | None:
    """Return the kind of a personal column as its rule declares it, or as its name says; None if neither does."""
    said = declared.get(column)
    if said is None:
        return _BY_NAME.get(column)
    return Personal(said) if said in set(Personal) else None
