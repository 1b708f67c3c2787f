"""Questions about the objects of CLEVR's and KITTI's images, as VTAB asks them."""

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.tasks.sources.tfds import TFDS
from mu2.tasks.sources.tfds_sets import Contents

Objects = Mapping[str, np.ndarray]

# A car, a van or a truck, in KITTI's numbers.
_VEHICLES = 3


@dataclasses.dataclass(frozen=True)
class Question:
    """What is asked of an image's objects.

    Attributes:
      set: the TFDS set that has them.
      answers: one name a class, in label order.
      needs: the features of the objects that it reads.
      answer: from the features of all objects of one image, [objects, ...] each, to the class.
    """

    set: str
    answers: tuple[str, ...]
    needs: tuple[str, ...]
    answer: Callable[[Objects], int]


def _nearest(distances: np.ndarray, *bounds: float) -> int:
    """How many bounds are below the shortest distance; all, where there is no object."""
    return int(sum(bound < min(distances, default=np.inf) for bound in bounds))


def _nearest_vehicle(objects: Objects) -> int:
    vehicles = objects["type"] < _VEHICLES
    # With no vehicle the distance is endless, and above all bounds.
    return _nearest(objects["location"].reshape(-1, 3)[vehicles, 2], 8.0, 20.0, 999.0)


# Source: google-research/task_adaptation, data/clevr.py and data/kitti.py (VTAB, arXiv 1910.04867).
QUESTIONS: Mapping[str, Question] = MappingProxyType(
    {
        "clevr/count_all": Question(
            "clevr",
            tuple(map(str, range(3, 11))),
            ("size",),
            lambda objects: len(objects["size"]) - 3,
        ),
        "clevr/count_cylinders": Question(
            "clevr",
            tuple(map(str, range(11))),
            ("shape",),
            lambda objects: int((objects["shape"] == 2).sum()),
        ),
        "clevr/closest_object_distance": Question(
            "clevr",
            ("to 8", "to 8.5", "to 9", "to 9.5", "to 10", "above 10"),
            ("pixel_coords",),
            lambda objects: _nearest(objects["pixel_coords"][:, 2], 8.0, 8.5, 9.0, 9.5, 10.0),
        ),
        "kitti/count_vehicles": Question(
            "kitti",
            ("0", "1", "2", "3 or more"),
            ("type",),
            lambda objects: min(int((objects["type"] < _VEHICLES).sum()), 3),
        ),
        "kitti/closest_object_distance": Question(
            "kitti",
            ("to 5.6 m", "to 8.4 m", "to 13.4 m", "to 23.4 m", "above 23.4 m"),
            ("location",),
            lambda objects: _nearest(
                objects["location"].reshape(-1, 3)[:, 2], 5.6, 8.4, 13.4, 23.4
            ),
        ),
        "kitti/closest_vehicle_distance": Question(
            "kitti",
            ("to 8 m", "to 20 m", "above 20 m", "none"),
            ("location", "type"),
            _nearest_vehicle,
        ),
    }
)


@dataclasses.dataclass(frozen=True)
class Scenes(TFDS):
    """A TFDS set of scenes, with the class of an image worked out from its objects.

    Attributes:
      name: 'clevr' or 'kitti', with a version or without.
      question: 'clevr/count_all', 'clevr/count_cylinders', 'clevr/closest_object_distance',
        'kitti/count_vehicles', 'kitti/closest_object_distance' or 'kitti/closest_vehicle_distance'.
      label_key: the feature that holds the objects.

    Raises:
      Mu2Error: there is no such question, or it is one of another set.
    """

    label_key: str = "objects"
    question: str = dataclasses.field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.question not in QUESTIONS:
            raise Mu2Error(
                f"Scenes.question is {self.question!r}.",
                hint=did_you_mean(str(self.question), QUESTIONS),
            )
        if self._home.set != self._question.set:
            raise Mu2Error(
                f"Scenes.question {self.question!r} is not one of Scenes.name {self.name!r}.",
                hint=f"Set Scenes.name = {self._question.set!r}.",
            )

    @property
    def _question(self) -> Question:
        return QUESTIONS[self.question]

    def _class_names(self, features: Any) -> tuple[str, ...]:
        return self._question.answers

    def _known_classes(self, known: Contents) -> int:
        return len(self._question.answers)

    def _label(self, record: dict[str, Any]) -> int:
        objects = record[self.label_key]
        return self._question.answer(
            {name: np.asarray(objects[name]) for name in self._question.needs}
        )

    def _check_label(self, tfds: Any, features: Any) -> None:
        """Raises Mu2Error unless the objects have what the question needs."""
        inner = getattr(features.get(self.label_key), "feature", None)
        lacking = [name for name in self._question.needs if name not in (inner or {})]
        if lacking:
            raise Mu2Error(
                f"{self._owner}: {self.label_key!r} has no {lacking[0]!r}, which "
                f"{self.question!r} needs.",
                hint=did_you_mean(lacking[0], inner or features),
            )
