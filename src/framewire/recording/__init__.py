"""Recordings: messages in a file as they came, and back. The format is in docs/recording.md."""

from .reader import Recorded, Recording
from .recorder import Recorder

__all__ = ["Recorded", "Recorder", "Recording"]
