"""Image files in folders, one folder a class."""

import dataclasses
import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from mu2.errors import Mu2Error
from mu2.tasks.picture import SUFFIXES, decode, decode_view
from mu2.tasks.reader import Reader
from mu2.tasks.sources.checks import check_text
from mu2.tasks.sources.listing import check_classes, describe_paths, entries, home, in_order
from mu2.tasks.sources.split_source import SplitSource
from mu2.tasks.view import View


@dataclasses.dataclass(frozen=True)
class Folder(SplitSource):
    """Images in folders by class: `train/cat/1.png`, or `cat/1.png` where all of it is 'train'.

    The folders of the split 'train' are the classes, by name; another split may lack some and
    have no others. Within a split the images come in an order of their own, by a digest of their
    names, so that a slice of it is a fair sample, and an image more leaves the others in place.

    All images are read in colour, upright and on white where they are transparent, exactly as
    `mu2 predict` reads them. Files and folders whose name begins with a dot are left out; whatever
    else is no image is refused, and so is a link that leads out of the folder.

    Attributes:
      path: the folder.

    Raises:
      Mu2Error: `path` is no text.
    """

    input: ClassVar[str] = "image"

    path: str

    def __post_init__(self) -> None:
        check_text(self, "path")

    def num_classes(self) -> int:
        """Number of folders of 'train'.

        Raises:
          Mu2Error: as `reader`, before any image is read.
        """
        return len(self._classes)

    def class_names(self) -> tuple[str, ...]:
        """The folders of 'train', by name.

        Raises:
          Mu2Error: as `reader`, before any image is read.
        """
        return self._classes

    def splits(self) -> tuple[str, ...]:
        """'train', 'validation' and 'test', as far as there are such folders, then the others.

        Raises:
          Mu2Error: as `reader`, before any image is read.
        """
        return tuple(self._files)

    def reader(self, split: str) -> Reader:
        """The selected images of 3 channels at any index, decoded when they are asked for.

        Raises:
          Mu2Error: Pillow is missing; the folder is not there, is empty, or holds what it should
            not; a class of another split is none of 'train'; the split expression is wrong or
            selects nothing; an image cannot be decoded.
        """
        files = self._files
        spans = self._spans(split)
        selected = [file for span in spans for file in files[span.split][span.start : span.stop]]
        return _Files(selected, {name: label for label, name in enumerate(self._classes)})

    @property
    def _owner(self) -> str:
        return f"Folder({self.path!r})"

    def _sizes(self) -> dict[str, int]:
        return {name: len(files) for name, files in self._files.items()}

    @functools.cached_property
    def _classes(self) -> tuple[str, ...]:
        tree = self._tree
        if "train" not in tree:
            return tuple(sorted({name for classes in tree.values() for name in classes}))
        check_classes(tree, self._owner)
        return tuple(sorted(tree["train"]))

    @functools.cached_property
    def _files(self) -> dict[str, list[Path]]:
        """The files of each split, in order."""
        found = {}
        for split in in_order(self._tree):
            by_class = self._tree[split]
            if not any(by_class.values()):
                raise Mu2Error(f"{self._owner}: {split} holds no images.")
            for name, files in by_class.items():
                if not files and split == "train":
                    raise Mu2Error(
                        f"{self._owner}: the class {name!r} of train holds no images.",
                        hint="Remove the folder, or put images into it.",
                    )
            files = [file for files in by_class.values() for file in files]
            found[split] = sorted(files, key=_digest)
        return found

    @functools.cached_property
    def _tree(self) -> dict[str, dict[str, list[Path]]]:
        """Files by split and class, all of them images by their names."""
        tree = self._list_text()
        paths = [path for classes in tree.values() for inner in classes.values() for path in inner]
        if folders := [path for path in paths if path.is_dir()]:
            raise Mu2Error(f"{self._owner}: {describe_paths(folders)} a folder among images.")
        if others := [path for path in paths if path.suffix.lower() not in SUFFIXES]:
            raise Mu2Error(
                f"{self._owner}: {describe_paths(others)} no image by its name.",
                hint=f"Move it away. Images end in {', '.join(sorted(SUFFIXES))}.",
            )
        return tree

    def _list_text(self) -> dict[str, dict[str, list[Path]]]:
        """What is in the folder, by split and class."""
        root = home(self.path, self._owner)
        if not root.is_dir():
            raise Mu2Error(f"{self._owner}: a file, and no folder.")
        folders = self._folders(root, root)
        if not folders:
            raise Mu2Error(
                f"{self._owner}: an empty folder.",
                hint="Images are put into folders by class: train/cat/1.png, or cat/1.png.",
            )
        inside = {folder: entries(folder, root, self._owner) for folder in folders}
        nested = [folder for folder in folders if any(path.is_dir() for path in inside[folder])]
        if not nested:
            return {
                "train": {folder.name: entries(folder, root, self._owner) for folder in folders}
            }
        for folder in folders:
            if folder not in nested and inside[folder]:
                raise Mu2Error(
                    f"{self._owner}: {nested[0].name} holds folders and {folder.name} holds files.",
                    hint="Either all folders are splits (train/cat/1.png) or all are classes "
                    "(cat/1.png).",
                )
        return {
            folder.name: {
                inner.name: entries(inner, root, self._owner)
                for inner in self._folders(folder, root)
            }
            for folder in folders
        }

    def _folders(self, folder: Path, root: Path) -> list[Path]:
        """The folders in a folder that should hold nothing else."""
        paths = entries(folder, root, self._owner)
        for path in paths:
            if not path.is_dir():
                raise Mu2Error(
                    f"{self._owner}: {path} is a file among folders.",
                    hint="Images are put into folders by class: train/cat/1.png, or cat/1.png.",
                )
        return paths


class _Files(Reader):
    """Image files in folders that bear the names of their classes."""

    def __init__(self, files: Sequence[Path], classes: dict[str, int]):
        self._files = files
        self._labels = np.array([classes[file.parent.name] for file in files], np.int32)

    def __len__(self) -> int:
        return len(self._files)

    def fetch(self, indices: Sequence[int]) -> tuple[list[np.ndarray], np.ndarray]:
        images = [decode(self._files[index], str(self._files[index])) for index in indices]
        return images, self._labels[np.asarray(indices, np.int64)]

    def view(self, indices: Sequence[int], view: View) -> tuple[Iterator[np.ndarray], np.ndarray]:
        files = [(self._files[index], str(self._files[index])) for index in indices]
        return decode_view(files, view), self._labels[np.asarray(indices, np.int64)]

    def labels(self) -> np.ndarray:
        return self._labels


def _digest(file: Path) -> tuple[str, str]:
    """Sorts the files of a split; it depends on the names of class and file alone."""
    name = f"{file.parent.name}/{file.name}"
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest(), name
