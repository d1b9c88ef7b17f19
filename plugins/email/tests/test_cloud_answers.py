"""Hosted providers over real sockets: what becomes of letters however an answer fares."""

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web
from cloud_scene import AFTER_LEAVING, VENDORS, Handler, Vendor, connected, faults, saying, send
from email_scene import letter, shared

from connectpulse.core.api import Accepted, ConnectionLost, ErrorClass, Rejected, TryLater, Unknown
from connectpulse.core.wire import egress


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return VENDORS[request.param]


@pytest.mark.parametrize("handler", AFTER_LEAVING.values(), ids=AFTER_LEAVING)
def test_what_may_have_been_taken_is_unknown(vendor: Vendor, handler: Handler) -> None:
    fast = vendor._replace(settings={**vendor.settings, "timeout": 1})
    assert isinstance(send(fast, handler, [letter()])[0], Unknown)


def test_references_are_our_names_of_attempts(vendor: Vendor) -> None:
    batch = [letter(10), letter(11, attempt=3)]
    outcomes = send(vendor, saying(vendor.text, vendor.status), batch)
    assert outcomes == [Accepted(("a-1",)), Accepted(("b-3",))]


def test_a_throttle_spares_the_letters_behind_it(vendor: Vendor) -> None:
    count = 0

    async def throttle(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        return web.Response(status=429, text="{}", headers={"Retry-After": "3"})

    outcomes = send(vendor, throttle, [letter(number) for number in range(1, 51)], window=2)
    assert count <= 2
    assert all(isinstance(each, TryLater) and each.error is ErrorClass.THROTTLE for each in outcomes)
    assert {each.after for each in outcomes if isinstance(each, TryLater)} == {timedelta(seconds=3)}


def test_a_refused_account_spares_the_letters_behind_it(vendor: Vendor) -> None:
    first, *rest = send(vendor, saying("{}", 401), [letter(number) for number in range(1, 6)], window=1)
    assert isinstance(first, Rejected)
    assert first.error is ErrorClass.CREDENTIAL
    assert all(isinstance(each, TryLater) and each.error is ErrorClass.CREDENTIAL for each in rest)


def test_a_letter_that_cannot_be_made_spoils_no_other(vendor: Vendor) -> None:
    placed = shared('<p>Hello</p><a href="{{ stop_link }}">Stop</a>')
    batch = [letter(1, way_out="", shared=placed), letter(2), letter(3, "müller@example.com"), letter(4, shared=None)]
    outcomes = send(vendor, saying(vendor.text, vendor.status), batch)
    assert outcomes == [
        Rejected("no_way_out", ErrorClass.CONTENT),
        Accepted(("2-1",)),
        Rejected("address_not_ascii", ErrorClass.RECIPIENT),
        Rejected("content_missing", ErrorClass.CONTENT),
    ]


def test_a_letter_larger_than_the_vendor_takes_is_not_sent(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor.kind, "largest", 100)
    assert send(vendor, saying(vendor.text, vendor.status), [letter()]) == [
        Rejected("letter_too_large", ErrorClass.CONTENT)
    ]


def test_a_dead_line_is_told_at_once(vendor: Vendor) -> None:
    async def scene() -> None:
        settings = {**vendor.settings, "base_url": "http://127.0.0.1:1"}
        async with connected(vendor.kind, settings, window=1) as provider:
            outcomes = await provider.send_batch([letter(1), letter(2)])
            assert [type(each) for each in outcomes] == [TryLater, TryLater]
            assert (await provider.check()).is_working is False

    asyncio.run(asyncio.wait_for(scene(), 20))


def test_addresses_within_the_house_are_not_called(vendor: Vendor) -> None:
    async def scene() -> None:
        provider = vendor.kind({**vendor.settings, "base_url": "http://127.0.0.1:1"}, _none)
        with pytest.raises(ConnectionLost) as lost:
            await provider.open()
        assert lost.value.error is ErrorClass.CREDENTIAL
        await provider.close()

    async def _none(events: object) -> None: ...

    egress.allow()
    asyncio.run(scene())


def test_the_address_and_the_countries_are_checked(vendor: Vendor) -> None:
    wrong = faults(vendor.kind, {**vendor.settings, "base_url": "https://a@b.example/?x", "countries": "Pakistan"})
    assert [each.partition(":")[0] for each in wrong[-2:]] == ["Address", "Countries"]


@pytest.mark.parametrize(("text", "status"), [("{}", 401), ("no", 403), ("[]", 500), ('{"scopes": ["x"]}', 404)])
def test_a_check_says_that_an_account_is_refused(vendor: Vendor, text: str, status: int) -> None:
    async def scene() -> None:
        async with connected(vendor.kind, vendor.settings, saying(text, status)) as provider:
            found = await provider.check()
        assert found.is_working is False
        assert f"{status}" in found.steps[-1]

    asyncio.run(asyncio.wait_for(scene(), 20))
