"""Letters drawn from the fonts that come with matplotlib."""

import dataclasses
import functools
from pathlib import Path

import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.random_keys import Key
from mu2.tasks.sources.checks import check_library
from mu2.tasks.sources.letter_source import LetterSource, check_numbers
from mu2.tasks.sources.letters import Drawing, ink_letters

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
class Glyphs(LetterSource):
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
        check_numbers(self)

    def check_libraries(self) -> None:
        """See `Requires.check_libraries`: matplotlib."""
        check_library("matplotlib", "Glyphs", "matplotlib", "demo")

    @property
    def _letters(self) -> str:
        return _SCRIPTS[self.script][0]

    def _drawing(self, split: str, examples: int) -> Drawing:
        masters = functools.partial(_masters, self.script, self.side)
        rng = Key.from_seed(self.seed).fold_in("Glyphs", self.script, split).numpy()
        letters, faces = map(len, _SCRIPTS[self.script])
        return Drawing(masters, letters, faces, examples, self.side, rng)

    @property
    def _owner(self) -> str:
        return f"Glyphs({self.script!r})"


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
