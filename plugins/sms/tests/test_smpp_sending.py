"""Long messages of which the SMSC takes some parts and not others."""

from datetime import timedelta

import pytest
from connectpulse_sms.smpp import status
from connectpulse_sms.smpp.inbound import parse_part
from connectpulse_sms.smpp.pdu import SUBMIT_SM, parse_message
from connectpulse_sms.smpp.sending import PART_ATTEMPTS, fold_parts
from sms_scene import Caller, Inbox, in_loop, opened, scripted, submission

from connectpulse.core.api import (
    Accepted,
    ErrorClass,
    MessageState,
    Outcome,
    Receipt,
    Rejected,
    TryLater,
    Unknown,
)

LONG = "A text that takes several parts. " * 12
ACCEPTED = Accepted(("m1",))
REFUSED = Rejected("invalid_recipient", ErrorClass.RECIPIENT, "0x0B")
LATER = TryLater(timedelta(0), ErrorClass.THROTTLE, "throttled", "0x58")


@pytest.mark.parametrize(
    ("parts", "whole", "failed"),
    [
        ([ACCEPTED], ACCEPTED, []),
        ([REFUSED], REFUSED, []),
        ([ACCEPTED, Accepted(("m2",))], Accepted(("m1", "m2")), []),
        ([REFUSED, REFUSED], REFUSED, []),
        ([LATER, LATER], LATER, []),
        ([LATER, REFUSED], REFUSED, []),
        ([ACCEPTED, Unknown(), REFUSED], Unknown(), []),
        ([ACCEPTED, REFUSED], Accepted(("m1", "token-1/2"), 1), [MessageState.UNDELIVERABLE]),
        ([LATER, ACCEPTED, ACCEPTED], Accepted(("m1", "m1", "token-1/1"), 2), [MessageState.FAILED]),
    ],
)
def test_a_message_is_what_its_parts_are(parts: list[Outcome], whole: Outcome, failed: list[MessageState]) -> None:
    outcome, receipts = fold_parts(submission(), parts)
    assert outcome == whole
    assert [receipt.state for receipt in receipts] == failed
    assert {receipt.address for receipt in receipts} <= {"+923000000001"}


class Stubborn:
    """Accepts parts but those with `number`, which it answers with the next of `statuses`, then accepts."""

    def __init__(self, number: int, statuses: list[int]) -> None:
        self.number = number
        self.statuses = statuses
        self.accepted: list[int] = []

    async def __call__(self, caller: Caller) -> None:
        await caller.bind()
        while True:
            asked = await caller.next()
            if asked[0] != SUBMIT_SM:
                caller.answer(asked)
                continue
            part = parse_part(parse_message(asked[3]))
            if part.number == self.number and self.statuses:
                caller.answer(asked, status=self.statuses.pop(0))
            else:
                self.accepted.append(part.number)
                caller.answer(asked, b"m%d\0" % part.number)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let throttled parts be repeated without a pause."""
    monkeypatch.setitem(status._OUTCOMES, status.Status.ESME_RTHROTTLED, LATER)


@pytest.mark.usefixtures("at_once")
@in_loop
async def test_a_throttled_part_alone_is_repeated() -> None:
    smsc = Stubborn(2, [0x58, 0x58])
    inbox = Inbox()
    async with scripted(smsc) as port, opened(port, inbox) as provider:
        outcomes = await provider.send_batch([submission(1, LONG), submission(2)])
    assert outcomes[0] == Accepted(("m1", "m2", "m3"))
    assert isinstance(outcomes[1], Accepted)
    assert sorted(smsc.accepted) == [1, 1, 2, 3]
    assert inbox.events == []


@pytest.mark.usefixtures("at_once")
@in_loop
async def test_a_part_that_is_never_taken_fails_the_message_and_is_not_billed() -> None:
    smsc = Stubborn(2, [0x58] * (PART_ATTEMPTS + 1))
    inbox = Inbox()
    async with scripted(smsc) as port, opened(port, inbox) as provider:
        (outcome,) = await provider.send_batch([submission(1, LONG)])
    assert outcome == Accepted(("m1", "m3", "token-1/2"), 2)
    assert inbox.events == [Receipt("token-1/2", MessageState.FAILED, "0x58", "throttled", address="+923000000001")]
    assert smsc.statuses == []


@in_loop
async def test_a_refused_part_fails_the_message() -> None:
    smsc = Stubborn(3, [0x65])
    inbox = Inbox()
    async with scripted(smsc) as port, opened(port, inbox) as provider:
        (outcome,) = await provider.send_batch([submission(1, LONG)])
    assert outcome == Accepted(("m1", "m2", "token-1/3"), 2)
    (receipt,) = inbox.events
    assert isinstance(receipt, Receipt)
    assert receipt.state is MessageState.REJECTED


@in_loop
async def test_a_lost_part_makes_the_message_unknown() -> None:
    async def script(caller: Caller) -> None:
        await caller.bind()
        asked = await caller.submits(3)
        caller.answer(asked[0], b"m1\0")
        caller.answer(asked[2], b"m3\0")
        await caller.wait_closed()

    async with scripted(script) as port, opened(port, Inbox(), response_timeout=0.1) as provider:
        assert await provider.send_batch([submission(1, LONG)]) == [Unknown()]


@in_loop
async def test_a_report_that_is_not_taken_in_does_not_lose_the_outcome() -> None:
    smsc = Stubborn(3, [0x65])
    inbox = Inbox(failures=1)
    async with scripted(smsc) as port, opened(port, inbox) as provider:
        (outcome,) = await provider.send_batch([submission(1, LONG)])
    assert isinstance(outcome, Accepted)
    assert inbox.events == []
