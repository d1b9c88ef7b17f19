"""Whether a person's reply asks us to stop: words in English, Urdu and Roman Urdu."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

STOP_WORDS: Final = frozenset(
    {
        "stop", "stop all", "stopall", "quit", "end", "revoke", "cancel", "unsubscribe", "unsub",
        "opt out", "optout", "remove me",
        "بند", "بند کرو", "بند کریں", "بند کر دو", "بند کر دیں", "روکو", "روک دو", "روک دیں", "ختم کرو",
        "band", "band karo", "band karen", "band karein", "band kar do", "band kardo", "band kar dein",
        "rok do", "roko", "khatam karo",
    }
)  # fmt: skip
"""What counts as a wish to stop unless an organisation says otherwise (US TCPA's list, and Pakistan)."""

_AMBIGUOUS = frozenset({"end", "quit", "cancel", "revoke", "band"})
"""Stop words that a promotional text may well contain without telling anybody how to stop."""

_POLITE = frozenset({"please", "pls", "plz", "kindly", "hi", "hello", "salam", "plss", "پلیز", "برائے", "مہربانی"})
_TAIL = frozenset(
    {
        "please", "pls", "plz", "kindly", "now", "all", "it", "this", "these", "that", "them", "me", "my", "number",
        "sending", "send", "texting", "messaging", "sms", "smses", "text", "texts", "msg", "msgs", "message",
        "messages", "ads", "spam", "from", "to", "the", "your", "of", "list", "promo", "promos", "promotions",
        "promotional", "marketing", "thanks", "thank", "you", "u", "ok", "yar", "yaar", "ji", "jee", "bhai", "janab",
        "karo", "kar", "kardo", "karen", "karein", "do", "dein", "den", "dijiye", "jaye", "abhi", "ye", "yeh",
        "mujhe", "sab", "plss", "sir", "madam",
        "کرو", "کر", "کریں", "دو", "دیں", "دیجیے", "جی", "پلیز", "مہربانی", "شکریہ", "یہ", "میسج", "میسجز",
        "پیغام", "پیغامات", "سب", "مجھے",
    }
)  # fmt: skip
"""What may follow a stop word without changing what is asked for."""

_SENTENCES = re.compile(r"[.!?;\n\r۔؟،]+")
_KEYBOARDS = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "ه": "ہ", "ۂ": "ہ", "ـ": None})
_SEPARATORS = re.compile(r"[\W_]+")


def reads_as_opt_out(text: str, words: frozenset[str]) -> bool:
    """Return whether `text`, or its first sentence, is one of `words`, whatever its case and punctuation.

    Politeness before it, what people add to it ("stop sending me this") and saying it twice change nothing; other
    words do: "cancel my order" asks for something else.
    """
    stops, longest = _prepared(words)
    return any(_is_stop(_fold(said), stops, longest) for said in (text, _first_sentence(text)))


def _is_stop(spoken: str, stops: frozenset[str], longest: int) -> bool:
    said = spoken.split(" ")
    while len(said) > 1 and said[0] in _POLITE:
        said = said[1:]
    return any(
        " ".join(said[:count]) in stops and all(word in _TAIL or word in stops for word in said[count:])
        for count in range(1, min(longest, len(said)) + 1)
    )


def _first_sentence(text: str) -> str:
    return next((each for each in _SENTENCES.split(text) if each.strip()), "")


def offers_way_out(text: str, hint: str = "") -> bool:
    """Return whether `text` tells how to opt out: by the sender's `hint` if it has one, else by a stop word.

    A sender with a hint (a long code, a link) is one that cannot be answered: "reply STOP" is no way out.
    """
    spoken = f" {_fold(text)} "
    signs = {hint} if hint else STOP_WORDS - _AMBIGUOUS
    return any(f" {_fold(sign)} " in spoken for sign in signs)


@lru_cache(maxsize=256)
def _prepared(words: frozenset[str]) -> tuple[frozenset[str], int]:
    """Return the words as they are compared, and how many single words the longest has."""
    stops = frozenset(_fold(word) for word in words) - {""}
    return stops, max((stop.count(" ") + 1 for stop in stops), default=0)


def _fold(text: str) -> str:
    """Return lower-case words with single spaces, without accents, vowel signs or invisible characters."""
    letters = unicodedata.normalize("NFKD", text.translate(_KEYBOARDS).casefold())
    bare = "".join(c for c in letters if unicodedata.category(c) not in ("Mn", "Cf"))
    return _SEPARATORS.sub(" ", bare).strip()
