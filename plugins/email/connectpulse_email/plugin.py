"""What the e-mail plugin offers to the house."""

from importlib.metadata import version

from connectpulse.core.api import (
    AuditAction,
    Channel,
    PluginInfo,
    PluginKind,
    Provider,
    RetentionRule,
    SubjectHandler,
    hookimpl,
)

from .channel import EmailChannel


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
            summary="Letters in text and HTML over SMTP, signed, with bounces read, and a simulator for trials.",
        )

    @hookimpl
    def pulse_retention_rules(self) -> list[RetentionRule]:
        """Say how long each table's rows are kept."""
        return []

    @hookimpl
    def pulse_subject_data(self) -> list[SubjectHandler]:
        """Say how a person's rows are found, exported, corrected and erased."""
        return []

    @hookimpl
    def pulse_audit_actions(self) -> list[AuditAction]:
        """Name the verbs written to the action log."""
        return []

    @hookimpl
    def pulse_channels(self) -> list[Channel]:
        """Return the e-mail channel."""
        return [EmailChannel()]

    @hookimpl
    def pulse_providers(self) -> list[type[Provider]]:
        """Return the ways to send."""
        return []
