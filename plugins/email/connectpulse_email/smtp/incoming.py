"""Mail that comes to a connection: taken by a server of our own, read from a mailbox, or both."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from aiosmtpd.smtp import SMTP

from connectpulse.core.api import ConnectionLost, ErrorClass, Intake

from ..bounces.reading import LARGEST, events
from ..bounces.reports import Keys
from .mailbox import Mailbox, Unread
from .settings import Settings

log = logging.getLogger(__name__)

_AGAIN: Final = 30.0
"""Seconds until a port that another session holds, or a mailbox that failed, is tried once more."""


class Incoming:
    """What a connection listens to while its session is open."""

    def __init__(self, settings: Settings, intake: Intake) -> None:
        self._settings = settings
        self._intake = intake
        self._keys = Keys(settings.return_domain, settings.return_key)
        self._tasks: list[asyncio.Task[None]] = []
        self.port: int | None = None
        """Where it listens, once it does."""

    def start(self) -> None:
        """Begin what the settings ask for."""
        if self._settings.listen_host:
            self._tasks.append(asyncio.create_task(self._again(self._listen)))
        if self._settings.imap_host:
            self._tasks.append(asyncio.create_task(self._again(self._look)))

    async def stop(self) -> None:
        """End it; what is being taken in is taken in again by whoever comes next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def check(self) -> list[str]:
        """Try the mailbox without changing it; return the steps. Raises ConnectionLost."""
        if not self._settings.imap_host:
            return []
        try:
            return await Mailbox(self._settings).check()
        except Unread as failure:
            raise ConnectionLost(ErrorClass.PROVIDER, str(failure)) from None

    async def _again(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except (OSError, Unread) as failure:
                log.info("mail is not taken in: %s", failure)
            except Exception:
                log.exception("mail could not be taken in")
            await asyncio.sleep(_AGAIN)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(
                _Handler(self._keys, self._intake), loop=loop, data_size_limit=LARGEST, enable_SMTPUTF8=True,
                hostname=self._settings.return_domain, ident="Connect Pulse", timeout=120,
            ),
            self._settings.listen_host,
            self._settings.listen_port,
        )  # fmt: skip
        self.port = server.sockets[0].getsockname()[1]
        try:
            await asyncio.Event().wait()
        finally:
            server.close()

    async def look(self, mailbox: Mailbox) -> None:
        """Take in what is unread; each mail is marked as read once what it tells is durable. Raises Unread."""
        async for name, raw in mailbox.unread():
            told = await asyncio.to_thread(events, raw, self._keys)
            if told:
                await self._intake(told)
            await mailbox.mark(name)

    async def _look(self) -> None:
        mailbox = Mailbox(self._settings)
        try:
            while True:
                await self.look(mailbox)
                await asyncio.sleep(self._settings.imap_every)
        finally:
            with suppress(Unread):
                await mailbox.close()


class _Handler:
    """Answers whoever hands mail to us; nothing is passed on to anybody."""

    def __init__(self, keys: Keys, intake: Intake) -> None:
        self._keys = keys
        self._intake = intake

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802 - as aiosmtpd calls it
        """Take return addresses that are ours, and addresses of people to answer to."""
        if address.lower().startswith("b+") and self._keys.read(address) is None:
            return "550 5.1.1 This return address is not one of ours"
        if len(envelope.rcpt_tos) >= 10:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802 - as aiosmtpd calls it
        """Say yes once what a mail tells is durable."""
        told = await asyncio.to_thread(
            events, envelope.content, self._keys, sender=envelope.mail_from or "", recipients=envelope.rcpt_tos
        )
        try:
            if told:
                await self._intake(told)
        except Exception:
            log.exception("what a mail tells was not taken in")
            return "451 4.3.0 Try again later"
        return "250 2.0.0 Ok"
