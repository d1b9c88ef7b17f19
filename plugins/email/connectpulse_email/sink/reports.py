"""Real reports about letters that were taken: notifications (RFC 3464) and complaints (RFC 5965), sent by SMTP."""

import asyncio
from collections.abc import Sequence
from email.utils import formatdate, make_msgid
from typing import Final, NamedTuple

from ..fates import Fate
from ..smtp.session import Envelope, Session
from ..smtp.talk import Lost
from .options import Options
from .record import Record, Taken

_PATIENCE: Final = 10.0
_TRIES: Final = 3


class Owed(NamedTuple):
    """A mail to be sent at a time of the loop's clock; `kind` is what it is counted as."""

    due: float
    kind: str
    envelope: Envelope
    content: bytes


class Reporter:
    """Sends what is owed, one mail after another."""

    def __init__(self, options: Options, record: Record) -> None:
        self._options = options
        self._record = record
        self._owed: asyncio.Queue[Owed] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many reports are still owed."""
        return self._owed.qsize()

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._send_all())

    async def stop(self) -> None:
        """Forget what is owed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def owe(self, taken: Taken, fate: Fate) -> None:
        """Report on a letter later; nobody is told of one without a return address."""
        if self._options.report_port and taken.sender:
            due = asyncio.get_running_loop().time() + self._options.report_delay
            report = complaint(taken) if fate.complains else returned(taken, fate.bounce)
            kind = "complaint" if fate.complains else fate.bounce
            self._owed.put_nowait(Owed(due, kind, Envelope("", taken.sender), report))

    def owe_mail(self, sender: str, recipient: str, text: str) -> None:
        """Send what a person writes."""
        lines = (
            f"From: {sender}", f"To: {recipient}", "Subject: Re: your letter", f"Date: {formatdate()}",
            f"Message-ID: {make_msgid(domain='sink.example')}", "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8", "", *text.splitlines(), "",
        )  # fmt: skip
        self._owed.put_nowait(Owed(0.0, "mail", Envelope(sender, recipient), "\r\n".join(lines).encode()))

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            owed = await self._owed.get()
            await asyncio.sleep(max(0.0, owed.due - loop.time()))
            for _ in range(_TRIES):
                if await self._send(owed):
                    self._record.reported[owed.kind] += 1
                    break

    async def _send(self, owed: Owed) -> bool:
        try:
            _, session = await asyncio.get_running_loop().create_connection(
                lambda: Session(_PATIENCE, _PATIENCE), self._options.report_host, self._options.report_port
            )
        except OSError:
            return False
        try:
            await session.greeting()
            await session.hello("sink.example")
            return (await session.hand_over(owed.envelope, owed.content)).reply.is_good
        except Lost:
            return False
        finally:
            await session.quit()


def returned(taken: Taken, status: str) -> bytes:
    """Return a notification that a letter failed."""
    about = (
        "Reporting-MTA: dns; sink.example",
        f"Arrival-Date: {formatdate()}",
        "",
        f"Final-Recipient: rfc822; {taken.recipient}",
        "Action: failed",
        f"Status: {status}",
        f"Diagnostic-Code: smtp; 550 {status} It cannot be delivered",
    )
    return _report(taken, "delivery-status", "Your letter could not be delivered.", about)


def complaint(taken: Taken) -> bytes:
    """Return a complaint about a letter, as mailbox providers send them."""
    about = (
        "Feedback-Type: abuse",
        "User-Agent: sink/1",
        "Version: 1",
        f"Original-Mail-From: <{taken.sender}>",
        f"Arrival-Date: {formatdate()}",
    )
    return _report(taken, "feedback-report", "This is a complaint about a letter.", about)


def _report(taken: Taken, kind: str, words: str, about: Sequence[str]) -> bytes:
    """Return a report in three parts (RFC 6522): words, facts, and the headers of the letter."""
    boundary = f"report.{make_msgid(domain='sink.example')[1:-1]}"
    quoted = taken.content.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").split("\r\n")
    lines = (
        "From: Mail Delivery System <MAILER-DAEMON@sink.example>",
        f"To: {taken.sender}",
        "Subject: Undelivered Mail Returned to Sender",
        f"Date: {formatdate()}",
        f"Message-ID: {make_msgid(domain='sink.example')}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type={kind}; boundary="{boundary}"',
        "", f"--{boundary}", "Content-Type: text/plain", "", words,
        "", f"--{boundary}", f"Content-Type: message/{kind}", "", *about,
        "", f"--{boundary}", "Content-Type: text/rfc822-headers", "", f"Return-Path: <{taken.sender}>", *quoted,
        "", f"--{boundary}--", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()
