"""TLS, logins, and servers that mean no good."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from connectpulse_email.smtp.provider import SmtpProvider
from connectpulse_email.smtp.samples import Handler, serving
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from email_scene import Caller, Inbox, in_loop, letter, opened, provider_for, scripted

from connectpulse.core.api import Accepted, ConnectionLost, ErrorClass, Rejected, TryLater
from connectpulse.core.domain import form
from connectpulse.core.wire import egress

PASSWORD = "a password nobody shows"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A server's TLS, and the certificate that makes it trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM)
    path = Path(tmp_path_factory.mktemp("tls")) / "server.pem"
    path.write_bytes(
        pem
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context, pem.decode()


def authenticate(server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=is_right, handled=False)


LOGIN = {"username": "pulse", "password": PASSWORD}


@pytest.mark.parametrize("excluded", [[], ["PLAIN"]], ids=["plain", "login"])
@in_loop
async def test_letters_go_over_starttls_with_a_login(
    certificate: tuple[ssl.SSLContext, str], excluded: list[str]
) -> None:
    context, pem = certificate
    options = {"tls_context": context, "require_starttls": True, "authenticator": authenticate,
               "auth_exclude_mechanism": excluded}  # fmt: skip
    async with serving(Handler(), **options) as port:
        line = {"security": "starttls", "authorities": pem, **LOGIN}
        async with opened(port, **line) as provider:
            assert await provider.send_batch([letter()]) == [Accepted(("1-1",))]
        check = await provider_for(port, **line).check()
        assert check.is_working
        assert any(step.startswith("Agreed on TLSv1.") for step in check.steps)
        assert "Logged in as pulse." in check.steps
        assert not any(PASSWORD in step for step in check.steps)
        wrong = provider_for(port, **line | {"password": "wrong"})
        with pytest.raises(ConnectionLost, match="refused the login: 535") as lost:
            await wrong.open()
        assert lost.value.error is ErrorClass.CREDENTIAL
        await wrong.close()
        untrusted = await provider_for(port, **line | {"authorities": ""}).check()
        assert not untrusted.is_working
        assert "is not valid for 127.0.0.1" in untrusted.steps[-1]


@in_loop
async def test_letters_go_over_tls_from_the_beginning(certificate: tuple[ssl.SSLContext, str]) -> None:
    import asyncio

    from aiosmtpd.smtp import SMTP

    context, pem = certificate
    loop = asyncio.get_running_loop()
    handler = Handler()
    server = await loop.create_server(lambda: SMTP(handler, loop=loop), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with opened(port, security="tls", authorities=pem) as provider:
        assert await provider.send_batch([letter()]) == [Accepted(("1-1",))]
    server.close()


@in_loop
async def test_what_comes_in_clear_after_starttls_ends_the_session(certificate: tuple[ssl.SSLContext, str]) -> None:
    async def script(caller: Caller) -> None:
        await caller.welcome("STARTTLS", "AUTH PLAIN")
        await caller.line("STARTTLS")
        caller.say("220 go", "250 injected")
        assert not await caller.reader.read()

    async with scripted(script) as port:
        check = await provider_for(port, security="starttls", authorities=certificate[1], **LOGIN).check()
    assert not check.is_working
    assert "went on in clear" in check.steps[-1]


@pytest.mark.parametrize("offers", [(), ("PIPELINING",)])
@in_loop
async def test_encryption_that_is_asked_for_is_never_given_up(offers: tuple[str, ...]) -> None:
    async def script(caller: Caller) -> None:
        await caller.welcome(*offers)
        assert await caller.line() == "QUIT"

    async with scripted(script) as port:
        check = await provider_for(port, security="starttls", **LOGIN).check()
    assert not check.is_working
    assert "offers no STARTTLS" in check.steps[-1]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"host": "mx.example", "security": "none", **LOGIN}, "a password may not cross"),
        ({"username": "x"}, "needs a password"),
        ({"countries": "Pakistan"}, "two letters"),
        ({"return_domain": "no domain"}, "write a domain"),
        ({"imap_host": "imap.example"}, "needs a user name"),
        ({"listen_host": "127.0.0.1", "return_domain": ""}, "name the domain"),
        ({"imap_host": "imap.example", "imap_username": "a", "imap_password": "b", "imap_security": "none"}, "of IMAP"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, str], sentence: str) -> None:
    good = SmtpProvider.samples().settings
    assert SmtpProvider.check_settings(good) == []
    assert sentence in " ".join(SmtpProvider.check_settings({**good, **settings}))


def test_the_secrets_are_secret() -> None:
    assert form.secrets(SmtpProvider.settings_form) == {"password", "return_key", "imap_password"}
    assert PASSWORD not in repr(provider_for(25, password=PASSWORD)._settings)


@in_loop
async def test_a_server_within_is_reached_only_where_it_is_permitted() -> None:
    egress.allow()
    async with serving(Handler()) as port:
        with pytest.raises(ConnectionLost, match="EGRESS_ALLOW") as lost:
            await provider_for(port).open()
    assert lost.value.error is ErrorClass.CREDENTIAL


@pytest.mark.parametrize("greeting", ["554 5.7.1 go away", "HTTP/1.1 400 Bad Request", ""])
@in_loop
async def test_an_odd_greeting_is_told(greeting: str) -> None:
    async def script(caller: Caller) -> None:
        if greeting:
            caller.say(greeting)

    async with scripted(script) as port:
        check = await provider_for(port).check()
    assert not check.is_working
    assert check.steps[-1].startswith("127.0.0.1")


@in_loop
async def test_a_login_refused_later_pauses_the_connection() -> None:
    calls = 0

    async def script(caller: Caller) -> None:
        nonlocal calls
        calls += 1
        await caller.welcome("AUTH PLAIN")
        await caller.line("AUTH PLAIN")
        caller.say("235 ok" if calls == 1 else "535 5.7.8 no more")
        await caller.line()

    async with scripted(script) as port, opened(port, Inbox(), **LOGIN) as provider:
        outcomes = await provider.send_batch([letter(number) for number in range(1, 4)])
    assert isinstance(outcomes[0], TryLater)
    assert outcomes[1:] == [Rejected("connection_refused", ErrorClass.CREDENTIAL)] * 2
