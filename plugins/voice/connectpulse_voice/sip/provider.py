"""The SIP provider: calls through a trunk or an exchange, one process of its own per session."""

import asyncio
import logging
import math
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from typing import Any, ClassVar, Final

from connectpulse.core.api import (
    Accepted,
    Ambiguity,
    Capability,
    Check,
    ConnectionLost,
    Disclosure,
    ErrorClass,
    Form,
    Intake,
    MessageState,
    Outcome,
    Provider,
    Rejected,
    Samples,
    Submission,
    TryLater,
    Unknown,
)

from .. import menu
from ..outcomes import ANSWERED, FAILED, NO_ANSWER, UNCLEAR, Talk, answered, content_of, is_left_a_message, unanswered
from ..prompts import Faulty, audio
from . import codes
from . import settings as trunk
from .exchange import Exchange, Ring, Words
from .probe import ask

log = logging.getLogger(__name__)

_LIFE_EVERY: Final = 30.0
_SOON: Final = timedelta(seconds=5)
_HANG_UP_WITHIN: Final = 5.0
_TAKEN_BACK: Final = TryLater(_SOON, ErrorClass.PROVIDER, "taken_back", is_attempt=False)


class SipProvider(Provider):
    """Calls over SIP. The window is how many calls there are at once, ringing or talking."""

    name = "sip"
    title = "SIP trunk"
    channel = "voice"
    summary = "Calls through a SIP trunk or an exchange of yours: prompts, keys, answering machines."
    settings_form: ClassVar[Form] = trunk.FORM
    ambiguity = Ambiguity.BLIND
    most_at_once = 1
    capabilities = frozenset({Capability.RECEIPTS, Capability.INBOUND, Capability.SESSION})
    errors: ClassVar[Mapping[str, tuple[ErrorClass, str]]] = codes.ERRORS
    states: ClassVar[Mapping[str, MessageState]] = dict.fromkeys(ANSWERED, MessageState.DELIVERED)

    def __init__(
        self, settings: Mapping[str, Any], intake: Intake, *, window: int = 10, callback_url: str = ""
    ) -> None:
        super().__init__(trunk.complete(settings), intake, window=window, callback_url=callback_url)
        self._exchange: Exchange | None = None
        self._silent: asyncio.Event = asyncio.Event()
        self._address = ""
        self._is_winding_up = False

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return what the trunk learns: whom we call, as whom, and every word that is said."""
        return Disclosure((settings["host"],), ("recipient's number", "sender", "voice", "keys that are pressed"), ())

    @classmethod
    def samples(cls) -> Samples:
        """Return calls to try, and callees on loopback."""
        from .samples import SAMPLES

        return SAMPLES

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return what single fields cannot show."""
        return trunk.faults(trunk.complete(settings))

    async def open(self) -> None:
        """Find the trunk, ask whether it is there, start the phone and register; raise ConnectionLost otherwise."""
        self._address = await _resolve(self.settings)
        if self.settings["asks_for_life"]:
            await ask(self.settings, self._address, trunk.place(self.settings))
        self._exchange = Exchange(trunk.terms(self.settings, self._address))
        await self._exchange.open()

    async def close(self) -> None:
        """Hang up, and end the phone."""
        if self._exchange is not None:
            await self._exchange.close()

    async def wait_lost(self) -> None:
        """Return when the phone has ended, the registration failed, or the trunk answers no more."""
        assert self._exchange is not None
        life = asyncio.create_task(self._watch_life())
        silent = asyncio.create_task(self._silent.wait())
        ends: list[asyncio.Future[Any]] = [self._exchange.lost, life, silent]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            life.cancel()
            silent.cancel()

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Call; return when every call is over. One that is cut short (cancelled) hangs up, and tells what was said."""
        calls = [asyncio.create_task(self._call(submission)) for submission in batch]
        try:
            await asyncio.wait(calls)
        except asyncio.CancelledError:
            await self._cut_short(calls)
        return [call.result() if call.done() else Unknown() for call in calls]

    async def wind_up(self) -> None:
        """Call nobody any more, and take back what only rings."""
        self._is_winding_up = True
        if self._exchange is not None:
            await self._exchange.wind_up()

    async def check(self) -> Check:
        """Look the trunk up, ask it, start the stack and register; nobody is called."""
        steps: list[str] = []
        try:
            address = await _resolve(self.settings)
            place = trunk.place(self.settings)
            steps.append(f"{self.settings['host']} has the address {address}.")
            if self.settings["asks_for_life"]:
                steps.append(f"{place} answers OPTIONS: {await ask(self.settings, address, place)}.")
            exchange = Exchange(trunk.terms(self.settings, address))
            try:
                await exchange.open()
            finally:
                await exchange.close()
        except ConnectionLost as lost:
            return Check(False, (*steps, lost.reason))
        done = "It is registered." if self.settings["registers"] else "The phone is ready; calls show more."
        return Check(True, (*steps, done))

    async def _cut_short(self, calls: Sequence[asyncio.Task[Outcome]]) -> None:
        """End the calls, and return when it is known how they ended; one that is not told in time is cancelled."""
        self._is_winding_up = True
        if self._exchange is not None:
            await self._exchange.hang_up()
        _, late = await asyncio.wait(calls, timeout=_HANG_UP_WITHIN)
        for call in late:
            call.cancel()

    async def _call(self, submission: Submission) -> Outcome:
        assert self._exchange is not None
        try:
            prompt = await self._sound(submission, "prompt")
            more = await self._sound(submission, "more") if content_of(submission).get("more_key") else b""
        except Faulty as fault:
            log.warning("message %s has nothing to say: %s", submission.message_id, fault)
            return Rejected("prompt_faulty", ErrorClass.CONTENT)
        if self._is_winding_up:
            return _TAKEN_BACK
        try:
            ring = await self._exchange.call(self._words(submission), prompt, more)
        except ConnectionLost as lost:
            return TryLater(_SOON, ErrorClass.PROVIDER, "connection_lost", lost.error)
        decided = await ring.decided
        if decided["is"] != "answered":
            return self._refused(submission, decided)
        reference = str(decided["reference"])
        talk = _talk(await ring.over, ring)
        return Accepted((reference,), events=tuple(answered(submission, reference, talk)))

    async def _sound(self, submission: Submission, which: str) -> bytes:
        if submission.shared is None:
            raise Faulty("The content could not be read.")
        return (await audio(submission.shared, submission, which)).pcm

    def _words(self, submission: Submission) -> dict[str, Any]:
        content = content_of(submission)
        to = trunk.number(self.settings, submission.address)
        keys, _ = menu.read(content)
        return {
            "to": f"sip:{to}@{trunk.place(self.settings)};transport={self.settings['transport']}",
            "from": trunk.caller(self.settings, submission.sender),
            "ring": content.get("ring_seconds") or 30,
            "script": {
                "keys": {digit: key.deed for digit, key in keys.items()},
                "wait": content.get("wait_seconds") or 5,
                "leave": is_left_a_message(submission),
                "longest": content.get("most_seconds") or 120,
            },
        }

    def _refused(self, submission: Submission, words: Words) -> Outcome:
        """Return what a call means that nobody answered."""
        status, why = str(words.get("status", "")), str(words.get("why", ""))
        if status in codes.CREDENTIAL:
            return Rejected(codes.CREDENTIAL[status], ErrorClass.CREDENTIAL, status)
        if status:
            return unanswered(submission, codes.ending(status), status)
        if why == "no_answer":
            return unanswered(submission, NO_ANSWER, "487")
        if why == "taken_back":
            return _TAKEN_BACK
        if why in ("silence", ""):  # no sign of the call, or the phone died while it rang
            if why:
                self._silent.set()
            return Unknown(code=why)
        return unanswered(submission, FAILED, why)

    async def _watch_life(self) -> None:
        """Return when the trunk does not answer twice in a row; never, where it is not asked."""
        misses = 0
        while misses < 2:
            await asyncio.sleep(_LIFE_EVERY)
            if not self.settings["asks_for_life"]:
                continue
            misses += 1
            with suppress(ConnectionLost):
                await ask(self.settings, self._address, trunk.place(self.settings))
                misses = 0


def _talk(words: Words, ring: Ring) -> Talk:
    """Return what a phone told of a talk, or what is known where it died in the middle of it."""
    if words["is"] != "over":
        return Talk(UNCLEAR, max(1, math.ceil(monotonic() - ring.answered_at)))
    return Talk(words["answer"], words["seconds"], words["keys"], words["heard"])


async def _resolve(values: Mapping[str, Any]) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(values["host"], values["port"], type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as fault:
        reason = f"The host name {values['host']} cannot be resolved: {fault}."
        raise ConnectionLost(ErrorClass.PROVIDER, reason) from None
    return str(found[0][4][0])
