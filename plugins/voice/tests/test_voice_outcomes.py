"""What the end of a call means: the plan of calling again, keys, and who is at fault."""

from datetime import timedelta
from typing import Any

import pytest
from connectpulse_voice import outcomes
from connectpulse_voice.outcomes import Talk, answered, unanswered
from connectpulse_voice.sip import codes

from connectpulse.core.api import ErrorClass, Inbound, MessageState, Outcome, Receipt, Rejected, Submission, TryLater


def call(attempt: int = 1, validity: timedelta = timedelta(days=1), **content: Any) -> Submission:
    return Submission(
        7, "+923001234567", "+922135300000", "Hello", 1, validity, "7",
        shared={"content": content, "recordings": {}}, attempt=attempt,
    )  # fmt: skip


def after(minutes: int, reason: str) -> TryLater:
    return TryLater(timedelta(minutes=minutes), ErrorClass.RECIPIENT, reason, "486")


BUSY, NO_ANSWER = (Rejected(each, ErrorClass.RECIPIENT, "486") for each in ("busy", "no_answer"))


@pytest.mark.parametrize(
    ("submission", "ending", "outcome"),
    [
        (call(), "busy", after(10, "busy")),
        (call(3), "busy", after(10, "busy")),
        (call(4), "busy", BUSY),
        (call(2), "no_answer", after(60, "no_answer")),
        (call(3), "no_answer", NO_ANSWER),
        (call(busy_retries=0), "busy", BUSY),
        (call(busy_minutes=45), "busy", after(45, "busy")),
        (call(validity=timedelta(minutes=30)), "no_answer", NO_ANSWER),
        (call(), "declined", Rejected("declined", ErrorClass.RECIPIENT, "486")),
        (call(), "invalid_number", Rejected("invalid_number", ErrorClass.RECIPIENT, "486")),
        (call(5), "congestion", TryLater(timedelta(minutes=1), ErrorClass.PROVIDER, "congestion", "486")),
    ],
)
def test_calls_are_made_again_by_their_plan(submission: Submission, ending: str, outcome: Outcome) -> None:
    assert unanswered(submission, ending, "486") == outcome


def test_every_end_without_an_answer_is_somebodys_fault() -> None:
    assert set(outcomes.UNANSWERED) | set(outcomes.ANSWERED) == {
        "answered_human", "answered_machine", "answered_unknown",
        "busy", "no_answer", "declined", "invalid_number", "congestion", "failed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "ending"),
    [("486", "busy"), ("480", "no_answer"), ("404", "invalid_number"), ("603", "declined"), ("503", "congestion"),
     ("599", "failed"), ("699", "declined"), ("302", "failed"), ("", "failed")],
)  # fmt: skip
def test_sip_is_read(status: str, ending: str) -> None:
    assert codes.ending(status) == ending


def test_keys_become_an_answer_once_and_a_wish_to_stop() -> None:
    keys = {"answers": "1 Yes\n2 No", "opt_out_key": "9"}
    wish, receipt, *answers = answered(call(**keys), "ref", Talk("answered_human", 31, "1193"))
    assert isinstance(wish, Receipt)
    assert (wish.state, wish.reason, wish.suppress) == (MessageState.SENT, "opted_out", True)
    assert isinstance(receipt, Receipt)
    assert (receipt.state, receipt.quantity, receipt.reason) == (MessageState.DELIVERED, 31, "answered_human")
    assert not receipt.suppress
    (answer,) = answers
    assert isinstance(answer, Inbound)
    assert (answer.text, answer.reference) == ("Yes", "ref-1")


@pytest.mark.parametrize(("attempt", "retries", "again"), [(1, 0, None), (1, 1, timedelta(hours=1)), (2, 1, None)])
def test_a_machine_that_was_hung_up_on_did_not_get_it(attempt: int, retries: int, again: timedelta | None) -> None:
    submission = call(attempt, machine="hang_up", machine_retries=retries)
    (receipt,) = answered(submission, "ref", Talk("answered_machine", 3, is_heard=False))
    assert isinstance(receipt, Receipt)
    assert (receipt.state, receipt.again) == (MessageState.UNDELIVERABLE, again)
    assert not outcomes.is_left_a_message(submission)
    assert outcomes.is_left_a_message(call())
