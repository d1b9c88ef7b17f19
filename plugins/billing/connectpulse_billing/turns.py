"""Taking turns: what an organisation has once is looked for and made by one transaction at a time."""

from sqlalchemy import text

from connectpulse.core.api import Work

_WAIT = text("SELECT pg_advisory_xact_lock(hashtext(:what), CAST(:organisation % 2147483647 AS integer))")


def wait(work: Work, what: str) -> None:
    """Wait until no other transaction makes `what` for the work's organisation, and keep others from it until the end.

    Call it before looking whether it is there: then one of two that come at once sees what the other made.
    """
    work.session.execute(_WAIT, {"what": f"billing.{what}", "organisation": work.organisation_id})
