"""What a fresh organisation is given to try the house out: whatever the plugins make for one."""

from ..storage import guard
from .work import Work


def furnish(work: Work, organisation_id: int) -> None:
    """Bind `work` to an organisation that was just made, and let every plugin make what a demonstration needs.

    For the demo, benchmarks and tests; an organisation that a person makes begins with nothing.
    """
    work.organisation = organisation_id
    guard.bind(work.session, organisation_id)
    for make in work.registry.demos:
        make(work)
    work.session.flush()
