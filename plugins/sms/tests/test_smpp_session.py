"""Sessions with an SMSC: binds, hosts, TLS, the check, and settings that no string of SMPP carries."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from connectpulse_sms.simulator.smsc import Smsc
from connectpulse_sms.smpp.pdu import (
    SUBMIT_SM,
)
from connectpulse_sms.smpp.provider import SmppProvider
from connectpulse_sms.smpp.settings import FORM, Settings
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sms_scene import Caller, Inbox, in_loop, messages, opened, provider_for, scripted

from connectpulse.core.api import (
    ConnectionLost,
    ErrorClass,
    TryLater,
)


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (0x0E, ErrorClass.CREDENTIAL, "password is wrong"),
        (0x0F, ErrorClass.CREDENTIAL, "does not know this system id"),
        (0x0D, ErrorClass.CREDENTIAL, "does not admit"),
        (0x05, ErrorClass.CREDENTIAL, "already bound"),
        (0x08, ErrorClass.PROVIDER, "ESME_RSYSERR"),
        (0x401, ErrorClass.PROVIDER, "0x401"),
    ],
)
def test_a_refused_bind_says_whose_fault_it_is(status: int, error: ErrorClass, sentence: str) -> None:
    async def script(caller: Caller) -> None:
        caller.answer(await caller.next(), status=status)
        await caller.wait_closed()

    @in_loop
    async def run() -> None:
        async with scripted(script) as port:
            provider = provider_for(port, Inbox())
            with pytest.raises(ConnectionLost, match=sentence) as lost:
                await provider.open()
            assert lost.value.error is error
            await provider.close()

    run()


@in_loop
async def test_settings_no_bind_can_carry_are_a_persons_fault() -> None:
    provider = provider_for(1, Inbox(), password="پاس")
    with pytest.raises(ConnectionLost, match="Password") as lost:
        await provider.open()
    assert lost.value.error is ErrorClass.CREDENTIAL
    await provider.close()


@in_loop
async def test_the_simulator_refuses_strangers() -> None:
    async with Smsc() as smsc:
        for field in ("password", "system_id"):
            provider = provider_for(smsc.port, Inbox(), 10, **{field: "stranger"})
            with pytest.raises(ConnectionLost) as lost:
                await provider.open()
            assert lost.value.error is ErrorClass.CREDENTIAL
            await provider.close()


@in_loop
async def test_a_bind_without_an_answer_is_the_providers_fault() -> None:
    async def script(caller: Caller) -> None:
        await caller.wait_closed()

    async def hang_up(caller: Caller) -> None:
        await caller.next()

    for played, sentence in ((script, "did not answer the bind"), (hang_up, "closed the connection")):
        async with scripted(played) as port:
            provider = provider_for(port, Inbox(), response_timeout=0.1)
            with pytest.raises(ConnectionLost, match=sentence) as lost:
                await provider.open()
            assert lost.value.error is ErrorClass.PROVIDER
            await provider.close()


@in_loop
async def test_hosts_that_cannot_be_reached() -> None:
    async with Smsc() as smsc:
        closed = smsc.port
    for host, sentence in (("127.0.0.1", "cannot be reached"), ("no.such.invalid", "resolved")):
        provider = provider_for(closed, Inbox(), host=host)
        with pytest.raises(ConnectionLost, match=sentence) as lost:
            await provider.open()
        assert lost.value.error is ErrorClass.PROVIDER
        await provider.close()


@in_loop
async def test_the_check_tells_every_step() -> None:
    async with Smsc() as smsc:
        found = await provider_for(smsc.port, Inbox(), bind_mode="pair").check()
        assert found.is_working
        told = " ".join(found.steps)
        for word in ("Resolved", "Connected", "transmitter", "receiver", "answered after", "Unbound"):
            assert word in told
        failed = await provider_for(smsc.port, Inbox(), password="wrong").check()
        assert not failed.is_working
        assert "password is wrong" in failed.steps[-1]
        assert smsc.record.summary()["parts"] == 0


@in_loop
async def test_a_session_the_smsc_forgot_is_given_up() -> None:
    async def script(caller: Caller) -> None:
        await caller.bind()
        caller.answer(await caller.next(SUBMIT_SM), status=0x04)
        await caller.wait_closed()

    async with scripted(script) as port, opened(port, Inbox()) as provider:
        (outcome,) = await provider.send_batch(messages(1))
        assert isinstance(outcome, TryLater)
        assert outcome.after == timedelta(0)
        await provider.wait_lost()


def certificate(folder: Path) -> ssl.SSLContext:
    """Return the server's side of TLS with a certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "smsc.pem"
    path.write_bytes(secret + signed.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@in_loop
async def test_tls_with_any_certificate_or_a_verified_one(tmp_path: Path) -> None:
    inbox = Inbox()
    async with Smsc(tls=certificate(tmp_path)) as smsc:
        async with opened(smsc.port, inbox, tls="unverified") as provider:
            await provider.send_batch(messages(50))
            await inbox.receive(50)
            found = await provider.check()
        assert any("TLSv1.3, certificate not verified" in step for step in found.steps)
        strict = await provider_for(smsc.port, inbox, tls="verified").check()
        assert "The certificate of 127.0.0.1 is not valid" in strict.steps[-1]
    async with Smsc() as plain:
        mistaken = await provider_for(plain.port, inbox, tls="unverified", response_timeout=1).check()
        assert "TLS with 127.0.0.1" in mistaken.steps[-1]


def test_what_is_disclosed() -> None:
    found = SmppProvider.disclosure({"host": "smsc.example", "system_id": "x"})
    assert found.hosts == ("smsc.example:2775",)
    assert set(found.fields) == {"recipient number", "sender", "text", "validity"}


def test_settings_that_no_string_of_smpp_carries() -> None:
    assert SmppProvider.check_settings({"host": "a", "system_id": "x", "password": "y"}) == []
    (fault,) = SmppProvider.check_settings({"host": "a", "system_id": "x", "password": "پاس"})
    assert fault.startswith("Password:")
    assert {field.name for field in FORM} == set(Settings.__dataclass_fields__)
