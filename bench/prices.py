"""What prices cost: a campaign expanded by a card of many prefixes, over the same without prices; and pricing alone."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from connectpulse_billing.rates import cards, drafting

from connectpulse.core.domain.contracts import Measure, Pricer, Purpose, Tariff
from connectpulse.core.services.connections import Limits
from connectpulse.core.storage import guard
from connectpulse.testing.factories import ADMINISTRATOR

from .figure import Figure
from .line import FIRST_NUMBER, SENDER
from .scene import Scene, scene

PREFIXES = 5_000
ROUNDS = 3
SAMPLES = 500
LEAST = 0.8
"""Six microseconds a message, where an expansion takes eighteen and its way to the receipt about seventy."""
_LENGTHS = (8, 9, 10)
_SEED = 7
_ONE = Measure(1, 1)


def measure(recipients: int) -> Iterator[Figure]:
    """Yield the rate of an expansion with prices beside the one without (the best of rounds that take turns).

    Nearly every recipient has a place of its own among the prefixes, so that nothing is found in memory: the worst
    there is. Beside it: how long a card takes to be compiled, and what pricing does alone.
    """
    rates = _rates(recipients)
    best = {False: 0.0, True: 0.0}
    for number in range(ROUNDS):
        for is_priced in (False, True):
            with scene(is_metered=is_priced) as stage:
                stage.connect(Limits())
                if is_priced:
                    _publish(stage, rates)
                    if number == 0:
                        yield from _alone(stage, rates, recipients)
                best[is_priced] = max(best[is_priced], _expand(stage, recipients))
    yield Figure("prices_expansion", best[True], "rows/s", "the same without prices", best[False], least_ratio=LEAST)


def _expand(stage: Scene, recipients: int) -> float:
    """Return the messages a second that a launched campaign is expanded to."""
    campaign_id, quote_id = stage.line.campaign(stage.line.audience(recipients))
    stage.line.launch(campaign_id, quote_id)
    began = time.perf_counter()
    stage.line.run_jobs()
    seconds = time.perf_counter() - began
    if stage.line.figures(campaign_id).get("state:queued") != recipients:
        raise RuntimeError("Not everybody was expanded.")
    return recipients / seconds


def _alone(stage: Scene, rates: Mapping[str, Decimal], recipients: int) -> Iterator[Figure]:
    with stage.house.work(ADMINISTRATOR, stage.line.organisation) as work:
        began = time.perf_counter()
        price = work.registry.ledger.pricer(work, Tariff(stage.line.organisation, "sms", Purpose.TRANSACTIONAL, SENDER))
        compiled = time.perf_counter() - began
    addresses = [f"+92{number}" for number in range(FIRST_NUMBER, FIRST_NUMBER + recipients)]
    began = time.perf_counter()
    for address in addresses:
        price(address, _ONE)
    seconds = time.perf_counter() - began
    _look(price, rates, random.Random(_SEED).sample(addresses, SAMPLES))
    yield Figure("prices_compiled", compiled * 1000, "ms", most=1000)
    yield Figure("prices_alone", recipients / seconds, "messages/s")


def _rates(recipients: int) -> dict[str, Decimal]:
    """Return rates for beginnings of the audience's numbers, of several lengths, and for the country."""
    chance = random.Random(_SEED)
    found = {"+92": Decimal(1)}
    while len(found) < PREFIXES:
        number = str(FIRST_NUMBER + chance.randrange(recipients))
        found[f"+92{number[: chance.choice(_LENGTHS)]}"] = 1 + Decimal(len(found) % 97) / 100
    return found


def _publish(stage: Scene, rates: Mapping[str, Decimal]) -> None:
    """Let the organisation have a card of these rates, uploaded as people do it."""
    lines = [f"sms,{prefix},,,part,{units}" for prefix, units in rates.items()]
    content = "\n".join(["channel,prefix,sender_kind,category,per,units", *lines]).encode()
    with stage.house.work(ADMINISTRATOR) as work:
        card = cards.create(work, "Many prefixes")
        draft, faults = drafting.upload(work, card.id, content, is_whole=True)
        if draft is None:
            raise RuntimeError(f"The card was not taken: {faults[:3]}.")
        cards.publish(work, draft.id)
        with guard.platform_scope(work.session, "give a card to measure with"):
            cards.give(work, stage.line.organisation, card.id)


def _look(price: Pricer, rates: Mapping[str, Decimal], addresses: Sequence[str]) -> None:
    """Fail unless prices are those of the longest prefix: fast and wrong is no figure."""
    for address in addresses:
        longest = max((each for each in rates if address.startswith(each)), key=len)
        if price(address, _ONE).units != rates[longest]:
            raise RuntimeError("A price is not that of the longest prefix.")
