"""What the conformance kit tries the SIP provider with: callees on loopback, called over real SIP."""

import io
import math
import wave
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from connectpulse.core.api import ErrorClass, Samples, Submission

from ..form import RECORDING
from ..simulator.callees import HOST, Callees
from ..simulator.options import Options
from .settings import FORM

_SETTINGS: Final = {field.name: field.default for field in FORM} | {"host": HOST, "port": 5060, "user": None}


def tone(seconds: float, silence: float = 0.0) -> bytes:
    """Return a WAV file with a tone, as a recording of somebody's voice, and silence behind it."""
    rate = 8000
    samples = array("h", (int(9000 * math.sin(2 * math.pi * 400 * each / rate)) for each in range(int(seconds * rate))))
    samples.extend([0] * int(silence * rate))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate, len(samples), "NONE", ""))
        file.writeframes(samples.tobytes())
    return out.getvalue()


@asynccontextmanager
async def peer() -> AsyncIterator[dict[str, Any]]:
    """Start callees in this loop; yields settings that reach them."""
    async with Callees(Options(rings=0.05, hello=0.1)) as callees:
        yield _SETTINGS | {"port": callees.port}


def submission(digits: int, **content: Any) -> Submission:
    """Return a call to a number that ends with two digits; it says something for a moment."""
    said = {
        "prompt": RECORDING,
        "recording": 1,
        "more_recording": 2,
        "busy_retries": 0,
        "no_answer_retries": 0,
        "most_seconds": 10,
    } | content
    return Submission(
        digits, f"+9230012345{digits:02d}", "+922135300000", "", 1, timedelta(hours=4), f"sample-{digits}",
        shared={"content": said, "recordings": {"recording": _TONE, "more_recording": _TONE}},
    )  # fmt: skip


_TONE: Final = tone(0.3)

SAMPLES: Final = Samples(
    settings=_SETTINGS,
    peer=peer,
    submissions=(submission(1), submission(2)),
    refused=(
        (submission(86), ErrorClass.RECIPIENT),
        (submission(4), ErrorClass.RECIPIENT),
        (submission(3), ErrorClass.RECIPIENT),
        (submission(53), ErrorClass.PROVIDER),
    ),
)
