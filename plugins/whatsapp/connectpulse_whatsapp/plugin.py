"""What the WhatsApp plugin offers to the house."""

from importlib.metadata import version

from connectpulse.core.api import (
    AuditAction,
    Channel,
    PluginInfo,
    PluginKind,
    Provider,
    RetentionRule,
    SubjectHandler,
    Trial,
    hookimpl,
)

from .channel import WhatsAppChannel
from .cloud.provider import CloudProvider
from .simulator.scene import TRIAL
from .simulator.trial import TrialProvider
from .twilio.provider import TwilioProvider


class WhatsAppPlugin:
    """Messages on WhatsApp over Meta's Cloud API or Twilio, and a simulator. There are no tables of its own."""

    @hookimpl
    def pulse_plugin(self) -> PluginInfo:
        """Say who this plugin is."""
        return PluginInfo(
            name="whatsapp",
            version=version("connectpulse-whatsapp"),
            title="WhatsApp",
            contact="the maintainers of Connect Pulse",
            kinds=frozenset({PluginKind.CHANNEL, PluginKind.PROVIDER}),
            summary="Templates and answers on WhatsApp over Meta's Cloud API or Twilio, and a simulator for trials.",
        )

    @hookimpl
    def pulse_retention_rules(self) -> list[RetentionRule]:
        """Return none: there are no tables."""
        return []

    @hookimpl
    def pulse_subject_data(self) -> list[SubjectHandler]:
        """Return none: there are no tables."""
        return []

    @hookimpl
    def pulse_audit_actions(self) -> list[AuditAction]:
        """Return none: the plugin acts on nobody's behalf."""
        return []

    @hookimpl
    def pulse_channels(self) -> list[Channel]:
        """Return the WhatsApp channel."""
        return [WhatsAppChannel()]

    @hookimpl
    def pulse_providers(self) -> list[type[Provider]]:
        """Return the ways to send."""
        return [CloudProvider, TwilioProvider, TrialProvider]

    @hookimpl
    def pulse_trials(self) -> list[Trial]:
        """Return how messages on WhatsApp are tried out."""
        return [TRIAL]
