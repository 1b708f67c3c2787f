"""Export: each form gives back the network, read without mu2, and is whole or not there."""

import errno
import json
import sys

import jax
import numpy as np
import pytest
from orbax.checkpoint import v1 as ocp
from safetensors.numpy import load_file

from mu2.errors import Mu2Error
from mu2.models import flatten, nest
from mu2.models.roots.location import Location
from mu2.models.roots.tensors import Safetensors
from mu2.system import System
from mu2.system import export as module
from mu2.system.changes import Changes
from mu2.system.export import FORMS, export
from mu2.system.inference import forward, network_of, parameters_of
from mu2.system.record import TaskRecord
from mu2.system.writable import WritableSystem
from tests import shrunken


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


@pytest.fixture(scope="module")
def images(run):
    return run.watch.data["latin"].read("test", (16, 16, 1)).inputs[:5]


@pytest.fixture(scope="module")
def params(run):
    return parameters_of(run.system, run.system.path("latin"))


@pytest.fixture(scope="module")
def logits(run, images):
    """As the test set was judged, by the compiled step of a run."""
    return run.watch.logits(run.system, "latin", run.system.path("latin"))[:5]


def applied(run, params, images):
    return jax.jit(forward(network_of(run.system.path("latin"))))(params, images)


def test_orbax_reads_the_same_bits_alone(run, params, images, logits, tmp_path):
    export(run.system, "latin", "orbax", tmp_path / "latin")
    read = ocp.load(tmp_path / "latin")
    assert jax.tree.structure(read) == jax.tree.structure(params)
    for was, now in zip(jax.tree.leaves(params), jax.tree.leaves(read), strict=True):
        assert now.dtype == np.float32
        np.testing.assert_array_equal(was, now)
    np.testing.assert_array_equal(applied(run, read, images), applied(run, params, images))
    np.testing.assert_allclose(applied(run, read, images), logits, atol=1e-6)


def test_safetensors_hold_the_same_bits(run, params, images, logits, tmp_path):
    file = tmp_path / "latin.safetensors"
    document = export(run.system, "latin", "safetensors", file)
    with Safetensors(Location(str(file))) as tensors:
        read = {name.replace(".", "/"): tensors.read(name) for name in tensors.shapes}
    flat = flatten(params)
    assert read.keys() == flat.keys()
    assert all((read[name] == flat[name]).all() for name in flat)
    np.testing.assert_allclose(applied(run, nest(read), images), logits, atol=1e-6)
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert length % 8 == 0
    metadata = header.pop("__metadata__")
    assert metadata["task"] == "latin"
    assert json.loads(metadata["class_names"]) == document["class_names"]
    assert all(type(value) is str for value in metadata.values())
    assert all(entry["dtype"] == "F32" for entry in header.values())


def test_safetensors_are_read_by_the_library(run, params, tmp_path):
    export(run.system, "latin", "safetensors", tmp_path / "x")
    read = load_file(tmp_path / "x")
    # The library writes metadata in another order each time; the bytes are the same all the same.
    for again in ("y", "z"):
        export(run.system, "latin", "safetensors", tmp_path / again)
        assert (tmp_path / again).read_bytes() == (tmp_path / "x").read_bytes()
    flat = {name.replace("/", "."): leaf for name, leaf in flatten(params).items()}
    assert read.keys() == flat.keys()
    assert all((read[name] == flat[name]).all() for name in flat)


LOAD = """
import sys
import numpy as np
from jax import export
with open(sys.argv[1], "rb") as file:
    function = export.deserialize(bytearray(file.read()))
images = np.load(sys.argv[2])
for n in (1, len(images)):
    np.save(f"{sys.argv[3]}/{n}.npy", function.call(images[:n]))
print(function.platforms, [name for name in sys.modules if name.split(".")[0] == "mu2"])
"""


def test_stablehlo_runs_without_mu2_for_any_number_of_images(run, images, logits, tmp_path):
    pytest.importorskip("flatbuffers")
    document = export(run.system, "latin", "stablehlo", tmp_path / "latin.hlo")
    np.save(tmp_path / "images.npy", images)
    process = shrunken.python(
        "-P", "-c", LOAD, tmp_path / "latin.hlo", tmp_path / "images.npy", tmp_path
    )
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert out == "('cpu', 'cuda', 'tpu') []\n"
    assert document["platforms"] == ["cpu", "cuda", "tpu"]
    for n in (1, 5):
        read = np.load(tmp_path / f"{n}.npy")
        assert (read.dtype, read.shape) == (np.float32, (n, 26))
        np.testing.assert_allclose(read, logits[:n], atol=1e-6)


def test_an_operation_that_a_platform_lacks(run, tmp_path, monkeypatch):
    pytest.importorskip("flatbuffers")
    real = module.jax_export.export

    def only_cpu(function, platforms):
        if platforms != ("cpu",):
            raise NotImplementedError("no lowering for tpu")
        return real(function, platforms=platforms)

    monkeypatch.setattr(module.jax_export, "export", only_cpu)
    assert export(run.system, "latin", "stablehlo", tmp_path / "x")["platforms"] == ["cpu"]

    def none(function, platforms):
        raise TypeError("the size of the batch is asked for\nand more")

    monkeypatch.setattr(module.jax_export, "export", none)
    with pytest.raises(Mu2Error, match="any number of examples: the size of the batch is asked"):
        export(run.system, "latin", "stablehlo", tmp_path / "y")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "x.json"]


def test_without_flatbuffers_the_command_that_installs_it_is_named(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "flatbuffers", None)
    monkeypatch.delitem(sys.modules, "jax._src.export.serialization", raising=False)
    monkeypatch.delitem(sys.modules, "jax._src.export.serialization_generated", raising=False)
    with pytest.raises(Mu2Error, match="needs flatbuffers") as caught:
        export(run.system, "latin", "stablehlo", tmp_path / "x")
    assert caught.value.hint == "pip install 'mu2[export]'"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["orbax", "safetensors"])
def test_the_document_beside_it(run, form, tmp_path):
    document = export(run.system, "latin", form, tmp_path / "x.y")
    assert json.loads((tmp_path / "x.y.json").read_text()) == document
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.y", "x.y.json"]
    path = run.system.path("latin")
    assert document["form"] == form
    assert document["class_names"] == list(run.system.task("latin").class_names)
    assert document["input"] == {"kind": "image", "shape": [16, 16, 1], "dtype": "uint8"}
    assert document["hyperparameters"] == dict(path.hyperparameters)
    assert document["model"]["name"] == "ViT"
    assert json.dumps({"ViT": document["model"]["settings"]}, sort_keys=True) == path.model
    assert [c["digest"] for c in document["components"]] == [c.digest for c in path.components]
    assert document["preprocessing"]["included"] is False


@pytest.mark.parametrize("form", [*FORMS])
def test_nothing_is_written_over(run, form, tmp_path):
    for name in ("file", "link", "beside.json"):
        target = tmp_path / name
        if name == "link":
            target.symlink_to(tmp_path / "nowhere")
        else:
            target.write_text("mine")
        with pytest.raises(Mu2Error, match="is there already"):
            export(run.system, "latin", form, tmp_path / name.removesuffix(".json"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beside.json", "file", "link"]
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("none/x", "there is no folder"),
        ("system/x", "lies inside the system"),
        ("system/components/x", "lies inside the system"),
        ("/", "/ is there already"),
        ("", "is there already"),
    ],
)
def test_places_that_are_refused(run, target, said, tmp_path):
    directory = shrunken.copy(run.directory, tmp_path / "system")
    before = shrunken.files(tmp_path)
    place = target if target in ("", "/") else tmp_path / target
    with pytest.raises(Mu2Error, match=said):
        export(System.open(directory), "latin", "safetensors", place)
    assert shrunken.files(tmp_path) == before


def test_what_cannot_be_exported(run, tmp_path):
    with pytest.raises(Mu2Error, match="no task 'latim'"):
        export(run.system, "latim", "orbax", tmp_path / "x")
    with pytest.raises(Mu2Error, match="no form 'safetensor'") as caught:
        export(run.system, "latin", "safetensor", tmp_path / "x")
    assert caught.value.hint == "Did you mean 'safetensors'?"
    with WritableSystem.extend(tmp_path / "system") as system:
        system.start_run("x = 1\n")
        system.commit("a task", Changes(tasks=[TaskRecord("t", ("a", "b"), False)]))
    with pytest.raises(Mu2Error, match="no path yet"):
        export(System.open(tmp_path / "system"), "t", "orbax", tmp_path / "x")


@pytest.mark.parametrize("form", [*FORMS])
def test_what_fails_on_the_way_leaves_nothing(run, form, tmp_path, monkeypatch):
    if form == "stablehlo":
        pytest.importorskip("flatbuffers")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "flush_below", full)
    with pytest.raises(Mu2Error, match="cannot be written: No space left on device"):
        export(run.system, "latin", form, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


FULL = """
import resource, sys
from mu2.errors import Mu2Error
from mu2.system.export import export
from mu2.system import System
from mu2.system.writable import WritableSystem
system = System.open(sys.argv[1])
system.arrays(system.path("latin").components[0])
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
for form in ("orbax", "safetensors", "stablehlo"):
    try:
        export(system, "latin", form, f"{sys.argv[2]}/{form}")
        print("written")
    except Mu2Error as error:
        print(error.message.split(": ")[1])
"""


def test_a_full_disk_leaves_nothing(run, tmp_path):
    pytest.importorskip("flatbuffers")
    process = shrunken.python("-c", FULL, run.directory, tmp_path)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert out == "File too large.\n" * 3
    assert list(tmp_path.iterdir()) == []
    assert "Traceback" not in err
