"""The life of a campaign: which step may follow which, and nothing else."""

from collections.abc import Mapping
from enum import StrEnum

from ..errors import Refused


class CampaignState(StrEnum):
    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    MISSED = "missed"

    @property
    def is_over(self) -> bool:
        return self in (_S.FINISHED, _S.CANCELLED, _S.FAILED)

    @property
    def is_editable(self) -> bool:
        return self in (_S.DRAFT, _S.MISSED)


_S = CampaignState

STEPS: Mapping[CampaignState, frozenset[CampaignState]] = {
    _S.DRAFT: frozenset({_S.AWAITING_APPROVAL, _S.SCHEDULED, _S.RUNNING, _S.CANCELLED}),
    _S.AWAITING_APPROVAL: frozenset({_S.DRAFT, _S.SCHEDULED, _S.RUNNING, _S.CANCELLED}),
    _S.SCHEDULED: frozenset({_S.DRAFT, _S.RUNNING, _S.MISSED, _S.CANCELLED, _S.FAILED}),
    _S.RUNNING: frozenset({_S.PAUSED, _S.FINISHED, _S.CANCELLED, _S.FAILED}),
    _S.PAUSED: frozenset({_S.RUNNING, _S.CANCELLED, _S.FINISHED, _S.FAILED}),
    _S.MISSED: frozenset({_S.DRAFT, _S.SCHEDULED, _S.AWAITING_APPROVAL, _S.RUNNING, _S.CANCELLED}),
    _S.FINISHED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.FAILED: frozenset(),
}


def check_step(current: CampaignState, target: CampaignState) -> None:
    """Raise Refused unless a campaign that is `current` may become `target`."""
    if target not in STEPS[current]:
        raise Refused(
            f"This campaign is {current.value.replace('_', ' ')}; it cannot become {target.value.replace('_', ' ')}."
        )


def states_before(target: CampaignState) -> list[str]:
    """Return the states from which `target` may be reached, for a conditional update."""
    return [state.value for state, targets in STEPS.items() if target in targets]
