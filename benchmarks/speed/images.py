"""Images a second and core from JPEG files: decoded, cropped at random and resized.

From the top of the checkout: python -m benchmarks.speed.images [--images 200] [--rounds 7]

The files are made here, 500x375 pixels as most of ImageNet's are, quality 90, of noise whose power
falls with the square of the frequency as that of photographs does; a file is about as long as those
are. `mu2` is what a run does whose images do not fit into memory: `Reader.view` and
`bring_to_shape` of a batch, boxes drawn included, on one thread. `OpenCV` does the same by hand:
imdecode to RGB, the same boxes as slices, resize INTER_LINEAR. All take turns; CPU seconds of the
thread count, so that what else runs on the machine does not.

`antialias` is mu2's own default (Pillow's triangle filter), which OpenCV has nothing like.
"""

import argparse
import io
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from benchmarks.speed.history import note, table
from benchmarks.speed.sidebyside import in_turn, medians
from mu2.random_keys import Key
from mu2.tasks.images import Images
from mu2.tasks.originals import DETAIL
from mu2.tasks.part import bring_to_shape
from mu2.tasks.picture import decode_view
from mu2.tasks.reader import Reader
from mu2.tasks.view import View, Views

HEIGHT, WIDTH, QUALITY = 375, 500, 90
SIDES = (224, 384)
BATCH = 50
VIEWS = Views(Key.from_seed(0), area_min=0.05, aspect_min=0.75)


class Files(Reader):
    """JPEG files in memory, read as mu2's sources read theirs.

    Args:
      files: what is in them.
    """

    def __init__(self, files: Sequence[bytes]):
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def fetch(self, indices: Sequence[int]) -> tuple[list[np.ndarray], np.ndarray]:
        """See `Reader.fetch`."""
        images, labels = self.view(indices, View())
        return list(images), labels

    def view(self, indices: Sequence[int], view: View) -> tuple[Iterator[np.ndarray], np.ndarray]:
        """See `Reader.view`."""
        files = [(self._files[i], str(i)) for i in indices]
        return decode_view(files, view), np.zeros(len(files), np.int32)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4 * BATCH, help="a round")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(argv)
    files = [photograph(i) for i in range(options.images)]
    figures = {"bytes a file": float(np.mean([len(file) for file in files]))}
    rows = []
    for side in SIDES:
        ways = {
            "mu2": by_mu2(files, side, Images(resize="bilinear")),
            "mu2, antialias": by_mu2(files, side, Images()),
            "OpenCV": by_opencv(files, side),
        }
        for way in ways.values():
            way()
        seconds = medians(in_turn({n: timed(way) for n, way in ways.items()}, options.rounds))
        rates = {name: len(files) / each for name, each in seconds.items()}
        figures |= {f"{name}, {side}": rate for name, rate in rates.items()}
        figures[f"mu2 / OpenCV, {side}"] = rates["mu2"] / rates["OpenCV"]
        rows += [
            [f"{name}, to {side}", f"{rate:,.0f}", f"{rate / rates['OpenCV']:.2f}"]
            for name, rate in rates.items()
        ]
    table(["", "images a second and core", "of OpenCV's"], rows)
    note("images", figures)
    return 0


def photograph(number: int) -> bytes:
    """A JPEG file with a photograph's spectrum: 1/f in every channel, most of it luma."""
    from PIL import Image

    draw = np.random.default_rng(number)
    far = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None])
    far[0, 0] = np.inf
    planes = []
    for _ in range(4):
        spectrum = draw.standard_normal((*far.shape, 2)) @ [1, 1j] / far
        planes.append(np.fft.irfft2(spectrum, (HEIGHT, WIDTH)))
    luma, *colours = planes
    pixels = np.stack([0.85 * luma + 0.3 * colour for colour in colours], axis=-1)
    pixels = np.clip(pixels / pixels.std() * 50 + 120, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def timed(way: Callable[[], None]) -> Callable[[], float]:
    """A way that tells the CPU seconds of its thread."""

    def count() -> float:
        start = time.thread_time()
        way()
        return time.thread_time() - start

    return count


def by_mu2(files: Sequence[bytes], side: int, images: Images) -> Callable[[], None]:
    """What a run does, batch by batch."""
    reader, shape = Files(files), (side, side, 3)
    opencv = images.resize == "bilinear"
    least = None if opencv else DETAIL * side

    def way() -> None:
        for step, start in enumerate(range(0, len(files), BATCH)):
            indices = range(start, min(start + BATCH, len(files)))
            made = np.empty((len(indices), *shape), np.uint8)
            view = VIEWS.draw(step, len(indices), least=least, opencv=opencv)
            parts, _ = reader.view(indices, view)
            for i, part in enumerate(parts):
                bring_to_shape(part, images, {}, made[i])

    return way


def by_opencv(files: Sequence[bytes], side: int) -> Callable[[], None]:
    """The same by hand, the boxes drawn beforehand."""
    import cv2

    cv2.setNumThreads(1)
    size = np.array([[HEIGHT, WIDTH]])
    boxes = []
    for step, start in enumerate(range(0, len(files), BATCH)):
        n = min(BATCH, len(files) - start)
        boxes += VIEWS.draw(step, n).boxes(size.repeat(n, 0)).tolist()

    def way() -> None:
        for start in range(0, len(files), BATCH):
            made = np.empty((min(BATCH, len(files) - start), side, side, 3), np.uint8)
            for i in range(len(made)):
                encoded = np.frombuffer(files[start + i], np.uint8)
                image = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
                if image is None:
                    raise RuntimeError("OpenCV cannot decode its own JPEG")
                top, left, height, width = boxes[start + i]
                part = image[top : top + height, left : left + width]
                cv2.resize(part, (side, side), dst=made[i], interpolation=cv2.INTER_LINEAR)

    return way


if __name__ == "__main__":
    sys.exit(main())
