"""A mailbox read over IMAP (RFC 3501), in a thread of its own: what is unread, and marking it as read."""

import asyncio
import imaplib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from connectpulse.core.api import Refused, resolve_host, tls_context

from ..bounces.reading import LARGEST
from .settings import Settings, is_here

T = TypeVar("T")
_AT_ONCE: Final = 50
"""Mails fetched in one look; more are left for the next one."""


class Unread(Exception):
    """The mailbox could not be read; says why in plain words."""


class _Line(imaplib.IMAP4):
    """An IMAP line to an address that may be reached; names are checked against the host that was asked for."""

    def __init__(self, address: str, settings: Settings, context: ssl.SSLContext | None) -> None:
        self._address = address
        self._asked = settings.imap_host
        self._context = context
        super().__init__(settings.imap_host, settings.imap_port, timeout=settings.patience)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = socket.create_connection((self._address, self.port), timeout)
        return self._context.wrap_socket(plain, server_hostname=self._asked) if self._context else plain


class Mailbox:
    """One folder of a mailbox. Every method may raise Unread; the line is opened when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._line: imaplib.IMAP4 | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mailbox")

    async def check(self) -> list[str]:
        """Log in and look into the folder; return the steps."""
        try:
            line = await self._opened()
            host, folder = self._settings.imap_host, self._settings.imap_folder
            names = await self._do(lambda: _search(line))
            return [f"Logged in to the mailbox at {host}.", f"{folder} holds {len(names)} unread mails."]
        finally:
            await self.close()

    async def unread(self) -> AsyncIterator[tuple[bytes, bytes]]:
        """Yield name and content of each unread mail; one that is too large is marked as read and left out."""
        line = await self._opened()
        for name in (await self._do(lambda: _search(line)))[:_AT_ONCE]:
            raw = await self._do(lambda name=name: _fetch(line, name))  # type: ignore[misc]
            if raw is None:
                await self.mark(name)
            else:
                yield name, raw

    async def mark(self, name: bytes) -> None:
        """Mark a mail as read."""
        line = await self._opened()
        await self._do(lambda: line.uid("STORE", name.decode(), "+FLAGS.SILENT", "(\\Seen)"))

    async def close(self) -> None:
        """Log out; safe to call twice."""
        line, self._line = self._line, None
        try:
            if line is not None:
                await self._do(line.logout)
        finally:
            self._thread.shutdown(wait=False)

    async def _opened(self) -> imaplib.IMAP4:
        if self._line is None:
            address = await self._address()
            self._line = await self._do(lambda: _open(address, self._settings))
        return self._line

    async def _address(self) -> str:
        host = self._settings.imap_host
        try:
            found = await resolve_host(host, self._settings.imap_port)
        except (Refused, OSError, UnicodeError) as failure:
            said = str(failure) if isinstance(failure, Refused) else f"The name {host} cannot be resolved."
            raise Unread(said) from None
        return found[0][1]

    async def _do(self, work: Callable[[], T]) -> T:
        """Do something on the line in its thread; a line that failed is not used again."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (imaplib.IMAP4.error, OSError, ValueError) as failure:
            line, self._line = self._line, None
            if line is not None:
                line.shutdown()
            raise Unread(_why(failure, self._settings)) from None


def _open(address: str, settings: Settings) -> imaplib.IMAP4:
    context = tls_context(settings.authorities)
    line = _Line(address, settings, context if settings.imap_security == "tls" else None)
    try:
        _enter(line, settings, context)
    except BaseException:
        line.shutdown()
        raise
    return line


def _enter(line: imaplib.IMAP4, settings: Settings, context: ssl.SSLContext) -> None:
    if settings.imap_security == "starttls":
        line.starttls(context)
    elif settings.imap_security == "none" and not is_here(settings.imap_host):
        raise imaplib.IMAP4.error("not encrypted")
    line.login(settings.imap_username, settings.imap_password)
    kind, _ = line.select(f'"{settings.imap_folder}"')
    if kind != "OK":
        raise imaplib.IMAP4.error("no such folder")


def _search(line: imaplib.IMAP4) -> list[bytes]:
    kind, found = line.uid("SEARCH", "UNSEEN")
    if kind != "OK":
        raise imaplib.IMAP4.error("no search")
    return found[0].split() if found and found[0] else []


def _fetch(line: imaplib.IMAP4, name: bytes) -> bytes | None:
    """Return a mail, None for one that is too large or gone."""
    uid = name.decode()
    _, told = line.uid("FETCH", uid, "(RFC822.SIZE)")
    size = _number_after(told, b"RFC822.SIZE ")
    if size is None or size > LARGEST:
        return None
    _, found = line.uid("FETCH", uid, "(BODY.PEEK[])")
    return next((each[1] for each in found if isinstance(each, tuple)), None)


def _number_after(told: list[Any], word: bytes) -> int | None:
    for each in told:
        line = each[0] if isinstance(each, tuple) else each
        if isinstance(line, bytes) and word in line:
            digits = line.partition(word)[2].split(b")")[0].split()[0]
            return int(digits) if digits.isdigit() else None
    return None


def _why(failure: Exception, settings: Settings) -> str:
    """Return in plain words why a mailbox could not be read; never repeats what the server said: it may be secret."""
    match failure:
        case ssl.SSLCertVerificationError():
            return f"The certificate of {settings.imap_host} is not valid: {failure.verify_message}."
        case ssl.SSLError():
            return f"{settings.imap_host} does not speak TLS as expected."
        case ConnectionRefusedError():
            return f"Nothing listens at {settings.imap_host} port {settings.imap_port}."
        case TimeoutError():
            return f"{settings.imap_host} did not answer in {settings.patience} seconds."
        case imaplib.IMAP4.abort() | OSError():
            return f"The line to {settings.imap_host} broke."
    return f"{settings.imap_host} refused the login, or has no folder {settings.imap_folder}."
