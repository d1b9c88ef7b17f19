"""What billing offers to the house: the sum of its areas."""

from importlib.metadata import version

from connectpulse.core.api import (
    Act,
    AuditAction,
    Card,
    Door,
    Duty,
    HealthCheck,
    Job,
    Ledger,
    Limit,
    PaymentGateway,
    PluginInfo,
    PluginKind,
    Report,
    RestoreCheck,
    RetentionRule,
    Role,
    SubjectHandler,
    View,
    Work,
    hookimpl,
)

from . import buying, invoicing, ledger, overview, rates, subscriptions
from .buying import settled
from .invoicing import entities, invoices
from .ledger import trial
from .ledger.unit_ledger import UnitLedger
from .rates import prices
from .subscriptions import charging, limiting

AREAS = (ledger.AREA, rates.AREA, buying.AREA, subscriptions.AREA, invoicing.AREA, overview.AREA)


ROLES = (
    Role("Billing manager", "Buys units, looks after the subscription and invoices of an organisation."),
    Role("Finance auditor", "Reads everything about money of every organisation, changes nothing.", is_platform=True),
)  # fmt: skip

settled.PAID = (invoices.issue_for_order, charging.paid)
settled.REVERSED = (invoices.issue_for_reversal, charging.reversed_)
settled.SELLERS = (entities.seller,)
prices.PLAN_OF[:] = [limiting.plan_of]


class BillingPlugin:
    """Organisations buy units, campaigns spend them, and every unit can be traced."""

    @hookimpl
    def pulse_plugin(self) -> PluginInfo:
        """Say who this plugin is."""
        return PluginInfo(
            name="billing",
            version=version("connectpulse-billing"),
            title="Billing",
            contact="https://github.com/connectpulse/connectpulse",
            kinds=frozenset({PluginKind.BILLING}),
            owns_tables=tuple(rule.model.__tablename__ for area in AREAS for rule in area.rules),
            migrations="connectpulse_billing.migrations",
            summary="Units, rate cards, purchases, subscriptions and invoices.",
        )

    @hookimpl
    def pulse_retention_rules(self) -> list[RetentionRule]:
        """Say how long each table's rows are kept."""
        return [each for area in AREAS for each in area.rules]

    @hookimpl
    def pulse_subject_data(self) -> list[SubjectHandler]:
        """Say how a person's rows are found, exported, corrected and erased."""
        return [each for area in AREAS for each in area.handlers]

    @hookimpl
    def pulse_audit_actions(self) -> list[AuditAction]:
        """Name the verbs written to the action log."""
        return [each for area in AREAS for each in area.actions]

    @hookimpl
    def pulse_ledger(self) -> Ledger:
        """Keep every organisation's units."""
        return UnitLedger()

    @hookimpl
    def pulse_demo(self, work: Work) -> None:
        """Give an organisation of a demonstration units to try."""
        trial.furnish(work)

    @hookimpl
    def pulse_views(self) -> list[View]:
        """Add the pages."""
        return [each for area in AREAS for each in area.views()]

    @hookimpl
    def pulse_health(self) -> list[HealthCheck]:
        """Add checks to the System page."""
        return [each for area in AREAS for each in area.checks]

    @hookimpl
    def pulse_dashboard(self) -> list[Card]:
        """Add figures to the home page."""
        return [each for area in AREAS for each in area.cards]

    @hookimpl
    def pulse_reports(self) -> list[Report]:
        """Add tables to the reports page."""
        return [each for area in AREAS for each in area.reports]

    @hookimpl
    def pulse_restore_checks(self) -> list[RestoreCheck]:
        """Say what must hold after a restore."""
        return [each for area in AREAS for each in area.restore_checks]

    @hookimpl
    def pulse_payment_gateways(self) -> list[PaymentGateway]:
        """Offer ways to pay."""
        return [each for area in AREAS for each in area.gateways()]

    @hookimpl
    def pulse_doors(self) -> list[Door]:
        """Answer payment gateways."""
        return [each for area in AREAS for each in area.doors]

    @hookimpl
    def pulse_jobs(self) -> list[Job]:
        """Name the work in the background."""
        return [each for area in AREAS for each in area.jobs]

    @hookimpl
    def pulse_duties(self) -> list[Duty]:
        """Name what comes round."""
        return [each for area in AREAS for each in area.duties]

    @hookimpl
    def pulse_acts(self) -> list[Act]:
        """Name what two people do."""
        return [each for area in AREAS for each in area.acts]

    @hookimpl
    def pulse_roles(self) -> list[Role]:
        """Bring the roles of those who look after money."""
        return list(ROLES)

    @hookimpl
    def pulse_limits(self) -> list[Limit]:
        """Say what plans allow."""
        return [each for area in AREAS for each in area.limits]
