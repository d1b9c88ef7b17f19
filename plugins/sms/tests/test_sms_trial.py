"""The provider without a network: outcomes by the last two digits."""

import pytest
from connectpulse_sms.simulator.trial import RECEIPTS, REFUSALS, SILENT, TrialProvider
from sms_scene import Inbox, in_loop, messages, submission

from connectpulse.core.api import Accepted, MessageState, Outcome, Receipt, Rejected, Submission, TryLater, Unknown


def ending(digits: str) -> Submission:
    return submission(int(digits), address=f"+9230012345{digits}")


async def sent(digits: str, attempts: int = 1) -> tuple[list[Outcome], list[MessageState]]:
    """Return the outcome of each attempt, and the states reported until the provider closed."""
    inbox = Inbox()
    provider = TrialProvider({"receipt_delay": 3600}, inbox)
    await provider.open()
    outcomes = [(await provider.send_batch([ending(digits)]))[0] for _ in range(attempts)]
    await provider.close()
    return outcomes, [event.state for event in inbox.events if isinstance(event, Receipt)]


@in_loop
async def test_most_numbers_are_delivered() -> None:
    assert await sent("01") == ([Accepted(("token-1",))], [MessageState.DELIVERED])


@in_loop
async def test_states_by_receipt() -> None:
    for digits, (_, state) in RECEIPTS.items():
        outcomes, states = await sent(digits)
        assert isinstance(outcomes[0], Accepted)
        assert states == [state]


@in_loop
async def test_refusals_at_once() -> None:
    for digits, refusal in REFUSALS.items():
        assert await sent(digits) == ([refusal], [])
        assert isinstance(refusal, Rejected)
        assert TrialProvider.errors[refusal.code] == (refusal.error, refusal.reason)


@in_loop
async def test_some_numbers_never_get_a_receipt() -> None:
    outcomes, states = await sent(SILENT)
    assert isinstance(outcomes[0], Accepted)
    assert states == []


@pytest.mark.parametrize(("digits", "first"), [("96", TryLater), ("97", Unknown)])
def test_a_second_attempt_succeeds(digits: str, first: type[Outcome]) -> None:
    @in_loop
    async def run() -> None:
        outcomes, states = await sent(digits, attempts=2)
        assert isinstance(outcomes[0], first)
        assert outcomes[1] == Accepted((f"token-{digits}",))
        assert states == [MessageState.DELIVERED]

    run()


@in_loop
async def test_a_message_sent_twice_is_one_message() -> None:
    outcomes, _ = await sent("01", attempts=2)
    assert outcomes[0] == outcomes[1]


@in_loop
async def test_receipts_come_without_closing_and_name_their_recipient() -> None:
    inbox = Inbox()
    provider = TrialProvider({"receipt_delay": 0}, inbox)
    await provider.send_batch(messages(3))
    events = await inbox.receive(3)
    assert {event.address for event in events} == {one.address for one in messages(3)}
    assert (await provider.check()).is_working
    await provider.close()


def test_the_summary_tells_the_table() -> None:
    for digits in (*RECEIPTS, *REFUSALS, "96", "97", SILENT):
        assert digits in TrialProvider.summary
        assert digits in str(TrialProvider.__doc__)
    assert TrialProvider.disclosure({}).hosts == ()
