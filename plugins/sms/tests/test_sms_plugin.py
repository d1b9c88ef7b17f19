"""What the plugin hands to the house."""

import pluggy
from connectpulse_sms.plugin import SmsPlugin

from connectpulse.core.api import PluginKind
from connectpulse.core.hookspecs import NAMESPACE, Hooks


def test_every_hook_it_implements_is_one_of_the_house() -> None:
    house = pluggy.PluginManager(NAMESPACE)
    house.add_hookspecs(Hooks)
    house.register(SmsPlugin())
    house.check_pending()
    (info,) = house.hook.pulse_plugin()
    assert (info.name, info.kinds, info.owns_tables) == ("sms", {PluginKind.CHANNEL, PluginKind.PROVIDER}, ())
    assert [channel.name for channel in house.hook.pulse_channels()[0]] == ["sms"]
    providers = house.hook.pulse_providers()[0]
    assert {"smpp", "simulator"} <= {provider.name for provider in providers}
    assert {provider.channel for provider in providers} == {"sms"}
    assert (
        house.hook.pulse_retention_rules()
        == house.hook.pulse_subject_data()
        == house.hook.pulse_audit_actions()
        == [[]]
    )
