"""What the retention commands do."""

from ..core.errors import Refused
from ..core.services.retention import clock, engine, report
from ..core.services.work import Actor
from ..core.storage import guard
from ..core.storage.models import RetentionRun
from ..house import House

COMMAND = Actor("command", "connectpulse retention")


def run(house: House) -> RetentionRun:
    """Do a run now; raise Refused while another goes on, or the clock is in doubt."""
    with house.work(COMMAND) as work:
        engine.start(work)
        work.wakes.clear()  # this process does it itself
    run_id = engine.run_due(house.work)
    if run_id is None:
        raise Refused("Another run has begun in this moment.")
    with house.work(COMMAND) as work:
        return work.session.get_one(RetentionRun, run_id)


def table(house: House) -> list[list[str]]:
    """Return the report as rows of text, headings first."""
    with house.work(COMMAND) as work, guard.platform_scope(work.session, "report on retention"):
        return [list(report.COLUMNS), *report.table(report.lines(work, clock.now(work)))]


def confirm(house: House) -> None:
    """Say that the database's clock is right."""
    with house.work(COMMAND) as work:
        clock.confirm(work, clock.now(work), clock.uptime())
