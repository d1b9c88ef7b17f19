"""Whether somebody speaks SIP there: OPTIONS, asked without the stack."""

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from connectpulse.core.api import ConnectionLost, ErrorClass, tls_context

_AGAIN: Final = (0.5, 1.0, 2.0)
"""Seconds between repetitions over UDP, which loses what it likes."""
_CONNECT_WITHIN: Final = 5.0
_MOST_BYTES: Final = 8192


async def ask(settings: Mapping[str, Any], address: str, place: str) -> str:
    """Return the status line that answers OPTIONS; any will do, even a refusal. Raise ConnectionLost without one."""
    way = _by_udp if settings["transport"] == "udp" else _by_stream
    try:
        line = await way(settings, address, place)
    except (OSError, TimeoutError) as fault:
        raise ConnectionLost(ErrorClass.PROVIDER, f"{place} does not answer: {_plain(fault)}.") from None
    if not line.startswith("SIP/2.0 "):
        raise ConnectionLost(ErrorClass.PROVIDER, f"{place} does not speak SIP.")
    return line.removeprefix("SIP/2.0 ")


class _Ear(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _by_udp(settings: Mapping[str, Any], address: str, place: str) -> str:
    loop = asyncio.get_running_loop()
    transport, ear = await loop.create_datagram_endpoint(_Ear, remote_addr=(address, settings["port"]))
    try:
        question = _question(place, "UDP", transport.get_extra_info("sockname"))
        for pause in _AGAIN:
            transport.sendto(question)
            with suppress(TimeoutError):
                return _first_line(await asyncio.wait_for(asyncio.shield(ear.answer), pause))
    finally:
        transport.close()
        ear.answer.cancel()
    raise TimeoutError


async def _by_stream(settings: Mapping[str, Any], address: str, place: str) -> str:
    is_tls = settings["transport"] == "tls"
    async with asyncio.timeout(_CONNECT_WITHIN):
        reader, writer = await asyncio.open_connection(
            address,
            settings["port"],
            ssl=tls_context("") if is_tls else None,
            server_hostname=settings["host"] if is_tls else None,
        )
        try:
            writer.write(_question(place, "TLS" if is_tls else "TCP", writer.get_extra_info("sockname")))
            return _first_line(await reader.read(_MOST_BYTES))
        finally:
            writer.transport.abort()


def _question(place: str, transport: str, ours: tuple[Any, ...]) -> bytes:
    here = f"[{ours[0]}]:{ours[1]}" if ":" in ours[0] else f"{ours[0]}:{ours[1]}"
    lines = (
        f"OPTIONS sip:{place} SIP/2.0",
        f"Via: SIP/2.0/{transport} {here};branch=z9hG4bK{secrets.token_hex(8)};rport",
        "Max-Forwards: 70",
        f"From: <sip:pulse@{here}>;tag={secrets.token_hex(6)}",
        f"To: <sip:{place}>",
        f"Call-ID: {secrets.token_hex(12)}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:pulse@{here}>",
        "Accept: application/sdp",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()


def _first_line(answer: bytes) -> str:
    return answer.split(b"\r\n", 1)[0].decode("ascii", "replace")[:80]


def _plain(fault: Exception) -> str:
    return "no answer in time" if isinstance(fault, TimeoutError) else (getattr(fault, "strerror", None) or str(fault))
