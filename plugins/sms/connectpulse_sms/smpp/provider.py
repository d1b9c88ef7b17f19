"""The SMPP provider: batches out over one bound session, receipts and people's messages in."""

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from connectpulse.core.api import (
    Ambiguity,
    Capability,
    Check,
    ConnectionLost,
    Disclosure,
    ErrorClass,
    Events,
    Form,
    Intake,
    MessageState,
    Outcome,
    Provider,
    Samples,
    Submission,
)

from ..simulator.samples import SAMPLES
from .connect import enquire, leave, open_sessions
from .deliveries import Deliveries
from .inbound import Joiner
from .receipts import BASES, STATES
from .sending import send
from .session import Session
from .settings import FORM, Settings, faults
from .status import ERRORS, code
from .submit import Composer

SWEEP_SECONDS: Final = 30
"""How often unfinished long messages from people are looked at."""

log = logging.getLogger(__name__)


class SmppProvider(Provider):
    """SMPP 3.4 to any SMSC, as a transceiver or as a pair of transmitter and receiver."""

    name = "smpp"
    title = "SMPP 3.4"
    channel = "sms"
    summary = "A session with an operator's or aggregator's SMSC, for high volume."
    settings_form: ClassVar[Form] = FORM
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "Simulator on this machine": {
            "host": "127.0.0.1",
            "port": 2775,
            "system_id": "pulse",
            "password": "pulse",
        },
    }
    ambiguity = Ambiguity.BLIND
    capabilities = frozenset({Capability.RECEIPTS, Capability.INBOUND, Capability.SESSION})
    errors: ClassVar[Mapping[str, tuple[ErrorClass, str]]] = {
        code(status): meaning for status, meaning in ERRORS.items()
    }
    states: ClassVar[Mapping[str, MessageState]] = STATES

    def __init__(
        self, settings: Mapping[str, Any], intake: Intake, *, window: int = 10, callback_url: str = ""
    ) -> None:
        super().__init__(settings, intake, window=window, callback_url=callback_url)
        self._settings = Settings.of(settings)
        self._composer = Composer(self._settings, secrets.randbelow(1 << 16))
        self._answer_base, receipt_base = BASES[self._settings.message_id_base]
        self._joiner = Joiner(self._settings.alphabet)
        self._deliveries = Deliveries(intake, receipt_base, self._joiner)
        self._sessions: list[Session] = []
        self._sweeper: asyncio.Task[None] | None = None

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return what leaves the house; where an SMSC stands, its address does not tell."""
        line = Settings.of(settings)
        fields = ("recipient number", "sender", "text", "validity")
        return Disclosure((f"{line.host}:{line.port}",), fields, ())

    @classmethod
    def samples(cls) -> Samples:
        """Return the simulator as a peer, and what it accepts and refuses."""
        return SAMPLES

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return the settings that no SMPP string can carry."""
        return faults(Settings.of(settings))

    async def open(self) -> None:
        """Bind; raise ConnectionLost saying at which step that failed."""
        await open_sessions(self._settings, self.window, self._deliveries.take, self._sessions, [])
        self._sweeper = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        """Take in what is under way, unbind, and hand on what people's long messages came to so far."""
        if self._sweeper:
            self._sweeper.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.response_timeout):
                await self._deliveries.finish()
        await leave(self._sessions, self._settings, [])
        await self._hand_on(None)

    async def wait_lost(self) -> None:
        """Return when a session has ended; with a pair, when either has."""
        if not self._sessions:
            await super().wait_lost()
        await asyncio.wait([session.lost for session in self._sessions], return_when=asyncio.FIRST_COMPLETED)

    async def check(self) -> Check:
        """Resolve, connect, agree on TLS, bind, ask for life and unbind, over a session of its own."""
        steps: list[str] = []
        sessions: list[Session] = []
        try:
            await open_sessions(self._settings, self.window, self._deliveries.take, sessions, steps)
            for session in sessions:
                await enquire(session, steps)
        except ConnectionLost as lost:
            return Check(False, (*steps, lost.reason))
        finally:
            await leave(sessions, self._settings, steps)
        return Check(True, tuple(steps))

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Submit a batch; `sending` says what becomes of long messages accepted in part."""
        sent = await send(self._sender(), self._composer, self._answer_base, batch)
        if sent.failed_parts:
            await self._hand_in(sent.failed_parts)
        return sent.outcomes

    def _sender(self) -> Session:
        """Return the session that submits; raise ConnectionLost if it is gone."""
        if not self._sessions:
            raise ConnectionLost(ErrorClass.PROVIDER, "The session is not open.")
        session = self._sessions[0]
        if session.lost.done():
            raise ConnectionLost(ErrorClass.PROVIDER, session.lost.result())
        return session

    async def _sweep(self) -> None:
        """Look now and then for long messages from people that will not be completed."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await self._hand_on(loop.time())

    async def _hand_on(self, now: float | None) -> None:
        """Hand on what waits too long for its other parts; everything, if no time is given."""
        ready = self._joiner.overdue(now)
        if ready and await self._hand_in([inbound for inbound, _ in ready]):
            for _, keys in ready:
                self._joiner.settle(keys)

    async def _hand_in(self, events: Events) -> bool:
        """Hand events over that no SMSC will repeat; return whether they were taken in."""
        try:
            await self.intake(events)
        except Exception:
            log.exception("%d receipts and messages were not taken in", len(events))
            return False
        return True
