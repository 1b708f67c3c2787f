"""Pictures of letters: outlines become ink, and ink is looked at in random pose."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from mu2.tasks import split as splits
from mu2.tasks.reader import Reader

# Each letter is drawn once at this many times the size, and every image samples that.
_OVERSAMPLING = 4

# An em is this share of the image's side, so that few letters leave it in any pose. The letters
# that are wider than the image even so are made as wide as it.
_EM = 0.85

# Pose: degrees, shares, pixels of a 32-pixel image. Ink: widths in shares of a pixel.
_ROTATION = 12.0
_SHEAR = 0.15
_SCALE = (0.8, 1.1)
_STRETCH = 0.1
_SHIFT = 2.0
_WEIGHT = 0.15
_INK = (160.0, 255.0)
_PAPER = (0.0, 32.0)
_NOISE = (2.0, 12.0)

# Images drawn together, which bounds the memory of the coordinates.
_BLOCK = 512


def ink_letters(outlines: Iterable[Sequence[np.ndarray]], side: int, em: float = _EM) -> np.ndarray:
    """Every letter of every face, drawn large, upright, in the middle.

    Args:
      outlines: for each face, of each letter, its edges [E, 2, 2]: start and end, x and y (y
        downward), in ems, centred on the letter's own extent.
      side: side in pixels of the images that will be drawn.
      em: its share of the side; letters that would be larger than the image are made as large.

    Returns:
      Coverage uint8 [letters, faces, M, M], M `_OVERSAMPLING` sides; read-only.
    """
    m = side * _OVERSAMPLING
    faces = []
    for face in outlines:
        inside = np.empty((len(face), m, m), bool)
        for i, outline in enumerate(face):
            # An edge is softened by up to `_OVERSAMPLING` pixels, and ends on a whole one.
            widest = np.ptp(outline.reshape(-1, 2), axis=0).max()
            inside[i] = _inside(outline * min(em * m, (m - 2 * (_OVERSAMPLING + 1)) / widest), m)
        faces.append(_soften(inside))
    masters = np.stack(faces, axis=1)
    masters.flags.writeable = False
    return masters


class Drawing:
    """A split of letters in random pose, drawn from its beginning on as far as it is asked for.

    As many of each letter, in random order, each of a face chosen uniformly.

    Args:
      masters: makes what `ink_letters` makes.
      letters: number of letters.
      faces: number of faces.
      n: examples, a multiple of the number of letters.
      side: side S of an image in pixels.
      rng: consumed.
    """

    def __init__(
        self,
        masters: Callable[[], np.ndarray],
        letters: int,
        faces: int,
        n: int,
        side: int,
        rng: np.random.Generator,
    ):
        self._masters, self._side, self._rng = masters, side, rng
        self.labels = rng.permutation(np.repeat(np.arange(letters), n // letters))
        self._which = self.labels * faces + rng.integers(faces, size=n)
        self._maps_Nx2x3 = _poses(rng, n, side)
        self._weight, self._ink, self._paper, self._noise = (
            rng.uniform(*bounds, (n, 1)).astype(np.float32)
            for bounds in ((-_WEIGHT, _WEIGHT), _INK, _PAPER, _NOISE)
        )
        self._images = np.empty((n, side**2), np.uint8)
        self._number = 0  # of images drawn
        self._lock = threading.Lock()

    def image(self, index: int) -> np.ndarray:
        """An image, uint8 [S, S, 1]; those before it are drawn first."""
        side = self._side
        with self._lock:
            while self._number <= index:
                self._draw_block()
        return self._images[index].reshape(side, side, 1)

    def _draw_block(self) -> None:
        side, masters = self._side, self._masters()
        m, flat = masters.shape[-1], masters.reshape(-1)
        some = slice(self._number, self._number + _BLOCK)
        places = _places(self._maps_Nx2x3[some], side, m)
        coverage = flat[places + self._which[some, None] * m**2]
        # A steeper edge, moved in or out, is a thinner or bolder stroke.
        edge = coverage * np.float32(1 / 255) - 0.5 + self._weight[some]
        stroke = np.clip(edge * 1.6 + 0.5, 0, 1)
        grain = self._rng.standard_normal(stroke.shape, dtype=np.float32) * self._noise[some]
        grey = self._paper[some] + (self._ink[some] - self._paper[some]) * stroke + grain
        self._images[some] = np.clip(np.rint(grey), 0, 255)
        self._number = min(self._number + _BLOCK, len(self._images))


class Pictures(Reader):
    """Pictures of one or more splits.

    Args:
      spans: what is selected of them.
      drawings: by name of the split.
    """

    def __init__(self, spans: tuple[splits.Span, ...], drawings: Mapping[str, Drawing]):
        self._places = [
            (drawings[span.split], i) for span in spans for i in range(span.start, span.stop)
        ]
        labels = splits.members(spans, {name: each.labels for name, each in drawings.items()})
        self._labels = labels.astype(np.int32)

    def __len__(self) -> int:
        return len(self._places)

    def fetch(self, indices: Sequence[int]) -> tuple[list[np.ndarray], np.ndarray]:
        """See `Reader.fetch`."""
        chosen = [self._places[i] for i in indices]
        return [drawing.image(i) for drawing, i in chosen], self._labels[np.asarray(indices)]

    def labels(self) -> np.ndarray:
        """See `Reader.labels`."""
        return self._labels


def _poses(rng: np.random.Generator, n: int, side: int) -> np.ndarray:
    """Affine maps [N, 2, 3] from pixels of an image to those of a letter at the same scale."""
    turn = np.deg2rad(rng.uniform(-_ROTATION, _ROTATION, n))
    shear = rng.uniform(-_SHEAR, _SHEAR, n)
    scale = rng.uniform(*_SCALE, n)
    stretch = 1 + rng.uniform(-_STRETCH, _STRETCH, n)
    shift_Nx2 = rng.uniform(-_SHIFT, _SHIFT, (n, 2)) * (side / 32)
    # Image = turn, after shear, after the two scales; what is sampled by is its inverse.
    cos, sin = np.cos(turn), np.sin(turn)
    turns = np.moveaxis(np.array([[cos, -sin], [sin, cos]]), -1, 0)
    shears = np.zeros((n, 2, 2)) + np.eye(2)
    shears[:, 0, 1] = shear
    scales = np.zeros((n, 2, 2))
    scales[:, 0, 0], scales[:, 1, 1] = scale * stretch, scale / stretch
    inverse = np.linalg.inv(turns @ shears @ scales)
    return np.concatenate([inverse, -inverse @ shift_Nx2[..., np.newaxis]], axis=2)


def _places(maps_Nx2x3: np.ndarray, side: int, m: int) -> np.ndarray:
    """Index into a flat master [M * M] for every pixel of every image, int64 [N, side * side].

    The nearest of the oversampled pixels is taken: masters are smooth, so between two of them
    there is little to interpolate. Beyond the master's edge is its edge, which is empty.
    """
    centred = np.arange(side) + 0.5 - side / 2
    scale = m / side
    places = []
    for row in (0, 1):
        by_x, by_y, offset = (maps_Nx2x3[:, row, i, None] * scale for i in range(3))
        along_x, along_y = by_x * centred + (offset + m / 2), by_y * centred
        place = (along_y[:, :, None] + along_x[:, None, :]).astype(np.int32)
        places.append(np.clip(place, 0, m - 1))
    column, line = places
    return (line.astype(np.int64) * m + column).reshape(len(maps_Nx2x3), side * side)


def _inside(edges_Ex2x2: np.ndarray, m: int) -> np.ndarray:
    """The inside of an outline around the middle of an image, bool [M, M].

    A pixel is inside where the outline winds around its centre.
    """
    (x0, y0), (x1, y1) = np.moveaxis(edges_Ex2x2 + m / 2, 0, -1)
    rows = np.arange(m)[:, None] + 0.5
    crossed = (y0 <= rows) != (y1 <= rows)
    row, edge = np.nonzero(crossed)
    at = x0[edge] + (rows[row, 0] - y0[edge]) * (x1 - x0)[edge] / (y1 - y0)[edge]
    column = np.clip(np.ceil(at - 0.5).astype(int), 0, m)
    turns = np.zeros((m, m + 1), np.int32)
    np.add.at(turns, (row, column), np.where(y1 > y0, 1, -1)[edge])
    return np.cumsum(turns, axis=1)[:, :m] != 0


def _soften(inside_NxMxM: np.ndarray) -> np.ndarray:
    """Grey levels of images of ink, uint8 [N, M, M].

    Two box filters as wide as one pixel of the final image soften it, so that sampling it does not
    alias.
    """
    images = inside_NxMxM.astype(np.int16)  # sums of at most `_OVERSAMPLING`**4
    for axis in (1, 2):
        for _ in range(2):
            images = _box(images, axis)
    return (images.astype(np.int32) * 255 // _OVERSAMPLING**4).astype(np.uint8)


def _box(images: np.ndarray, axis: int) -> np.ndarray:
    """Sums over `_OVERSAMPLING` neighbours along an axis, nothing beyond the edges."""
    sums = np.zeros_like(images)
    sums_along, along = np.moveaxis(sums, axis, 0), np.moveaxis(images, axis, 0)
    before, size = _OVERSAMPLING // 2, images.shape[axis]
    for shift in range(-before, _OVERSAMPLING - before):
        sums_along[max(0, -shift) : size - max(0, shift)] += along[
            max(0, shift) : size + min(0, shift)
        ]
    return sums
