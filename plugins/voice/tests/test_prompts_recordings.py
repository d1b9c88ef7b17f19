"""Recordings made fit for the telephone, and hostile files refused in words without harm."""

import io
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from connectpulse_voice.prompts import Faulty, decoder, desk, making
from connectpulse_voice.prompts.sound import wav
from prompts_scene import loudness, pitch, recording, samples, tone

from connectpulse.core.storage import folders
from connectpulse.testing.plugin import require_peer

MP3, OGG = {"subtype": "MPEG_LAYER_III"}, {"subtype": "VORBIS"}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    folders.use(tmp_path)


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        (recording("WAV"), 1),
        (recording("WAV", subtype="ULAW"), 1),
        (recording("MP3", **MP3), 1),
        (recording("OGG", **OGG), 1),
        (recording("FLAC"), 1),
        (recording("WAV", tone(2, 8000, 1), 8000), 2),
        (recording("WAV", tone(1, 96_000, 6), 96_000), 1),
    ],
    ids=["wav", "mu-law", "mp3", "ogg", "flac", "telephone", "surround"],
)
def test_every_kind_is_the_same_sound_on_the_telephone(content: bytes, seconds: float) -> None:
    heard = making.recorded(content)
    assert heard.seconds == pytest.approx(seconds, abs=0.08)
    assert pitch(heard.pcm) == pytest.approx(440, abs=3)
    assert loudness(heard.pcm) == pytest.approx(0.1, rel=0.2), "-20 dB, whatever it was"
    assert np.abs(samples(heard.pcm)).max() < 0.9


@pytest.mark.parametrize(("level", "expected"), [(0.01, 0.028), (0.05, 0.1), (0.9, 0.1)])
def test_loudness_is_mended_modestly(level: float, expected: float) -> None:
    heard = making.recorded(recording("WAV", tone(level=level)))
    assert loudness(heard.pcm) == pytest.approx(expected, rel=0.1)


def header(**changed: int) -> bytes:
    """Return a WAV file whose header may lie."""
    facts = {"channels": 1, "rate": 8000, "bits": 16, "size": 4} | changed
    block = facts["channels"] * facts["bits"] // 8
    speed = facts["rate"] * block & 0xFFFFFFFF
    form = struct.pack("<IHHIIHH", 16, 1, facts["channels"], facts["rate"], speed, block & 0xFFFF, facts["bits"])
    return b"RIFF\xff\xff\xff\x7fWAVEfmt " + form + b"data" + struct.pack("<I", facts["size"]) + b"ab"


def lying_flac() -> bytes:
    """Return a FLAC file that says it has hours of sound and holds none."""
    facts = 8000 << 44 | 15 << 36 | (1 << 36) - 1
    info = struct.pack(">HH", 4096, 4096) + bytes(6) + facts.to_bytes(8) + bytes(16)
    return b"fLaC\x80" + len(info).to_bytes(3) + info + b"\xff\xf8" * 500


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "cannot be read"),
        (b"\x00" * 4096, "cannot be read"),
        (np.random.default_rng(7).bytes(60_000), "cannot be read"),
        (recording("FLAC")[:3000], "cannot be read"),
        (recording("OGG", **OGG)[:200], "cannot be read"),
        (b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + b"\xff" * 9000, "cannot be read|silent"),
        (header(channels=0), "cannot be read"),
        (header(channels=4096), "channels|cannot be read"),
        (header(rate=1), "samples a second|cannot be read"),
        (header(rate=4_000_000_000), "samples a second|cannot be read"),
        (header(size=0x7FFFFFF0), "silent|cannot be read"),
        (lying_flac(), "cannot be read|silent"),
        (recording("AIFF"), "WAV, MP3, OGG or FLAC"),
        (recording("WAV", np.zeros((8000, 1), "float32"), 8000), "silent"),
        (recording("WAV", np.full((8000, 1), np.nan, "float32"), 8000, subtype="FLOAT"), "silent"),
        (recording("FLAC", tone(601, 4000, 1) * 0, 4000), "longer than 600 seconds"),
        (b"x" * (making.LARGEST + 1), "more than 10 MB"),
    ],
)  # fmt: skip
def test_what_is_no_sound_is_refused_in_words(content: bytes, word: str) -> None:
    with pytest.raises(Faulty, match=word) as refused:
        making.recorded(content)
    assert str(refused.value).endswith(".")


def test_a_decoder_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "PATIENCE", 0.05)
    with pytest.raises(Faulty, match="in time"):
        making.recorded(recording("FLAC", tone(20)))


@pytest.mark.skipif(sys.platform != "linux", reason="limits are those of Linux")
def test_a_decoder_has_no_more_memory_than_it_is_given() -> None:
    code = (
        f"import runpy, sys; module = runpy.run_path({decoder.__file__!r}); module['_limit']()\n"
        "try:\n    bytearray(2 << 30)\nexcept MemoryError:\n    print('refused')"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "refused\n", done.stderr


def test_a_recording_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    content = recording("FLAC")
    first = making.recorded(content)
    monkeypatch.setattr(desk, "decode", lambda *_: pytest.fail("decoded again"))
    assert making.recorded(content) == first


def test_others_read_what_we_write(tmp_path: Path) -> None:
    """sox, and ffprobe where it is, find what a telephone plays."""
    require_peer(bool(shutil.which("sox")), "sox", "apt install sox libsox-fmt-base")
    made = making.recorded(recording("MP3", **MP3))
    path = tmp_path / "made.wav"
    path.write_bytes(wav(made.pcm))
    told = [subprocess.check_output(["soxi", flag, path], text=True).strip() for flag in ("-r", "-c", "-b", "-s")]
    assert told == ["8000", "1", "16", str(len(made.pcm) // 2)]
    if shutil.which("ffprobe"):
        asked = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", str(path)]
        (stream,) = json.loads(subprocess.check_output(asked))["streams"]
        assert (stream["codec_name"], stream["sample_rate"], stream["channels"]) == ("pcm_s16le", "8000", 1)
    theirs = io.BytesIO(subprocess.check_output(["sox", str(path), "-r", "44100", "-c", "2", "-t", "ogg", "-"]))
    again = making.recorded(theirs.getvalue())
    assert again.seconds == pytest.approx(made.seconds, abs=0.01)
    assert pitch(again.pcm) == pytest.approx(440, abs=3)
