"""The whole line against programs that are not ours: npm `smpp` as the SMSC, and Kannel as an HTTP gateway.

The same journey each time: import people, write a template, quote, launch, and read for each what happened.
"""

import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from connectpulse_sms.gateway import GatewayProvider
from sqlalchemy import select

from bench.line import PLAIN, SENDER, Line, wait_until
from connectpulse.app import create_app
from connectpulse.core.domain.message import MessageState
from connectpulse.core.services.connections import Limits
from connectpulse.core.storage.embedded import free_port
from connectpulse.core.storage.models import Message, Receipt
from connectpulse.core.wire import egress
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.testing.plugin import require_peer
from connectpulse.testing.simulator import Simulator
from tests.journeys.live import served, working

ROOT = Path(__file__).parents[2]
PEOPLE = [number for number in range(3_001_000_000, 3_001_000_030) if number % 10 != 8]  # …8 is throttled by smsc.js
CSV = "\n".join(["name,phone", *(f"Person {number},0{number}" for number in PEOPLE)]).encode()
TEXTS = {
    f"92{number}": f"Dear Person {number}, your order was sent today and will reach you by Friday. "
    "To stop, send STOP to 8558."
    for number in PEOPLE
}


def travel(line: Line) -> None:
    """Send the campaign to everybody, and see every message end as delivered, by a receipt of its own."""
    with working(line.house):
        campaign_id, quote_id = line.campaign(line.import_file(CSV, "Customers", len(PEOPLE)))
        line.launch(campaign_id, quote_id)

        def is_everybody_reached() -> bool:
            return line.figures(campaign_id).get("state:delivered") == len(PEOPLE)

        def has_every_receipt_found_its_message() -> bool:
            """One that came while its submit was being written down waits to be matched."""
            with line.house.work(ADMINISTRATOR, line.organisation) as work:
                return None not in set(work.session.scalars(select(Receipt.message_id)))

        wait_until(is_everybody_reached, 60)
        wait_until(has_every_receipt_found_its_message, 150)
        assert line.state(campaign_id) == "finished"
    with line.house.work(ADMINISTRATOR, line.organisation) as work:
        messages = work.session.scalars(select(Message)).all()
        receipts = set(work.session.scalars(select(Receipt.message_id)))
    assert {message.address: message.body for message in messages} == {
        f"+{number}": body for number, body in TEXTS.items()
    }
    assert {message.state for message in messages} == {int(MessageState.DELIVERED)}
    assert {message.id for message in messages} == receipts


@contextmanager
def program(*command: str | Path, is_read: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, and end it."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE if is_read else subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.peer("npm smpp")
def test_over_smpp_to_an_smsc_in_javascript(house: House, organisation: int) -> None:
    module = ROOT / "build" / "peers" / "node_modules" / "smpp"
    is_there = module.is_dir() and shutil.which("node") is not None
    require_peer(is_there, "npm smpp", "install Node and run npm i --prefix build/peers smpp@0.5.1")
    line = Line(house, organisation)
    script = ROOT / "plugins" / "sms" / "tests" / "peers" / "smsc.js"
    with program("node", script, module, is_read=True) as smsc:
        assert smsc.stdout is not None
        port = json.loads(smsc.stdout.readline())["port"]
        line.connect(Limits(window=10), host="127.0.0.1", port=port, system_id="pulse", password="pulse")
        travel(line)
        seen = [json.loads(smsc.stdout.readline()) for _ in PEOPLE]
    assert {each["destination"]: each["text"] for each in seen} == TEXTS
    assert {each["source"] for each in seen} == {SENDER}


KANNEL = """
group = core
admin-port = {admin}
admin-password = pw
admin-interface = "127.0.0.1"
smsbox-port = {smsbox}
smsbox-interface = "127.0.0.1"
box-allow-ip = "127.0.0.1"
dlr-storage = internal
log-file = {folder}/bearerbox.log

group = smsc
smsc = smpp
smsc-id = upstream
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = pulse
smsc-password = pulse
system-type = ""
source-addr-autodetect = true
dest-addr-ton = 1
dest-addr-npi = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-file = {folder}/smsbox.log

group = sendsms-user
username = pulse
password = pw
max-messages = 10
concatenation = true

group = sms-service
keyword = default
max-messages = 0
catch-all = true
text = ""
"""


@contextmanager
def kannel(folder: Path, smsc_port: int) -> Iterator[str]:
    """Run both of Kannel's boxes before an SMSC; yields the address of its sendsms door."""
    ports = {name: free_port() for name in ("admin", "smsbox", "sendsms")}
    configuration = folder / "kannel.conf"
    configuration.write_text(KANNEL.format(folder=folder, smsc=smsc_port, **ports))
    with program("bearerbox", configuration):
        wait_until(listens(ports["smsbox"]), 20)
        with program("smsbox", configuration):
            wait_until(listens(ports["sendsms"]), 20)
            yield f"http://127.0.0.1:{ports['sendsms']}"


def listens(port: int) -> Callable[[], bool]:
    def somebody_listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return somebody_listens


@pytest.fixture
def _loopback_is_allowed(house: House) -> Iterator[None]:
    egress.allow("127.0.0.1")
    yield
    egress.allow()


@pytest.mark.peer("Kannel")
@pytest.mark.usefixtures("_loopback_is_allowed")
def test_over_http_to_kannel_and_back_by_its_callbacks(house: House, organisation: int, tmp_path: Path) -> None:
    is_there = bool(shutil.which("bearerbox") and shutil.which("smsbox"))
    require_peer(is_there, "Kannel", "apt-get install kannel")
    line = Line(house, organisation)
    with ExitStack() as stack:
        smsc = stack.enter_context(Simulator(PLAIN))
        gateway = stack.enter_context(kannel(tmp_path, smsc.ports["smpp_port"]))
        site = stack.enter_context(served(create_app(house)))
        house.settings = replace(house.settings, public_url=site)
        line.connect(
            Limits(window=10), "gateway", **GatewayProvider.presets["Kannel"], base_url=gateway, countries="PK",
            username="pulse", password="pw", callback_token="a-secret-of-the-callbacks",
        )  # fmt: skip
        travel(line)
        assert smsc.record()["duplicates"] == 0
        assert {number: smsc.sent_to(number)[0]["text"] for number in TEXTS} == TEXTS
