"""A name server on loopback that answers with what a test published there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dnslib import MX, QTYPE, RCODE, RR, TXT, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSServer

from connectpulse.core.wire import names


@dataclass
class Zone(BaseResolver):  # type: ignore[misc]
    """What is published: texts and mail hosts by name. Questions about `silent` names get no answer."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    mail: dict[str, list[str]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        """Answer a question."""
        reply, name = request.reply(), str(request.q.qname).rstrip(".").lower()
        if name in self.silent:
            reply.header.rcode = RCODE.SERVFAIL
        elif request.q.qtype == QTYPE.TXT and name in self.texts:
            for text in self.texts[name]:
                pieces = [text[start : start + 255] for start in range(0, len(text), 255)]
                reply.add_answer(RR(name, QTYPE.TXT, rdata=TXT(pieces)))
        elif request.q.qtype == QTYPE.MX and name in self.mail:
            for host in self.mail[name]:
                reply.add_answer(RR(name, QTYPE.MX, rdata=MX(host, 10)))
        elif name not in self.texts and name not in self.mail:
            reply.header.rcode = RCODE.NXDOMAIN
        return reply


@contextmanager
def published(zone: Zone) -> Iterator[Zone]:
    """Serve a zone to whoever asks through the house."""
    server = DNSServer(zone, address="127.0.0.1", port=0)
    server.start_thread()
    names.ask_at(f"127.0.0.1:{server.server.server_address[1]}")
    try:
        yield zone
    finally:
        names.ask_at()
        server.stop()
        server.server.server_close()
