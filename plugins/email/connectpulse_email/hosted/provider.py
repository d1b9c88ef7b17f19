"""What hosted providers share: each letter is one request, so a refusal or a lost answer concerns one letter only."""

import asyncio
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from connectpulse.core.api import (
    Ambiguity,
    Capability,
    Check,
    Disclosure,
    ErrorClass,
    Intake,
    Outcome,
    Provider,
    Rejected,
    Reply,
    Submission,
    requests,
)

from ..bounces.verp import reference
from ..letter import Faulty
from .requests import Ask
from .settings import complete, countries_of, host_of, network_faults

_FIELDS: Final = (
    "recipient address", "sender", "letter", "values of the recipient in it", "files that go with it",
    "a number of the message",
)  # fmt: skip


class HostedProvider(Provider):
    """Sends at most `window` letters at a time. None of the vendors keeps a reference that makes a resend safe.

    The reference of a letter is our own name for one attempt at it. The vendor returns it with each event, so
    receipts match whatever the answer said, and events of another program on the same account match nothing.
    """

    channel: ClassVar = "email"
    ambiguity: ClassVar = Ambiguity.BLIND
    capabilities: ClassVar = frozenset({Capability.RECEIPTS, Capability.CALLBACKS})
    largest: ClassVar[int]
    """Bytes of a request that the vendor takes."""

    def __init__(
        self, settings: Mapping[str, Any], intake: Intake, *, window: int = 10, callback_url: str = ""
    ) -> None:
        settings = self.known(settings)
        super().__init__(settings, intake, window=window, callback_url=callback_url)
        self.requests = requests.Requests(settings["base_url"], connections=window, timeout=settings["timeout"])

    @classmethod
    def known(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value for every setting."""
        return complete(cls.settings_form, settings)

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return one sentence per setting that cannot be right."""
        known = cls.known(settings)
        return [*cls.faults(known), *network_faults(known)]

    @classmethod
    def faults(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with a vendor's own settings."""
        return []

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return what leaves the house: the whole letter, to the vendor and then to the recipient's server."""
        known = cls.known(settings)
        return Disclosure((host_of(known["base_url"]),), _FIELDS, countries_of(known))

    @abstractmethod
    def write(self, submission: Submission, name: str) -> Ask:
        """Return the request for one letter, `name` as its reference; raise Faulty. Runs in a thread."""

    @abstractmethod
    def outcome(self, reply: Reply, submission: Submission, name: str) -> Outcome:
        """Return what an answer means for a letter."""

    @abstractmethod
    async def try_account(self) -> tuple[bool, str]:
        """Return whether the account may send, and in a sentence what it says; nothing is sent."""

    async def open(self) -> None:
        """Look the vendor up; raise ConnectionLost when it cannot be reached."""
        await self.requests.open()

    async def close(self) -> None:
        """Close every connection."""
        await self.requests.close()

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Send each letter once. A refused account, a throttle or a dead line spares the rest the attempt."""
        return await requests.spread(batch, self.window, self._send)

    async def check(self) -> Check:
        """Try guard, name, connection and certificate, and a request that sends nothing."""
        return await self.requests.check(self.try_account)

    async def _send(self, submission: Submission) -> Outcome:
        if not submission.address.isascii():
            return Rejected("address_not_ascii", ErrorClass.RECIPIENT)
        name = reference(submission.message_id, submission.attempt)
        try:
            ask = await asyncio.to_thread(self.write, submission, name)
        except Faulty as fault:
            return Rejected(fault.reason, ErrorClass.CONTENT)
        except Exception as error:  # whatever is wrong with one letter stays with it
            return Rejected("letter_failed", ErrorClass.CONTENT, type(error).__name__[:40])
        if len(ask.body) > self.largest:
            return Rejected("letter_too_large", ErrorClass.CONTENT)
        reply = await self.requests.ask(*ask)
        return self.outcome(reply, submission, name) if isinstance(reply, Reply) else reply
