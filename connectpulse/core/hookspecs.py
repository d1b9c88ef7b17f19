"""Every hook of Connect Pulse. A plugin implements the ones its kinds require and any others it likes.

Hooks are called once, at start. They hand over typed objects; the objects do the work, so that nothing
that happens while messages are sent depends on who else is installed. Implement them on a class or a
module, mark them with `hookimpl`, and name that object in the entry-point group `connectpulse.plugins`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pluggy

from .domain.acts import Act
from .domain.audit import AuditAction
from .domain.contracts import Channel, Ledger, PluginInfo, PluginKind
from .domain.doors import Door
from .domain.faces import Card, HealthCheck, PaymentGateway, Report, RestoreCheck, View
from .domain.jobs import Duty, Job
from .domain.limits import Limit
from .domain.provider import Provider
from .domain.retention import RetentionRule, SubjectHandler
from .domain.roles import Role
from .domain.trial import Trial

if TYPE_CHECKING:
    from huey import Huey

    from .services.work import Work

NAMESPACE = "connectpulse"
ENTRY_POINTS = "connectpulse.plugins"
hookspec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)


class Hooks:
    """The specifications. Types are promises: the loader refuses a plugin that returns anything else."""

    @hookspec
    def pulse_plugin(self) -> PluginInfo:
        """Say who this plugin is. Required of all.

        Returns: its name, version, kinds, and every table it owns.
        Example: `return PluginInfo("acme", "1.0", "Acme", "dev@acme.example", frozenset({PluginKind.TOOL}))`
        """

    @hookspec
    def pulse_retention_rules(self) -> list[RetentionRule]:
        """Say how long each table's rows are kept, and what then. Required of all; exactly one rule a table.

        Returns: one rule for every table the plugin owns, an empty list if it owns none.
        Example: `return [RetentionRule(Call, "created_at", timedelta(days=90), Then.PURGE, "call log")]`
        """

    @hookspec
    def pulse_subject_data(self) -> list[SubjectHandler]:
        """Say how a person's rows are found, exported, corrected, erased and restricted. Required of all.

        Returns: one handler for every table whose rule names personal columns, else an empty list.
        Example: `return [SubjectHandler(Call, find, export, rectify, erase, restrict)]`
        """

    @hookspec
    def pulse_audit_actions(self) -> list[AuditAction]:
        """Name the verbs this plugin writes to the action log. Required with views or tasks.

        Returns: one action per verb, each verb beginning with the plugin's name.
        Example: `return [AuditAction("acme.synced", "{actor} synchronised {object}")]`
        """

    @hookspec
    def pulse_channels(self) -> list[Channel]:
        """Offer ways to reach people. Required of kind `channel`.

        Returns: channel instances; names must be unique in the house.
        Example: `return [SmsChannel()]`
        """

    @hookspec
    def pulse_providers(self) -> list[type[Provider]]:
        """Offer adapters to gateways. Required of kinds `channel` and `provider`.

        Returns: provider classes; each names the channel it serves.
        Example: `return [SmppProvider, GatewayProvider]`
        """

    @hookspec
    def pulse_ledger(self) -> Ledger:
        """Keep the units. Required of kind `billing`; exactly one ledger is active.

        Returns: the ledger that takes the place of the unmetered one.
        Example: `return UnitLedger()`
        """

    @hookspec
    def pulse_payment_gateways(self) -> list[PaymentGateway]:
        """Offer ways to pay.

        Returns: gateways by name.
        Example: `return [PaymentGateway("bank", "Bank transfer", FORM, BankTransfer)]`
        """

    @hookspec
    def pulse_views(self) -> list[View]:
        """Add pages to the panel.

        Returns: Flask-AppBuilder view classes with their place in the menu.
        Example: `return [View(CallView, "Calls", category="Voice", may={"read": ("Analyst", "Dispatcher")})]`
        """

    @hookspec
    def pulse_roles(self) -> list[Role]:
        """Bring roles that people can be given beside core's, on the platform or in an organisation.

        Returns: roles by name; what each may do is said by the pages (`View.may`).
        Example: `return [Role("Dispatcher", "Plans calls.", reads=("Campaigns",))]`
        """

    @hookspec
    def pulse_tasks(self, huey: "Huey") -> None:
        """Declare background tasks, under explicit names that begin with the plugin's.

        Arguments: `huey`, the queue to decorate with. Tasks take ids and call services; they hold no state.
        Returns: nothing.
        Example: `huey.task(name="acme.sync")(sync)`
        """

    @hookspec
    def pulse_doors(self) -> list[Door]:
        """Answer machines and strangers on the open network, below `/hooks/<plugin>/`: payment callbacks, pages one
        comes back to, links that work without signing in.

        Returns: doors by name, small letters, digits and hyphens.
        Example: `return [Door("paid", take_callback), Door("stop", stop_page, methods=("GET", "POST"))]`
        """

    @hookspec
    def pulse_jobs(self) -> list[Job]:
        """Name pieces of work on one subject that survive a kill, and are submitted with `submit_job`.

        Returns: jobs by name, each beginning with the plugin's.
        Example: `return [Job("acme.fetch", call=fetch, give_up=say_why)]`
        """

    @hookspec
    def pulse_duties(self) -> list[Duty]:
        """Name what must be done every so often, by one worker at a time; the System page shows how it went.

        Returns: duties by name, each beginning with the plugin's; every one may be done twice.
        Example: `return [Duty("acme.compare", "Comparing the books", timedelta(days=1), step=compare)]`
        """

    @hookspec
    def pulse_acts(self) -> list[Act]:
        """Name what is done only after a second person said so, like giving money back.

        Returns: acts by name, each beginning with the plugin's.
        Example: `return [Act("acme.write_off", "Write a call off", "Calls", write_off, path="/calls/show/{id}")]`
        """

    @hookspec
    def pulse_limits(self) -> list[Limit]:
        """Say what an organisation may use: channels, users, requests to the API. Pages show it beforehand.

        Returns: limits by name; where several limit the same, the least holds.
        Example: `return [Limit("acme_plan", plan_of)]`
        """

    @hookspec
    def pulse_reports(self) -> list[Report]:
        """Add tables to the reports page. They are figures: a statement that reads contacts, names or credentials is
        refused, see Uses in docs/policy.md.

        Returns: reports by name.
        Example: `return [Report("acme_calls", "Calls by day", ("day", "calls"), rows)]`
        """

    @hookspec
    def pulse_health(self) -> list[HealthCheck]:
        """Add checks to the System page and to `/health.json`.

        Returns: checks by name; each must answer within a second.
        Example: `return [HealthCheck("acme_line", check_line)]`
        """

    @hookspec
    def pulse_dashboard(self) -> list[Card]:
        """Add figures to the home page. They read what reports may read.

        Returns: cards by name; each costs one bounded query at most.
        Example: `return [Card("acme_calls", "Calls today", calls_today, "fa-phone")]`
        """

    @hookspec
    def pulse_demo(self, work: "Work") -> None:
        """Make what a fresh organisation needs to try the house out, like units and prices. Called for the demo's
        organisation, for those of benchmarks and of tests, and never for one of a person.

        Arguments: `work`, bound to the organisation, in the transaction that makes it.
        Returns: nothing.
        Example: `grant(work, work.organisation_id, Decimal(1_000_000))`
        """

    @hookspec
    def pulse_trials(self) -> list[Trial]:
        """Let channels be tried from end to end with a simulator, by `make demo`, `make bench` and `make faults`.

        Returns: trials by the names of their channels, one each.
        Example: `return [Trial("pigeon", "acme.sim", "acme", settings, ("ring", "Acme"), {"body": "Hi"}, address)]`
        """

    @hookspec
    def pulse_restore_checks(self) -> list[RestoreCheck]:
        """Say what must hold in a database that was restored from a backup, like sums that agree.

        Returns: checks by name; each reads and changes nothing, and may take its time.
        Example: `return [RestoreCheck("acme_sums", check_sums)]`
        """


ALWAYS = frozenset({"pulse_plugin", "pulse_retention_rules", "pulse_subject_data"})
"""Hooks every plugin owes, whatever it does."""

BY_KIND: Mapping[PluginKind, frozenset[str]] = {
    PluginKind.CHANNEL: frozenset({"pulse_channels", "pulse_providers"}),
    PluginKind.PROVIDER: frozenset({"pulse_providers"}),
    PluginKind.BILLING: frozenset({"pulse_ledger"}),
    PluginKind.TOOL: frozenset(),
}
"""Hooks a plugin owes because of a kind it claims."""

BY_HOOK: Mapping[str, frozenset[str]] = {
    "pulse_views": frozenset({"pulse_audit_actions"}),
    "pulse_tasks": frozenset({"pulse_audit_actions"}),
    "pulse_doors": frozenset({"pulse_audit_actions"}),
    "pulse_jobs": frozenset({"pulse_audit_actions"}),
    "pulse_acts": frozenset({"pulse_audit_actions"}),
}
"""Hooks a plugin owes because of another hook it implements."""

SERVING = frozenset(
    {
        "pulse_channels",
        "pulse_providers",
        "pulse_ledger",
        "pulse_payment_gateways",
        "pulse_views",
        "pulse_roles",
        "pulse_tasks",
        "pulse_doors",
        "pulse_jobs",
        "pulse_duties",
        "pulse_acts",
        "pulse_limits",
        "pulse_reports",
        "pulse_health",
        "pulse_dashboard",
        "pulse_demo",
        "pulse_trials",
    }
)
"""Hooks that fall silent when a plugin is muted; its duties (retention, subjects, audit, what must
hold after a restore) go on."""
