"""Addresses of e-mail: recipients as they are stored, and senders like `Acme News <news@acme.example>`."""

import re
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

from connectpulse.core.api import Refused, SenderKind, normalise_address

_LONGEST_NAME = 70
_NAMED = re.compile(r'^"?(?P<name>[^"<>@]*?)"?\s*<(?P<address>[^<>]+)>$')


class Mailbox(NamedTuple):
    """A name, which may be empty, and an address with its domain in ASCII."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """What stands behind the @."""
        return self.address.rpartition("@")[2]


def normalise(value: str) -> str:
    """Return an address with its domain in lower-case ASCII; raise Refused saying what is wrong with it.

    Names of domains in other scripts are encoded (RFC 5891). Nothing is looked up.
    """
    compact = value.strip()
    if compact.lower().startswith("mailto:"):
        compact = compact[7:]
    try:
        found = validate_email(compact, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise Refused("E-mail address: it is not one, like name@example.com.") from None
    return normalise_address("email", f"{found.local_part}@{found.ascii_domain}", "")


def read_sender(value: str) -> Mailbox:
    """Return name and address of a sender; raise Refused saying what is wrong with it."""
    if not value.isprintable():
        raise Refused("Sender: it contains a sign that cannot be printed.")
    named = _NAMED.match(value.strip())
    name, address = (named["name"].strip(), named["address"]) if named else ("", value)
    if len(name) > _LONGEST_NAME:
        raise Refused(f"Sender: the name has {len(name)} characters; at most {_LONGEST_NAME} are shown.")
    try:
        return Mailbox(name, normalise(address))
    except Refused:
        raise Refused(
            "Sender: write an address, or a name and an address, like Acme News <news@acme.example>."
        ) from None


def check_sender(value: str) -> str | None:
    """Return what is wrong with a sender, None if nothing."""
    try:
        read_sender(value)
    except Refused as refusal:
        return str(refusal)
    return None


ADDRESS = SenderKind(
    "address",
    "E-mail address",
    check_sender,
    "An address, or a name and an address, like: Acme News <news@acme.example>",
)
