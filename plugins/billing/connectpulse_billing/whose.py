"""Whose a row is, in words: for pages and files of the platform, which show every organisation's rows."""

from typing import Any

from sqlalchemy import BigInteger, String, column, select, table
from sqlalchemy.orm import object_session

ORGANISATION = table("pulse_organisation", column("id", BigInteger), column("name", String))


def organisation(row: Any) -> str:
    """Return the name of a row's organisation; one look-up by key for each row of a page."""
    session = object_session(row)
    named = select(ORGANISATION.c.name).where(ORGANISATION.c.id == row.organisation_id)
    return called(session.scalar(named) if session is not None else None, row.organisation_id)


def called(name: str | None, organisation_id: int) -> str:
    """Return an organisation's name, or what to call one that was erased."""
    return name or f"Organisation {organisation_id}, which is gone"
