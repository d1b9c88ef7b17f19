"""What the tests of prompts share: sounds made on the spot, and a folder to keep them in."""

import io
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import soundfile

from connectpulse.core.api import Submission

RATE = 8000


def tone(seconds: float = 1.0, rate: int = 44_100, channels: int = 2, level: float = 0.2) -> np.ndarray:
    """Return a tone of 440 Hz, one column for each channel."""
    wave = level * np.sin(2 * math.pi * 440 * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype("float32")


def recording(kind: str = "WAV", sound: np.ndarray | None = None, rate: int = 44_100, **more: Any) -> bytes:
    """Return a sound file of a kind libsndfile knows."""
    file = io.BytesIO()
    soundfile.write(file, tone(rate=rate) if sound is None else sound, rate, format=kind, **more)
    return file.getvalue()


def samples(pcm: bytes) -> np.ndarray:
    return np.frombuffer(pcm, "<i2").astype("float64") / 32768


def loudness(pcm: bytes) -> float:
    """Return the root mean square of samples, of full scale."""
    return float(np.sqrt((samples(pcm) ** 2).mean()))


def pitch(pcm: bytes) -> float:
    """Return the strongest frequency, in Hz."""
    sound = samples(pcm)
    return float(np.abs(np.fft.rfft(sound)).argmax() * RATE / len(sound))


def call(values: Mapping[str, str] | None = None, to: str = "+923001234567", **content: Any) -> Submission:
    """Return a call of this content to somebody with these values."""
    shared = {"content": {"prompt": "speech", "language": "en", **content}, "recordings": {}}
    return Submission(
        1, to, "+15005550006", "", 1, timedelta(hours=4), "1a", extra={"values": values or {}}, shared=shared
    )  # fmt: skip
