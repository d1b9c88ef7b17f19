"""What a part of core brings along: its verbs, its duties, its jobs, and its acts that need two people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..domain.acts import Act
from ..domain.audit import AuditAction
from ..domain.jobs import Job
from ..domain.retention import RetentionRule, SubjectHandler


def _none() -> list[SubjectHandler]:
    return []


@dataclass(frozen=True, slots=True)
class Part:
    """One part of core, joined with the others by `duties`. Rules and handlers are made when tables are mapped."""

    actions: Sequence[AuditAction]
    rules: Callable[[], list[RetentionRule]]
    handlers: Callable[[], list[SubjectHandler]] = _none
    jobs: Sequence[Job] = ()
    acts: Sequence[Act] = ()
