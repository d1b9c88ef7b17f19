"""What is heard in a call, as sound: recordings made fit for the telephone, and texts read aloud."""

from .making import audio
from .sound import Faulty, Prompt

__all__ = ["Faulty", "Prompt", "audio"]
