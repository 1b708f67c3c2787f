"""The image pipeline of a run: what the parts set, what paths remember, what resuming repeats."""

import dataclasses
import json

import numpy as np
import pytest

import mu2
from mu2 import config
from mu2.evolution.path import Path
from mu2.planning.verification import prove
from mu2.random_keys import Key
from mu2.report.progress import Reporter
from mu2.system import System
from mu2.system.inference import Inference
from mu2.tasks import Images
from mu2.tasks.user_examples import Form, fit_image
from tests.evolution import toys

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("grain")
SIDES = [(30, 44), (44, 30)]


class Silent(Reporter):
    """Says nothing; stops a run after some children, as a kill would."""

    def __init__(self, stop=None):
        self.left = stop

    def child_done(self, record):
        if self.left is not None:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt


@pytest.fixture(scope="module")
def gin(tmp_path_factory):
    """A Gin file of two tasks of photographs, red or blue above, with every change of an image."""
    folder = tmp_path_factory.mktemp("photos")
    random = Key.from_seed(3).numpy()
    for task in ("one", "two"):
        for i in range(60):
            pixels = random.integers(60, 180, (*SIDES[i % 2], 3), np.uint8)
            pixels[: len(pixels) // 2, :, 2 * (i % 2)] += 70
            place = folder / task / "train" / "ab"[i % 2]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(place / f"{i}.jpg", quality=95)
    file = folder / "run.gin"
    file.write_text(
        f"""
        include 'search_spaces/vit_micro.gin'
        include 'gin/mutation/mu2net.gin'
        include 'gin/budget/laptop.gin'
        include 'gin/optimizer/sgd_laptop.gin'
        include 'gin/augmentation/mu2net_plus.gin'
        include 'gin/augmentation/affine.gin'
        include 'gin/ranges/affine.gin'
        include 'gin/mesh/cpu.gin'
        Experiment.stream = @Stream()
        Stream.tasks = (@one/Task(), @two/Task())
        Stream.iterations = 1
        one/Task.name = 'one'
        one/Task.source = @one/Folder()
        one/Folder.path = '{folder}/one'
        two/Task.name = 'two'
        two/Task.source = @two/Folder()
        two/Folder.path = '{folder}/two'
        ViT.channels = 3
        Evolution.children_per_iteration = 2
        Training.batch_size = 8
        Training.intervals = 1
        Training.max_train_examples = 16
        Hyperparameters.learning_rate = 0.1
        Hyperparameters.area_min = 0.3
        Hyperparameters.aspect_min = 0.75
        Hyperparameters.brightness = 0.1
        Hyperparameters.hue = 0.1
        Hyperparameters.jpeg_quality = 0.2
        """
    )
    return file


def ran(gin, folder, bindings=(), stop=None):
    try:
        mu2.run(gin, folder, bindings, reporter=Silent(stop))
    except KeyboardInterrupt:
        mu2.run(gin, folder, bindings, reporter=Silent())
    return System.open(folder)


@pytest.fixture(scope="module")
def system(gin, tmp_path_factory):
    return ran(gin, tmp_path_factory.mktemp("system"))


PUBLISHED = {
    "munet": Images("bilinear", "signed", True),
    "mu2net": Images("bilinear", "signed", True),
    "mu2net_plus": Images("bilinear", "unit", True),
}


@pytest.mark.parametrize("part", PUBLISHED)
def test_parts_set_what_the_papers_published(part):
    files = ["search_spaces/vit_micro.gin", "gin/stream/scripts.gin", *toys.method_files(part)]
    plain = config.load(files, []).experiment
    assert plain.images == Images() == Images("antialias", "unit", False)
    files = [file for file in files if "augmentation" not in file]
    experiment = config.load([*files, f"gin/augmentation/{part}.gin"], []).experiment
    assert experiment.images == PUBLISHED[part]
    values = experiment.space.hyperparameters
    crops = (1.0, 1.0, False) if part == "mu2net_plus" else (0.05, 0.75, True)
    assert (values["area_min"], values["aspect_min"], values["flip"]) == crops
    assert values.get("jpeg_quality", 0.0) == 0.0
    assert ("jpeg_quality" in values) == (part == "mu2net_plus")
    assert not {"rotation", "shear", "scale", "translation"} & set(values)


def test_a_path_remembers_how_its_images_are_resized(system):
    path = system.path("one")
    assert path.resize == "bilinear"
    inference = Inference(system)
    assert inference.form("one") == Form((16, 16, 3), "bilinear")
    image = Key.from_seed(0).numpy().integers(0, 256, (1, 90, 70, 3), np.uint8)
    given = mu2.open(system.directory).predict("one", image)
    exact = fit_image(image[0], inference.form("one"))[None]
    assert exact.dtype == np.float32
    expected = inference.predict("one", exact)
    np.testing.assert_array_equal(given.probabilities, expected.probabilities)


def test_predictions_are_proved_as_they_were_resized(system, tmp_path):
    assert [proof.same for proof in prove(system)] == [True, True]
    # Of a system that does not say it, as older ones do not, images are antialiased.
    document = json.loads(json.dumps(system.path("one").to_json()))
    del document["resize"]
    assert Path.from_json(document).resize == "antialias"
    assert Path.from_json(document) == dataclasses.replace(system.path("one"), resize="antialias")


@pytest.mark.parametrize("stop", [1, 3])
def test_a_run_that_is_stopped_and_resumed_ends_in_the_same_bits(gin, system, tmp_path, stop):
    again = ran(gin, tmp_path / "again", stop=stop)
    assert (again.directory / "HEAD").read_text() == (system.directory / "HEAD").read_text()
    assert [*again.log] == [*system.log]


def test_other_choices_make_other_children(gin, system, tmp_path):
    other = ran(gin, tmp_path / "other", ["Images.resize='antialias'"])
    assert other.path("one").resize == "antialias"
    assert other.path("one").test_digest != system.path("one").test_digest
