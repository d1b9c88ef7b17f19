"""What an operator does with the action log from the command line: verify it, export it, mark where it ends."""

from pathlib import Path

from ..core.domain.settings import Settings
from ..core.services import audit
from ..core.services.action_log import checkpoints, exporting, verifying
from ..core.services.action_log.verifying import Report
from ..core.storage import ids
from ..core.storage.trust import trust
from ..house import House
from . import site


def verify(house: House) -> Report:
    """Verify the log in the database, and write down that it was."""
    house.require_database()
    report = verifying.verify(house.work)
    with house.work(site.operator()) as work:
        audit.record(work, "audit.verified", entries=report.entries, faults=report.sentences()[:20])
    return report


def verify_export(settings: Settings, folder: Path) -> Report:
    """Verify an export; needs the key of trust and no database."""
    trust.set(settings.trust_key)
    return exporting.verify(folder)


def export(house: House, folder: Path) -> int:
    """Write the whole log into a folder; return how many entries."""
    house.require_database()
    with house.work(site.operator()) as work:
        audit.record(work, "audit.exported", what="everything, to be verified")
    return exporting.export(house.work, folder)


def checkpoint(house: House) -> int:
    """Write a checkpoint now; return how many chains grew since the last."""
    house.require_database()
    return checkpoints.write(house.work, site.operator())


def told(report: Report) -> list[str]:
    """Return a report in sentences, one for each chain that holds, then what does not."""
    good = [
        f"{verifying.name(each.chain)}: {each.entries:,} entries hold, the last of "
        f"{ids.moment(each.last_id):%d %B %Y, %H:%M:%S} UTC."
        + (f" {each.erased:,} name nobody any more." if each.erased else "")
        for each in report.findings
        if not each.fault
    ]
    return [*good, *report.sentences()]
