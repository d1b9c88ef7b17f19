"""The simulated Cloud API: who is let in, what it tells, what it refuses, and how it runs by itself."""

import asyncio
import json
import sys
from typing import Any

import aiohttp
import pytest
from connectpulse_whatsapp.simulator.options import ACCOUNT_ID, NUMBER_ID, TOKEN, Options
from connectpulse_whatsapp.simulator.record import Record
from connectpulse_whatsapp.simulator.scene import TRIAL
from connectpulse_whatsapp.simulator.server import CloudApi
from whatsapp_scene import Listener, connected, message, run, serving

from connectpulse.core.api import Accepted, Approval, Inbound, Receipt, TemplateWord, TryLater

OURS = {"Authorization": f"Bearer {TOKEN}"}
SALE = {
    "name": "sale",
    "language": "en",
    "category": "MARKETING",
    "components": [{"type": "BODY", "text": "Hello {{1}}, our shop is open.", "example": {"body_text": [["Amina"]]}}],
}


async def control(api: CloudApi, place: str, body: Any = None) -> tuple[int, Any]:
    return await ask(api, f"/{place}", body, {}, api.control.port)


async def ask(api: CloudApi, path: str, body: Any = None, headers: Any = OURS, port: int = 0) -> tuple[int, Any]:
    method = "GET" if body is None else "POST"
    url = f"http://127.0.0.1:{port or api.port}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


def template(name: str = "sale", *values: str) -> dict[str, Any]:
    components = [{"type": "body", "parameters": [{"type": "text", "text": value} for value in values]}]
    return {
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "923217654321", "type": "template",
        "template": {"name": name, "language": {"policy": "deterministic", "code": "en"}, "components": components},
    }  # fmt: skip


def test_only_its_own_are_let_in() -> None:
    async def scene() -> None:
        async with CloudApi() as api:
            page = f"/v23.0/{NUMBER_ID}/messages"
            for path, headers, code in (
                (page, {}, 190),
                (page, {"Authorization": "Bearer x"}, 190),
                ("/v23.0/1/messages", OURS, 100),
                ("/v23.0/1/nothing", OURS, 100),
            ):
                status, told = await ask(api, path, template(), headers)
                assert (status // 100, told["error"]["code"]) == (4, code)
            for body in ({}, [], {"to": "923217654321"}, {"messaging_product": "whatsapp", "to": "1", "type": "text"}):
                assert (await ask(api, page, body))[0] == 400

    run(scene())


def test_templates_are_reviewed_told_and_wanted_when_sent() -> None:
    async def scene() -> None:
        async with CloudApi(Options(is_strict=True, review_after=0.01, callers=1)) as api:
            listener = Listener(api.settings)
            page, account = f"/v23.0/{NUMBER_ID}/messages", f"/v23.0/{ACCOUNT_ID}/message_templates"
            async with serving(listener.take) as url:
                assert await api.webhooks.handshake(url)
                assert (await ask(api, page, template("sale", "Amina")))[1]["error"]["code"] == 132001
                _, made = await ask(api, account, SALE)
                assert made["status"] == "PENDING"
                bad = {**SALE, "name": "bad", "components": [{"type": "BODY", "text": "REJECT this"}]}
                await ask(api, account, bad)
                good, refused = await listener.wait(2)
                assert good == TemplateWord(made["id"], Approval.APPROVED, category="marketing")
                assert (refused.state, refused.reason) == (Approval.REJECTED, "Invalid format.")
                assert (await ask(api, account, SALE))[0] == 400, "it is there already"
                assert (await ask(api, f"{account}?name=sale"))[1]["data"][0]["status"] == "APPROVED"
                assert (await ask(api, page, template("sale", "Amina")))[0] == 200
                assert (await ask(api, page, template("sale")))[1]["error"]["code"] == 132000
                await control(api, "template", {"id": made["id"], "event": "PAUSED"})
                assert (await ask(api, page, template("sale", "Amina")))[1]["error"]["code"] == 132015
                api.templates.bill_as(made["id"], "utility")
                told = await listener.wait(2 + 2 + 2)  # with two states of the message that was sent
                words = [each for each in told if isinstance(each, TemplateWord)]
                assert words[-1] == TemplateWord(made["id"], None, category="utility")

    run(scene())


def test_webhooks_are_batched_repeated_and_wait_for_their_address() -> None:
    async def scene() -> None:
        async with CloudApi(Options(batch=50, retry_after=0.01)) as api, connected(api.settings, 20) as provider:
            batch = [message(f"+92321765{number:04d}", f"{number:x}") for number in range(1001, 1071)]
            sent = await provider.send_batch(batch)
            accepted = [each for each in sent if isinstance(each, Accepted)]
            assert len(accepted) == len(batch)
            assert api.webhooks.waiting == len(batch), "nobody listens yet"
            listener = Listener(api.settings)
            listener.refuses = 2
            async with serving(listener.take) as url:
                assert not await api.webhooks.handshake("http://127.0.0.1:1/")
                assert await api.webhooks.handshake(url)
                told = await listener.wait(70 + 70 + 35)
                assert {each.reference for each in told} == {each.references[0] for each in accepted}
                assert api.webhooks.answers.count(503) == 2
                assert sum(callback.method == "POST" for callback in listener.callbacks) <= 10

    run(scene())


def test_somebody_else_writes_and_is_heard() -> None:
    async def scene() -> None:
        async with CloudApi(Options(callers=1)) as api:
            listener = Listener(api.settings)
            async with serving(listener.take) as url:
                assert (await control(api, "callbacks", {"url": url}))[1] == {"is_ours": True}
                await control(api, "inbound", {"from": "+923001112222", "text": "Salam"})
                await control(api, "inbound", {"from": "PK.1349", "text": "Hi"})
                told = await listener.wait(2)
                assert [each.address for each in told if isinstance(each, Inbound)] == ["+923001112222", "PK.1349"]

    run(scene())


def test_a_share_of_all_cannot_be_reached() -> None:
    async def scene() -> None:
        async with CloudApi(Options(undeliverable=30)) as api, connected(api.settings, 20) as provider:
            people = [TRIAL.address(number) for number in range(200)]
            sent = await provider.send_batch([message(to, f"{n:x}") for n, to in enumerate(people, start=1)])
            assert {type(each) for each in sent} == {Accepted}
            _, told = await control(api, "record")
            assert (told["messages"], told["delivered"] + told["undeliverable"], told["waiting"]) == (200, 200, 200)
            assert 30 < told["undeliverable"] < 90
            assert len((await control(api, f"record/{people[7]}"))[1]) == 1

    run(scene())


def test_too_much_to_one_person_waits() -> None:
    async def scene() -> None:
        async with CloudApi(Options(pair_limit=2)) as api, connected(api.settings, 1) as provider:
            outcomes = await provider.send_batch([message(), message(), message(), message("+923217654323")])
            assert [type(each) for each in outcomes] == [Accepted, Accepted, TryLater, Accepted]

    run(scene())


def test_its_record_counts_what_came_twice() -> None:
    async def scene() -> None:
        async with CloudApi() as api, connected(api.settings) as provider:
            await provider.send_batch([message(token="a"), message(token="a"), message(token="b")])
            _, told = await control(api, "record")
            assert (told["messages"], told["distinct"], told["duplicates"]) == (3, 2, 1)
            assert len((await control(api, "messages"))[1]) == 3
            await control(api, "reset", {})
            assert (await control(api, "record"))[1]["messages"] == 0
            assert (await control(api, "nothing"))[0] == 400
            assert (await control(api, "inbound", {}))[0] == 400

    run(scene())


@pytest.mark.parametrize("wrong", [["--batch", "0"], ["--callers", "0"]])
def test_it_says_what_is_wrong_with_its_options(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from connectpulse_whatsapp.simulator.__main__ import main

    with pytest.raises(SystemExit):
        main(wrong)
    assert "at least one" in capsys.readouterr().err


def test_it_runs_by_itself_and_ends_when_asked() -> None:
    async def scene() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", TRIAL.program, *TRIAL.options, "--undeliverable", "3", stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        ports = json.loads(await process.stdout.readline())
        async with connected(TRIAL.settings(ports)) as provider:
            found = await provider.check()
            assert found.is_working
        process.terminate()
        assert await process.wait() == 0

    run(scene())


def test_receipts_come_in_any_order_and_twice_where_asked() -> None:
    async def scene() -> None:
        async with CloudApi(Options(is_shuffled=True, is_duplicated=True)) as api, connected(api.settings) as provider:
            listener = Listener(api.settings)
            async with serving(listener.take) as url:
                await provider.send_batch(
                    [message(f"+92321765{number:04d}", f"{number:x}") for number in range(1, 40, 2)]
                )
                await api.webhooks.handshake(url)
                told = [each for each in await listener.wait(2 * 2 * 20) if isinstance(each, Receipt)]
                assert len(set(told)) * 2 == len(told)
                tokens = [each.token for each in told[:20]]
                assert tokens != sorted(tokens, key=lambda token: int(token, 16))

    run(scene())


def test_no_two_messages_have_one_number_even_after_it_forgot() -> None:
    record = Record()
    numbers = [record.add(b"{}", "", "delivered") for _ in range(3)]
    record.clear()
    assert record.summary()["messages"] == 0
    assert record.add(b"{}", "", "delivered") not in numbers
