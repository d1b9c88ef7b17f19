"""From settings to a bound session, one plain step at a time."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from connectpulse.core.api import ConnectionLost, ErrorClass

from .pdu import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    ENQUIRE_LINK,
    INTERFACE_VERSION,
    UNBIND,
    first_string,
)
from .session import UNANSWERED, Delivery, Session
from .settings import Settings, faults
from .status import REFUSED_BINDS, Status, name

OnDeliver = Callable[[Session, list[Delivery]], None]

BINDS: Final = {
    "transceiver": BIND_TRANSCEIVER,
    "transmitter": BIND_TRANSMITTER,
    "receiver": BIND_RECEIVER,
}

_ROLES: Final = {"transceiver": ("transceiver",), "pair": ("transmitter", "receiver")}

_REFUSALS: Final = {
    Status.ESME_RINVPASWD: "the password is wrong",
    Status.ESME_RINVSYSID: "it does not know this system id",
    Status.ESME_RALYBND: "this account is already bound as often as it may be",
    Status.ESME_RBINDFAIL: "it does not admit this account; the address we come from may not be allowed",
}


async def open_sessions(
    settings: Settings, window: int, on_deliver: OnDeliver, sessions: list[Session], steps: list[str]
) -> None:
    """Resolve, connect, agree on TLS and bind, once or for a pair twice, the transmitter first.

    Adds a sentence to `steps` for each step that worked, and every connection to `sessions` even if it is
    not bound in the end, for `leave` to close. Raises ConnectionLost: CREDENTIAL if only a person can
    help, PROVIDER if trying again may.
    """
    if wrong := faults(settings):
        raise ConnectionLost(ErrorClass.CREDENTIAL, " ".join(wrong))
    for role in _ROLES[settings.bind_mode]:
        addresses = await _resolve(settings, steps)
        session = await _connect(settings, addresses, window, on_deliver, steps)
        sessions.append(session)
        try:
            await _bind(session, settings, role, steps)
        except ConnectionLost:
            session.end("It could not be bound.")
            raise


async def enquire(session: Session, steps: list[str]) -> None:
    """Ask the SMSC whether it is there; raise ConnectionLost if it does not answer."""
    loop = asyncio.get_running_loop()
    asked_at = loop.time()
    if await session.ask(ENQUIRE_LINK) == UNANSWERED:
        raise ConnectionLost(ErrorClass.PROVIDER, "The SMSC did not answer enquire_link.")
    steps.append(f"Asked whether it is there: answered after {(loop.time() - asked_at) * 1000:.0f} ms.")


async def leave(sessions: list[Session], settings: Settings, steps: list[str]) -> None:
    """Unbind what is still open, then close every connection and wait until it is closed."""
    for session in sessions:
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.response_timeout):
                if (await session.ask(UNBIND))[0] == Status.ESME_ROK:
                    steps.append("Unbound.")
        session.end("The session was closed by this side.")
        await session.lost


async def _resolve(settings: Settings, steps: list[str]) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectionLost(
            ErrorClass.PROVIDER, f"The host name {settings.host} cannot be resolved: {error}."
        ) from None
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    steps.append(f"Resolved {settings.host} to {', '.join(addresses)}.")
    return addresses


async def _connect(
    settings: Settings, addresses: list[str], window: int, on_deliver: OnDeliver, steps: list[str]
) -> Session:
    """Connect to the first address that answers."""
    reason = ""
    for address in addresses:
        try:
            async with asyncio.timeout(settings.response_timeout):
                return await _connect_to(address, settings, window, on_deliver, steps)
        except ssl.SSLCertVerificationError as error:
            reason = f"The certificate of {address} is not valid for {settings.host}: {error.verify_message}."
        except ssl.SSLError as error:
            reason = f"TLS with {address} port {settings.port} failed: {error.reason or error}."
        except TimeoutError:
            reason = f"{address} port {settings.port} did not answer in {settings.response_timeout:g} seconds."
        except OSError as error:
            reason = f"{address} port {settings.port} cannot be reached: {error.strerror or error}."
    raise ConnectionLost(ErrorClass.PROVIDER, reason)


async def _connect_to(
    address: str, settings: Settings, window: int, on_deliver: OnDeliver, steps: list[str]
) -> Session:
    context = tls_context(settings.tls)
    transport, session = await asyncio.get_running_loop().create_connection(
        lambda: Session(window, settings.response_timeout, settings.enquire_link, on_deliver),
        address,
        settings.port,
        ssl=context,
        server_hostname=settings.host if context else None,
    )
    steps.append(f"Connected to {address} port {settings.port}.")
    if context:
        version = transport.get_extra_info("ssl_object").version()
        trust = "certificate verified" if context.check_hostname else "certificate not verified"
        steps.append(f"Agreed on {version}, {trust}.")
    return session


def tls_context(mode: str) -> ssl.SSLContext | None:
    """Return the TLS settings of a mode: off, verified or unverified."""
    if mode == "off":
        return None
    context = ssl.create_default_context()
    if mode == "unverified":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _bind(session: Session, settings: Settings, role: str, steps: list[str]) -> None:
    strings = (settings.system_id, settings.password, settings.system_type)
    body = b"".join(string.encode("ascii") + b"\0" for string in strings)
    status, answer = await session.ask(BINDS[role], body + bytes((INTERFACE_VERSION, 0, 0, 0)))
    if status == Status.ESME_ROK:
        peer = first_string(answer).decode("latin-1") or "an SMSC without a name"
        steps.append(f"Bound as {role} to {peer}.")
        return
    if status < 0:
        ended = f" {session.lost.result()}" if session.lost.done() else ""
        raise ConnectionLost(ErrorClass.PROVIDER, f"The SMSC did not answer the bind.{ended}")
    why = _REFUSALS.get(Status(status), "") if status in REFUSED_BINDS else "it gives no more than this code"
    error = ErrorClass.CREDENTIAL if status in REFUSED_BINDS else ErrorClass.PROVIDER
    raise ConnectionLost(error, f"The SMSC refused the bind: {why} ({name(status)}).")
