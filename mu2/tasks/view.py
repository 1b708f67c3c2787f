"""Views: which part of each image of a batch is wanted, said before the images are decoded."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from mu2.random_keys import Key
from mu2.tasks.colours import NAMES
from mu2.tasks.crop import NUMBERS, TRIES, draw_boxes
from mu2.tasks.jpeg import draw_qualities, recompress


@dataclasses.dataclass(frozen=True)
class Views:
    """What training batches show of the original images; the data hyperparameters say it.

    Attributes:
      key: of a generation's views; the purpose, `crop`, `jpeg` or `colours`, and the step are
        folded in.
      area_min: smallest share of the area that a crop keeps; 1 shows whole images.
      aspect_min: smallest ratio of a crop's sides.
      jpeg_quality: largest loss of JPEG quality, as a share; 0 compresses nothing.
      colours: the largest change of each of `colours.NAMES`, where the original pixels' change.
    """

    key: Key
    area_min: float = 1.0
    aspect_min: float = 1.0
    jpeg_quality: float = 0.0
    colours: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def draw(self, step: int, n: int, *, least: int | None = None, opencv: bool = False) -> "View":
        """The view of a batch.

        Args:
          step: number of the batch.
          n: its examples.
          least: see `View`.
          opencv: see `View`.
        """
        uniform = quality = None
        if self.area_min < 1.0:
            random = self.key.fold_in("crop", step).numpy()
            uniform = random.random((n, TRIES, NUMBERS), np.float32)
        if self.jpeg_quality > 0.0:
            random = self.key.fold_in("jpeg", step).numpy()
            quality = draw_qualities(random.random(n), self.jpeg_quality)
        return View(uniform, self.area_min, self.aspect_min, quality, least, opencv)

    def draw_colours(self, step: int, n: int) -> dict[str, np.ndarray]:
        """How much each colour of each image changes, float32 [n]; those that change, by name."""
        random = self.key.fold_in("colours", step).numpy()
        drawn = {name: random.uniform(-1.0, 1.0, n).astype(np.float32) for name in NAMES}
        return {name: drawn[name] * np.float32(d) for name, d in self.colours.items() if d > 0.0}


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """What is wanted of some images.

    Attributes:
      uniform: what boxes are drawn from (see `draw_boxes`); None: whole images are wanted.
      area_min: smallest share of the area that a crop keeps.
      aspect_min: smallest ratio of a crop's sides.
      quality: int [N], the JPEG quality that each is first compressed with; None for none.
      least: a part of at least twice as many pixels each way may come with fewer, but no fewer
        than these, where its file can be decoded faster so; None: every pixel is wanted.
    """

    uniform: np.ndarray | None = None
    area_min: float = 1.0
    aspect_min: float = 1.0
    quality: np.ndarray | None = None
    least: int | None = None
    opencv: bool = False

    def boxes(self, size_Nx2: np.ndarray) -> np.ndarray:
        """The part of each image: top, left, height and width in pixels, int32 [N, 4]."""
        if self.uniform is not None:
            return draw_boxes(self.uniform, size_Nx2, self.area_min, self.aspect_min)
        sizes = np.asarray(size_Nx2, np.int32)
        return np.concatenate([np.zeros_like(sizes), sizes], axis=1)

    def some(self, places: Sequence[int]) -> "View":
        """The view of some of the images."""
        uniform, quality = (
            None if each is None else each[[*places]] for each in (self.uniform, self.quality)
        )
        return dataclasses.replace(self, uniform=uniform, quality=quality)

    def cut(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The wanted parts of images that are decoded, uint8 [h, w, C] each."""
        sizes = np.array([image.shape[:2] for image in images], np.int32).reshape(-1, 2)
        boxes = self.boxes(sizes)
        if self.quality is not None:
            images = [recompress(i, int(q)) for i, q in zip(images, self.quality, strict=True)]
        parts = zip(images, boxes, strict=True)
        return [image[top : top + h, left : left + w] for image, (top, left, h, w) in parts]
