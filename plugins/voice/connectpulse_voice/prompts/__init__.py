"""What is heard in a call, as sound."""

from .audio import Faulty, Prompt, audio

__all__ = ["Faulty", "Prompt", "audio"]
