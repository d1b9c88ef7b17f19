"""The SMTP provider: letters to a mail server over a few kept sessions, bounces and replies back."""

import asyncio
import os
import re
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, ClassVar, Final, NamedTuple

import structlog

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
    Outcome,
    Provider,
    Rejected,
    Samples,
    Submission,
    TryLater,
    Unknown,
)

from .. import mime
from ..bounces import verp
from ..letter import Faulty, compose
from . import codes
from .connect import connect
from .incoming import Incoming
from .pool import Pool
from .resting import Rests
from .samples import SAMPLES
from .session import END, MAIL, Answer, Envelope, Session
from .settings import FORM, Settings, faults
from .talk import Lost

_MOST_WRITTEN: Final = 20
"""Letters that are written and signed in one go, in a thread, and then go over one session."""
_TRIES: Final = 2
"""How often a letter is offered that certainly did not leave, because a kept session had ended meanwhile."""
_LOST: Final = TryLater(timedelta(seconds=5), ErrorClass.PROVIDER, "connection_lost")
_ADDRESS: Final = re.compile(r"[^\s<>\x00-\x1f\x7f]{1,64}@[^\s<>\x00-\x1f\x7f]{1,255}")

log = structlog.get_logger(__name__)


class _Letter(NamedTuple):
    """A letter that is written, and its place in the batch."""

    place: int
    submission: Submission
    content: bytes

    @property
    def name(self) -> str:
        """What its receipts carry."""
        return verp.reference(self.submission.message_id, self.submission.attempt)


class SmtpProvider(Provider):
    """Letters over SMTP. A mail server's "250" is the last word on most: it reports failures only, as bounces."""

    name = "smtp"
    title = "Mail server (SMTP)"
    channel = "email"
    summary = (
        "Hands letters to a mail server over a few kept, encrypted sessions, signs them, and reads bounces, complaints "
        "and replies from a mailbox or as they come in."
    )
    settings_form: ClassVar[Form] = FORM
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "A mail server on this machine": {"host": "127.0.0.1", "port": 25, "security": "none"},
    }
    ambiguity = Ambiguity.BLIND
    capabilities = frozenset({Capability.SESSION, Capability.INBOUND})
    errors = codes.ERRORS

    def __init__(
        self, settings: Mapping[str, Any], intake: Intake, *, window: int = 10, callback_url: str = ""
    ) -> None:
        super().__init__(settings, intake, window=window, callback_url=callback_url)
        self._settings = Settings.of(settings)
        self._pool: Pool | None = None
        self._writers: ThreadPoolExecutor | None = None
        self._rests = Rests()
        self._announces: bool | None = None
        """Whether letters are announced with the one before them; None until the server was seen to take that."""
        self._incoming = Incoming(self._settings, intake)

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return what leaves the house: the whole letter, to the server and then to the recipient's."""
        line = Settings.of(settings)
        hosts = [f"{line.host}:{line.port}"] + ([f"{line.imap_host}:{line.imap_port}"] if line.imap_host else [])
        fields = ("recipient address", "sender", "letter", "values of the recipient in it", "files that go with it")
        return Disclosure(tuple(hosts), fields, line.places)

    @classmethod
    def samples(cls) -> Samples:
        """Return a mail server on loopback, and what it takes and refuses."""
        return SAMPLES

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with encryption, login, countries and bounces."""
        return faults(Settings.of(settings))

    async def open(self) -> None:
        """Open a first session, and begin to take bounces and replies in."""
        first = await connect(self._settings)
        self._pool = Pool(self._settings)
        self._pool.keep(first)
        self._writers = ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="letters")
        self._incoming.start()

    async def close(self) -> None:
        """Say goodbye everywhere."""
        await self._incoming.stop()
        if self._pool is not None:
            await self._pool.close()
        if self._writers is not None:
            self._writers.shutdown(wait=False)

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Hand letters over on a few sessions at once; one that is refused spoils no other."""
        assert self._pool is not None
        run = _Run(batch, self._settings.sessions)
        ended = await asyncio.gather(*(self._work(run, self._pool) for _ in range(run.alive)), return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException) and not isinstance(error, Exception):
                raise error
        return run.outcomes()

    async def check(self) -> Check:
        """Connect, agree on TLS and log in; send nothing."""
        steps: list[str] = []
        try:
            session = await connect(self._settings, steps)
        except ConnectionLost as lost:
            return Check(False, (*steps, lost.reason))
        await session.quit()
        try:
            steps += await self._incoming.check()
        except ConnectionLost as lost:
            return Check(False, (*steps, lost.reason))
        return Check(True, (*steps, "Nothing was sent."))

    async def _work(self, run: "_Run", pool: Pool) -> None:
        """Take chunks of a batch until none is left, or there is no session for them while others have one."""
        try:
            while run.chunks and run.failure is None:
                if not await self._work_off(run, pool, run.chunks.popleft()):
                    return
        finally:
            run.alive -= 1

    async def _work_off(self, run: "_Run", pool: Pool, places: Sequence[int]) -> bool:
        """Send a chunk; return whether there was a session for it, and leave it to others if not."""
        awake = [place for place in places if not self._rested(run, place)]
        if not awake:
            return True
        writing = asyncio.get_running_loop().run_in_executor(
            self._writers, self._write, [run.batch[place] for place in awake]
        )
        written = list(zip(awake, await writing, strict=True))
        run.answers.update({place: made for place, made in written if not isinstance(made, bytes)})
        letters = [_Letter(place, run.batch[place], made) for place, made in written if isinstance(made, bytes)]
        try:
            await self._send(run, pool, letters)
        except ConnectionLost as lost:
            if lost.error is ErrorClass.CREDENTIAL or (run.alive == 1 and not pool.has_idle):
                run.failure = _failure(lost)
                return False
            run.chunks.appendleft([each.place for each in letters])
            return run.alive == 1
        return True

    def _rested(self, run: "_Run", place: int) -> bool:
        left = self._rests.left(_domain(run.batch[place]))
        if left is not None:
            run.answers[place] = TryLater(left, ErrorClass.RECIPIENT, "domain_rests", is_attempt=False)
        return left is not None

    def _write(self, batch: Sequence[Submission]) -> list[bytes | Outcome]:
        """Return the letters of some messages, or why there is none. Runs in a thread: signing takes its time."""
        return [self._letter(submission) for submission in batch]

    def _letter(self, submission: Submission) -> bytes | Outcome:
        if not _ADDRESS.fullmatch(submission.address):
            return Rejected("invalid_recipient", ErrorClass.RECIPIENT)
        try:
            return mime.write(compose(submission.shared), submission, is_signed=self._settings.signs)
        except Faulty as fault:
            return Rejected(fault.reason, ErrorClass.CONTENT)
        except Exception as error:  # whatever is wrong with one letter stays with it
            return Rejected("letter_failed", ErrorClass.CONTENT, type(error).__name__[:40])

    async def _send(self, run: "_Run", pool: Pool, letters: list[_Letter]) -> None:
        tries = 0
        while letters and run.failure is None:
            try:
                async with pool.session(is_fresh=tries > 0) as session:
                    if not session.is_open:
                        raise Lost("the server left at once")
                    announced: Envelope | None = None
                    while letters and session.is_open and session.letters < self._settings.letters:
                        place = letters[0].place
                        run.answers[place] = Unknown("adapter_failed")  # until it is known what became of it
                        run.answers[place], announced = await self._hand_over(session, letters, announced)
                        letters.pop(0)
                        tries = 0
            except Lost as lost:
                tries += 1
                if lost.is_unheard:
                    self._announces = False  # something on the way keeps what follows a letter to itself
                    log.warning("smtp_announces_no_more", host=self._settings.host)
                run.answers[letters[0].place] = Unknown(code=lost.reason[:40]) if lost.is_ambiguous else _LOST
                if lost.is_ambiguous or tries >= _TRIES:
                    letters.pop(0)

    async def _hand_over(
        self, session: Session, letters: Sequence[_Letter], announced: Envelope | None
    ) -> tuple[Outcome, Envelope | None]:
        """Hand over the first of some letters, which may have been `announced` with the one before.

        Returns what became of it, and the envelope of the second where that may have been announced.
        """
        letter, name = letters[0], letters[0].name
        envelope = announced or self._envelope(session, letter)
        if not isinstance(envelope, Envelope):
            return envelope, None
        is_last = len(letters) == 1 or session.letters + 1 >= self._settings.letters
        following = None if is_last or self._announces is False else self._envelope(session, letters[1])
        if not isinstance(following, Envelope):
            following = None
        if following is not None and self._announces is None and "PIPELINING" in session.features:
            answer = await self._try_announcing(session, envelope, letter.content, following)
        else:
            answer = await session.hand_over(envelope, letter.content, following)
        if answer.reply.is_good:
            self._rests.end(_domain(letter.submission))
            return Accepted((name,)), following
        if answer.step != MAIL and codes.rests(answer.reply):
            self._rests.begin(_domain(letter.submission))
        return codes.outcome(answer, letter.submission.attempt), following

    async def _try_announcing(
        self, session: Session, envelope: Envelope, content: bytes, following: Envelope
    ) -> Answer:
        """Hand over the first letter that announces another, and see how the server takes it; raise Lost.

        Some servers, and some boxes before them, take that for an attack: a letter that is refused where the session
        ends with it is offered again by itself.
        """
        self._announces = False  # for the other sessions, and for good if this one is lost
        answer = await session.hand_over(envelope, content, following)
        if answer.step != END:  # nothing was announced
            self._announces = None
            return answer
        self._announces = await session.hears()
        if not self._announces:
            log.warning("smtp_announces_no_more", host=self._settings.host)
            if not answer.reply.is_good:
                raise Lost("the server takes no letter right behind another")
        return answer

    def _envelope(self, session: Session, letter: _Letter) -> Envelope | Outcome:
        """Return the envelope of a letter, or why the server cannot take it."""
        submission, size, features = letter.submission, len(letter.content), session.features
        settings, sender = self._settings, compose(letter.submission.shared).sender.address
        is_plain = submission.address.isascii()
        if not is_plain and "SMTPUTF8" not in features:
            return Rejected("address_not_ascii", ErrorClass.RECIPIENT)
        largest = features.get("SIZE", "")
        if largest.isdecimal() and 0 < int(largest) < size:
            return Rejected("letter_too_large", ErrorClass.CONTENT)
        mail = f" SIZE={size}" if "SIZE" in features else ""
        rcpt = ""
        if settings.return_domain and settings.return_key:
            sender = verp.address(letter.name, settings.return_domain, settings.return_key)
            if "DSN" in features:
                mail, rcpt = f"{mail} RET=HDRS ENVID={letter.name}", " NOTIFY=FAILURE,DELAY"
        return Envelope(sender, submission.address, mail if is_plain else f"{mail} SMTPUTF8", rcpt)


class _Run:
    """One batch on its way: chunks of it that nobody took yet, and answers by place."""

    def __init__(self, batch: Sequence[Submission], sessions: int) -> None:
        self.batch = batch
        self.answers: dict[int, Outcome] = {}
        self.failure: Outcome | None = None
        has_files = any((each.shared or {}).get("files") for each in batch[:1])
        share = min(-(-len(batch) // sessions), _MOST_WRITTEN)
        size = 1 if has_files else max(share, 1)  # letters with files are large: as few as possible at once
        self.chunks: deque[Sequence[int]] = deque(
            range(start, min(start + size, len(batch))) for start in range(0, len(batch), size)
        )
        self.alive = min(sessions, len(self.chunks))
        """Workers that may still take a chunk."""

    def outcomes(self) -> list[Outcome]:
        """Return one outcome per message: what was not offered, because no session came about, was not sent."""
        rest = self.failure or Unknown("adapter_failed")
        return [self.answers.get(place, rest) for place in range(len(self.batch))]


def _domain(submission: Submission) -> str:
    return submission.address.rpartition("@")[2]


def _failure(lost: ConnectionLost) -> Outcome:
    if lost.error is ErrorClass.CREDENTIAL:
        return Rejected("connection_refused", ErrorClass.CREDENTIAL)
    return TryLater(timedelta(seconds=5), ErrorClass.PROVIDER, "no_connection")
