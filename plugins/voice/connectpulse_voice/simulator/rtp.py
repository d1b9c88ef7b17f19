"""The sound of a callee: G.711 over RTP (RFC 3550, 3551), and keys as telephone events (RFC 4733)."""

import asyncio
import math
import re
import secrets
import struct
from collections.abc import Sequence
from typing import Any, Final

from .record import Heard

A_LAW, MU_LAW = 8, 0
_SILENCE: Final = {A_LAW: 0xD5, MU_LAW: 0xFF}
_HUSHED: Final = {A_LAW: frozenset((0xD5, 0x55, 0xD4, 0x54)), MU_LAW: frozenset((0xFF, 0x7F, 0xFE, 0x7E))}
_SAMPLES: Final = 160
_FRAME: Final = 0.02
_KEYS: Final = "0123456789*#"
_EVENT_FRAMES: Final = 5
_MEDIA: Final = re.compile(r"^m=audio (\d+) \S+ ([\d ]+)", re.M)
_PLACE: Final = re.compile(r"^c=IN IP4 (\S+)", re.M)
_EVENTS: Final = re.compile(r"^a=rtpmap:(\d+) telephone-event/8000", re.M | re.I)


class Offer:
    """What the caller's SDP offers: where its sound goes, the codec we take, the number of its key events."""

    def __init__(self, sdp: str) -> None:
        media, place, events = _MEDIA.search(sdp), _PLACE.search(sdp), _EVENTS.search(sdp)
        if media is None or place is None:
            raise ValueError("no audio is offered")
        offered = [int(each) for each in media.group(2).split()]
        self.codec = next((each for each in offered if each in _SILENCE), None)
        self.address = (place.group(1), int(media.group(1)))
        self.events = int(events.group(1)) if events else None

    def answer(self, host: str, port: int) -> str:
        """Return the SDP that takes the offer, sound for us at `port`."""
        kinds = [str(self.codec)] + ([str(self.events)] if self.events is not None else [])
        lines = ["v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
        lines.append(f"m=audio {port} RTP/AVP {' '.join(kinds)}")
        lines.append(f"a=rtpmap:{self.codec} {'PCMA' if self.codec == A_LAW else 'PCMU'}/8000")
        if self.events is not None:
            lines += [f"a=rtpmap:{self.events} telephone-event/8000", f"a=fmtp:{self.events} 0-15"]
        return "\r\n".join((*lines, "a=sendrecv", ""))


def a_law(sample: int) -> int:
    """Return a sample of 16 bits as A-law (G.711)."""
    sign, magnitude = (0x80, sample >> 3) if sample >= 0 else (0, (-sample - 1) >> 3)
    for segment, end in enumerate((0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF)):
        if magnitude <= end:
            low = magnitude >> (1 if segment < 2 else segment)
            return (sign | segment << 4 | low & 0x0F) ^ 0x55
    return (sign | 0x7F) ^ 0x55


_VOICE: Final = bytes(a_law(int(9000 * math.sin(2 * math.pi * 400 * each / 8000))) for each in range(_SAMPLES))
"""20 ms of a voice, as far as a meter can tell: a tone of whole periods. To µ-law ears it is as loud."""


class Ear(asyncio.DatagramProtocol):
    """Notes in `heard` what comes, as it comes: packets, and those of them with sound in them."""

    def __init__(self, codec: int, heard: Heard) -> None:
        self._heard = heard
        self._hushed = _HUSHED[codec]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if len(data) > 12 and data[0] >> 6 == 2 and data[1] & 0x7F in _SILENCE:
            self._heard.packets += 1
            some = data[12::8]
            self._heard.loud += sum(byte not in self._hushed for byte in some) * 2 > len(some)


class Mouth:
    """Speaks and presses keys, one packet every 20 ms."""

    def __init__(self, transport: asyncio.DatagramTransport, offer: Offer) -> None:
        self._transport = transport
        self._offer = offer
        self._source = secrets.randbits(32)
        self._sequence = self._time = 0

    async def speak(self, seconds: float) -> None:
        """Say something for that long."""
        await self._frames([_VOICE] * int(seconds / _FRAME))

    async def hush(self, seconds: float) -> None:
        """Say nothing for that long."""
        assert self._offer.codec is not None
        await self._frames([bytes([_SILENCE[self._offer.codec]]) * _SAMPLES] * int(seconds / _FRAME))

    async def press(self, keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            if self._offer.events is not None:
                await self._press(_KEYS.index(key))
                await self.hush(0.1)

    async def _press(self, event: int) -> None:
        """Send one key: growing durations of one moment, the end three times."""
        for number in range(1, _EVENT_FRAMES + 3):
            is_over = number >= _EVENT_FRAMES
            duration = min(number, _EVENT_FRAMES) * _SAMPLES
            body = struct.pack("!BBH", event, (0x80 if is_over else 0) | 10, duration)
            self._send(self._offer.events or 0, body, is_first=number == 1)
            await asyncio.sleep(_FRAME)
        self._time += _EVENT_FRAMES * _SAMPLES

    async def _frames(self, frames: Sequence[bytes]) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for frame in frames:
            self._send(self._offer.codec or 0, frame)
            self._time += _SAMPLES
            due += _FRAME
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _send(self, kind: int, body: bytes, *, is_first: bool = False) -> None:
        head = struct.pack(
            "!BBHII", 0x80, kind | (0x80 if is_first else 0), self._sequence & 0xFFFF, self._time & 0xFFFFFFFF,
            self._source,
        )  # fmt: skip
        self._sequence += 1
        self._transport.sendto(head + body, self._offer.address)
