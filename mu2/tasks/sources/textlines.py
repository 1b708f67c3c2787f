"""Text files with a text a line, one file a class."""

import dataclasses
import functools
from pathlib import Path
from typing import ClassVar

import numpy as np

from mu2.errors import Mu2Error
from mu2.tasks.foreign import foreign_file
from mu2.tasks.order import shuffle
from mu2.tasks.reader import Arrays, Reader
from mu2.tasks.sources.checks import check_bool, check_text
from mu2.tasks.sources.listing import check_classes, entries, home, in_order
from mu2.tasks.sources.split_source import SplitSource
from mu2.tasks.text import to_bytes

_SUFFIX = ".txt"


@dataclasses.dataclass(frozen=True)
class TextLines(SplitSource):
    """Lines of text files: `train/praise.txt`, or `praise.txt` where all of it is 'train'.

    Every line that is not blank is an example, without the blanks around it; its file is its
    class. The files of 'train' are the classes, by name; another split may lack some and have no
    others. Texts are UTF-8, cut between two characters or filled up with zeros to the size asked
    for. The files are held in memory. Texts with their labels in a column beside them are read by
    `CSV`.

    Attributes:
      path: the folder.
      shuffle: whether the lines of a split come in a fixed random order, so that a slice is a fair
        sample of it, or class by class in the order of the files.

    Raises:
      Mu2Error: an attribute is of another type.
    """

    input: ClassVar[str] = "text"

    path: str
    shuffle: bool = True

    def __post_init__(self) -> None:
        check_text(self, "path")
        check_bool(self, "shuffle")

    def num_classes(self) -> int:
        """Number of files of 'train'.

        Raises:
          Mu2Error: as `reader`.
        """
        return len(self._classes)

    def class_names(self) -> tuple[str, ...]:
        """The files of 'train', by name, without `.txt`.

        Raises:
          Mu2Error: as `reader`.
        """
        return self._classes

    def splits(self) -> tuple[str, ...]:
        """'train', 'validation' and 'test', as far as there are such folders, then the others.

        Raises:
          Mu2Error: as `reader`.
        """
        return tuple(self._lines)

    def reader(self, split: str) -> Reader:
        """The selected examples, in memory: texts of any length, whole.

        Raises:
          Mu2Error: the folder is not there, is empty, or holds what it should not; a file is not
            in UTF-8, or holds no line; a class of another split is none of 'train'; the split
            expression is wrong or selects nothing.
        """
        spans = self._spans(split)
        known = {name: label for label, name in enumerate(self._classes)}
        chosen: list[tuple[str, str]] = []
        for span in spans:
            lines = self._lines[span.split]
            n = len(lines)
            order = shuffle(n, "TextLines", span.split) if self.shuffle else np.arange(n)
            chosen += [lines[i] for i in order[span.start : span.stop]]
        labels = np.array([known[name] for name, _ in chosen], np.int32)
        return Arrays([to_bytes(line) for _, line in chosen], labels)

    @property
    def _owner(self) -> str:
        return f"TextLines({self.path!r})"

    def _sizes(self) -> dict[str, int]:
        return {split: len(lines) for split, lines in self._lines.items()}

    @functools.cached_property
    def _classes(self) -> tuple[str, ...]:
        classes = {split: {name for name, _ in lines} for split, lines in self._lines.items()}
        if "train" not in classes:
            return tuple(sorted(set().union(*classes.values())))
        check_classes(classes, self._owner, _SUFFIX)
        return tuple(sorted(classes["train"]))

    @functools.cached_property
    def _lines(self) -> dict[str, list[tuple[str, str]]]:
        """Class and text of the lines of each split, class by class."""
        root = home(self.path, self._owner)
        if not root.is_dir():
            raise Mu2Error(f"{self._owner}: a file, and no folder.")
        inside = entries(root, root, self._owner)
        files = [path for path in inside if not path.is_dir()]
        if files and len(files) < len(inside):
            raise Mu2Error(
                f"{self._owner} holds files and folders.",
                hint="Either praise.txt, a file a class, or train/praise.txt.",
            )
        if not inside:
            raise Mu2Error(
                f"{self._owner}: an empty folder.", hint="Each class is a file: train/praise.txt."
            )
        folders = {"train": root} if files else {path.name: path for path in inside}
        return {
            split: [
                (file.stem, line)
                for file in entries(folders[split], root, self._owner)
                for line in self._read(file)
            ]
            for split in in_order(folders)
        }

    def _read(self, file: Path) -> list[str]:
        """The lines of a file."""
        if file.is_dir() or file.suffix.lower() != _SUFFIX:
            raise Mu2Error(
                f"{self._owner}: {file} is no text file by its name.",
                hint=f"Move it away. Texts end in {_SUFFIX}.",
            )
        try:
            content = file.read_bytes()
            if (foreign := foreign_file(content[:64], str(file))) is not None:
                raise foreign
            text = content.decode("utf-8-sig")
        except OSError as error:
            raise Mu2Error(f"{file}: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise Mu2Error("not written in UTF-8.", location=f"{file}:{line}") from error
        # Lines end where an editor ends them, and not at every separator that Unicode knows.
        lines = [line.strip() for line in text.replace("\r\n", "\n").split("\n")]
        if not any(lines):
            raise Mu2Error(f"{file} holds no text.")
        return [line for line in lines if line]
