"""Who runs the platform: the facts shown with the policy, in exports and in mail."""

import re
from collections.abc import Mapping

from ...errors import Refused
from ...storage.models import Operator
from .. import audit, records
from ..work import Work

NEEDED: Mapping[str, str] = {
    "legal_entity": "legal entity",
    "address": "registered address",
    "email": "contact e-mail address",
    "phone": "contact phone number",
    "postal": "postal address",
    "privacy_inbox": "privacy inbox",
}
"""The facts a policy needs, by column, in plain words."""

_EMAIL = re.compile(r"^[^@\s<>]{1,64}@[^@\s<>]{1,255}$")
_PHONE = re.compile(r"^\+?[0-9][0-9 ()./-]{4,40}$")


def facts(work: Work) -> Operator:
    """Return the operator's facts; empty ones as long as nobody filled them in."""
    return work.session.get(Operator, 1) or Operator(id=1, **dict.fromkeys(NEEDED, ""))


def missing(operator: Operator) -> list[str]:
    """Return what is not filled in yet, in plain words."""
    return [words for column, words in NEEDED.items() if not getattr(operator, column)]


def change(work: Work, values: Mapping[str, str | None]) -> Operator:
    """Fill in the operator's facts; raise Refused with every fault."""
    given = {column: " ".join((values.get(column) or "").split()) for column in NEEDED}
    faults = {}
    for column in ("email", "privacy_inbox"):
        if given[column] and not _EMAIL.match(given[column]):
            faults[column] = f"The {NEEDED[column]} is no e-mail address."
    if given["phone"] and not _PHONE.match(given["phone"]):
        faults["phone"] = "The phone number: write it like +92 42 1234567."
    if faults:
        refusal = Refused(*faults.values())
        refusal.fields = faults
        raise refusal
    operator = work.session.get(Operator, 1, with_for_update=True)
    if operator is None:
        return records.create(work, Operator(id=1, **given), "operator.updated", changes=audit.plain(given))
    for column, value in given.items():
        setattr(operator, column, value)
    return records.update(work, operator, "operator.updated")


def block(operator: Operator) -> str:
    """Return how the operator is reached, as the contact section of a policy says it."""
    lines = [
        operator.legal_entity,
        operator.address,
        operator.email and f"E-mail: {operator.email}",
        operator.phone and f"Phone: {operator.phone}",
        operator.postal and f"Post: {operator.postal}",
        operator.privacy_inbox and f"Requests about your data: {operator.privacy_inbox}",
    ]
    return "\n".join(f"- {line}" for line in lines if line)
