"""The guard on outgoing requests, tried against real servers on loopback and the usual ways around it."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectpulse.core.errors import Misconfigured, Refused
from connectpulse.core.storage.embedded import free_port
from connectpulse.core.wire import egress, http
from connectpulse.core.wire.egress import Policy
from connectpulse.core.wire.http import EgressSession, Unreachable
from tests.unit.core.wire.door_scene import LOOPBACK, get, ok, saying, serving


@pytest.fixture
def _site() -> Iterator[None]:
    yield
    egress.allow()


def words(text: str) -> list[str]:
    return text.split()


PRIVATE = words("""
    0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.8.8.8 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8
    192.0.2.1 192.88.99.1 192.168.1.5 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255
    240.0.0.1 255.255.255.255 :: ::1 fe80::1 fec0::1 fc00::1 fd12:3456::1 ff02::1 100::1 2001:db8::1 3fff::1
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 ::127.0.0.1 64:ff9b::192.168.1.5 64:ff9b:1::1.1.1.1
    2002:c0a8:0105::1 2002:7f00:0001:: 2001:0:4136:e378:8000:63bf:3fff:fdd2 5f00::1
""")
PUBLIC = words("""
    1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.167.0.1 193.0.0.1 223.255.255.255
    2606:4700::1111 2a00:1450::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:0808:0808::1 2001:200::1
""")


@pytest.mark.parametrize("address", PRIVATE)
def test_special_addresses_are_known(address: str) -> None:
    assert egress.special_kind(ip_address(address))
    with pytest.raises(Refused, match="EGRESS_ALLOW"):
        Policy().check(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert egress.special_kind(ip_address(address)) == ""
    Policy().check(address)


def test_the_refusal_says_what_to_do() -> None:
    with pytest.raises(Refused) as refused:
        Policy().check("192.168.1.5")
    assert str(refused.value) == (
        "192.168.1.5 is a private address; an administrator may allow it with the setting EGRESS_ALLOW."
    )


@pytest.mark.parametrize("address", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "", "localhost"])
def test_only_the_usual_spelling_is_an_address(address: str) -> None:
    with pytest.raises(Refused, match="usual spelling"):
        Policy.of(["0.0.0.0/0"]).check(address)


SPELLINGS = (
    "127.0.0.1 localhost LOCALHOST localhost. 2130706433 0x7f000001 0x7f.0.0.1 0177.0.0.1 017700000001 127.1 "
    "127.0.1 0 0.0.0.0 [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:0:0:1] "
    "%31%32%37.0.0.1 127。0。0。1 １２７.0.0.1"
)


@pytest.mark.parametrize("host", SPELLINGS.split())
def test_no_spelling_of_loopback_gets_through(host: str) -> None:
    reached: list[socket.socket] = []
    listens_on = "::1" if ":" in host else "127.0.0.1"
    with serving(reached.append, listens_on) as port, pytest.raises((Refused, Unreachable)):
        get(f"http://{host}:{port}/")
    assert reached == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/", "http:///x", "x", "http://a:b/"])
def test_only_http_is_spoken(url: str) -> None:
    with pytest.raises(Refused):
        get(url)


def test_a_header_cannot_hold_a_line_break() -> None:
    async def run(port: int) -> None:
        async with EgressSession(policy=LOOPBACK) as session:
            await session.request("GET", f"http://127.0.0.1:{port}/", headers={"X-A": "b\r\nX-Evil: c"})

    reached: list[socket.socket] = []
    with serving(reached.append) as port, pytest.raises(Refused, match="not valid HTTP"):
        asyncio.run(run(port))
    assert reached == []


def test_a_permitted_network_is_reached() -> None:
    with serving(saying(ok())) as port:
        reply = get(f"http://127.0.0.1:{port}/", policy=Policy.of(["127.0.0.1"]))
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"fine", "4")


def test_a_permitted_name_is_reached_and_its_address_alone_is_not() -> None:
    policy = Policy.of(["localhost"])
    with serving(saying(ok())) as port:
        assert get(f"http://LocalHost:{port}/", policy=policy).body == b"fine"
        with pytest.raises(Refused):
            get(f"http://127.0.0.1:{port}/", policy=policy)


@pytest.mark.usefixtures("_site")
def test_the_site_decides_once_for_all_sessions() -> None:
    with serving(saying(ok())) as port:
        with pytest.raises(Refused):
            get(f"http://127.0.0.1:{port}/")
        egress.allow("127.0.0.0/8")
        assert get(f"http://127.0.0.1:{port}/").status == 200


@pytest.mark.parametrize("entry", ["*.lan", "10.0.0.0/99", "a b", "http://x", "host:80", ""])
def test_a_malformed_permission_is_refused(entry: str) -> None:
    with pytest.raises(Misconfigured, match="EGRESS_ALLOW"):
        Policy.of([entry])


def test_a_rebinding_name_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name answers a permitted address first and another one ever after, as an attacker's would.

    The operating system's look-up is replaced, since no name on loopback changes its mind.
    """
    answers: list[str] = []
    real = socket.getaddrinfo

    def turncoat(host: str, port: int, *rest: Any, **named: Any) -> Any:
        if host != "turncoat.example":
            return real(host, port, *rest, **named)
        answers.append("127.0.0.1" if not answers else "127.0.0.2")
        return real(answers[-1], port, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", turncoat)
    policy = Policy.of(["127.0.0.1"])
    with serving(saying(ok(b"permitted"))) as port, serving(saying(ok(b"secret")), "127.0.0.2", port=port):
        url = f"http://turncoat.example:{port}/"
        assert get(url, policy=policy).body == b"permitted"
        assert answers == ["127.0.0.1"], "looked up once, connected to what was checked"
        with pytest.raises(Refused, match=r"turncoat\.example is no public host: 127\.0\.0\.2"):
            get(url, policy=policy)


def test_a_name_with_both_kinds_of_address_uses_the_public_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    both = socket.getaddrinfo("10.0.0.1", 80) + socket.getaddrinfo("8.8.8.8", 80)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *place, **named: both)
    addresses = asyncio.run(egress.resolve("both.example", 80, Policy()))
    assert {address for _, address in addresses} == {"8.8.8.8"}


def test_a_redirect_is_returned_and_not_followed() -> None:
    with serving(saying(ok(b"secret")), "127.0.0.2") as inner:
        moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:%d/\r\nContent-Length: 0\r\n\r\n" % inner
        with serving(saying(moved)) as port:
            reply = get(f"http://127.0.0.1:{port}/", policy=LOOPBACK)
    assert (reply.status, reply.body) == (302, b"")


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(saying(ok(b"proxied"))) as proxy, serving(saying(ok(b"direct"))) as port:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        assert get(f"http://127.0.0.1:{port}/", policy=LOOPBACK).body == b"direct"


def test_no_listener_means_nothing_was_sent() -> None:
    with pytest.raises(Unreachable, match="Nothing listens at 127"):
        get(f"http://127.0.0.1:{free_port()}/?password=hunter2", policy=LOOPBACK)


def test_an_unknown_name_means_nothing_was_sent() -> None:
    with pytest.raises(Unreachable, match="cannot be resolved"):
        get("http://nowhere.invalid/")


def certify(name: str, folder: Path) -> tuple[ssl.SSLContext, str]:
    """Return a server's TLS context with a fresh self-signed certificate for `name`, and that as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context, pem.decode()


def test_certificates_are_verified(tmp_path: Path) -> None:
    tls, pem = certify("localhost", tmp_path)
    policy = Policy.of(["localhost", "127.0.0.1"])
    with serving(saying(ok()), tls=tls) as port:
        with pytest.raises(Unreachable, match=r"certificate of localhost:\d+ is not trusted"):
            get(f"https://localhost:{port}/", policy=policy)
        with pytest.raises(Unreachable, match="not trusted"):  # trusted, but made for another name
            get(f"https://127.0.0.1:{port}/", policy=policy, certificates=pem)
        assert get(f"https://localhost:{port}/", policy=policy, certificates=pem).body == b"fine"


def test_a_certificate_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match="PEM"):
        http.tls_context("not a certificate")


def test_speaking_tls_to_a_plain_server_sends_nothing() -> None:
    def greet(connection: socket.socket) -> None:
        connection.sendall(b"220 smtp.example ESMTP\r\n")

    with serving(greet) as port, pytest.raises(Unreachable, match="does not speak TLS"):
        get(f"https://127.0.0.1:{port}/", policy=LOOPBACK)


def test_a_handshake_that_hangs_sends_nothing() -> None:
    def hang(connection: socket.socket) -> None:
        while connection.recv(4096):
            pass

    with serving(hang) as port, pytest.raises(Unreachable, match="did not accept a connection in time"):
        get(f"https://127.0.0.1:{port}/", policy=LOOPBACK, timeout=0.4)


def probe(url: str, **options: Any) -> list[str]:
    async def run() -> list[str]:
        async with EgressSession(policy=Policy.of(["localhost", "127.0.0.1"]), **options) as session:
            return [step async for step in session.probe(url)]

    return asyncio.run(run())


def test_a_probe_tells_its_steps(tmp_path: Path) -> None:
    tls, pem = certify("localhost", tmp_path)
    with serving(saying(ok())) as plain, serving(saying(ok()), tls=tls) as encrypted:
        assert probe(f"http://127.0.0.1:{plain}/") == [
            "127.0.0.1 has the address 127.0.0.1.",
            f"Port {plain} answers.",
            "The connection is not encrypted.",
        ]
        assert probe(f"https://localhost:{encrypted}/", certificates=pem)[-1] == "The certificate is valid."


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://10.0.0.1/", Refused),
        ("http://nowhere.invalid/", Unreachable),
        ("http://127.0.0.1:{free}/", Unreachable),
    ],
    ids=["private", "no-such-host", "nobody-listens"],
)
def test_a_probe_ends_where_a_request_would(url: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        probe(url.format(free=free_port()))
