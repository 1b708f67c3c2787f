"""Letters drawn from the fonts that come with matplotlib."""

import dataclasses
import functools
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.random_keys import Key
from mu2.tasks import split as splits
from mu2.tasks.examples import Examples
from mu2.tasks.reader import Reader
from mu2.tasks.sources.checks import check_library

_SANS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique")
_MONO = (
    *("DejaVuSansMono", "DejaVuSansMono-Bold"),
    *("DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
)
_SERIF = ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic")
_STIX = ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta")
_ALL = (*_SANS, *_MONO, *_SERIF, *_STIX)

# script: its letters in order, and the faces that have them all.
_SCRIPTS = {
    "latin": ("abcdefghijklmnopqrstuvwxyz", _ALL),
    "latin_capitals": ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _ALL),
    "greek": ("αβγδεζηθικλμνξοπρστυφχψω", _ALL),
    "greek_capitals": ("ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ", _ALL),
    "cyrillic": ("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", _ALL),
    "cyrillic_capitals": ("АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ", _ALL),
    "armenian": ("աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ", (*_SANS, *_MONO, *_SERIF)),
    "georgian": ("აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ", (*_SANS, *_MONO, *_SERIF)),
    "hebrew": ("אבגדהוזחטיךכלםמןנסעףפץצקרשת", _SANS),
    "arabic": ("ابتثجحخدذرزسشصضطظعغفقكلمنهوي", (*_SANS[:2], *_MONO[:2])),
    "digits": ("0123456789", _ALL),
}

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


@dataclasses.dataclass(frozen=True)
class Glyphs:
    """Letters of one script, light on dark, in random pose; needs no download.

    Every image is one letter of one face, chosen uniformly, turned by up to 12 degrees, sheared by
    up to 0.15, scaled by 0.8 to 1.1 and stretched by up to 10%, moved by up to 2 of 32 pixels
    each way, with strokes a little thinner or bolder, its own ink (140 to 255) and ground (0 to
    40), and normal noise of its own strength (4 to 16 grey levels). Train, validation and test
    are independent draws over the same letters and faces: another pose, another stroke, other
    noise, no image in common. Within a split every class has as many examples, in random order.

    The pictures are a function of the attributes alone, byte for byte. Faces are those of DejaVu
    and STIX: 16 for Latin, Greek, Cyrillic and digits, 12 for Armenian and Georgian, 4 for
    Hebrew and Arabic.

    Attributes:
      script: 'latin' (26 lower-case letters), 'greek' (24, without the final sigma), 'cyrillic'
        (33, Russian), their '_capitals', 'armenian' (38 lower-case), 'georgian' (33), 'hebrew'
        (27, final forms included), 'arabic' (28, isolated forms), or 'digits' (10).
      per_class: training images of each letter; validation and test have a quarter of that each,
        rounded up.
      side: side in pixels of the images as drawn; `read` resizes them.
      seed: another seed, another draw.

    Raises:
      Mu2Error: the script is unknown, or a number is too small.
    """

    input: ClassVar[str] = "image"

    script: str = "latin"
    per_class: int = 320
    side: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        if self.script not in tuple(_SCRIPTS):  # of any type, hashable or not
            raise Mu2Error(
                f"Glyphs knows no script {self.script!r}.",
                hint=did_you_mean(str(self.script), _SCRIPTS),
            )
        for name, least in (("per_class", 1), ("side", 8), ("seed", None)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise Mu2Error(f"Glyphs.{name} must be an int, not {value!r}.")
            if least is not None and value < least:
                raise Mu2Error(f"Glyphs.{name} must be at least {least}, not {value}.")

    def num_classes(self) -> int:
        """Number of letters."""
        return len(_SCRIPTS[self.script][0])

    def class_names(self) -> tuple[str, ...]:
        """The letters."""
        return tuple(_SCRIPTS[self.script][0])

    def splits(self) -> tuple[str, ...]:
        """'train', 'validation' and 'test'."""
        return tuple(self._sizes())

    def size(self, split: str) -> int:
        """Number of examples that a split expression selects.

        Raises:
          Mu2Error: the expression is wrong or selects nothing.
        """
        return sum(map(len, splits.parse(split, self._sizes(), self._owner)))

    def check_libraries(self) -> None:
        """See `Requires.check_libraries`: matplotlib."""
        check_library("matplotlib", "Glyphs", "matplotlib", "demo")

    def read(self, split: str, image_size: int) -> Examples:
        """The selected examples: images uint8 [N, S, S, 1], S `image_size`, and labels int32 [N].

        They are drawn at `side` pixels and then resized. Consumes the key of (seed, script, name
        of the split) whole, whatever slice is asked for, so that a slice of a split is a part of
        it.

        Raises:
          Mu2Error: matplotlib is missing; the expression is wrong or selects nothing.
        """
        return self.reader(split).read_all(image_size)

    def reader(self, split: str) -> Reader:
        """The selected examples, drawn at `side` pixels when they are asked for.

        Raises:
          Mu2Error: as `read`.
        """
        sizes = self._sizes()
        spans = splits.parse(split, sizes, self._owner)
        self.check_libraries()
        names = {span.split for span in spans}
        return _Pictures(spans, {name: _Drawing(self, name, sizes[name]) for name in names})

    @property
    def _owner(self) -> str:
        return f"Glyphs({self.script!r})"

    def _sizes(self) -> dict[str, int]:
        """Number of examples of each split."""
        held_out = -(-self.per_class // 4) * self.num_classes()
        return {
            "train": self.per_class * self.num_classes(),
            "validation": held_out,
            "test": held_out,
        }


class _Drawing:
    """A split, drawn from its beginning on as far as it is asked for.

    Args:
      source: whose split it is.
      split: its name.
      n: its size.
    """

    def __init__(self, source: Glyphs, split: str, n: int):
        self._source = source
        rng = self._rng = Key.from_seed(source.seed).fold_in("Glyphs", source.script, split).numpy()
        letters, faces = map(len, _SCRIPTS[source.script])
        self.labels = rng.permutation(np.repeat(np.arange(letters), n // letters))
        self._which = self.labels * faces + rng.integers(faces, size=n)
        self._maps_Nx2x3 = _poses(rng, n, source.side)
        self._weight, self._ink, self._paper, self._noise = (
            rng.uniform(*bounds, (n, 1)).astype(np.float32)
            for bounds in ((-_WEIGHT, _WEIGHT), _INK, _PAPER, _NOISE)
        )
        self._images = np.empty((n, source.side**2), np.uint8)
        self._number = 0  # of images drawn
        self._lock = threading.Lock()

    def image(self, index: int) -> np.ndarray:
        """An image, uint8 [S, S, 1]; those before it are drawn first."""
        side = self._source.side
        with self._lock:
            while self._number <= index:
                self._draw_block()
        return self._images[index].reshape(side, side, 1)

    def _draw_block(self) -> None:
        side, masters = self._source.side, _masters(self._source.script, self._source.side)
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


class _Pictures(Reader):
    """Pictures of one or more splits.

    Args:
      spans: what is selected of them.
      drawings: by name of the split.
    """

    def __init__(self, spans: tuple[splits.Span, ...], drawings: Mapping[str, _Drawing]):
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


# Of every source of a script: one process makes the sources of its tasks more than once.
@functools.lru_cache(maxsize=16)
def _masters(script: str, side: int) -> np.ndarray:
    """Every letter of every face, uint8 [letters, faces, M, M], M `_OVERSAMPLING` sides."""
    letters, faces = _SCRIPTS[script]
    m = side * _OVERSAMPLING
    masters = np.empty((len(letters), len(faces), m, m), np.uint8)
    for j, face in enumerate(faces):
        inside = np.empty((len(letters), m, m), bool)
        for i, outline in enumerate(_outlines(face, letters)):
            # An edge is softened by up to `_OVERSAMPLING` pixels, and ends on a whole one.
            widest = np.ptp(outline.reshape(-1, 2), axis=0).max()
            em = min(_EM * m, (m - 2 * (_OVERSAMPLING + 1)) / widest)
            inside[i] = _inside(outline * em, m)
        masters[:, j] = _soften(inside)
    masters.flags.writeable = False
    return masters


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


def _outlines(face: str, letters: str) -> list[np.ndarray]:
    """The edges of each letter, float64 [E, 2, 2] (start and end, x and y), in ems.

    Unhinted outlines and not bitmaps, since those change with the version of FreeType. Letters
    are centred on their own extent, y downward.
    """
    try:
        import matplotlib
        from matplotlib.font_manager import FontProperties
        from matplotlib.textpath import TextPath
    except ImportError as error:
        raise Mu2Error("Glyphs needs matplotlib.", hint="pip install 'mu2[demo]'") from error
    font = FontProperties(fname=str(Path(matplotlib.get_data_path(), f"fonts/ttf/{face}.ttf")))
    outlines = []
    for letter in letters:
        # At 1,000 units an em, curves are cut into segments fine enough for any master.
        path = TextPath((0, 0), letter, size=1000, prop=font)
        rings = [np.asarray(ring) for ring in path.to_polygons(closed_only=True)]
        edges = np.concatenate([np.stack([ring[:-1], ring[1:]], axis=1) for ring in rings]) / 1000
        points = edges.reshape(-1, 2)
        edges -= (points.min(axis=0) + points.max(axis=0)) / 2
        outlines.append(edges * [1, -1])
    return outlines


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
