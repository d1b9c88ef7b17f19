"""The journey through a real Kannel: our request, its SMPP session, its delivery callback, our receipt."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import smpp34
from aiohttp import web
from connectpulse_sms.gateway import GatewayProvider
from connectpulse_sms.gateway.peer import serving

from connectpulse.core.api import (
    Accepted,
    Callback,
    ErrorClass,
    Events,
    Inbound,
    MessageState,
    Receipt,
    Rejected,
    Submission,
)
from connectpulse.core.storage.embedded import free_port
from connectpulse.core.wire import egress

pytestmark = [pytest.mark.peer("kannel"), pytest.mark.slow]

SECRET = "a-secret-of-the-callbacks"
CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = {password}
admin-interface = "127.0.0.1"
smsbox-port = {smsbox}
smsbox-interface = "127.0.0.1"
box-allow-ip = "127.0.0.1"
dlr-storage = internal
log-file = {folder}/bearerbox.log
log-level = 0

group = smsc
smsc = smpp
smsc-id = upstream
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = kannel
smsc-password = pw
system-type = ""
source-addr-autodetect = true
dest-addr-ton = 1
dest-addr-npi = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-file = {folder}/smsbox.log
log-level = 0

group = sendsms-user
username = pulse
password = {password}
max-messages = 10
concatenation = true

group = sms-service
keyword = default
max-messages = 0
catch-all = true
get-url = "{callback}?token={secret}&from=%p&to=%P&text=%a&charset=%C"
"""


@pytest.fixture(autouse=True)
def _kannel() -> Iterator[None]:
    if not (shutil.which("bearerbox") and shutil.which("smsbox")):
        reason = "Kannel is not installed (apt-get install kannel)"
        if os.environ.get("CONNECTPULSE_REQUIRE_PEERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    egress.allow("127.0.0.1")
    yield
    egress.allow()


@contextmanager
def running(*command: str) -> Iterator[None]:
    """Run a program, and end it by its own process id: politely, then after five seconds for good."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def listens(port: int) -> None:
    """Return once something accepts connections at `port`."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)  # between two attempts; the deadline is the caller's
        else:
            writer.close()
            await writer.wait_closed()
            return


class Site:
    """Stands for the house: keeps what is called back."""

    def __init__(self) -> None:
        self.callbacks: asyncio.Queue[Callback] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        query = tuple(request.query.items())
        self.callbacks.put_nowait(Callback(request.method, str(request.url), request.headers, query, body))
        return web.Response(text="")

    async def events(self, settings: dict[str, Any]) -> Events:
        callback = await self.callbacks.get()
        assert GatewayProvider.verify_callback(settings, callback)
        return GatewayProvider.parse_callback(settings, callback)


@asynccontextmanager
async def journey(folder: Path) -> AsyncIterator[tuple[GatewayProvider, Site, smpp34.Server, smpp34.Esme]]:
    """Start everything from our callback address to the SMSC at the other end."""
    site = Site()
    app = web.Application()
    app.router.add_route("*", "/in", site.take)
    admin, smsbox, sendsms, smsc_port = (free_port() for _ in range(4))
    smsc = smpp34.Server("127.0.0.1", smsc_port)
    await smsc.start()
    async with serving(app) as address:
        configuration = folder / "kannel.conf"
        configuration.write_text(
            CONFIGURATION.format(
                admin=admin,
                smsbox=smsbox,
                sendsms=sendsms,
                smsc=smsc_port,
                folder=folder,
                password="pw",
                secret=SECRET,
                callback=f"{address}/in",
            )
        )
        with running("bearerbox", str(configuration)):
            await listens(smsbox)
            with running("smsbox", str(configuration)):
                esme = await smsc.next()
                assert isinstance(esme, smpp34.Esme)
                await listens(sendsms)
                provider = GatewayProvider(
                    settings(f"http://127.0.0.1:{sendsms}"), nobody, callback_url=f"{address}/in"
                )
                await provider.open()
                try:
                    yield provider, site, smsc, esme
                finally:
                    await provider.close()
                    await smsc.stop()


def settings(address: str) -> dict[str, Any]:
    return {
        **GatewayProvider.presets["Kannel"],
        "base_url": address,
        "countries": "PK",
        "username": "pulse",
        "password": "pw",
        "callback_token": SECRET,
    }


async def nobody(events: Events) -> None:
    raise AssertionError("a gateway without a session hands nothing over by itself")


def message(number: str, text: str, token: str = "our-token-1") -> Submission:
    return Submission(1, number, "PULSE", text, 1, timedelta(hours=4), token)


def deadline(seconds: float = 40.0) -> asyncio.Timeout:
    return asyncio.timeout(seconds)


def delivered(identity: str) -> bytes:
    return (
        f"id:{identity} sub:001 dlvrd:001 submit date:2611231804 done date:2611231805 stat:DELIVRD err:000 text:x"
    ).encode()


async def reports(site: Site, provider: GatewayProvider, count: int) -> Sequence[Receipt]:
    found: list[Receipt] = []
    while len(found) < count:
        found += [event for event in await site.events(dict(provider.settings)) if isinstance(event, Receipt)]
    return found


def test_a_message_goes_through_kannel_and_its_receipt_comes_back(tmp_path: Path) -> None:
    text = "سلام & <welcome> 100% 🌙"

    async def run() -> None:
        async with deadline(), journey(tmp_path) as (provider, site, smsc, esme):
            sending = asyncio.create_task(provider.send_batch([message("+923001234567", text)]))
            submitted = await smsc.next()
            assert isinstance(submitted, smpp34.SubmitSmEvent)
            submitted.accept("id-7")
            assert await sending == [Accepted(("our-token-1",))]
            assert (submitted.destination_addr, submitted.source_addr) == ("923001234567", "PULSE")
            assert (submitted.data_coding, submitted.short_message.decode("utf-16-be")) == (8, text)

            [sent] = await reports(site, provider, 1)
            assert (sent.reference, sent.state) == ("our-token-1", MessageState.SENT)
            await esme.deliver_sm("PULSE", delivered("id-7"), source_addr="923001234567", esm_class=4)
            [receipt] = await reports(site, provider, 1)
            assert (receipt.reference, receipt.state) == ("our-token-1", MessageState.DELIVERED)
            assert (receipt.address, receipt.code) == ("+923001234567", "000")
            assert receipt.occurred_at is not None

    asyncio.run(run())


def test_kannel_hands_over_what_people_write(tmp_path: Path) -> None:
    urdu, western = "STOP & سلام بے 🌙", "STOP ¿£5? & é"

    async def run() -> list[Events]:
        async with deadline(), journey(tmp_path) as (provider, site, _, esme):
            known = dict(provider.settings)
            events = []
            for coding, octets in ((8, urdu.encode("utf-16-be")), (0, b"STOP \x60\x015? & \x05")):
                await esme.deliver_sm("8583", octets, source_addr="923001234567", dest_addr_ton=0, data_coding=coding)
                events.append(await site.events(known))
            return events

    assert asyncio.run(run()) == [[Inbound("+923001234567", "8583", text)] for text in (urdu, western)]


def test_kannel_refuses_in_words_we_know(tmp_path: Path) -> None:
    async def run() -> None:
        async with deadline(), journey(tmp_path) as (provider, _, _, _):
            assert (await provider.check()).is_working
            stranger = GatewayProvider(
                {**provider.settings, "password": "wrong"}, nobody, callback_url=provider.callback_url
            )
            [refused] = await stranger.send_batch([message("+923001234567", "hello")])
            assert isinstance(refused, Rejected)
            assert (refused.error, refused.reason) == (ErrorClass.CREDENTIAL, "credentials_refused")
            check = await stranger.check()
            assert not check.is_working
            assert "403" in check.steps[-1]
            await stranger.close()

    asyncio.run(run())
