"""Font files: where they are, and the outlines of their letters."""

import io
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mu2.errors import Mu2Error

# Pieces that a curve is cut into.
_PIECES = 8

_RANGE = re.compile(r"[Uu]\+([0-9A-Fa-f]{1,6})(?:-([0-9A-Fa-f]{1,6}))?")


def parse_ranges(text: str, owner: str) -> str:
    """The characters that ranges name, in their order.

    Args:
      text: as CSS has its `unicode-range`: `U+5D0-5EA, U+41`, with commas or spaces.
      owner: whose it is, for messages.

    Raises:
      Mu2Error: it is written otherwise, or names a character twice, or one that cannot be.
    """
    found: list[str] = []
    for word in text.replace(",", " ").split():
        match = _RANGE.fullmatch(word)
        first, last = (int(code or match[1], 16) for code in match.groups()) if match else (1, 0)
        if not first <= last <= 0x10FFFF or (last >= 0xD800 and first <= 0xDFFF):
            raise Mu2Error(
                f"{owner} has {word!r}, which is no range of characters.",
                hint="Ranges are written as in CSS: 'U+5D0-5EA, U+41'.",
            )
        found += map(chr, range(first, last + 1))
    if twice := [each for i, each in enumerate(found) if each in found[:i]]:
        raise Mu2Error(f"{owner} names U+{ord(twice[0]):04X} twice.")
    return "".join(found)


def find_fonts(folder: str, patterns: Sequence[str]) -> tuple[Path, ...]:
    """The files of some fonts: those of each pattern by name, in the patterns' order.

    Args:
      folder: where they are.
      patterns: paths below it, in which `*` stands for any characters but /, `[47]` for either.

    Raises:
      Mu2Error: no file matches one of them.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        files = sorted(Path(folder).expanduser().glob(pattern))
        if not files:
            raise Mu2Error(
                f"there is no font {pattern} in {folder}.",
                hint="`make fonts`, in the repository, fetches those of gin/stream/scripts_40.gin.",
            )
        found |= dict.fromkeys(files)
    return tuple(found)


def read_outlines(file: Path, letters: str) -> list[np.ndarray]:
    """The outlines of letters as a font has them, unhinted.

    Letters are centred on their own extent. An em is chosen so that half of the letters are wider
    or higher than 1 after that, as scripts fill the em to very different parts.

    Args:
      file: a font: .ttf, .otf or .woff; .woff2 where the package brotli is installed.
      letters: at least one.

    Returns:
      For each letter its edges, float64 [E, 2, 2]: start and end, x and y, y downward.

    Raises:
      Mu2Error: fontTools is missing; the file is no font, or lacks one of the letters.
    """
    try:
        from fontTools.ttLib import TTFont, TTLibError
    except ImportError as error:
        raise Mu2Error("fonts are read by fontTools.", hint="pip install 'mu2[demo]'") from error
    try:
        with TTFont(io.BytesIO(Path(file).read_bytes()), lazy=True) as font:
            names, glyphs = font.getBestCmap() or {}, font.getGlyphSet()
            if absent := [letter for letter in letters if ord(letter) not in names]:
                raise Mu2Error(
                    f"the font lacks U+{ord(absent[0]):04X} and {len(absent) - 1} more letters."
                    if absent[1:]
                    else f"the font lacks U+{ord(absent[0]):04X}.",
                    location=str(file),
                )
            outlines = [_edges(glyphs, names[ord(letter)]) for letter in letters]
    except ImportError as error:
        raise Mu2Error(
            "this font is compressed with Brotli, which is not installed.",
            location=str(file),
            hint="pip install brotli, or use the .woff of the same font.",
        ) from error
    except (TTLibError, OSError) as error:
        raise Mu2Error(f"it cannot be read as a font: {error}", location=str(file)) from error
    if empty := [letter for letter, edges in zip(letters, outlines, strict=True) if not len(edges)]:
        raise Mu2Error(f"the font draws nothing for U+{ord(empty[0]):04X}.", location=str(file))
    sizes = [np.ptp(edges.reshape(-1, 2), axis=0) for edges in outlines]
    em = float(np.median([size.max() for size in sizes]))
    centred = []
    for edges in outlines:
        points = edges.reshape(-1, 2)
        centred.append((edges - (points.min(axis=0) + points.max(axis=0)) / 2) * [1, -1] / em)
    return centred


def _edges(glyphs: Any, name: str) -> np.ndarray:
    """Straight edges of one glyph, float64 [E, 2, 2], in the font's units, y upward."""
    from fontTools.pens.basePen import BasePen

    class Edges(BasePen):  # type: ignore[misc]  # fontTools has no types
        """Cuts curves into straight pieces."""

        def __init__(self) -> None:
            super().__init__(glyphs)
            self.found: list[tuple[Any, Any]] = []
            self.start: Any = None

        def _moveTo(self, pt: Any) -> None:
            self.start = pt

        def _lineTo(self, pt: Any) -> None:
            self.found.append((self._getCurrentPoint(), pt))

        def _curveToOne(self, pt1: Any, pt2: Any, pt3: Any) -> None:
            a, b, c, d = map(np.array, (self._getCurrentPoint(), pt1, pt2, pt3))
            t = np.linspace(0, 1, _PIECES + 1)[:, None]
            u = 1 - t
            points = u**3 * a + 3 * u**2 * t * b + 3 * u * t**2 * c + t**3 * d
            self.found += itertools.pairwise(points)

        def _closePath(self) -> None:
            self.found.append((self._getCurrentPoint(), self.start))

        _endPath = _closePath

    pen = Edges()
    glyphs[name].draw(pen)
    edges = np.array(pen.found, np.float64).reshape(-1, 2, 2)
    return edges[(edges[:, 0] != edges[:, 1]).any(axis=1)]
