"""Tasks, the stream they come in, and the sources of their examples."""

from mu2.tasks.description import describe, find_missing
from mu2.tasks.digest import DigestStream
from mu2.tasks.examples import Examples, ExampleStream
from mu2.tasks.guesses import guesses
from mu2.tasks.images import Images
from mu2.tasks.originals import Originals
from mu2.tasks.source import Source, Splits
from mu2.tasks.sources.csv import CSV
from mu2.tasks.sources.docstrings import Docstrings
from mu2.tasks.sources.folder import Folder
from mu2.tasks.sources.glyphs import Glyphs
from mu2.tasks.sources.huggingface import HuggingFace
from mu2.tasks.sources.joined import Joined
from mu2.tasks.sources.npz import Npz
from mu2.tasks.sources.restratified import Restratified
from mu2.tasks.sources.scenes import Scenes
from mu2.tasks.sources.script import Script
from mu2.tasks.sources.sklearn import Digits, Sklearn
from mu2.tasks.sources.textlines import TextLines
from mu2.tasks.sources.tfds import TFDS
from mu2.tasks.stream import Stream
from mu2.tasks.task import Part, Task, check_same

# What Gin files may name besides `Stream` and `Task`.
SOURCES = (
    *(CSV, Digits, Docstrings, Folder, Glyphs, HuggingFace, Joined, Npz),
    *(Restratified, Scenes, Script, Sklearn, TFDS, TextLines),
)

__all__ = [
    "CSV",
    "SOURCES",
    "TFDS",
    "DigestStream",
    "Digits",
    "Docstrings",
    "ExampleStream",
    "Examples",
    "Folder",
    "Glyphs",
    "HuggingFace",
    "Images",
    "Joined",
    "Npz",
    "Originals",
    "Part",
    "Restratified",
    "Scenes",
    "Script",
    "Sklearn",
    "Source",
    "Splits",
    "Stream",
    "Task",
    "TextLines",
    "check_same",
    "describe",
    "find_missing",
    "guesses",
]
