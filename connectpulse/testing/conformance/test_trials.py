"""A trial runs: its simulator serves, takes over what is sent to it, counts right and forgets."""

from connectpulse.core.domain import form
from connectpulse.core.domain.trial import Trial
from connectpulse.house import House
from connectpulse.testing.line import send
from connectpulse.testing.simulator import Simulator


def test_a_trial_sends_what_its_channel_can_carry(trial: Trial, house: House, organisation: int) -> None:
    channel = house.registry.channel(trial.name)
    provider = house.registry.provider(trial.provider)
    assert provider.channel == trial.name
    assert {kind.name: kind for kind in channel.sender_kinds}[trial.sender[0]].check(trial.sender[1]) is None
    channel.check_content(form.read(channel.content_form, trial.content), frozenset({"name", "first_name", "city"}))
    people = [channel.normalise(trial.address(n), "PK") for n in range(200)]
    assert len(set(people)) == 200, "everybody has an address of their own"
    assert trial.recipients > 0
    assert trial.window > 0


def test_the_simulator_of_a_trial_counts_what_it_takes_over(trial: Trial, house: House, organisation: int) -> None:
    channel = house.registry.channel(trial.name)
    address = channel.normalise(trial.address(1), "PK")
    content = form.read(channel.content_form, trial.content)
    with Simulator(trial, "--undeliverable", "0") as simulator:
        assert simulator.record()["messages"] == 0
        sent = send(
            house, organisation, trial.provider, simulator.settings(), address, content,
            sender=trial.sender[1], values={name: "x" for name in channel.names(content)},
        )  # fmt: skip
        record = simulator.record()
        assert sent.state.is_final or sent.state.label in ("accepted", "sent")
        assert (record["messages"], record["duplicates"], record["incomplete"]) == (1, 0, 0)
        assert {"delivered", "undeliverable", "waiting"} <= set(record)
        assert len(simulator.sent_to(address)) == 1
        simulator.reset()
        assert simulator.record()["messages"] == 0
        assert simulator.sent_to(address) == []
