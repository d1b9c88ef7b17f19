"""A child process that turns an uploaded sound into what a telephone plays.

Run as a program: the file comes on standard input, samples leave on standard output. A file that cannot be used
ends it with status 2 and a sentence on standard error. It limits its own memory and time before it looks at the
file, so that a hostile one harms nothing but this process.
"""

import io
import os
import sys

MEMORY = 1 << 30
"""Bytes of address space; the libraries take a third of it."""
CPU_SECONDS = 20
BLOCK = 1 << 16
KNOWN = {"WAV": "WAV", "WAVEX": "WAV", "MP3": "MP3", "OGG": "OGG", "FLAC": "FLAC"}
MOST_CHANNELS = 8
RATES = range(4000, 192_001)
LOUDNESS = 0.1
"""Root mean square that speech is brought to, of full scale: -20 dB, as telephone networks like it."""
MOST_GAIN = 4.0
PEAK = 0.89


class Unusable(Exception):
    """The file cannot be used; says why."""


def main() -> None:
    """Read a file, write samples; `sys.argv[1]` is the most seconds it may last."""
    _limit()
    content = sys.stdin.buffer.read()
    try:
        sys.stdout.buffer.write(samples(content, int(sys.argv[1])))
    except Unusable as fault:
        sys.stderr.write(str(fault))
        sys.exit(2)


def samples(content: bytes, most_seconds: int) -> bytes:
    """Return a sound file as 16-bit mono at 8 kHz; raise Unusable with a sentence."""
    import numpy as np  # here, because the limits must be set before
    import soundfile
    import soxr

    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            _check(file)
            stream = soxr.ResampleStream(file.samplerate, 8000, 1, dtype="float32")
            pieces, count = [], 0
            for block in file.blocks(BLOCK, dtype="float32", always_2d=True):
                count += len(block)
                if count > most_seconds * file.samplerate:
                    raise Unusable(f"The recording is longer than {most_seconds} seconds. Please shorten it.")
                pieces.append(stream.resample_chunk(block.mean(axis=1)))
            pieces.append(stream.resample_chunk(np.zeros(0, "float32"), last=True))
    except (soundfile.SoundFileError, ValueError, MemoryError):
        raise Unusable("The recording cannot be read: it is damaged or no sound file. Please export it anew.") from None
    sound = np.nan_to_num(np.concatenate(pieces), nan=0.0, posinf=1.0, neginf=-1.0)
    return bytes((np.clip(levelled(sound), -1.0, 1.0) * 32767).astype("<i2").tobytes())


def levelled(sound: "np.ndarray") -> "np.ndarray":  # type: ignore[name-defined]  # noqa: F821
    """Return a sound at the loudness of speech, measured where something is said; raise Unusable if nothing is."""
    import numpy as np

    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    levels = np.sqrt((frames**2).mean(axis=1))
    heard = levels[levels > max(levels.max(initial=0.0) / 10, 1e-4)]
    if not heard.size:
        raise Unusable("The recording is silent. Please check the microphone and record it anew.")
    gain = min(LOUDNESS / float(np.sqrt((heard**2).mean())), MOST_GAIN, PEAK / float(np.abs(sound).max()))
    return sound * gain


def _check(file: "soundfile.SoundFile") -> None:  # type: ignore[name-defined]  # noqa: F821
    if file.format not in KNOWN:
        raise Unusable("The recording is no WAV, MP3, OGG or FLAC file. Please export it as one of these.")
    if file.samplerate not in RATES:
        raise Unusable(f"The recording has {file.samplerate} samples a second. Please export it with 8,000 to 48,000.")
    if not 1 <= file.channels <= MOST_CHANNELS:
        raise Unusable(f"The recording has {file.channels} channels. Please export it in mono.")


def _limit() -> None:
    """Bound what this process may take; be last where others want the processor."""
    os.putenv("OPENBLAS_NUM_THREADS", "1")  # a thread for each core would take all the memory
    try:
        import resource
    except ImportError:  # Windows bounds the time alone, from outside
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(10)


if __name__ == "__main__":
    main()
