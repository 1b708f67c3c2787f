"""Letters drawn from the fonts that come with matplotlib."""

import dataclasses
import functools
from pathlib import Path
from typing import ClassVar

import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.random_keys import Key
from mu2.tasks import split as splits
from mu2.tasks.examples import Examples
from mu2.tasks.reader import Reader
from mu2.tasks.sources.checks import check_library
from mu2.tasks.sources.letters import Drawing, Pictures, ink_letters

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
        return Pictures(
            spans, {name: self._drawing(name, sizes[name]) for name in {s.split for s in spans}}
        )

    def _drawing(self, split: str, n: int) -> Drawing:
        masters = functools.partial(_masters, self.script, self.side)
        rng = Key.from_seed(self.seed).fold_in("Glyphs", self.script, split).numpy()
        letters, faces = map(len, _SCRIPTS[self.script])
        return Drawing(masters, letters, faces, n, self.side, rng)

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


# Of every source of a script: one process makes the sources of its tasks more than once.
@functools.lru_cache(maxsize=16)
def _masters(script: str, side: int) -> np.ndarray:
    letters, faces = _SCRIPTS[script]
    return ink_letters((_outlines(face, letters) for face in faces), side)


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
