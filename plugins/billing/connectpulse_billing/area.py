"""The areas that billing is made of, and what each of them hands to the house."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from connectpulse.core.api import (
    Act,
    AuditAction,
    Card,
    Door,
    Duty,
    HealthCheck,
    Job,
    Limit,
    PaymentGateway,
    Report,
    RestoreCheck,
    RetentionRule,
    SubjectHandler,
    View,
)


def _no_views() -> Sequence[View]:
    return ()


def _no_gateways() -> Sequence[PaymentGateway]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """What one part of billing brings and owes. Every table of an area has its rule here.

    `views` is called only where pages are served: the panel is not there in a worker.
    """

    rules: Sequence[RetentionRule] = ()
    handlers: Sequence[SubjectHandler] = ()
    actions: Sequence[AuditAction] = ()
    checks: Sequence[HealthCheck] = ()
    cards: Sequence[Card] = ()
    reports: Sequence[Report] = ()
    restore_checks: Sequence[RestoreCheck] = ()
    doors: Sequence[Door] = ()
    jobs: Sequence[Job] = ()
    duties: Sequence[Duty] = ()
    acts: Sequence[Act] = ()
    limits: Sequence[Limit] = ()
    gateways: Callable[[], Sequence[PaymentGateway]] = field(default=_no_gateways)
    views: Callable[[], Sequence[View]] = field(default=_no_views)
