"""What gateways are asked and what is believed of them: hashes against openssl, forms, inquiries, refunds."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from buying_scene import BUYER, STRIPE, deliver, gained, knock, knocked, ordered, paid, set_up, state
from connectpulse_billing.buying import foretelling, gates, inquiring, payments, refunds, rounds
from connectpulse_billing.buying.gateways import base
from connectpulse_billing.buying.gateways.base import Asked, Forged, Purchase
from connectpulse_billing.buying.gateways.easypaisa import Easypaisa, hashed
from connectpulse_billing.buying.gateways.jazzcash import JazzCash, secure_hash
from connectpulse_billing.buying.gateways.payfast import PayFast, validation_hash
from connectpulse_billing.buying.gateways.stripe import Stripe
from connectpulse_billing.buying.order_models import Attempt, Reversal
from connectpulse_billing.buying.payments import Site
from payment_peers import SALT, Peer, gateway
from sqlalchemy import select, text

from connectpulse.core.api import Actor, EgressSession, Refused, four_eyes, platform_scope
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

NOW = datetime(2026, 11, 25, 15, tzinfo=UTC)
JAZZ = {"merchant_id": "MC1", "password": "pw", "salt": SALT, "base_url": "https://sandbox.jazzcash.com.pk"}
EASY = {"store_id": "7", "hash_key": "0123456789ABCDEF", "username": "u", "password": "p", "account": "9",
        "base_url": "https://easypay.easypaisa.com.pk"}  # fmt: skip
FAST = {"merchant_id": "m-1", "secured_key": "k-1", "merchant_name": "Pulse", "base_url": "https://ipg1.apps.net.pk"}
PURCHASE = Purchase(
    reference="T1", amount=Decimal("1770.00"), currency="PKR", title="Starter <1>", back_url="https://x.example/order",
    hook_url="https://x.example/hooks/billing/pay/g", begun_at=NOW, now=NOW, until=NOW + timedelta(days=3),
)  # fmt: skip


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 20))


async def over_network(call: Any) -> Any:
    async with EgressSession() as http:
        return await call(http)


def test_the_hash_of_jazzcash_is_openssls() -> None:
    fields = {
        "pp_Version": "1.1", "pp_TxnType": "", "pp_Language": "EN", "pp_MerchantID": "MC1", "pp_Password": "pw",
        "pp_TxnRefNo": "T1", "pp_Amount": "159300", "pp_TxnCurrency": "PKR", "pp_TxnDateTime": "20261125200000",
        "pp_TxnExpiryDateTime": "20261127200000", "pp_BillReference": "T1", "pp_ReturnURL": "https://x.example/back",
        "pp_SecureHash": "left out", "other": "left out",
    }  # fmt: skip
    golden = "c7c572cd7203f1eefa36fea8308a09f4ea6e5c275df582fbaea9cc24903f99f6"
    assert secure_hash(fields, SALT) == golden


def test_the_hash_of_easypaisa_is_openssls() -> None:
    fields = {"storeId": "7", "amount": "1770.00", "postBackURL": "https://x.example/back/T1", "orderRefNum": "T1",
              "expiryDate": "20261128 010000", "autoRedirect": "1", "empty": ""}  # fmt: skip
    assert hashed(fields, "0123456789ABCDEF") == (
        "AdNlFtAWeI5nNqwTxkAic/z91KJwJgDuda2G9jQ1/wadrI91SgnL9YG0MEHwxeVgOejbeSj11zCTt79mNzOpZNzHEjVvMFa1lnHB9YCw/"
        "OOJeGXMwfOxevZrWczQExac61x0GQ8O1sgLfKWLT+uKrxsTlIqEFKLha/2lEWW++3U="
    )


def test_the_hash_of_payfast_is_coreutils() -> None:
    golden = "cf02ddef8a18e3e383333cb3400e207a1f4936ef6d9235a139b18854fea239ea"
    assert validation_hash("T1", "k-1", "m-1", "000") == golden


def test_jazzcash_is_sent_paisa_and_the_clock_of_pakistan() -> None:
    step = run(over_network(lambda http: JazzCash(JAZZ).begin(http, PURCHASE)))
    assert step.url == "https://sandbox.jazzcash.com.pk/CustomerPortal/transactionmanagement/merchantform/"
    assert (step.fields["pp_Amount"], step.fields["pp_TxnDateTime"]) == ("177000", "20261125200000")
    assert step.fields["pp_Description"] == "Starter 1"
    assert step.fields["pp_SecureHash"] == secure_hash(step.fields, SALT)


def jazz(**changed: str) -> bytes:
    said = {"pp_TxnRefNo": "T1", "pp_ResponseCode": "000", "pp_Amount": "177000", "pp_TxnCurrency": "PKR",
            "pp_TxnDateTime": "20261125200000", "pp_RetreivalReferenceNo": "R1"}  # fmt: skip
    said |= {"pp_SecureHash": secure_hash(said | changed if "forged" not in changed else said, SALT).upper()}
    return urlencode(said | {name: value for name, value in changed.items() if name != "forged"}).encode()


def test_a_message_of_jazzcash_is_believed_only_if_it_is_signed_and_fresh() -> None:
    gate = JazzCash(JAZZ)
    (told,) = gate.read(knocked("jazzcash", jazz()), NOW)
    assert (told.kind, told.reference, told.amount) == (base.PAID, "T1", Decimal("1770.00"))
    (told,) = gate.read(knocked("jazzcash", jazz(pp_ResponseCode="124")), NOW)
    assert told.kind == base.HINT
    for body, at in ((jazz(pp_Amount="1", forged="yes"), NOW), (jazz(), NOW + timedelta(days=8)), (b"", NOW),
                     (b"{]", NOW), (b"pp_SecureHash=", NOW)):  # fmt: skip
        with pytest.raises(Forged):
            gate.read(knocked("jazzcash", body), at)


def test_a_message_of_payfast_is_believed_only_if_its_hash_is_right() -> None:
    gate, good = PayFast(FAST), validation_hash("T1", "k-1", "m-1", "000")
    said = {"basket_id": "T1", "err_code": "000", "transaction_id": "77", "validation_hash": good}
    (told,) = gate.read(knocked("payfast", urlencode(said).encode()), NOW)
    assert (told.kind, told.reference, told.payment_reference) == (base.PAID, "T1", "77")
    for changed in ({"basket_id": "T2"}, {"err_code": "00"}, {"validation_hash": ""}, {"basket_id": ""}):
        with pytest.raises(Forged):
            gate.read(knocked("payfast", urlencode(said | changed).encode()), NOW)


def test_what_comes_from_easypaisa_is_a_hint_at_most() -> None:
    gate = Easypaisa(EASY)
    said = urlencode({"orderRefNumber": "T1", "transactionStatus": "PAID", "amount": "1770"}).encode()
    (told,) = gate.read(knocked("easypaisa", said), NOW)
    assert (told.kind, told.reference, told.amount) == (base.HINT, "T1", None)
    came = replace(knocked("easypaisa/back/T1", method="GET"), query=[("auth_token", "abc")])
    step = gate.resume(came)
    assert step is not None
    assert step.fields["auth_token"] == "abc"


ASKED = Asked(reference="T1", foreign_reference="", amount=Decimal("1770.00"), currency="PKR", begun_at=NOW, now=NOW)


def test_inquiries_ask_as_documented_and_believe_what_is_paid() -> None:
    with gateway() as peer:
        gates_of = [cls({**values, "base_url": peer.address}) for cls, values in
                    ((JazzCash, JAZZ), (Easypaisa, EASY), (PayFast, FAST))]  # fmt: skip
        pending = [run(over_network(lambda http, g=gate: g.inquire(http, ASKED))).state for gate in gates_of]
        assert pending == [base.PENDING] * 3
        peer.states["T1"] = {
            "pp_PaymentResponseCode": "121", "pp_Status": "Completed", "pp_RetreivalReferenceNo": "R1",
            "responseCode": "0000", "transactionStatus": "PAID", "transactionAmount": "1770.0", "transactionId": "E1",
            "status_code": "00", "transaction_amount": "1770", "transaction_id": "F1",
        }  # fmt: skip
        found = [run(over_network(lambda http, g=gate: g.inquire(http, ASKED))) for gate in gates_of]
        assert [(each.state, each.payment_reference, each.amount) for each in found] == [
            (base.PAID, name, Decimal("1770.00")) for name in ("R1", "E1", "F1")
        ]
        credentials = next(headers["Credentials"] for path, _, headers in peer.asked if path.endswith("transaction"))
        assert credentials == "dTpw"


def test_payfast_gets_a_token_for_the_sum() -> None:
    with gateway() as peer:
        gate = PayFast({**FAST, "base_url": peer.address})
        step = run(over_network(lambda http: gate.begin(http, PURCHASE)))
        assert (step.fields["TOKEN"], step.fields["TXNAMT"]) == ("token-1", "1770.00")
        assert "k-1" not in str(step)
        with pytest.raises(Refused, match="no token"):
            run(over_network(lambda h: PayFast({**gate.values, "secured_key": "x"}).begin(h, PURCHASE)))


def test_a_wrong_key_of_stripe_is_said_without_showing_it() -> None:
    with gateway() as peer:
        found = gates.ask(Stripe({**STRIPE, "secret_key": "sk_secret_2", "base_url": peer.address}))
        assert not found.is_working
        assert "sk_secret_2" not in str(found)
        assert gates.ask(Stripe({**STRIPE, "base_url": peer.address})).is_working


def at_stripe(house: House, organisation: int, peer: Peer) -> tuple[Any, Attempt]:
    """Order and begin to pay at the peer, as the panel does."""
    set_up(house, "stripe", {**STRIPE, "base_url": peer.address})
    begun = ordered(house, organisation)
    with house.work(ADMINISTRATOR) as work:
        work.session.execute(text("UPDATE billing_attempt SET step = '{}', foreign_reference = ''"))
    for _ in range(2):
        payments.pay(lambda: house.work(BUYER, organisation), begun.order_id, "stripe", Site("https://x.example"))
    with house.work(ADMINISTRATOR, organisation) as work:
        attempt = work.session.scalars(select(Attempt)).one()
        work.session.expunge(attempt)
    return begun, attempt


def soon(house: House) -> None:
    with house.work(ADMINISTRATOR) as work:
        work.session.execute(text("UPDATE billing_attempt SET inquire_at = now() WHERE inquire_at IS NOT NULL"))


@pytest.mark.metered
def test_a_payment_nobody_told_of_is_found_by_asking_and_granted_once(house: House, organisation: int) -> None:
    with gateway() as peer:
        begun, attempt = at_stripe(house, organisation, peer)
        assert (attempt.foreign_reference, attempt.step["url"]) == ("cs_1", f"{peer.address}/pay/1")
        assert [path for path, _, _ in peer.asked] == ["/v1/checkout/sessions"]
        assert rounds.inquire(house.work) == 0  # not yet: the webhook has its five minutes
        soon(house)
        assert rounds.inquire(house.work) == 1
        assert gained(house, organisation, begun) == 0
        assert rounds.inquire(house.work) == 0  # it backs off
        peer.states["cs_1"] |= {"payment_status": "paid", "status": "complete", "payment_intent": "pi_1"}
        soon(house)
        rounds.go(house.work)
        assert gained(house, organisation, begun) == begun.units
        deliver(house, paid(begun))  # the webhook, late
        assert gained(house, organisation, begun) == begun.units
        assert state(house, begun) == ("paid", "paid")


@pytest.mark.metered
def test_a_gateway_that_is_down_or_answers_nonsense_changes_nothing(house: House, organisation: int) -> None:
    with gateway() as peer:
        begun, _ = at_stripe(house, organisation, peer)
        peer.states["cs_1"] = {"nonsense": True, "payment_status": "paid"}
        soon(house)
        rounds.inquire(house.work)
    soon(house)
    rounds.inquire(house.work)
    assert gained(house, organisation, begun) == 0
    assert state(house, begun) == ("awaiting", "open")


@pytest.mark.metered
def test_paying_back_needs_two_people_and_reaches_stripe_once(house: House, organisation: int) -> None:
    first, second = Actor("user", "First", 11), Actor("user", "Second", 12)
    with gateway() as peer:
        begun, _ = at_stripe(house, organisation, peer)
        deliver(house, paid(begun))
        with house.work(first) as work, platform_scope(work.session, "ask in a test"):
            _, amount = refunds.check(work, begun.order_id, "400")
            asked = four_eyes.ask(
                work, refunds.ACT, begun.order_id, "Pay back", "wrong", amount=str(amount), why="w"
            ).id
        with house.work(first) as work, pytest.raises(Refused, match="second person"):
            four_eyes.approve(work, asked)
        assert rounds.pay_back(house.work) == 0
        with house.work(second) as work:
            told = foretelling.explain(work, begun.order_id, {"amount": "400"}).effects
            assert [each.deed for each in told] == ["paid back", "taken back", "kept"]
            assert "400.00 of" in told[0].why
            assert "The gateway stripe is asked" in told[0].why
            assert told[1].why.startswith("400 of 1,000, once")
            four_eyes.approve(work, asked)
        assert gained(house, organisation, begun) == begun.units
        assert rounds.pay_back(house.work) == 1
        assert rounds.pay_back(house.work) == 0
        assert gained(house, organisation, begun) == Decimal(600)
        assert state(house, begun)[0] == "part_reversed"
        with house.work(ADMINISTRATOR, organisation) as work:
            assert work.session.scalars(select(Reversal.state)).all() == ["done"]
        assert [path for path, _, _ in peer.asked].count("/v1/refunds") == 1


@pytest.mark.metered
def test_a_refund_whose_answer_was_lost_is_asked_again_under_its_key(house: House, organisation: int) -> None:
    with gateway() as peer:
        begun, _ = at_stripe(house, organisation, peer)
        deliver(house, paid(begun))
        with house.work(ADMINISTRATOR) as work:
            refunds.perform(work, begun.order_id, {"amount": "1000", "why": "w"})
        with house.work(ADMINISTRATOR) as work:
            (claim,) = refunds.claim(work)
        refunds.ask(claim)  # and the process dies
        assert gained(house, organisation, begun) == begun.units
        with house.work(ADMINISTRATOR) as work:
            work.session.execute(text("UPDATE billing_reversal SET due_at = now()"))
        rounds.pay_back(house.work)
        assert gained(house, organisation, begun) == 0
        assert len({key for key in peer.keys if key.startswith("refund-")}) == 1


@pytest.mark.metered
def test_who_comes_back_from_jazzcash_is_led_to_the_order_and_gains_nothing(house: House, organisation: int) -> None:
    set_up(house, "jazzcash", JAZZ)
    begun = ordered(house, organisation, gateway="jazzcash")
    answer = knock(house, knocked("jazzcash/back", jazz(pp_TxnRefNo=begun.reference)))
    assert answer.location == f"/billing/orders/show/{begun.order_id}?back=1"
    assert gained(house, organisation, begun) == 0
    with house.work(ADMINISTRATOR) as work:
        assert len(inquiring.claim(work)) == 1  # it is asked about at once


def test_a_gateway_lives_at_a_plain_https_address() -> None:
    for good in ("https://api.stripe.com", "http://127.0.0.1:8080/x"):
        base.check_base(good)
    for bad in ("http://api.stripe.com", "https://", "https://a@b.example", "https://x.example/?q", "javascript:1",
                "https://x.example;script-src *", "https://x.example 'unsafe-inline'"):  # fmt: skip
        with pytest.raises(Refused):
            base.check_base(bad)
