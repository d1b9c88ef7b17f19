"""The door for requests that leave the house: HTTP to the addresses that `egress` permits, and no others.

An `EgressSession` checks every socket when it is made. It follows no redirect, uses no proxy of the
environment, keeps no cookie, reads at most a mebibyte and waits a bounded time.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.http import HttpProcessingError
from yarl import URL

from ..errors import Refused
from .egress import Policy, resolve, site_policy
from .exchange import LARGEST_ANSWER as LARGEST_ANSWER
from .exchange import Exchange, NotSent, TooLarge, is_fit
from .exchange import Reply as Reply

KEEPALIVE: Final = 1.5
"""Seconds an idle connection is kept: fewer than servers keep theirs, so that none is reused dying."""


class Unreachable(Exception):
    """No connection came about (name, network, certificate): certainly nothing was sent."""


class AnswerLost(Exception):
    """The request may have arrived, but no whole answer came back: it may or may not have been obeyed."""


class EgressSession:
    """A guarded HTTP session over kept-alive connections. Make it on the event loop it is used on.

    `connections` is the most that are open at once. `timeout` bounds a whole request in seconds, and
    `connect_timeout`, at most half of that, the wait for a connection, a free one included.
    `certificates` are further authorities to trust, in PEM form. `policy` replaces the site's. Use it as
    an async context manager or `close` it.
    """

    def __init__(
        self,
        *,
        connections: int = 10,
        timeout: float = 30.0,
        connect_timeout: float = 10.0,
        certificates: str = "",
        policy: Policy | None = None,
    ) -> None:
        self._policy = policy or site_policy()
        self._timeout = timeout
        self._connect_timeout = min(connect_timeout, timeout / 2)  # so that it strikes first
        self._tls = tls_context(certificates)
        self._named: set[str] = set()
        connector = aiohttp.TCPConnector(
            limit=connections,
            ssl=self._tls,
            resolver=_Resolver(self._policy, self._named),
            socket_factory=self._open_socket,
            keepalive_timeout=KEEPALIVE,
        )
        self._exchange = Exchange(connector, self._tls, connect_timeout=self._connect_timeout, keepalive=KEEPALIVE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; safe to call twice."""
        await self._exchange.close()

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Reply:
        """Send one request, once, and return its answer, redirects included.

        `url` is used as it is written, so it must be encoded already. Raises Refused if its address must
        not be reached, Unreachable if certainly nothing was sent, and AnswerLost otherwise; no message
        repeats the URL, which may hold credentials.
        """
        fields = headers or {}
        if not is_fit(method, fields):
            raise Refused(_NOT_HTTP)
        target = _parsed(url)
        by = asyncio.get_running_loop().time() + self._timeout
        try:
            connection = await self._connect(target)
            return await self._exchange.over(connection, method, target, fields, body, by)
        except TimeoutError:
            raise AnswerLost(f"No answer came within {self._timeout:g} seconds.") from None
        except NotSent:
            raise Unreachable(f"{target.host}:{target.port} closed the connection.") from None
        except TooLarge:
            raise AnswerLost(f"The answer is larger than {LARGEST_ANSWER >> 10} KiB.") from None
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            raise AnswerLost("The connection was closed before an answer came.") from None
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            raise AnswerLost(f"The answer broke off ({type(error).__name__}).") from None

    async def _connect(self, target: URL) -> aiohttp.connector.Connection:
        try:
            return await self._exchange.connect(target)
        except aiohttp.InvalidURL:
            raise Refused(_NOT_HTTP) from None
        except (aiohttp.ClientConnectionError, TimeoutError) as error:
            raise Unreachable(_why(error, f"{target.host}:{target.port}")) from None

    async def probe(self, url: str) -> AsyncIterator[str]:
        """Try to reach the host of `url` without a request; yield each step that worked, in plain words.

        Raises Refused or Unreachable where it ends.
        """
        target = URL(url)
        host, port, is_encrypted = target.host or "", target.port or 0, target.scheme == "https"
        addresses = await self.resolve(url)
        yield f"{host} has the address {', '.join(addresses)}."
        try:
            async with asyncio.timeout(self._connect_timeout):
                _, writer = await asyncio.open_connection(
                    addresses[0],
                    port,
                    ssl=self._tls if is_encrypted else None,
                    server_hostname=host if is_encrypted else None,
                )
                writer.transport.abort()  # nothing was said, so nobody need say goodbye
                with suppress(OSError):
                    await writer.wait_closed()
        except (OSError, TimeoutError) as error:
            raise Unreachable(_why(error, f"{host}:{port}")) from None
        yield f"Port {port} answers."
        yield "The certificate is valid." if is_encrypted else "The connection is not encrypted."

    async def resolve(self, url: str) -> list[str]:
        """Return the addresses behind `url`; raise Refused or Unreachable like a request would."""
        target = URL(url)
        try:
            found = await resolve(target.host or "", target.port or 0, self._policy)
        except (OSError, UnicodeError) as error:
            raise Unreachable(_why(error, f"{target.host}:{target.port}")) from None
        return list(dict.fromkeys(address for _, address in found))

    def _open_socket(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        """Open the socket of a connection: the last place every address must pass."""
        family, kind, protocol, _, place = info
        if place[0] not in self._named:
            self._policy.check(str(place[0]))
        return socket.socket(family, kind, protocol)


class _Resolver(AbstractResolver):
    """Gives the connector checked addresses only; `named` collects those allowed by their host's name."""

    def __init__(self, policy: Policy, named: set[str]) -> None:
        self._policy = policy
        self._named = named

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await resolve(host, port, self._policy)
        if self._policy.names_host(host):
            self._named.update(address for _, address in found)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=_NUMERIC)
            for kind, address in found
        ]

    async def close(self) -> None:
        """Nothing is held open."""


_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_NOT_HTTP: Final = "The request is not valid HTTP: look at its address and its headers."


_GAP: Final = re.compile(r"[\x00-\x20\x7f]")
"""What ends a line of a request, or the address in it."""


@lru_cache(maxsize=32)  # a provider asks one address again and again
def _parsed(url: str) -> URL:
    try:
        url.encode()
        target = URL(url, encoded=True)
        is_http = target.scheme in ("http", "https") and bool(target.host and target.port) and not _GAP.search(url)
    except ValueError:
        is_http = False
    if not is_http:
        raise Refused(_NOT_HTTP)
    return target


def _why(error: BaseException, place: str) -> str:
    """Return in plain words why no connection to `place`, a host and port, came about."""
    cause = getattr(error, "os_error", error)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    match cause:
        case ssl.SSLCertVerificationError():
            return f"The certificate of {place} is not trusted: {cause.verify_message}."
        case ssl.SSLError():
            return f"{place} does not speak TLS as expected ({cause.reason or 'handshake failed'})."
        case socket.gaierror() | UnicodeError():
            return f"The name of {place} cannot be resolved."
        case ConnectionRefusedError():
            return f"Nothing listens at {place}."
        case TimeoutError():
            return f"{place} did not accept a connection in time."
    return f"{place} cannot be reached."


@lru_cache(maxsize=64)  # reading the system's authorities takes milliseconds, and sessions may share a context
def tls_context(certificates: str = "") -> ssl.SSLContext:
    """Return a verifying context that also trusts `certificates` (PEM); raise Refused if they are none."""
    context = ssl.create_default_context()
    if certificates:
        try:
            context.load_verify_locations(cadata=certificates)
        except (ssl.SSLError, ValueError):
            raise Refused("The certificate is not in PEM form (-----BEGIN CERTIFICATE-----).") from None
    return context
