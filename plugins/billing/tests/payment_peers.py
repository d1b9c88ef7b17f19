"""Gateways on loopback, as their documents describe them: each answers in its form, and keeps what it was asked."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from connectpulse_billing.buying.gateways.jazzcash import secure_hash

from connectpulse.core.wire import egress

SALT = "salt-of-tests"


@dataclass
class Peer:
    """What the gateway knows: payments by our reference, and everything it was asked."""

    address: str = ""
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    forms: dict[str, dict[str, str]] = field(default_factory=dict)
    unwell: int = 0
    delay: float = 0.0


@contextmanager
def gateway() -> Iterator[Peer]:
    """Serve every gateway's answers on one loopback port."""
    peer, loop, started = Peer(), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        return await _answer(peer, request)

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        peer.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        started.set()
        await stop.wait()
        await runner.cleanup()

    egress.allow("127.0.0.0/8")
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert started.wait(20)
        yield peer
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()
        egress.allow()


async def _answer(peer: Peer, request: web.Request) -> web.StreamResponse:
    text = await request.text()
    sent = json.loads(text) if text.startswith("{") else dict(parse_qsl(text, keep_blank_values=True))
    peer.asked.append((request.path, sent, dict(request.headers)))
    await asyncio.sleep(peer.delay)
    if peer.unwell:
        peer.unwell -= 1
        return web.json_response({}, status=503)
    if request.path.startswith("/v1/"):
        return _stripe(peer, request, sent)
    if request.path.endswith("/PaymentInquiry/Inquire"):
        return _jazzcash(peer, sent)
    if request.path.endswith("/inquire-transaction"):
        return web.json_response(
            peer.states.get(sent["orderId"], {"responseCode": "0003"}) | {"orderId": sent["orderId"]}
        )
    if request.path.endswith("/GetAccessToken"):
        is_known = sent.get("MERCHANT_ID") == "m-1" and sent.get("SECURED_KEY") == "k-1"
        return web.json_response({"ACCESS_TOKEN": "token-1" if is_known else ""})
    if request.path.endswith("/token"):
        return web.json_response({"token": "bearer-1"})
    if "/transaction/basket_id/" in request.path:
        if request.headers.get("Authorization") != "Bearer bearer-1" or "order_date" not in request.query:
            return web.json_response({"status_code": "401"}, status=401)
        return web.json_response(peer.states.get(request.path.rpartition("/")[2], {"status_code": "002"}))
    return web.json_response({}, status=404)


def _stripe(peer: Peer, request: web.Request, sent: dict[str, str]) -> web.StreamResponse:
    if request.headers.get("Authorization") != "Bearer sk_test_1":
        return web.json_response({"error": {"code": "api_key_invalid"}}, status=401)
    key = request.headers.get("Idempotency-Key", "")
    if key and peer.forms.setdefault(key, sent) != sent:
        return web.json_response({"error": {"code": "idempotency_error"}}, status=400)
    if key and key in peer.keys:
        return web.json_response(peer.keys[key])
    made: dict[str, Any]
    if request.path == "/v1/balance":
        made = {"object": "balance", "livemode": False}
    elif request.path == "/v1/checkout/sessions":
        number = len(peer.keys) + 1
        made = {
            "id": f"cs_{number}", "url": f"{peer.address}/pay/{number}", "status": "open", "payment_status": "unpaid",
            "amount_total": int(sent["line_items[0][price_data][unit_amount]"]), "payment_intent": None,
            "currency": sent["line_items[0][price_data][currency]"],
            "client_reference_id": sent["client_reference_id"],
        }  # fmt: skip
        peer.states[str(made["id"])] = made
    elif request.path.startswith("/v1/checkout/sessions/"):
        made = peer.states[request.path.rpartition("/")[2]]
    elif request.path == "/v1/refunds":
        made = {"id": f"re_{len(peer.keys) + 1}", "status": "succeeded", "amount": int(sent["amount"])}
    else:
        return web.json_response({"error": {"code": "resource_missing"}}, status=404)
    if key:
        peer.keys[key] = made
    return web.json_response(made)


def _jazzcash(peer: Peer, sent: dict[str, str]) -> web.StreamResponse:
    if secure_hash(sent, SALT) != sent.get("pp_SecureHash"):
        return web.json_response({"pp_ResponseCode": "115"})
    found = {"pp_ResponseCode": "000", **peer.states.get(sent["pp_TxnRefNo"], {"pp_PaymentResponseCode": "124"})}
    return web.json_response(found | {"pp_SecureHash": secure_hash(found, SALT).upper()})
