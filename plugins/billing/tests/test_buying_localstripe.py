"""Payments at localstripe, a Stripe that others wrote: its PaymentIntents, its signed webhooks, its refunds.

It has no Checkout: the page to pay on is played by Stripe's own library, which makes and confirms the PaymentIntent.
"""

import asyncio
import json
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import stripe
from buying_scene import SECRET, STRIPE, Begun, apply_all, gained, knock, knocked, ordered, set_up, state
from connectpulse_billing.buying import rounds
from connectpulse_billing.buying.gateways.base import Forged
from connectpulse_billing.buying.gateways.stripe import Stripe
from sqlalchemy import text

from connectpulse.core.api import EgressSession, Knock
from connectpulse.core.storage.embedded import free_port
from connectpulse.core.wire import egress
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.testing.plugin import require_peer

pytestmark = [pytest.mark.metered, pytest.mark.peer("localstripe")]
VERSION = "1.15.10"
PYTHON = Path(__file__).parents[3] / "build" / "peers" / "localstripe" / "bin" / "python"
HOW = f"python3 -m venv build/peers/localstripe && build/peers/localstripe/bin/pip install localstripe=={VERSION}"
SERVE = """
import sys
from aiohttp import web
from localstripe import resources, server
resources.Store.dump_to_disk = lambda store: None
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""
"""Its own program listens on every address, and keeps what it knows in a file that all on the machine share."""
CARD = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}


@dataclass
class Till:
    """localstripe, Stripe's library that speaks with it, and what it sent to our webhook."""

    address: str
    sdk: Any
    came: list[Knock] = field(default_factory=list)

    def charge(self, begun: Begun) -> str:
        """Let a payer's card be charged for an order; return the PaymentIntent's id."""
        method = self.sdk.v1.payment_methods.create({"type": "card", "card": CARD})
        intent = self.sdk.v1.payment_intents.create(
            {"amount": 100_000, "currency": "pkr", "payment_method": method.id,
             "metadata": {"reference": begun.reference}}
        )  # fmt: skip
        confirmed = self.sdk.v1.payment_intents.confirm(intent.id)
        assert confirmed.status == "succeeded"
        return str(intent.id)

    def told(self) -> Knock:
        """Return the next delivery of a webhook."""
        deadline = time.monotonic() + 20
        while not self.came:
            assert time.monotonic() < deadline, "no webhook came"
            time.sleep(0.05)
        return self.came.pop(0)


@pytest.fixture
def till(house: House) -> Iterator[Till]:
    require_peer(PYTHON.exists(), "localstripe", HOW)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    sdk = stripe.StripeClient("sk_test_1", base_addresses={"api": address}, max_network_retries=0)
    made = Till(address, sdk)
    with subprocess.Popen([PYTHON, "-c", SERVE, str(port)], stderr=subprocess.DEVNULL) as process:
        try:
            with _receiver(made.came) as hook:
                _configure(address, hook)
                egress.allow("127.0.0.0/8")
                yield made
        finally:
            egress.allow()
            process.terminate()


def _configure(address: str, hook: str) -> None:
    """Name our webhook and its secret, once it answers."""
    body = json.dumps({"url": hook, "secret": SECRET, "events": ["payment_intent.succeeded"]}).encode()
    request = urllib.request.Request(f"{address}/_config/webhooks/pulse", body, {"Content-Type": "application/json"})
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(request, timeout=5).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "localstripe did not start"
            time.sleep(0.1)


@contextmanager
def _receiver(came: list[Knock]) -> Iterator[str]:
    """Take webhooks byte by byte as they come; yield where."""

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(200)
            self.end_headers()
            came.append(knocked("stripe", body, headers))

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def test_a_payment_at_localstripe_is_believed_by_its_signature_and_counts_once(
    till: Till, house: House, organisation: int
) -> None:
    set_up(house, "stripe", {**STRIPE, "base_url": till.address})
    begun = ordered(house, organisation)
    till.charge(begun)
    told = till.told()
    other = told.body.replace(b"100000", b"900000")
    assert other != told.body
    with pytest.raises(Forged):
        knock(house, knocked("stripe", other, dict(told.headers)))
    apply_all(house)
    assert gained(house, organisation, begun) == 0
    for _ in range(10):
        assert knock(house, told).status == 200
        apply_all(house)
    assert gained(house, organisation, begun) == begun.units
    assert state(house, begun) == ("paid", "paid")


def test_a_payment_whose_webhook_was_lost_is_found_and_paid_back(till: Till, house: House, organisation: int) -> None:
    set_up(house, "stripe", {**STRIPE, "base_url": till.address})
    begun = ordered(house, organisation)
    payment = till.charge(begun)
    with house.work(ADMINISTRATOR) as work:
        work.session.execute(
            text("UPDATE billing_attempt SET foreign_reference = :payment, inquire_at = now()"), {"payment": payment}
        )
    assert rounds.inquire(house.work) == 1
    assert gained(house, organisation, begun) == begun.units
    assert knock(house, till.told()).status == 200  # late
    apply_all(house)
    assert gained(house, organisation, begun) == begun.units

    async def pay_back() -> str:
        async with EgressSession() as http:
            gate = Stripe({**STRIPE, "base_url": till.address})
            return await gate.refund(http, payment, Decimal("400.00"), "PKR", "our-key")

    back = till.sdk.v1.refunds.retrieve(asyncio.run(asyncio.wait_for(pay_back(), 20)))
    assert (back.amount, back.payment_intent, back.metadata["key"]) == (40_000, payment, "our-key")
