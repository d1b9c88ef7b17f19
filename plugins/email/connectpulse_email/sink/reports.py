"""Real reports about letters that were taken: notifications (RFC 3464) and complaints (RFC 5965), sent by SMTP."""

import asyncio
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.utils import formatdate, make_msgid
from typing import Final

from ..fates import Fate
from ..smtp.session import Envelope, Lost, Session
from .options import Options
from .record import Record, Taken

_PATIENCE: Final = 10.0
_TRIES: Final = 3


class Reporter:
    """Sends what is owed, one report after another."""

    def __init__(self, options: Options, record: Record) -> None:
        self._options = options
        self._record = record
        self._owed: asyncio.Queue[tuple[float, Taken, Fate]] = asyncio.Queue()
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
            self._owed.put_nowait((due, taken, fate))

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, taken, fate = await self._owed.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            report = complaint(taken) if fate.complains else notification(taken, fate.bounce)
            for _ in range(_TRIES):
                if await self._send(taken.sender, report):
                    self._record.reported["complaint" if fate.complains else fate.bounce] += 1
                    break

    async def _send(self, recipient: str, report: Message) -> bool:
        try:
            _, session = await asyncio.get_running_loop().create_connection(
                lambda: Session(_PATIENCE, _PATIENCE), self._options.report_host, self._options.report_port
            )
        except OSError:
            return False
        try:
            await session.greeting()
            await session.hello("sink.example")
            letter = report.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            return (await session.hand_over(Envelope("", recipient), letter)).reply.is_good
        except Lost:
            return False
        finally:
            await session.quit()


def notification(taken: Taken, status: str) -> Message:
    """Return a notification that a letter failed."""
    report = _report(taken, "delivery-status", "Undelivered Mail Returned to Sender")
    about = MIMENonMultipart("message", "delivery-status")
    about.set_payload(
        f"Reporting-MTA: dns; sink.example\nArrival-Date: {formatdate()}\n\n"
        f"Final-Recipient: rfc822; {taken.recipient}\nAction: failed\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; 550 {status} It cannot be delivered\n"
    )
    report.attach(MIMEText("Your letter could not be delivered.\n"))
    report.attach(about)
    report.attach(_headers(taken))
    return report


def complaint(taken: Taken) -> Message:
    """Return a complaint about a letter, as mailbox providers send them."""
    report = _report(taken, "feedback-report", "Complaint")
    about = MIMENonMultipart("message", "feedback-report")
    about.set_payload(
        f"Feedback-Type: abuse\nUser-Agent: sink/1\nVersion: 1\nOriginal-Mail-From: <{taken.sender}>\n"
        f"Arrival-Date: {formatdate()}\n"
    )
    report.attach(MIMEText("This is a complaint about a letter.\n"))
    report.attach(about)
    report.attach(_headers(taken))
    return report


def _report(taken: Taken, kind: str, subject: str) -> MIMEMultipart:
    report = MIMEMultipart("report", report_type=kind)
    report["From"] = "Mail Delivery System <MAILER-DAEMON@sink.example>"
    report["To"] = taken.sender
    report["Subject"] = subject
    report["Date"] = formatdate()
    report["Message-ID"] = make_msgid(domain="sink.example")
    report["Auto-Submitted"] = "auto-replied"
    return report


def _headers(taken: Taken) -> Message:
    part = MIMENonMultipart("text", "rfc822-headers")
    head = taken.content.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").replace("\r\n", "\n")
    part.set_payload(f"Return-Path: <{taken.sender}>\n{head}\n")
    return part
