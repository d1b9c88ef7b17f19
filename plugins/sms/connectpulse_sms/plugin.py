"""What the SMS plugin offers to the house."""

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

from .channel import SmsChannel
from .gateway import GatewayProvider
from .simulator.scene import TRIAL
from .simulator.trial import TrialProvider
from .smpp.provider import SmppProvider
from .twilio import TwilioProvider
from .vonage import VonageProvider


class SmsPlugin:
    """Text messages over SMPP or HTTP, and a simulator. It keeps no tables: core stores every message."""

    @hookimpl
    def pulse_plugin(self) -> PluginInfo:
        """Say who this plugin is."""
        return PluginInfo(
            name="sms",
            version=version("connectpulse-sms"),
            title="SMS",
            contact="the maintainers of Connect Pulse",
            kinds=frozenset({PluginKind.CHANNEL, PluginKind.PROVIDER}),
            summary="Text messages over SMPP 3.4, an HTTP gateway, Twilio or Vonage, and a simulator for trials.",
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
        """Return the SMS channel."""
        return [SmsChannel()]

    @hookimpl
    def pulse_providers(self) -> list[type[Provider]]:
        """Return the ways to send."""
        return [SmppProvider, GatewayProvider, TwilioProvider, VonageProvider, TrialProvider]

    @hookimpl
    def pulse_trials(self) -> list[Trial]:
        """Return how text messages are tried out."""
        return [TRIAL]
