"""Questions about the objects of an image, against VTAB's rules worked out by hand."""

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import Scenes
from mu2.tasks.sources.scenes import QUESTIONS


def clevr(*distances, shapes=()):
    n = len(distances)
    coords = np.stack([np.zeros(n), np.ones(n), np.array(distances, float)], axis=1)
    return {"size": np.zeros(n, int), "shape": np.array(shapes, int), "pixel_coords": coords}


def kitti(*objects):
    """(type, distance) of each."""
    location = np.array([[0.0, 0.0, distance] for _, distance in objects], np.float32)
    return {"type": np.array([kind for kind, _ in objects], int), "location": location}


@pytest.mark.parametrize(
    ("question", "objects", "label"),
    [
        ("clevr/count_all", clevr(9, 9, 9), 0),
        ("clevr/count_all", clevr(*[9] * 10), 7),
        ("clevr/count_cylinders", clevr(9, 9, 9, shapes=(2, 0, 2)), 2),
        ("clevr/closest_object_distance", clevr(12, 7.9), 0),
        ("clevr/closest_object_distance", clevr(12, 8.2), 1),
        ("clevr/closest_object_distance", clevr(12, 10.5), 5),
        ("kitti/count_vehicles", kitti((0, 9), (1, 9), (2, 9), (0, 9), (3, 9)), 3),
        ("kitti/count_vehicles", kitti((3, 9)), 0),
        ("kitti/closest_object_distance", kitti((3, 5.0), (0, 50)), 0),
        ("kitti/closest_object_distance", kitti((3, 9.0), (0, 50)), 2),
        ("kitti/closest_object_distance", kitti(), 4),
        ("kitti/closest_vehicle_distance", kitti((3, 5.0), (0, 50)), 2),
        ("kitti/closest_vehicle_distance", kitti((0, 5.0)), 0),
        ("kitti/closest_vehicle_distance", kitti((3, 5.0)), 3),
        ("kitti/closest_vehicle_distance", kitti(), 3),
    ],
)
def test_answers(question, objects, label):
    found = Scenes(question.split("/")[0], question=question)._label({"objects": objects})
    assert found == label
    assert found < len(QUESTIONS[question].answers)


def test_questions_that_are_none_or_of_another_set_are_refused():
    with pytest.raises(Mu2Error, match="count_al") as caught:
        Scenes("clevr", question="clevr/count_al")
    assert "clevr/count_all" in caught.value.hint
    with pytest.raises(Mu2Error, match="not one of"):
        Scenes("kitti", question="clevr/count_all")


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_set_without_the_features_is_refused(question):
    class Sequence:
        feature = frozenset({"colour"})

    name = question.split("/")[0]
    with pytest.raises(Mu2Error, match="needs"):
        Scenes(name, question=question)._check_label(None, {"objects": Sequence()})
