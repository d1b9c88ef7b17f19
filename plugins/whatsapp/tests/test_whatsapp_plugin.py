"""What the plugin hands to the house, and the provider that needs no network."""

import pluggy
import pytest
from connectpulse_whatsapp.plugin import WhatsAppPlugin
from connectpulse_whatsapp.simulator.trial import TrialProvider
from whatsapp_scene import message, run

from connectpulse.core.api import (
    Accepted,
    Events,
    MessageState,
    Outcome,
    PluginKind,
    Receipt,
    Rejected,
    TryLater,
    Unknown,
)
from connectpulse.core.hookspecs import NAMESPACE, Hooks

S = MessageState


def test_every_hook_it_implements_is_one_of_the_house() -> None:
    house = pluggy.PluginManager(NAMESPACE)
    house.add_hookspecs(Hooks)
    house.register(WhatsAppPlugin())
    house.check_pending()
    (info,) = house.hook.pulse_plugin()
    assert (info.name, info.kinds, info.owns_tables) == ("whatsapp", {PluginKind.CHANNEL, PluginKind.PROVIDER}, ())
    assert [channel.name for channel in house.hook.pulse_channels()[0]] == ["whatsapp"]
    providers = house.hook.pulse_providers()[0]
    assert {"whatsapp_cloud", "whatsapp_simulator"} <= {provider.name for provider in providers}
    assert {provider.channel for provider in providers} == {"whatsapp"}


@pytest.mark.parametrize(
    ("digits", "kinds", "states"),
    [
        ("01", [Accepted], [S.SENT, S.DELIVERED]),
        ("02", [Accepted], [S.SENT, S.DELIVERED, S.READ]),
        ("91", [Accepted], [S.UNDELIVERABLE]),
        ("94", [Rejected], []),
        ("95", [Rejected], []),
        ("96", [TryLater, Accepted], [S.SENT, S.DELIVERED, S.READ]),
        ("97", [Unknown, Accepted], [S.SENT, S.DELIVERED]),
        ("98", [Accepted], []),
        ("99", [Accepted], [S.SENT]),
    ],
)
def test_a_trial_ends_as_its_number_says(digits: str, kinds: list[type[Outcome]], states: list[MessageState]) -> None:
    told: list[Receipt] = []

    async def intake(events: Events) -> None:
        told.extend(event for event in events if isinstance(event, Receipt))

    async def scene() -> list[Outcome]:
        provider = TrialProvider({"receipt_delay": 3600}, intake)
        await provider.open()
        outcomes = [(await provider.send_batch([message(f"+9232176543{digits}")]))[0] for _ in kinds]
        await provider.close()
        return outcomes

    assert [type(each) for each in run(scene())] == kinds
    assert [receipt.state for receipt in told] == states
    assert {receipt.reference for receipt in told} <= {"1f"}


def test_a_trial_that_stops_suppresses() -> None:
    told: list[Receipt] = []

    async def intake(events: Events) -> None:
        told.extend(event for event in events if isinstance(event, Receipt))

    async def scene() -> None:
        provider = TrialProvider({"receipt_delay": 0}, intake)
        await provider.send_batch([message("+923217654393")])
        await provider.close()

    run(scene())
    assert [(receipt.suppress, receipt.reason) for receipt in told] == [(True, "opted_out")]


@pytest.mark.parametrize(("digits", "billed"), [("01", (1, "")), ("89", (1, "utility")), ("90", (0, ""))])
def test_a_trial_tells_what_it_bills(digits: str, billed: tuple[int, str]) -> None:
    told: list[Receipt] = []

    async def intake(events: Events) -> None:
        told.extend(event for event in events if isinstance(event, Receipt))

    async def scene() -> None:
        provider = TrialProvider({"receipt_delay": 0}, intake)
        await provider.send_batch([message(f"+9232176543{digits}")])
        await provider.close()

    run(scene())
    assert {(receipt.quantity, receipt.category) for receipt in told} == {billed}
