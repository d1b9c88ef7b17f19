"""Finding what one person opened and clicked, by the messages that were sent to them."""

from typing import Final

from sqlalchemy import BigInteger, ColumnElement, String, column, false, select, table

from connectpulse.core.api import Subject

from ..models import EmailEvent

_MESSAGE: Final = table(
    "pulse_message", column("id", BigInteger), column("organisation_id", BigInteger), column("address", String)
)


def by_message(subject: Subject) -> ColumnElement[bool]:
    """Find events by the addresses their messages went to."""
    known = [value for scheme, value in subject.addresses if scheme == "email"]
    if not known:
        return false()
    sent = select(_MESSAGE.c.id).where(
        _MESSAGE.c.address.in_(known), _MESSAGE.c.organisation_id == EmailEvent.organisation_id
    )
    return EmailEvent.message_id.in_(sent)
