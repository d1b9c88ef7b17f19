"""Files of prices: every fault by its line, what a file changes, and what stays as it was."""

from decimal import Decimal

import pytest
from connectpulse_billing.rates import cards, drafting, reading
from connectpulse_billing.rates.models import Rate
from sqlalchemy import select

from connectpulse.core.api import Refused, Work
from connectpulse.testing import factories

HEADING = "channel,prefix,sender_kind,category,per,units\n"
FAULTS = {
    "fax,+92,,,part,1": "There is no channel 'fax'.",
    "sms,92x,,,part,1": "is not the beginning of a number",
    "sms,+92,unheard,,part,1": "has no kind of sender 'unheard'",
    "sms,+92,,=1+1,part,1": "no category",
    "sms,+92,,,hour,1": "is not a measure",
    "sms,+92,,,part,": "The units are missing",
    "sms,+92,,,part,much": "is not a number of units",
    "sms,+92,,,part,-1": "is not a price",
    "sms,+92,,,part,NaN": "is not a price",
    "sms,+92,,,part,1.23456": "more than four decimals",
    "sms,+92,,,part": "not as many columns",
    "sms,+92,,,part,1,2": "not as many columns",
}


def test_every_wrong_line_is_listed_and_nothing_is_changed(work: Work) -> None:
    card = cards.create(work, "Standard")
    content = HEADING + "sms,+91,,,part,1\n" + "\n".join(FAULTS) + "\nsms,0091,,,part,2\n"
    draft, faults = drafting.upload(work, card.id, content.encode(), is_whole=True)
    assert draft is None
    assert cards.draft(work, card.id) is None
    assert [fault.line for fault in faults] == list(range(3, 3 + len(FAULTS) + 1))
    for fault, said in zip(faults, [*FAULTS.values(), "The same rate stands on line 2 already."], strict=True):
        assert said in fault.reason


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "lacks channel"), (b"channel,prefix,units\n", "lacks per"), (b"\xff\xfe\x00", "not text in UTF-8"),
     (HEADING.encode() + b"", "no rate in the file"), (b"channel,prefix,per,units,colour\n", "no column 'colour'"),
     (b"x" * (reading.MOST_BYTES + 1), "larger than")],
)  # fmt: skip
def test_what_is_no_file_of_prices_is_refused(work: Work, content: bytes, said: str) -> None:
    card = cards.create(work, "Standard")
    with pytest.raises(Refused, match=said):
        drafting.upload(work, card.id, content, is_whole=True)


def test_a_spreadsheets_file_is_read(work: Work) -> None:
    content = "\ufeffUnits;Per;Prefix;Channel\r\n1.5;Part;92 300;SMS\r\n"
    rates, faults = reading.read_file(work, content.encode())
    assert not faults
    assert rates == {("sms", "+92300", "", ""): ("part", Decimal("1.5"))}


def test_what_a_file_changes_is_told_before_it_is_published(work: Work) -> None:
    card = cards.create(work, "Standard")
    first, _ = drafting.upload(work, card.id, f"{HEADING}sms,+1,,,part,1\nsms,+2,,,part,2\n".encode(), is_whole=True)
    assert first is not None
    assert drafting.difference(work, first).added == 2
    cards.publish(work, first.id)
    content = f"{HEADING}sms,+2,,,message,2\nsms,+3,,,part,3\n".encode()
    whole, _ = drafting.upload(work, card.id, content, is_whole=True)
    assert whole is not None
    found = drafting.difference(work, whole)
    assert (found.added, found.changed, found.ended, found.same) == (1, 1, 1, 0)
    assert [change.key[1] for change in found.first] == ["+2", "+3", "+1"]
    cards.discard(work, whole.id)
    part, _ = drafting.upload(work, card.id, content, is_whole=False)
    assert part is not None
    found = drafting.difference(work, part)
    assert (found.added, found.changed, found.ended, found.same) == (1, 1, 0, 1)
    published = select(Rate.per, Rate.units).where(Rate.version_id == first.id).order_by(Rate.prefix)
    assert work.session.execute(published).all() == [("part", 1), ("part", 2)]


def test_every_act_is_in_the_log(work: Work) -> None:
    card = cards.create(work, "Standard")
    draft, _ = drafting.upload(work, card.id, f"{HEADING}sms,+1,,,part,1\n".encode(), is_whole=True)
    assert draft is not None
    cards.publish(work, draft.id)
    cards.give(work, work.organisation_id, card.id)
    work.session.commit()
    verbs = [verb for verb in factories.verbs(work) if verb.startswith("billing.")]
    assert "billing.rate_card.given" in verbs
    with pytest.raises(Refused, match="kept"):
        cards.remove(work, card.id)
