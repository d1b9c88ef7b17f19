"""A provider for trials: no network, no cost, and outcomes that can be chosen by the number called."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from connectpulse.core.api import (
    Accepted,
    Capability,
    ErrorClass,
    Events,
    MessageState,
    Outcome,
    Samples,
    SimulatedProvider,
    Submission,
)

from ..outcomes import ANSWERED, MACHINE, UNANSWERED, Talk, answered, is_left_a_message, unanswered
from . import fates

_SECONDS = 12
"""How long every answered call lasts."""


class TrialProvider(SimulatedProvider):
    """Answers by itself; the last two digits of the number decide, as `fates.FATES` says.

    A call made twice is one call: its reference is its token and attempt.
    """

    name = "voice_simulator"
    title = "Simulator (nobody is called)"
    channel = "voice"
    summary = (
        "For trials: nothing leaves this machine. The last two digits of a number decide: 86 busy, 80 no answer, "
        "04 no such number, 03 declined, 53 congestion, 71 presses 1, 72 presses 2, 79 presses 9, 77 a machine; "
        "all others listen to the end."
    )
    capabilities = SimulatedProvider.capabilities | {Capability.INBOUND}
    errors: ClassVar[Mapping[str, tuple[ErrorClass, str]]] = {
        str(fate.status): (UNANSWERED[fate.ending], fate.ending)
        for fate in fates.FATES.values()
        if fate.ending in UNANSWERED
    }
    states: ClassVar[Mapping[str, MessageState]] = dict.fromkeys(ANSWERED, MessageState.DELIVERED)

    @classmethod
    def samples(cls) -> Samples:
        """Return calls of each kind; there is no peer to start."""
        refused = ((86, ErrorClass.RECIPIENT), (4, ErrorClass.RECIPIENT), (53, ErrorClass.PROVIDER))
        return Samples(
            {"receipt_delay": 0},
            submissions=(_sample(1), _sample(71)),
            refused=tuple((_sample(digits), error) for digits, error in refused),
        )

    def decide(self, submission: Submission, *, is_first: bool) -> Outcome:
        """Return how the call ended, or that somebody picked up."""
        fate = fates.of(submission.address)
        if fate.ending in UNANSWERED:
            return unanswered(submission, fate.ending, str(fate.status))
        return Accepted((_reference(submission),))

    def reports(self, submission: Submission) -> Events:
        """Return what was heard and pressed."""
        fate = fates.of(submission.address)
        is_heard = fate.ending != MACHINE or is_left_a_message(submission)
        talk = Talk(fate.ending, _SECONDS if is_heard else 3, fate.keys, is_heard)
        return answered(submission, _reference(submission), talk)


def _reference(submission: Submission) -> str:
    return f"{submission.token}.{submission.attempt}"


def _sample(digits: int) -> Submission:
    content = {"text": "Hello", "answers": "1 Yes", "opt_out_key": "9", "busy_retries": 0}
    address = f"+9230012345{digits:02d}"
    return Submission(
        digits, address, "+922135300000", "Hello", 1, timedelta(hours=4), f"sample-{digits}",
        shared={"content": content, "recordings": {}},
    )  # fmt: skip
