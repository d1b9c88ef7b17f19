"""What one run of the demo says: the simulator's own count beside the database's, and where they disagree."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..core.domain.message import MessageState
from ..core.services.overview import Progress


@dataclass(frozen=True, slots=True)
class Verdict:
    """The figures of one campaign. `submitted` and `duplicates` are the simulator's, the others ours.

    `accepted` were taken over, and nobody has said since what became of them: all that is heard of most messages
    where no deliveries are reported. `lost` are the recipients of whom nothing is known: neither a final state nor
    that it is unknown.
    """

    recipients: int
    submitted: int
    accepted: int
    delivered: int
    undeliverable: int
    unknown: int
    lost: int
    duplicates: int
    seconds: float
    messages_per_second: int

    def as_mapping(self) -> dict[str, int | float]:
        """Return the figures by name, in this order."""
        return asdict(self)


def judge(progress: Progress, record: Mapping[str, Any], seconds: float) -> Verdict:
    """Return the figures of a campaign that ended after `seconds`."""
    settled = sum(progress.state(state) for state in MessageState if state.is_final) - progress.state(
        MessageState.SKIPPED
    )
    return Verdict(
        recipients=progress.addressed,
        submitted=int(record["messages"]),
        accepted=progress.unanswered,
        delivered=progress.delivered,
        undeliverable=progress.state(MessageState.UNDELIVERABLE),
        unknown=progress.unknown,
        lost=progress.addressed - settled - progress.unknown - progress.unanswered,
        duplicates=int(record["duplicates"]),
        seconds=round(seconds, 2),
        messages_per_second=round(progress.addressed / seconds) if seconds else 0,
    )


def disagreements(
    verdict: Verdict, record: Mapping[str, Any], expected: int, *, reports_delivery: bool = True
) -> list[str]:
    """Return where simulator and database, or either and what was asked for, do not agree."""
    unknown = verdict.unknown
    known = verdict.recipients - unknown
    told = {
        "delivered": verdict.delivered if reports_delivery else verdict.delivered + verdict.accepted,
        "undeliverable": verdict.undeliverable,
    }
    found = [
        f"The simulator says {state} of {record[state]}, the database of {ours}."
        for state, ours in told.items()
        if not ours <= record[state] <= ours + unknown
    ]
    if reports_delivery and verdict.accepted:
        found.append(f"Nothing was reported of {verdict.accepted} messages.")
    if not known <= verdict.submitted <= verdict.recipients:
        found.append(f"The simulator took {verdict.submitted} messages, the database sent {known}.")
    if verdict.recipients != expected:
        found.append(f"{expected} people should have been written to, and {verdict.recipients} were.")
    if verdict.duplicates:
        found.append(f"{verdict.duplicates} messages were submitted twice.")
    if verdict.lost:
        found.append(f"{verdict.lost} messages were lost.")
    if record["incomplete"]:
        found.append(f"{record['incomplete']} messages lack parts.")
    return found
