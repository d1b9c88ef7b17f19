"""From settings to a session that may carry letters, one plain step at a time."""

import asyncio
import ssl
from typing import Final

from connectpulse.core.api import ConnectionLost, ErrorClass, Refused, resolve_host, tls_context

from .session import Session
from .settings import Settings, is_here
from .talk import Lost

_LOGIN_REFUSED: Final = frozenset({454, 500, 501, 502, 503, 504, 530, 534, 535, 538})


async def connect(settings: Settings, steps: list[str] | None = None) -> Session:
    """Resolve, connect, agree on TLS and log in; add a sentence to `steps` for each step that worked.

    Raises ConnectionLost: CREDENTIAL if only a person can help, PROVIDER if trying again may.
    """
    told = steps if steps is not None else []
    session = await _reach(settings, told)
    try:
        await _prepare(session, settings, told)
    except Lost as lost:
        raise ConnectionLost(ErrorClass.PROVIDER, f"{settings.host}: {lost.reason}.") from None
    except (ssl.SSLError, OSError, TimeoutError) as error:
        session.abort()
        raise ConnectionLost(ErrorClass.PROVIDER, _why(error, settings, settings.host)) from None
    except ConnectionLost:
        await session.quit()
        raise
    return session


async def _reach(settings: Settings, steps: list[str]) -> Session:
    """Connect to the first address that answers."""
    try:
        addresses = list(dict.fromkeys(address for _, address in await resolve_host(settings.host, settings.port)))
    except Refused as refused:
        raise ConnectionLost(ErrorClass.CREDENTIAL, str(refused)) from None
    except (OSError, UnicodeError):
        raise ConnectionLost(ErrorClass.PROVIDER, f"The name {settings.host} cannot be resolved.") from None
    steps.append(f"{settings.host} has the address {', '.join(addresses)}.")
    reason = ""
    for address in addresses:
        try:
            async with asyncio.timeout(settings.patience):
                session = await _connect_to(address, settings)
        except (ssl.SSLError, OSError, TimeoutError) as error:
            reason = _why(error, settings, address)
        else:
            steps.append(f"Connected to {address} port {settings.port}.")
            return session
    raise ConnectionLost(ErrorClass.PROVIDER, reason)


async def _connect_to(address: str, settings: Settings) -> Session:
    is_tls = settings.security == "tls"
    _, session = await asyncio.get_running_loop().create_connection(
        lambda: Session(settings.patience, settings.patience * 4),
        address,
        settings.port,
        ssl=_context(settings) if is_tls else None,
        server_hostname=settings.host if is_tls else None,
    )
    return session


def _context(settings: Settings) -> ssl.SSLContext:
    try:
        return tls_context(settings.authorities)
    except Refused as refused:
        raise ConnectionLost(ErrorClass.CREDENTIAL, f"Certificates to trust: {refused}") from None


async def _prepare(session: Session, settings: Settings, steps: list[str]) -> None:
    greeting = await session.greeting()
    if greeting.code != 220:
        raise ConnectionLost(ErrorClass.PROVIDER, f"{settings.host} turned us away: {greeting.code} {greeting.text}")
    name = settings.hello or _literal(session.own_address)
    await _hello(session, settings, name)
    if settings.security == "starttls":
        await _encrypt(session, settings, name)
    if session.is_encrypted:
        steps.append(f"Agreed on {session.tls_version}, certificate verified.")
    elif not is_here(settings.host):
        steps.append("The line is not encrypted.")
    offered = ", ".join(sorted(session.features)) or "nothing"
    steps.append(f"It offers {offered}."[:300])
    if settings.username:
        await _log_in(session, settings)
        steps.append(f"Logged in as {settings.username}.")


async def _hello(session: Session, settings: Settings, name: str) -> None:
    reply = await session.hello(name)
    if not reply.is_good:
        reply = await session.ask(f"HELO {name}")
    if not reply.is_good:
        raise ConnectionLost(ErrorClass.PROVIDER, f"{settings.host} does not greet us: {reply.code} {reply.text}")


async def _encrypt(session: Session, settings: Settings, name: str) -> None:
    if "STARTTLS" not in session.features:
        raise ConnectionLost(
            ErrorClass.CREDENTIAL,
            f"{settings.host} offers no STARTTLS. Choose another port or TLS.",
        )
    reply = await session.start_tls(_context(settings), settings.host)
    if reply.code != 220:
        raise ConnectionLost(ErrorClass.PROVIDER, f"{settings.host} did not begin TLS: {reply.code} {reply.text}")
    await _hello(session, settings, name)


async def _log_in(session: Session, settings: Settings) -> None:
    if not session.is_encrypted and not is_here(settings.host):
        raise ConnectionLost(ErrorClass.CREDENTIAL, "The password was not sent, because the line is not encrypted.")
    offered = session.features.get("AUTH", "").upper().split()
    if not {"PLAIN", "LOGIN"} & set(offered):
        raise ConnectionLost(
            ErrorClass.CREDENTIAL, f"{settings.host} offers no way to log in that we know (PLAIN, LOGIN)."
        )
    reply = await session.log_in(settings.username, settings.password)
    if reply.code == 235:
        return
    is_refused = reply.code in _LOGIN_REFUSED and not (reply.code == 454 and reply.status.startswith("4"))
    error = ErrorClass.CREDENTIAL if is_refused else ErrorClass.PROVIDER
    raise ConnectionLost(error, f"{settings.host} refused the login: {reply.code} {reply.status}".rstrip() + ".")


def _literal(address: str) -> str:
    return f"[IPv6:{address}]" if ":" in address else f"[{address or '127.0.0.1'}]"


def _why(error: BaseException, settings: Settings, place: str) -> str:
    """Return in plain words why no session came about."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"The certificate of {place} is not valid for {settings.host}: {error.verify_message}."
        case ssl.SSLError():
            return f"{place} port {settings.port} speaks no TLS as expected ({error.reason or 'no handshake'})."
        case ConnectionRefusedError():
            return f"Nothing listens at {place} port {settings.port}."
        case TimeoutError():
            return f"{place} port {settings.port} did not answer in {settings.patience} seconds."
    return f"{place} port {settings.port} cannot be reached."
