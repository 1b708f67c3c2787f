"""Readers: the selected examples of a source at any index, so that none need be held."""

import abc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mu2.errors import Mu2Error
from mu2.tasks import text
from mu2.tasks.examples import Examples
from mu2.tasks.image import resize, resize_bilinear
from mu2.tasks.images import FIRST_RESIZE, Resize
from mu2.tasks.view import View

# Examples read together.
BLOCK = 256


class Reader(abc.ABC):
    """Examples at any index, as they are stored until they are brought to one size."""

    @abc.abstractmethod
    def __len__(self) -> int:
        """Number of examples."""

    @abc.abstractmethod
    def fetch(self, indices: Sequence[int]) -> tuple[list[np.ndarray], np.ndarray]:
        """Examples as they are stored, decoded; may be called from several threads at once.

        Args:
          indices: each from 0 to the number of examples less one.

        Returns:
          For each, an image uint8 [H, W, C] of its own size, a whole text uint8 [T], or a row
          float32 [F]; and the labels, int32 [len(indices)].

        Raises:
          Mu2Error: the data are damaged.
        """

    def view(self, indices: Sequence[int], view: View) -> tuple[Iterator[np.ndarray], np.ndarray]:
        """Parts of images; a reader of files decodes no more of them than it must.

        Args:
          indices: as `fetch` takes them.
          view: what is wanted.

        Returns:
          For each its part, uint8 [h, w, C], made as it is asked for, so that few are in memory;
          and the labels, int32 [len(indices)].

        Raises:
          Mu2Error: as `fetch`, some of it when a part is asked for.
        """
        images, labels = self.fetch(indices)
        return iter(view.cut(images)), labels

    def labels(self) -> np.ndarray:
        """The labels of all examples, int32 [N]; nothing is decoded where that can be helped."""
        blocks = [self.fetch(indices)[1] for indices in self.blocks(BLOCK)]
        return np.concatenate(blocks) if blocks else np.empty(0, np.int32)

    def read(self, indices: Sequence[int], size: int, resize: Resize = FIRST_RESIZE) -> Examples:
        """Examples of one size (see `Source.read`); images resized as `Images.resize` says.

        Raises:
          Mu2Error: the data are damaged, or rows have another number of features.
        """
        inputs, labels = self.fetch(indices)
        return Examples(fit(inputs, size, resize), labels)

    def read_all(self, size: int, resize: Resize = FIRST_RESIZE) -> Examples:
        """All examples of one size, a block at a time, so that little else is held.

        Raises:
          Mu2Error: as `read`.
        """
        inputs: np.ndarray | None = None
        labels = np.empty(len(self), np.int32)
        for indices in self.blocks(BLOCK):
            block, some = self.read(indices, size, resize), slice(indices.start, indices.stop)
            if inputs is None:
                inputs = np.empty((len(self), *block.inputs.shape[1:]), block.inputs.dtype)
            inputs[some], labels[some] = block.inputs, block.labels
        return Examples(np.empty((0, size), np.uint8) if inputs is None else inputs, labels)

    def blocks(self, size: int) -> Iterator[range]:
        """All indices in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield range(start, min(start + size, len(self)))


class Arrays(Reader):
    """Examples that are in memory, all at once or made an example at a time.

    Args:
      inputs: one an example: images uint8 [H, W, C], texts uint8 [T], rows float32 [F].
      labels: [N].
    """

    def __init__(self, inputs: np.ndarray | Sequence[np.ndarray], labels: np.ndarray):
        self._inputs = inputs
        self._labels = np.asarray(labels, np.int32)

    def __len__(self) -> int:
        return len(self._labels)

    def fetch(self, indices: Sequence[int]) -> tuple[list[np.ndarray], np.ndarray]:
        """See `Reader.fetch`."""
        return [self._inputs[i] for i in indices], self._labels[np.asarray(indices, np.int64)]

    def labels(self) -> np.ndarray:
        """See `Reader.labels`."""
        return self._labels


class Subset(Reader):
    """Some examples of another reader, in an order of their own.

    Args:
      reader: has the examples.
      indices: int64 [N], which of them.
      relabel: labels to labels, both int32 [N]; None leaves them as they are.
    """

    def __init__(
        self,
        reader: Reader,
        indices: np.ndarray,
        relabel: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        self._reader = reader
        self._indices = indices
        self._relabel = relabel or (lambda labels: labels)

    def __len__(self) -> int:
        return len(self._indices)

    def fetch(self, indices: Sequence[int]) -> tuple[list[np.ndarray], np.ndarray]:
        """See `Reader.fetch`."""
        chosen = self._indices[np.asarray(indices, np.int64)]
        inputs, labels = self._reader.fetch([int(index) for index in chosen])
        return inputs, self._relabel(labels)

    def view(self, indices: Sequence[int], view: View) -> tuple[Iterator[np.ndarray], np.ndarray]:
        """See `Reader.view`."""
        chosen = self._indices[np.asarray(indices, np.int64)]
        parts, labels = self._reader.view([int(index) for index in chosen], view)
        return parts, self._relabel(labels)

    def labels(self) -> np.ndarray:
        """See `Reader.labels`."""
        return self._relabel(self._reader.labels()[self._indices])


@runtime_checkable
class Readable(Protocol):
    """A source whose examples can be read one by one; every source of mu2 is one."""

    def reader(self, split: str) -> Reader:
        """A reader of the examples that a split expression selects.

        Raises:
          Mu2Error: as `Source.read`.
        """
        ...


def fit(inputs: Sequence[np.ndarray], size: int, how: Resize = FIRST_RESIZE) -> np.ndarray:
    """Inputs as they are stored, brought to one size (see `Source.read`).

    Args:
      inputs: at least one; images uint8 [H, W, C] of one C, texts uint8 [T] or rows float32 [F].
      size: side in pixels, bytes, or features.
      how: images are resized.

    Returns:
      uint8 [N, size, size, C] (float32 where they are resized `bilinear`), uint8 [N, size] or
      float32 [N, size].

    Raises:
      Mu2Error: rows have another number of features.
    """
    first = inputs[0]
    if first.ndim == 3:
        resized = resize_bilinear if how == "bilinear" else resize
        if len({image.shape for image in inputs}) == 1:
            return resized(np.stack(inputs), size)
        return np.concatenate([resized(image[np.newaxis], size) for image in inputs])
    if first.dtype == np.uint8:
        return text.pad_texts(inputs, size)
    if len(first) != size:
        raise Mu2Error(
            f"the table has {len(first)} features an example, and {size} were asked for.",
            hint=f"num_features is {len(first)}.",
        )
    return np.stack(inputs).astype(np.float32, copy=False)


# A source that others have written may have `read` alone; it is read at these sizes.
_IMAGE_SIZE, _TEXT_SIZE = 32, 1024


def reader_of(source: Any, split: str) -> Reader:
    """A reader of what a split expression selects, of any source.

    A source without readers of its own is read whole: images at 32 pixels, texts at 1,024 bytes.

    Args:
      source: follows the `Source` protocol of `mu2.tasks.task`.
      split: a split expression.

    Raises:
      Mu2Error: as `Source.read`.
    """
    if isinstance(source, Readable):
        return source.reader(split)
    if source.input == "table":
        size = source.num_features()
    else:
        size = _IMAGE_SIZE if source.input == "image" else _TEXT_SIZE
    examples = source.read(split, size)
    return Arrays(examples.inputs, examples.labels)
