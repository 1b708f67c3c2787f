"""Training images at their own size, of which every batch shows other parts.

A small set is held whole and is cropped on the device: what
`InMemoryOriginals` gives are the images and where
the boxes lie. A larger set is read from its files, and cropped and resized by those who read
ahead. Both draw the same boxes from the same key; their pixels differ by the rounding to whole
grey levels of those that are read from files.
"""

import abc
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mu2.errors import Mu2Error
from mu2.random_keys import Key
from mu2.tasks import order
from mu2.tasks.examples import Examples
from mu2.tasks.image import resize_sides, to_channels
from mu2.tasks.images import Images
from mu2.tasks.part import bring_to_shape
from mu2.tasks.reader import BLOCK, Reader
from mu2.tasks.streaming import read_ahead
from mu2.tasks.view import Views

# Images are held at their own size, or at this many times the side that is trained at.
LARGEST = 4
# A part of a JPEG file is decoded at a half or less only where it still has this many times the
# pixels that are trained at, each way: the filter that follows then hides the difference.
DETAIL = 2


class Originals(abc.ABC):
    """Training images at their own size; `InMemoryOriginals` or `StreamedOriginals`."""

    @abc.abstractmethod
    def __len__(self) -> int:
        """Number of examples."""

    @abc.abstractmethod
    def batches(self, batch_size: int, steps: int, key: Key, views: Views) -> Iterator[Examples]:
        """`steps` batches, in the order of `ExampleStream.batches`.

        Args:
          batch_size: examples a batch.
          steps: batches to draw.
          key: consumed, one name folded in an epoch.
          views: what each shows.

        Yields:
          Examples whose boxes are still to be cut out and resized; or that have the network's
          size and no boxes.
        """


@dataclasses.dataclass(frozen=True, eq=False)
class InMemoryOriginals(Originals):
    """A set that is held whole.

    Attributes:
      images: uint8 [N, H, W, C], each in the upper left corner, zeros beside it.
      sizes: int32 [N, 2], height and width of each original.
      stored_sizes: int32 [N, 2], height and width that it is held at, which are less where a side
        is longer than four times the side that is trained at.
      labels: int32 [N].
    """

    images: np.ndarray
    sizes: np.ndarray
    stored_sizes: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, batch_size: int, steps: int, key: Key, views: Views) -> Iterator[Examples]:
        """See `Originals.batches`; nothing is resized yet."""
        chosen = order.batches(len(self), batch_size, steps, key)
        for step, indices in enumerate(chosen):
            view = views.draw(step, batch_size)
            images = self.images[indices]
            if view.quality is not None:
                whole = [
                    image[:height, :width]
                    for image, (height, width) in zip(
                        images, self.stored_sizes[indices], strict=True
                    )
                ]
                pairs = zip(images, dataclasses.replace(view, uniform=None).cut(whole), strict=True)
                for image, compressed in pairs:
                    image[: compressed.shape[0], : compressed.shape[1]] = compressed
            boxes = view.boxes(self.sizes[indices])
            scale = (self.stored_sizes[indices] / self.sizes[indices]).astype(np.float32)
            yield Examples(images, self.labels[indices], boxes * np.tile(scale, 2))


@dataclasses.dataclass(frozen=True, eq=False)
class StreamedOriginals(Originals):
    """A set that is read, cropped and resized as it is needed, by grain's threads.

    Attributes:
      reader: of the examples.
      shape: of one example as the network takes it, [S, S, C].
      images: the choices of the run.
      check: raises Mu2Error where labels of some indices are wrong.
      memory: bytes that the batches read ahead may take in all; one is always read.
    """

    reader: Reader
    shape: tuple[int, ...]
    images: Images
    check: Callable[[np.ndarray, Sequence[int]], None]
    memory: int

    def __len__(self) -> int:
        return len(self.reader)

    def batches(self, batch_size: int, steps: int, key: Key, views: Views) -> Iterator[Examples]:
        """See `Originals.batches`; the pixels are whole grey levels.

        Raises:
          Mu2Error: grain or OpenCV is missing, or the data are damaged.
        """
        epochs = order.Epochs(len(self), key)
        # What is antialiased may come with fewer pixels, which are averages of those left out.
        opencv = self.images.resize == "bilinear"
        least = None if opencv else DETAIL * self.shape[0]

        def batch(step: int) -> Examples:
            places = epochs[range(step * batch_size, (step + 1) * batch_size)]
            indices = [int(place) for place in places]
            view = views.draw(step, batch_size, least=least, opencv=opencv)
            parts, labels = self.reader.view(indices, view)
            self.check(labels, indices)
            changes = views.draw_colours(step, batch_size)
            made = np.empty((batch_size, *self.shape), np.uint8)
            for i, part in enumerate(parts):
                amounts = {name: amount[i] for name, amount in changes.items()}
                bring_to_shape(part, self.images, amounts, made[i])
            return Examples(made, labels)

        yield from read_ahead(batch, steps, batch_size * math.prod(self.shape), self.memory)


def load_originals(
    reader: Reader, side: int, channels: int, limit: int
) -> InMemoryOriginals | None:
    """All examples of a reader, or None where they take more bytes than the limit.

    Args:
      reader: of images.
      side: that is trained at.
      channels: of the network; grey images stay grey.
      limit: bytes.

    Raises:
      Mu2Error: the data are damaged, or have channels that the network cannot read.
    """
    n = len(reader)
    images: np.ndarray | None = None
    sizes, stored_sizes = np.empty((n, 2), np.int32), np.empty((n, 2), np.int32)
    labels = np.empty(n, np.int32)
    for indices in reader.blocks(BLOCK):
        some = slice(indices.start, indices.stop)
        block, labels[some] = reader.fetch(indices)
        if images is not None and _fit_as_they_are(block, images, LARGEST * side, channels):
            images[some] = np.stack(block)
            sizes[some] = stored_sizes[some] = images.shape[1:3]
            continue
        for i, image in zip(indices, block, strict=True):
            sizes[i] = image.shape[:2]
            stored_sizes[i] = np.minimum(sizes[i], LARGEST * side)
            fewer = image[np.newaxis]
            if image.shape[2] > channels:
                fewer = to_channels(fewer, channels)
            fewer = resize_sides(fewer, *map(int, stored_sizes[i]))
            shape = (n, *map(int, stored_sizes[i]), fewer.shape[3])
            if images is not None:
                shape = (n, *np.maximum(images.shape[1:], shape[1:]).tolist())
            if images is None or shape != images.shape:
                if int(np.prod(shape, dtype=np.int64)) > limit:
                    return None
                images = _grown(images, shape)
            images[i, : stored_sizes[i][0], : stored_sizes[i][1]] = to_channels(fewer, shape[3])[0]
    if images is None:
        raise Mu2Error("there are no images to hold.")
    return InMemoryOriginals(images, sizes, stored_sizes, labels)


def _fit_as_they_are(
    block: Sequence[np.ndarray], images: np.ndarray, largest: int, channels: int
) -> bool:
    """Whether images of a block have the shape of those held before, which is kept as it is."""
    height, width, depth = shape = images.shape[1:]
    small = max(height, width) <= largest and depth <= channels
    return small and all(image.shape == shape for image in block)


def _grown(images: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """Images in a larger array, zeros beside them; grey ones repeated where it has colours."""
    larger = np.zeros(shape, np.uint8)
    if images is not None:
        larger[:, : images.shape[1], : images.shape[2]] = images
    return larger
