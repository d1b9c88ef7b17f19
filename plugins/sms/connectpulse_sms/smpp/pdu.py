"""The PDUs of SMPP 3.4 that messaging uses, as bytes and back (sections 3.2, 4 and 5).

Integers are big-endian, C-octet strings end with NUL. Nothing here waits or writes: `Reader` cuts a byte
stream into frames, `parse_message` and `Message.encode` handle the body that submit_sm and deliver_sm
share. Whatever a peer sends, the worst that comes out is `Malformed`.
"""

import re
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

HEADER: Final = struct.Struct(">IIII")
"""command_length, command_id, command_status, sequence_number (section 3.2)."""

LEAST_LENGTH: Final = HEADER.size
MOST_LENGTH: Final = 68 * 1024
"""The longest PDU read: a message_payload of 64 KiB with room for the rest."""

LAST_SEQUENCE: Final = 0x7FFFFFFF
IS_RESPONSE: Final = 0x80000000

GENERIC_NACK: Final = 0x80000000
BIND_RECEIVER: Final = 0x00000001
BIND_TRANSMITTER: Final = 0x00000002
SUBMIT_SM: Final = 0x00000004
SUBMIT_SM_RESP: Final = 0x80000004
DELIVER_SM: Final = 0x00000005
DELIVER_SM_RESP: Final = 0x80000005
UNBIND: Final = 0x00000006
UNBIND_RESP: Final = 0x80000006
BIND_TRANSCEIVER: Final = 0x00000009
ENQUIRE_LINK: Final = 0x00000015
ENQUIRE_LINK_RESP: Final = 0x80000015

INTERFACE_VERSION: Final = 0x34

TAG_RECEIPTED_MESSAGE_ID: Final = 0x001E
TAG_SAR_REFERENCE: Final = 0x020C
TAG_SAR_TOTAL: Final = 0x020E
TAG_SAR_NUMBER: Final = 0x020F
TAG_NETWORK_ERROR_CODE: Final = 0x0423
TAG_MESSAGE_PAYLOAD: Final = 0x0424
TAG_MESSAGE_STATE: Final = 0x0427

ESM_UDH: Final = 0x40
ESM_KIND: Final = 0x3C
ESM_RECEIPT: Final = 0x04
ESM_INTERMEDIATE: Final = 0x20
"""Bits of esm_class (section 5.2.12)."""

UCS2_CODING: Final = 0x08

TON_INTERNATIONAL: Final = 1
"""Type of number (section 5.2.5) of an address in E.164 without its plus sign."""

Frame = tuple[int, int, int, bytes]
"""command_id, command_status, sequence_number and body of one PDU."""

_TLV = struct.Struct(">HH")
_BODY = re.compile(
    rb"([^\0]{0,16})\0(.)(.)([^\0]{0,64})\0(.)(.)([^\0]{0,64})\0"  # service type, source, destination
    rb"(.)(.)(.)([^\0]{0,16})\0([^\0]{0,16})\0"  # esm class, protocol, priority, schedule, validity
    rb"(.)(.)(.)(.)(.)",  # registered delivery, replace, data coding, default message, length
    re.DOTALL,
)
_NO_TLVS: Final[Mapping[int, bytes]] = {}


class Malformed(Exception):
    """Bytes that are no PDU of SMPP 3.4; `str(error)` says what is wrong with them."""


class Message(NamedTuple):
    """The body that submit_sm and deliver_sm share (sections 4.4.1 and 4.6.1).

    `text` is short_message, or the message_payload that stands in for it; with `ESM_UDH` in `esm_class`
    it begins with a user data header.
    """

    source: bytes
    destination: bytes
    text: bytes
    esm_class: int = 0
    data_coding: int = 0
    tlvs: Mapping[int, bytes] = _NO_TLVS
    source_ton: int = 0
    source_npi: int = 0
    destination_ton: int = 1
    destination_npi: int = 1
    registered_delivery: int = 0
    validity: bytes = b""
    service_type: bytes = b""

    def encode(self) -> bytes:
        """Return the body; a text of over 254 octets must be given as message_payload in `tlvs`."""
        head = address_head(self.service_type, self.source_ton, self.source_npi, self.source)
        to = bytes((self.destination_ton, self.destination_npi)) + self.destination
        tail = message_tail(self.esm_class, self.validity, self.registered_delivery, self.data_coding)
        return head + to + tail + bytes((len(self.text),)) + self.text + encode_tlvs(self.tlvs)


def address_head(service_type: bytes, ton: int, npi: int, source: bytes) -> bytes:
    """Return the beginning of a message body up to the source address."""
    return b"%b\0%c%c%b\0" % (service_type, ton, npi, source)


def message_tail(esm_class: int, validity: bytes, registered_delivery: int, data_coding: int) -> bytes:
    """Return the middle of a message body: from the end of the destination to before sm_length."""
    return b"\0%c\0\0\0%b\0%c\0%c\0" % (esm_class, validity, registered_delivery, data_coding)


def encode_tlvs(tlvs: Mapping[int, bytes]) -> bytes:
    """Return optional parameters as tag, length and value (section 3.2.4.1)."""
    return b"".join(_TLV.pack(tag, len(value)) + value for tag, value in tlvs.items())


def parse_message(body: bytes) -> Message:
    """Return the fields of a submit_sm or deliver_sm body; raise Malformed if it is neither."""
    match = _BODY.match(body)
    if match is None:
        raise Malformed("its mandatory fields are cut short or longer than SMPP 3.4 allows")
    (
        service, source_ton, source_npi, source, destination_ton, destination_npi, destination,
        esm_class, _, _, _, validity, registered, _, coding, _, length,
    ) = match.groups()  # fmt: skip
    start = match.end()
    end = start + length[0]
    if end > len(body):
        raise Malformed(f"sm_length says {length[0]} octets, but {len(body) - start} follow")
    text = body[start:end]
    tlvs = parse_tlvs(body, end) if end < len(body) else _NO_TLVS
    if not text and TAG_MESSAGE_PAYLOAD in tlvs:
        text = tlvs[TAG_MESSAGE_PAYLOAD]
    return Message(
        source, destination, text, esm_class[0], coding[0], tlvs, source_ton[0], source_npi[0],
        destination_ton[0], destination_npi[0], registered[0], validity, service,
    )  # fmt: skip


def parse_tlvs(body: bytes, start: int) -> dict[int, bytes]:
    """Return the optional parameters from `start` on; raise Malformed if one is cut short."""
    tlvs = {}
    while start < len(body):
        if start + _TLV.size > len(body):
            raise Malformed("an optional parameter is cut short")
        tag, length = _TLV.unpack_from(body, start)
        start += _TLV.size
        if start + length > len(body):
            raise Malformed(f"optional parameter 0x{tag:04X} says {length} octets, but fewer follow")
        tlvs[tag] = body[start : start + length]
        start += length
    return tlvs


def frame(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """Return one PDU."""
    return HEADER.pack(LEAST_LENGTH + len(body), command, status, sequence) + body


def first_string(body: bytes) -> bytes:
    """Return the C-octet string a body begins with: message_id, system_id; empty if there is none."""
    return body.partition(b"\0")[0]


class Reader:
    """Cuts a stream into frames, whatever pieces it arrives in.

    After bytes that cannot be a PDU `fault` says why, and nothing more is read: a stream that has lost
    its place has lost it for good.
    """

    def __init__(self) -> None:
        self.fault: str | None = None
        self._rest = b""

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the frames that `chunk` completes; a fault leaves those before it intact."""
        if self.fault:
            return []
        stream = self._rest + chunk if self._rest else chunk
        start, size = 0, len(stream)
        frames: list[Frame] = []
        while size - start >= LEAST_LENGTH:
            length, command, status, sequence = HEADER.unpack_from(stream, start)
            if not LEAST_LENGTH <= length <= MOST_LENGTH:
                self.fault = f"a PDU claims {length} octets; {LEAST_LENGTH} to {MOST_LENGTH} are possible"
                return frames
            end = start + length
            if end > size:
                break
            frames.append((command, status, sequence, stream[start + LEAST_LENGTH : end]))
            start = end
        self._rest = stream[start:] if start else stream
        return frames
