"""What the e-mail plugin offers to the house."""

from datetime import timedelta
from importlib.metadata import version

from connectpulse.core.api import (
    AuditAction,
    Channel,
    Door,
    Duty,
    Personal,
    PluginInfo,
    PluginKind,
    Provider,
    Report,
    RetentionRule,
    SubjectHandler,
    Then,
    Trial,
    View,
    by_contact,
    either,
    hookimpl,
    subject_handler,
)

from . import standing
from .bounces import weary
from .channel import EmailChannel
from .mailgun import MailgunProvider
from .models import Choices, DomainKey, EmailEvent, SenderDomain
from .sendgrid import SendGridProvider
from .ses import SesProvider
from .sink.scene import TRIAL
from .smtp.provider import SmtpProvider
from .tracking import figures, people
from .tracking.doors import DOORS
from .trial import TrialProvider


class EmailPlugin:
    """Letters over SMTP or by the interfaces of others, and a simulator."""

    @hookimpl
    def pulse_plugin(self) -> PluginInfo:
        """Say who this plugin is."""
        return PluginInfo(
            name="email",
            version=version("connectpulse-email"),
            title="E-mail",
            contact="the maintainers of Connect Pulse",
            kinds=frozenset({PluginKind.CHANNEL, PluginKind.PROVIDER}),
            owns_tables=("email_choices", "email_domain", "email_event", "email_sender_domain"),
            migrations="connectpulse_email.migrations",
            summary="Letters in text and HTML over SMTP, Amazon SES, SendGrid or Mailgun, and a simulator for trials.",
        )

    @hookimpl
    def pulse_retention_rules(self) -> list[RetentionRule]:
        """Say how long each table's rows are kept."""
        return [
            RetentionRule(
                DomainKey, "changed_at", timedelta(days=90), Then.PURGE, "operation", final_only="state = 'retired'",
                title="Keys of e-mail domains",
            ),
            RetentionRule(SenderDomain, "created_at", None, Then.PURGE, "operation", title="Domains of senders"),
            RetentionRule(
                EmailEvent, "id", timedelta(days=90), Then.PURGE, "message log", ("contact_id",),
                kinds={"contact_id": Personal.MESSAGE_LOG}, least=timedelta(days=1), most=timedelta(days=365),
                title="Opens and clicks of letters",
            ),
            RetentionRule(Choices, "changed_at", None, Then.PURGE, "operation", title="Choices about letters"),
        ]  # fmt: skip

    @hookimpl
    def pulse_subject_data(self) -> list[SubjectHandler]:
        """Return who finds what a person opened and clicked."""
        return [
            subject_handler(
                EmailEvent,
                either(by_contact(EmailEvent), people.by_message),
                ("contact_id",),
                erase_row=True,
                beside=("id", "kind", "times"),
            )
        ]

    @hookimpl
    def pulse_audit_actions(self) -> list[AuditAction]:
        """Name the verbs written to the action log."""
        return [
            AuditAction("email.key_made", "{actor} made a key to sign letters of {object}."),
            AuditAction("email.key_used", "{actor} had letters of {object} signed with another key."),
            AuditAction("email.key_retired", "A key that signed letters of {object} was retired."),
            AuditAction("email.key_removed", "{actor} removed a key of {object}."),
            AuditAction("email.domain_added", "{actor} took up the sender domain {object}."),
            AuditAction("email.domain_changed", "{actor} changed where bounces of {object} go."),
            AuditAction("email.domain_removed", "{actor} removed the sender domain {object} and its keys."),
            AuditAction("email.domain_verified", "The records of the sender domain {object} are in order."),
            AuditAction("email.domain_lost", "The records of the sender domain {object} are not in order any more."),
            AuditAction("email.choices_changed", "{actor} changed what is counted of letters, and who may send them."),
        ]

    @hookimpl
    def pulse_duties(self) -> list[Duty]:
        """Name what comes round."""
        return [
            Duty("email.weary", "Suppressing addresses that bounce again and again", weary.EVERY, step=weary.look),
            Duty("email.domains", "Checking the domains of senders", standing.EVERY, call=standing.look_again),
        ]

    @hookimpl
    def pulse_doors(self) -> list[Door]:
        """Return where clicks and opens are counted."""
        return list(DOORS)

    @hookimpl
    def pulse_reports(self) -> list[Report]:
        """Return what came of letters, by campaign."""
        return [figures.REPORT]

    @hookimpl
    def pulse_views(self) -> list[View]:
        """Return the pages of domains and choices."""
        from .pages import VIEWS  # pages are loaded where there is a panel

        return list(VIEWS)

    @hookimpl
    def pulse_channels(self) -> list[Channel]:
        """Return the e-mail channel."""
        return [EmailChannel()]

    @hookimpl
    def pulse_providers(self) -> list[type[Provider]]:
        """Return the ways to send."""
        return [SmtpProvider, SesProvider, SendGridProvider, MailgunProvider, TrialProvider]

    @hookimpl
    def pulse_trials(self) -> list[Trial]:
        """Return how letters are tried out."""
        return [TRIAL]
