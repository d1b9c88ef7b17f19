"""A plugin that implements every hook there is, each with one thing."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from connectpulse.core.api import (
    Act,
    Allowance,
    Answer,
    AuditAction,
    BigId,
    Card,
    Channel,
    CreatedAt,
    Door,
    Duty,
    Field,
    Health,
    HealthCheck,
    Job,
    Ledger,
    Limit,
    Measure,
    Movement,
    Owned,
    PaymentGateway,
    PluginInfo,
    PluginKind,
    Price,
    Pricer,
    Provider,
    Report,
    RestoreCheck,
    RetentionRule,
    Role,
    SubjectHandler,
    Table,
    Tariff,
    Then,
    Trial,
    View,
    Work,
    by_contact,
    hookimpl,
    subject_handler,
)
from tests.plugins.postcard import PostcardChannel, PostProvider

FURNISHED: list[int] = []
"""Organisations that were given what a trial needs."""


class Thing(Owned, Table):
    __tablename__ = "complete_thing"

    id: Mapped[BigId]
    contact_id: Mapped[int]
    created_at: Mapped[CreatedAt]


class CompleteChannel(PostcardChannel):
    name = "complete"


class CompleteProvider(PostProvider):
    name = "complete"
    channel = "complete"


class CompleteLedger(Ledger):
    name = "complete"

    def pricer(self, work: Work, tariff: Tariff) -> Pricer:
        def price(address: str, measure: Measure) -> Price:
            return Price(Decimal(measure.quantity))

        return price

    def balance(self, work: Work, organisation_id: int) -> Decimal | None:
        return Decimal(0)

    def reserve(
        self, work: Work, tariff: Tariff, campaign_id: int | None, units: Decimal, *, day: date | None = None
    ) -> None:
        """Set nothing aside."""

    def settle(self, work: Work, movements: Sequence[Movement]) -> None:
        """Charge nothing."""


def sync(thing_id: int) -> None:
    """Do nothing with a thing."""


class CompletePlugin:
    @hookimpl
    def pulse_plugin(self) -> PluginInfo:
        kinds = frozenset({PluginKind.CHANNEL, PluginKind.BILLING})
        return PluginInfo(
            "complete", "1.0", "Complete", "test@example.com", kinds,
            owns_tables=("complete_thing",), migrations="connectpulse_complete_migrations",
        )  # fmt: skip

    @hookimpl
    def pulse_retention_rules(self) -> list[RetentionRule]:
        return [RetentionRule(Thing, "created_at", timedelta(days=1), Then.PURGE, "a trial", ("contact_id",))]

    @hookimpl
    def pulse_subject_data(self) -> list[SubjectHandler]:
        return [subject_handler(Thing, by_contact(Thing), ("contact_id",), erase_row=True)]

    @hookimpl
    def pulse_audit_actions(self) -> list[AuditAction]:
        return [AuditAction("complete.done", "{actor} did {object}.")]

    @hookimpl
    def pulse_channels(self) -> list[Channel]:
        return [CompleteChannel()]

    @hookimpl
    def pulse_providers(self) -> list[type[Provider]]:
        return [CompleteProvider]

    @hookimpl
    def pulse_ledger(self) -> Ledger:
        return CompleteLedger()

    @hookimpl
    def pulse_payment_gateways(self) -> list[PaymentGateway]:
        return [PaymentGateway("complete", "Bank", (Field("account", "Account"),), dict)]

    @hookimpl
    def pulse_views(self) -> list[View]:
        return [View(object, "Things", may={"read": ("Thing keeper", "Analyst"), "write": ("Thing keeper",)})]

    @hookimpl
    def pulse_roles(self) -> list[Role]:
        return [Role("Thing keeper", "Keeps things.", reads=("Campaigns",))]

    @hookimpl
    def pulse_doors(self) -> list[Door]:
        return [Door("thing", lambda work, knock: Answer(text=knock.rest))]

    @hookimpl
    def pulse_jobs(self) -> list[Job]:
        return [Job("complete.count", step=lambda work, subject_id: False)]

    @hookimpl
    def pulse_duties(self) -> list[Duty]:
        return [Duty("complete.tidy", "Tidying up", timedelta(hours=1), step=lambda work: None)]

    @hookimpl
    def pulse_acts(self) -> list[Act]:
        return [Act("complete.burn", "Burn a thing", "Things", lambda work, subject_id, facts: None)]

    @hookimpl
    def pulse_limits(self) -> list[Limit]:
        return [Limit("complete_limit", lambda work, organisation_id: Allowance(users=9))]

    @hookimpl
    def pulse_tasks(self, huey: Any) -> None:
        huey.task(name="complete.sync")(sync)

    @hookimpl
    def pulse_reports(self) -> list[Report]:
        return [Report("complete_things", "Things", ("id",), lambda work, limit: [])]

    @hookimpl
    def pulse_health(self) -> list[HealthCheck]:
        return [HealthCheck("complete_health", lambda work: Health("complete_health", True))]

    @hookimpl
    def pulse_dashboard(self) -> list[Card]:
        return [Card("complete_card", "Things", lambda work: "1")]

    @hookimpl
    def pulse_demo(self, work: Work) -> None:
        FURNISHED.append(work.organisation_id)

    @hookimpl
    def pulse_trials(self) -> list[Trial]:
        program = "connectpulse_complete.simulator"
        return [Trial("complete", program, "complete", dict, ("name", "Complete"), {"body": "Hi"}, str)]

    @hookimpl
    def pulse_restore_checks(self) -> list[RestoreCheck]:
        return [RestoreCheck("complete_sums", lambda work: Health("complete_sums", True))]
