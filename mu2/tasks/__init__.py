"""Tasks, the stream they come in, and the sources of their examples."""

from mu2.tasks.examples import Examples
from mu2.tasks.sources.glyphs import Glyphs
from mu2.tasks.sources.sklearn import Digits
from mu2.tasks.sources.tfds import TFDS
from mu2.tasks.stream import Stream
from mu2.tasks.task import Part, Source, Task

__all__ = ["TFDS", "Digits", "Examples", "Glyphs", "Part", "Source", "Stream", "Task"]
