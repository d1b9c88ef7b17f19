"""What people of the demo write back, so that the inbox, opt-outs and conversations have something to show."""

from email.utils import parseaddr
from typing import Final

from ..core.domain.message import MessageState
from ..core.services import messages
from .network import Network
from .voyage import Voyage

WORDS: Final = (
    "When do you open on Saturday?",
    "Thank you! Please keep one for me until six.",
    "Could you send me the address? I am new in town.",
    "کیا آپ اتوار کو کھلے ہیں؟",
    "I ordered last week and nothing has arrived yet.",
    "STOP",
)
_REACHED: Final = (MessageState.DELIVERED, MessageState.READ, MessageState.ACCEPTED)


def write(voyage: Voyage, network: Network, campaign_id: int) -> int:
    """Let some of those a campaign reached write back, each their own words; return how many did."""
    with voyage.house.work(voyage.actor, voyage.organisation) as work:
        reached = messages.search(work, campaign_id=campaign_id, states=_REACHED).lines
    said = list(zip(reached, WORDS, strict=False))
    return sum(network.write(line.address, _bare(line.sender), words) for line, words in said)


def _bare(sender: str) -> str:
    """Return an identity without the name that may stand before it."""
    return parseaddr(sender)[1] if "@" in sender else sender
