"""The table of command_status, row by row."""

from datetime import timedelta

import pytest
from connectpulse_sms.smpp.provider import SmppProvider
from connectpulse_sms.smpp.status import ERRORS, Status, code, name, outcome

from connectpulse.core.api import ErrorClass, MessageState, Rejected, TryLater

LATER = {
    0x58: (1, ErrorClass.THROTTLE),
    0x14: (5, ErrorClass.THROTTLE),
    0x08: (10, ErrorClass.PROVIDER),
    0x64: (10, ErrorClass.PROVIDER),
    0x45: (30, ErrorClass.PROVIDER),
    0x04: (0, ErrorClass.PROVIDER),
}
STATES = {
    MessageState.REJECTED: (0x0A, 0x48, 0x49, 0x65, 0x66),
    MessageState.UNDELIVERABLE: (0x0B, 0x50, 0x51),
    MessageState.FAILED: (0x01, 0x02, 0x43, 0x61, 0x62, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0x400, 0x4FF, 0x9999),
}


@pytest.mark.parametrize(("status", "pause", "error"), [(status, *row) for status, row in LATER.items()])
def test_what_is_worth_another_attempt(status: int, pause: int, error: ErrorClass) -> None:
    later = outcome(status)
    assert isinstance(later, TryLater)
    assert (later.after, later.error, later.code) == (timedelta(seconds=pause), error, code(status))


@pytest.mark.parametrize(("state", "status"), [(state, status) for state, row in STATES.items() for status in row])
def test_what_is_refused_for_good(state: MessageState, status: int) -> None:
    refused = outcome(status)
    assert isinstance(refused, Rejected)
    assert refused.error.state is state
    assert refused.code == code(status)


@pytest.mark.parametrize("status", [0x0A, 0x48, 0x49])
def test_a_refused_sender_is_the_senders_fault(status: int) -> None:
    refused = outcome(status)
    assert isinstance(refused, Rejected)
    assert refused.error is ErrorClass.SENDER


def test_every_row_of_the_table_is_what_its_outcome_says() -> None:
    assert len(SmppProvider.errors) == len(ERRORS)
    for status, (error, reason) in ERRORS.items():
        found = outcome(status)
        assert isinstance(found, Rejected | TryLater)
        assert (found.error, found.reason) == (error, reason) == SmppProvider.errors[code(status)]


def test_every_status_has_a_row_and_a_name() -> None:
    assert set(Status) - set(ERRORS) == {Status.ESME_ROK}
    assert name(0x58) == "ESME_RTHROTTLED"
    assert name(0x401) == code(0x401) == "0x401"
