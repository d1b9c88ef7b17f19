"""Webhooks that are proven by a document elsewhere, or ask for an address to be visited."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from connectpulse.app import create_app
from connectpulse.core.domain.provider import Callback, Capability, Provider
from connectpulse.core.services import connections, proofs
from connectpulse.core.wire import egress
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR


class Vendor(ThreadingHTTPServer):
    """Answers by path; remembers what was asked for."""

    pages: dict[str, bytes]
    asked: list[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Page(BaseHTTPRequestHandler):
    server: Vendor

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.pages.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    before = egress.site_policy()
    egress.allow("127.0.0.0/8")
    server = Vendor(("127.0.0.1", 0), _Page)
    server.pages, server.asked = {"/certificate": b"genuine", "/confirm": b"ok"}, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        egress._site = before


@pytest.fixture
def door(house: House, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> tuple[FlaskClient, str]:
    """A client, and the path of a connection whose provider believes who names the document by its text."""
    cls: type[Provider] = next(
        each for each in house.registry.providers.values() if Capability.CALLBACKS in each.capabilities
    )

    def proof_address(settings: Any, callback: Callback) -> str:
        return vendor.address + callback.headers.get("X-Certificate", "/certificate")

    def verify(settings: Any, callback: Callback) -> bool:
        return callback.proof == callback.body

    def visit_address(settings: Any, callback: Callback) -> str:
        wanted = callback.headers.get("X-Confirm", "")
        return vendor.address + wanted if wanted else ""

    for name, replaced in (
        ("proof_address", proof_address),
        ("verify_callback", verify),
        ("visit_address", visit_address),
    ):
        monkeypatch.setattr(cls, name, replaced)
    with house.work(ADMINISTRATOR) as work:
        made = connections.create(work, "Proven", cls.name, cls.samples().settings, is_trial=True)
        return create_app(house).test_client(), connections.callback_path(made)


def kept(house: House) -> int:
    with house.work(ADMINISTRATOR) as work:
        return work.session.execute(text("SELECT count(*) FROM pulse_callback")).scalar_one()


def test_a_document_is_fetched_once(house: House, vendor: Vendor, door: tuple[FlaskClient, str]) -> None:
    client, path = door
    assert [client.post(path, data=b"genuine").status_code for _ in range(3)] == [200, 200, 200]
    assert client.post(path, data=b"forged").status_code == 403
    assert vendor.asked == ["/certificate"]
    assert kept(house) == 3


def test_who_does_not_know_the_address_lets_nothing_be_fetched(vendor: Vendor, door: tuple[FlaskClient, str]) -> None:
    client, path = door
    assert client.post(path[:-1] + ("y" if path.endswith("x") else "x"), data=b"genuine").status_code == 404
    assert vendor.asked == []


@pytest.mark.parametrize("page", [None, b"x" * (proofs.LARGEST + 1)])
def test_a_document_that_cannot_be_had_is_asked_for_again(
    house: House, vendor: Vendor, door: tuple[FlaskClient, str], page: bytes | None
) -> None:
    client, path = door
    if page:
        vendor.pages["/odd"] = page
    for _ in range(2):
        assert client.post(path, data=b"genuine", headers={"X-Certificate": "/odd"}).status_code == 503
    assert vendor.asked == ["/odd", "/odd"]
    assert kept(house) == 0


def test_an_address_is_visited_for_genuine_requests_only(
    house: House, vendor: Vendor, door: tuple[FlaskClient, str]
) -> None:
    client, path = door
    assert client.post(path, data=b"forged", headers={"X-Confirm": "/confirm"}).status_code == 403
    assert vendor.asked == ["/certificate"]
    assert client.post(path, data=b"genuine", headers={"X-Confirm": "/confirm"}).status_code == 200
    assert client.post(path, data=b"genuine", headers={"X-Confirm": "/gone"}).status_code == 503
    assert vendor.asked == ["/certificate", "/confirm", "/gone"]


def test_addresses_within_the_house_are_not_visited(vendor: Vendor, door: tuple[FlaskClient, str]) -> None:
    client, path = door
    egress.allow()
    assert client.post(path, data=b"genuine").status_code == 503
    assert vendor.asked == []


def test_documents_make_room_for_others() -> None:
    callback = Callback("POST", "http://here/", {}, (), b"")
    for number in range(proofs.MOST + 1):
        proofs.keep(f"http://there/{number}", b"x")
    assert proofs.with_proof(callback, f"http://there/{proofs.MOST}").proof == b"x"
    with pytest.raises(proofs.Missing):
        proofs.with_proof(callback, "http://there/0")
    assert proofs.with_proof(callback, "") is callback
