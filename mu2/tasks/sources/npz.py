"""Arrays in `.npz` files."""

import dataclasses
import functools
import re
import zipfile
import zlib
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from mu2.errors import Mu2Error, did_you_mean
from mu2.tasks.foreign import foreign_file
from mu2.tasks.labels import classes, labelled, sparse_guesses, to_labels
from mu2.tasks.order import shuffle
from mu2.tasks.preparation import Preparation
from mu2.tasks.reader import Arrays, Reader
from mu2.tasks.sources.checks import check_bool, check_text, check_texts
from mu2.tasks.sources.listing import head_of, home, in_order
from mu2.tasks.sources.split_source import SplitSource
from mu2.tasks.table import Encoding, Scaling

# Of a long list, as many are told.
_TOLD = 6
# The name of a split before or behind that of an array.
_SPLIT = re.compile(r"^(train|val(id(ation)?)?|dev|test)_|_(train|val(id(ation)?)?|dev|test)$")
# What a compressed byte becomes at most (zlib.net/zlib_tech.html), with room for a short array.
_EXPANSION, _SHORT = 1032, 1 << 16

_READ_HEADER = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclasses.dataclass(frozen=True)
class Npz(SplitSource):
    """A `.npz` file of images or of rows of a table, with their labels.

    Its arrays are named as in Keras' mnist.npz, `x_train`, `y_train`, `x_test`, `y_test`, a pair
    for each split, or with the split before: `train_images`, `train_labels`; or `x` and `y`, which
    are the split 'train'. Images are uint8 [N, H, W] or
    [N, H, W, C], C 1 or 3; a table is [N, F] of numbers, NaN where one is missing. Labels are
    whole numbers from 0 on, [N] or [N, 1], or texts; numbers that go far beyond the number of
    examples are names of classes, like texts. Nothing in a file is ever unpickled.

    The rows of a table are filled and scaled as `CSV` says, by the training examples alone. The
    arrays of a split that is read are held in memory.

    Attributes:
      path: the file.
      inputs: name of the arrays with the inputs, without `_` and the split's name behind or before.
      labels: name of the arrays with the labels, likewise.
      classes: a name for each label; by default the numbers up to the highest of 'train', or the
        texts in it, by name.
      shuffle: whether the examples of a split come in a fixed random order, so that a slice is a
        fair sample of it, or in the order of the file.
      fit: the examples whose rows set the scale; by default those that the task trains on.
      skip_unlabelled: whether examples whose label is a text for none, or below 0, are left out.

    Raises:
      Mu2Error: an attribute is of another type.
    """

    path: str
    inputs: str = "x"
    labels: str = "y"
    classes: tuple[str, ...] = ()
    shuffle: bool = True
    fit: str | None = None
    skip_unlabelled: bool = False

    def __post_init__(self) -> None:
        check_text(self, "path", "inputs", "labels", optional=("fit",))
        check_texts(self, "classes")
        check_bool(self, "shuffle", "skip_unlabelled")

    @property
    def input(self) -> str:
        """`image` or `table`, as the arrays have it.

        Raises:
          Mu2Error: as `reader`, before any array is read.
        """
        headers = [self._headers[name][0] for name, _ in self._pairs.values()]
        return "table" if len(headers[0]) == 2 else "image"

    def fit_to(self, train: str) -> "Npz":
        """The same, its scale set by the examples of a split expression unless `fit` says other."""
        return self if self.fit is not None else dataclasses.replace(self, fit=train)

    def num_classes(self) -> int:
        """Number of classes.

        Raises:
          Mu2Error: as `reader`.
        """
        return len(self.class_names())

    def class_names(self) -> tuple[str, ...]:
        """One name a class, in label order.

        Raises:
          Mu2Error: as `reader`.
        """
        if self.classes:
            return self.classes
        return self._found_classes

    def num_features(self) -> int:
        """Columns of the table, and one more for each that has gaps in the training rows.

        Raises:
          Mu2Error: as `reader`.
        """
        scaling = self._scaling
        return len(scaling.mean) + len(scaling.gaps)

    def splits(self) -> tuple[str, ...]:
        """'train', 'validation' and 'test', as far as the file has them, then the others.

        Raises:
          Mu2Error: as `reader`, before any array is read.
        """
        return tuple(self._pairs)

    def reader(self, split: str) -> Reader:
        """The selected examples, in memory.

        Raises:
          Mu2Error: the file is not there, is no `.npz` file, or is damaged; an array is missing, or
            of another shape or type than it should be; the split expression is wrong or selects
            nothing.
        """
        inputs, labels = self._selected(split)
        if self.input == "table":
            return Arrays(self._scaling.apply(inputs), labels)
        return Arrays(inputs[..., np.newaxis] if inputs.ndim == 3 else inputs, labels)

    def preparation(self) -> Preparation | None:
        """How the rows of its table are scaled; None where it holds images.

        Raises:
          Mu2Error: as `reader`.
        """
        if self.input != "table":
            return None
        names = tuple(map(str, range(len(self._scaling.mean))))
        return Preparation(encoding=Encoding(names, self._scaling, {}), named=False)

    def raw_rows(self, split: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The columns of the selected rows as they stand, by number, and labels, int32 [N].

        Raises:
          Mu2Error: as `reader`.
        """
        inputs, labels = self._selected(split)
        return {str(column): inputs[:, column] for column in range(inputs.shape[1])}, labels

    @property
    def _owner(self) -> str:
        return f"Npz({self.path!r})"

    @property
    def _training(self) -> str:
        """The split that the classes are taken from."""
        return "train" if "train" in self._pairs else next(iter(self._pairs))

    def guesses(self) -> tuple[str, ...]:
        """What was assumed of the file and may be wrong, each in a sentence.

        Raises:
          Mu2Error: as `reader`.
        """
        return () if self.classes else sparse_guesses(self._found_classes)

    @functools.cached_property
    def _found_classes(self) -> tuple[str, ...]:
        labels, _ = self._labelled(self._training)
        cure = (
            "Npz.skip_unlabelled = True does. Where that is a class, name all classes in "
            "Npz.classes."
        )
        return classes(labels, len(labels), self._owner, cure)

    @functools.cached_property
    def _scaling(self) -> Scaling:
        return Scaling.of(self._selected(self.fit or self._training)[0])

    def _sizes(self) -> dict[str, int]:
        if self.skip_unlabelled:
            return {split: len(self._labelled(split)[0]) for split in self._pairs}
        return {split: self._headers[names[0]][0][0] for split, names in self._pairs.items()}

    def unlabelled(self) -> dict[str, int]:
        """See `SkipsUnlabelled.unlabelled`."""
        counts = {split: int((~self._labelled(split)[1]).sum()) for split in self._pairs}
        return {split: count for split, count in counts.items() if count}

    def _labelled(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """The labels of a split in the order of the file; and which examples have one, bool [N]."""
        labels = self._load(self._pairs[split][1]).reshape(-1)
        there = labelled(labels.tolist()) if self.skip_unlabelled else np.ones(len(labels), bool)
        return labels[there], there

    def _selected(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and labels of a split expression, in order."""
        sizes = self._sizes()
        spans = self._spans(split)
        inputs, labels = [], []
        loaded = {span.split: self._split(span.split) for span in spans}
        for span in spans:
            n = sizes[span.split]
            order = shuffle(n, "Npz", span.split) if self.shuffle else np.arange(n)
            chosen = order[span.start : span.stop]
            inputs.append(loaded[span.split][0][chosen])
            labels.append(loaded[span.split][1][chosen])
        return np.concatenate(inputs), np.concatenate(labels)

    def _split(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """All inputs and int32 labels of one split, in the order of the file."""
        name, labels_name = self._pairs[split]
        inputs, (labels, there) = self._load(name), self._labelled(split)
        if not there.all():
            inputs = inputs[there]
        if inputs.ndim == 2:
            inputs = inputs.astype(np.float64)
            if np.isinf(inputs).any():
                row, column = np.argwhere(np.isinf(inputs))[0]
                raise Mu2Error(
                    f"{self._owner}: {name}[{row}, {column}] is infinite.",
                    hint="A value that is missing is NaN.",
                )
        if labels.dtype.kind != "U":
            return inputs, to_labels(labels, () if self.classes else self._found_classes)
        known = {each: label for label, each in enumerate(self.class_names())}
        if strange := sorted({str(each) for each in labels} - known.keys()):
            row = next(i for i, each in enumerate(labels) if str(each) == strange[0])
            more = f" (and so are {', '.join(map(repr, strange[1:_TOLD]))})" * (len(strange) > 1)
            raise Mu2Error(
                f"{self._owner}: {labels_name}[{row}] is {strange[0]!r}, which is no class{more}.",
                hint=did_you_mean(strange[0], known),
            )
        return inputs, np.array([known[str(each)] for each in labels], np.int32)

    @functools.cached_property
    def _pairs(self) -> dict[str, tuple[str, str]]:
        """The names of inputs and labels of each split, their shapes and types checked."""
        headers = self._headers
        if self.inputs in headers:
            pairs = {"train": (self.inputs, self.labels)}
        else:
            pairs = self._of_splits(self.inputs, self.labels)
        if not pairs:
            raise Mu2Error(
                f"{self._owner} has neither {self.inputs!r} nor {self.inputs + '_train'!r} nor "
                f"{'train_' + self.inputs!r}.",
                hint=f"It has {', '.join(headers) or 'no arrays'}. {self._names_hint()}",
            )
        for name, labels_name in pairs.values():
            if labels_name not in headers:
                raise Mu2Error(
                    f"{self._owner} has {name!r} and no {labels_name!r} with its labels.",
                    hint=f"It has {', '.join(headers)}.",
                )
            for each in (name, labels_name):
                if headers[each][1].hasobject:
                    raise self._pickled(each)
            self._check_inputs(name, *headers[name])
            self._check_labels(labels_name, *headers[labels_name], headers[name][0][0])
        if len({headers[name][0][1:] for name, _ in pairs.values()}) > 1:
            shapes = ", ".join(f"{name} {list(headers[name][0])}" for name, _ in pairs.values())
            raise Mu2Error(f"{self._owner}: its splits hold examples of several shapes: {shapes}.")
        return pairs

    def _of_splits(self, inputs: str, labels: str) -> dict[str, tuple[str, str]]:
        """The names of inputs and labels by split: the split's name stands behind, or before."""
        before = [n.removesuffix(f"_{inputs}") for n in self._headers if n.endswith(f"_{inputs}")]
        behind = [n.removeprefix(f"{inputs}_") for n in self._headers if n.startswith(f"{inputs}_")]
        if behind:
            return {name: (f"{inputs}_{name}", f"{labels}_{name}") for name in in_order(behind)}
        return {name: (f"{name}_{inputs}", f"{name}_{labels}") for name in in_order(before)}

    def _names_hint(self) -> str:
        """What to set, where arrays come in pairs under other names."""
        told = "Npz.inputs and Npz.labels say what they are called."
        stems = {_SPLIT.sub("", name): header[0] for name, header in self._headers.items()}
        rows = [name for name, shape in stems.items() if shape[1:] in ((), (1,))]
        rest = [name for name in stems if name not in rows]
        if len(rows) == len(rest) == 1 and stems[rows[0]][:1] == stems[rest[0]][:1]:
            told += f" Set Npz.inputs = {rest[0]!r} and Npz.labels = {rows[0]!r}."
        return told

    def _check_inputs(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        what = f"{self._owner}: {name} is {dtype} {list(shape)}"
        if len(shape) == 2 and dtype.kind in "fiub" and shape[1]:
            return
        if len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3)):
            if dtype == np.uint8 and 0 not in shape[1:]:
                return
            hint = f"From 0 to 1: np.rint({name} * 255).astype(np.uint8)."
            if dtype.kind != "f":
                hint = f"From 0 to 255: {name}.astype(np.uint8)."
            raise Mu2Error(f"{what}, and mu2 reads images of uint8.", hint=hint)
        raise Mu2Error(
            f"{what}, which are neither images nor rows of a table.",
            hint="Images are uint8 [N, H, W] or [N, H, W, C], C 1 or 3; a table is [N, F].",
        )

    def _check_labels(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], n: int
    ) -> None:
        what = f"{self._owner}: {name} is {dtype} {list(shape)}"
        if shape not in ((n,), (n, 1)):
            one_hot = len(shape) == 2 and shape[0] == n
            raise Mu2Error(
                f"{what}, and {n} labels are needed, one an example.",
                hint=f"Of one-hot labels: {name}.argmax(axis=1)." if one_hot else None,
            )
        if dtype.kind not in "biuU":
            hint = f"Save {name}.astype({'str' if dtype.kind == 'S' else 'np.int64'})."
            raise Mu2Error(f"{what}, and labels are whole numbers or texts.", hint=hint)

    @functools.cached_property
    def _headers(self) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Shape and type of every array, as far as it can be read without unpickling."""
        headers = {}
        there = home(self.path, self._owner).stat().st_size
        with self._opened() as archive:
            for member in archive.infolist():
                if not member.filename.endswith(".npy"):
                    continue
                name = member.filename.removesuffix(".npy")
                try:
                    with archive.open(member) as stream:
                        shape, _, dtype = _header(stream)
                        begin = stream.tell()
                # numpy reads a header as Python: its tokens, its syntax, its values.
                except Exception as error:
                    raise self._damaged(name, error) from error
                if dtype.hasobject:
                    headers[name] = (shape, dtype)
                    continue
                # What the header declares is made room for before anything is read.
                count = 1
                for length in shape:
                    count *= length
                claimed = begin + count * dtype.itemsize
                if claimed != member.file_size:
                    raise Mu2Error(
                        f"{self._owner} is damaged: {name} should be {dtype} {list(shape)}, and "
                        f"{member.file_size - begin} bytes are there."
                    )
                packed = min(member.compress_size, there)
                if claimed > _EXPANSION * packed + _SHORT:
                    raise Mu2Error(
                        f"{self._owner} is damaged: {name} should be {dtype} {list(shape)}, which "
                        f"{packed:,} bytes cannot hold."
                    )
                headers[name] = (shape, dtype)
        return headers

    def _load(self, name: str) -> np.ndarray:
        """One array; Python objects are refused."""
        with self._opened() as archive:
            try:
                with archive.open(f"{name}.npy") as stream:
                    return npy.read_array(stream, allow_pickle=False)
            except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
                raise self._damaged(name, error) from error

    def _opened(self) -> zipfile.ZipFile:
        path = home(self.path, self._owner)
        try:
            if (foreign := foreign_file(head_of(path), self._owner, b"PK")) is not None:
                raise foreign
            return zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise Mu2Error(
                f"{self._owner} is no .npz file ({error}).",
                hint="numpy.savez_compressed writes one.",
            ) from error

    def _damaged(self, name: str, error: Exception) -> Mu2Error:
        return Mu2Error(f"{self._owner} is damaged: {name} cannot be read ({error}).")

    def _pickled(self, name: str) -> Mu2Error:
        return Mu2Error(
            f"{self._owner}: {name} holds pickled Python objects, which can run any program, and "
            "mu2 unpickles nothing.",
            hint="Save it with a type of its own: labels as int64 or text, images as uint8.",
        )


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type; ValueError where it is no array of plain values."""
    version = npy.read_magic(stream)
    if version not in _READ_HEADER:  # 3.0 is for records whose fields have foreign names
        raise ValueError(f"version {'.'.join(map(str, version))} of its form is unknown")
    return _READ_HEADER[version](stream)
