"""`mu2 data`: what a run needs, and getting it: from a local server, and by a builder of TFDS."""

import contextlib
import http.server
import json
import subprocess
import sys
import threading

import pytest

from mu2 import cli
from mu2.errors import Mu2Error
from mu2.models.roots import public
from mu2.models.roots.download import download, size_of
from mu2.tasks import TFDS, HuggingFace, Joined, Task
from mu2.tasks.data_sets import data_sets
from mu2.tasks.sources import tfds_prepare
from mu2.tasks.sources.tfds_home import Home
from mu2.tasks.sources.tfds_sets import SETS
from mu2.tasks.sources.tfds_sizes import DOWNLOADS
from tests import own_data, shrunken

BUILDER = '''
"""A set of light and dark images that are encoded already, so that TensorFlow is not asked."""
import io
import numpy as np
import tensorflow_datasets as tfds
from PIL import Image


class {name}(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {{
            "image": tfds.features.Image(shape=(8, 8, 1)),
            "label": tfds.features.ClassLabel(names=["dark", "light"]),
        }}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {{"train": self._generate_examples(60), "test": self._generate_examples(20)}}

    def _generate_examples(self, n):
        for number in range(n):
            file = io.BytesIO()
            pixels = np.full((8, 8), 200 * (number % 2), np.uint8)
            Image.fromarray(pixels).save(file, "PNG")
            file.seek(0)
            yield number, {{"image": {image}, "label": number % 2}}
'''


class Ranged(http.server.SimpleHTTPRequestHandler):
    """A server that can begin in the middle, and breaks off where it is told to."""

    def do_GET(self):
        content = self.server.content
        begin = int((self.headers["Range"] or "bytes=0-")[6:].rstrip("-"))
        self.server.asked.append(begin)
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        stop = self.server.stops.pop() if self.server.stops else len(content)
        self.wfile.write(content[begin:stop])

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ranged)
    made.content, made.asked, made.stops = bytes(range(256)) * 4096, [], []
    made.url = f"http://127.0.0.1:{made.server_port}"
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@contextlib.contextmanager
def builder(folder, name, image="file"):
    """A builder of TFDS, registered as long as this lasts."""
    (folder / f"{name.lower()}_builder.py").write_text(BUILDER.format(name=name, image=image))
    sys.path.insert(0, str(folder))
    try:
        yield __import__(f"{name.lower()}_builder")
    finally:
        sys.path.remove(str(folder))


def test_a_download_goes_on_where_it_was_stopped(server, tmp_path):
    target = tmp_path / "new" / "file"
    assert size_of(f"{server.url}/x") == 1 << 20
    server.stops.append(300_000)
    with pytest.raises(Mu2Error, match=r"300,000 bytes of 1,048,576|cannot be got"):
        download(f"{server.url}/x", target)
    assert not target.exists()
    download(f"{server.url}/x", target)
    assert server.asked == [0, 300_000]
    assert target.read_bytes() == server.content
    assert [each.name for each in target.parent.iterdir()] == ["file"]


def test_a_server_that_is_not_there(tmp_path):
    with pytest.raises(Mu2Error, match="cannot be got"):
        download("http://127.0.0.1:9/x", tmp_path / "x")
    assert size_of("http://127.0.0.1:9/x") is None


def test_what_is_there_and_what_is_missing(tmp_path, capsys):
    file = own_data.write_all(tmp_path)
    (tmp_path / "trees.csv").unlink()
    assert cli.main(["data", str(file), "--json"]) == 0
    needs = {need["of"][0]: need for need in json.loads(capsys.readouterr().out)["needs"]}
    assert [needs[name]["there"] for name in own_data.TASKS] == [True, False, True, True]
    assert "trees.csv" in needs["trees"]["manual"]
    assert cli.main(["data", str(file)]) == 0
    assert "missing    CSV " in capsys.readouterr().out
    assert cli.main(["data", str(file), "--prepare"]) == 2
    assert "has to be got by hand" in capsys.readouterr().err
    assert cli.main(["data", shrunken.FILE, "--prepare"]) == 0
    assert "all is there" in capsys.readouterr().err


def test_a_tfds_set_is_prepared_and_learnt_from(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    gin = tmp_path / "run.gin"
    gin.write_text(
        own_data.GIN.format(folder=tmp_path).replace(
            "shapes/Task.source = @Folder()\nFolder.path",
            "shapes/Task.source = @TFDS()\nTFDS.name = 'light_and_dark'\n# Folder.path",
        )
    )
    words = [str(gin), "--gin.Stream.tasks=(@shapes/Task(),)"]
    with builder(tmp_path, "LightAndDark"):
        assert cli.main(["data", *words, "--json"]) == 0
        (need,) = json.loads(capsys.readouterr().out)["needs"]
        assert (need["name"], need["there"]) == ("TFDS light_and_dark", False)
        assert cli.main(["check", *words]) == 2
        capsys.readouterr()
        assert cli.main(["data", *words, "--prepare"]) == 0
        assert "1/1 TFDS light_and_dark" in capsys.readouterr().err
    assert cli.main(["data", *words, "--prepare", "--json"]) == 0
    (need,) = json.loads(capsys.readouterr().out)["needs"]
    assert need["there"] is True
    assert need["prepared"] is True
    source = TFDS("light_and_dark")
    assert (source.size("train"), source.class_names()) == (60, ("dark", "light"))
    assert cli.main(["check", *words]) == 0


def test_a_set_that_needs_tensorflow_gets_an_environment(tmp_path, monkeypatch):
    """Pixels are encoded by TensorFlow, which is not here; the environment's commands are seen."""
    asked, said = [], []

    def run(command, **options):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    home = Home.of("dark_and_light", str(tmp_path / "tfds"))
    with builder(tmp_path, "DarkAndLight", image="pixels[..., None]"):
        monkeypatch.setattr(tfds_prepare.subprocess, "run", run)
        tfds_prepare.prepare(home, said.append)
    assert [command[1:3] for command in asked[:2]] == [["-m", "venv"], ["-m", "pip"]]
    assert "tensorflow" in asked[1]
    assert asked[2][1:] == ["-c", home.code()]
    assert "needs TensorFlow to be prepared" in said[0]
    assert "installing tensorflow" in said[1]
    assert f"downloading and preparing in {tmp_path / 'tfds'}" in said[2]


def test_a_builder_that_fails_says_why(tmp_path):
    with (
        builder(tmp_path, "Failing", image="1 / 0"),
        pytest.raises(Mu2Error, match="cannot be prepared: ") as caught,
    ):
        tfds_prepare.prepare(Home.of("failing", str(tmp_path / "tfds")), print)
    assert "division by zero" in caught.value.message


def test_sizes_are_told_beforehand(tmp_path):
    assert tfds_prepare.download_bytes(Home.of("mnist", str(tmp_path))) == 11_594_722
    assert tfds_prepare.download_bytes(Home.of("none_such", str(tmp_path))) is None


def test_the_sizes_that_are_told_without_tensorflow_datasets(tmp_path, monkeypatch, capsys):
    sets = {Home.of(name, str(tmp_path)).set: name for name in SETS}
    homes = {each: Home.of(name, str(tmp_path)) for each, name in sets.items()}
    listed = {each: tfds_prepare.download_bytes(home) for each, home in homes.items()}
    assert {each: size for each, size in listed.items() if size is not None} == DOWNLOADS
    monkeypatch.setattr(tfds_prepare.importlib.util, "find_spec", lambda name: None)
    assert tfds_prepare.download_bytes(homes["cmaterdb"]) == listed["cmaterdb"]
    assert tfds_prepare.download_bytes(homes["resisc45"]) is None
    file = tmp_path / "run.gin"
    file.write_text(
        "include 'gin/quickstart.gin'\nStream.tasks = (@a/Task(), @b/Task())\n"
        "a/Task.name = 'a'\na/Task.source = @TFDS()\nTFDS.name = 'kmnist'\n"
        "b/Task.name = 'b'\nb/Task.source = @HuggingFace()\nHuggingFace.path = 'none/such'\n"
        f"TFDS.data_dir = '{tmp_path}'\nHuggingFace.cache_dir = '{tmp_path}'\n"
    )
    assert cli.main(["data", str(file)]) == 0
    told = capsys.readouterr().out
    assert "TFDS kmnist, 21.2 MB" in told
    assert "HuggingFace none/such, size not known beforehand" in told


def test_weights_are_got_from_their_server(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(public, "_BUCKET", server.url)
    name = "Ti_16-i21k-300ep-lr_0.001-aug_none-wd_0.03-do_0.0-sd_0.0.npz"
    words = [
        shrunken.FILE,
        "--gin.Experiment.roots=(@AugReg(),)",
        f"--gin.AugReg.path='{tmp_path}/{name}'",
    ]
    assert cli.main(["data", *words, "--json"]) == 0
    need = json.loads(capsys.readouterr().out)["needs"][-1]
    assert (need["there"], need["download_bytes"]) == (False, 1 << 20)
    assert need["of"] == ["root augreg"]
    assert cli.main(["data", *words, "--prepare"]) == 0
    assert "1 to get: 1.05 MB to download at most\n" in capsys.readouterr().err
    assert (tmp_path / name).read_bytes() == server.content


def test_sets_within_sources_and_names_of_the_hub(tmp_path):
    task = Task("t", Joined(TFDS("mnist", data_dir=str(tmp_path)), HuggingFace("ylecun/mnist")))
    names = [each.name for each in data_sets(task)]
    assert names == ["TFDS mnist", "HuggingFace ylecun/mnist"]
    cached = HuggingFace("ylecun/mnist", cache_dir=str(tmp_path))
    assert cached.data_set().there is False
    (tmp_path / "ylecun___mnist").mkdir()
    assert cached.data_set().there is True
    folder = HuggingFace(str(tmp_path / "none"))
    assert (folder.data_set().there, folder.data_set().prepare) == (False, None)
