"""`mu2 predict` on a real system: files, folders, standard input; one task or all."""

import io
import json
import os
import types

import numpy as np
import pytest
from PIL import Image

import mu2
from mu2 import cli
from mu2.cli import predict
from mu2.system import System
from mu2.system.changes import Changes
from mu2.system.inference import Inference
from mu2.system.record import TaskRecord
from mu2.system.writable import WritableSystem
from mu2.tasks.user_examples import examples
from tests import shrunken


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


@pytest.fixture
def images(tmp_path):
    files = []
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (17, 20), np.uint8)
        files.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(pixels).save(files[-1])
    return files


def ask(run, *words):
    return cli.main(["predict", str(run.directory), *map(str, words)])


def answers(run, capsys, *words):
    assert ask(run, *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def probabilities(run, task, files):
    inference = Inference(System.open(run.directory))
    form = inference.form(task)
    return inference.predict(task, examples("image", files, [form])[form]).probabilities


def test_a_task_answers(run, images, capsys, monkeypatch):
    monkeypatch.setattr(predict, "CHUNK", 2)
    document = answers(run, capsys, "--task", "digits", *images, "--top", 3)
    assert [*document] == ["format", "system", "task", "images", "skipped"]
    assert [image["file"] for image in document["images"]] == images
    names = run.system.task("digits").class_names
    for image, row in zip(document["images"], probabilities(run, "digits", images), strict=True):
        assert [*image] == ["file", "class", "class_index", "probability", "top"]
        order = np.argsort(-row, kind="stable")[:3]
        assert [guess["class_index"] for guess in image["top"]] == order.tolist()
        assert [guess["class"] for guess in image["top"]] == [names[i] for i in order]
        np.testing.assert_allclose([g["probability"] for g in image["top"]], row[order], rtol=1e-5)
        assert {key: image[key] for key in image["top"][0]} == image["top"][0]


def test_all_tasks_answer(run, images, capsys):
    document = answers(run, capsys, "--all", *images)
    assert [*document] == ["format", "system", "tasks", "images", "skipped"]
    assert document["tasks"] == list(run.system.tasks)
    for task in run.system.tasks:
        alone = answers(run, capsys, "--task", task, *images)["images"]
        for image, one in zip(document["images"], alone, strict=True):
            (same,) = [each for each in image["answers"] if each["task"] == task]
            assert {"file": image["file"], **same} == {**one, "task": task}


def test_the_table(run, images, capsys):
    assert ask(run, "--all", *images[:2], "--top", 2) == 0
    printed = capsys.readouterr()
    rows = [line.split() for line in printed.out.splitlines()]
    assert rows[0] == ["image", "task", "class", "probability"]
    assert len(rows) == 2 + 2 * 3 * 2
    assert printed.err == ""


def test_a_folder_stands_for_its_images(run, images, tmp_path, capsys):
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("b/z.JPG", ".hidden/a.png", ".a.png", "a.gif"):
        Image.new("RGB", (3, 3)).save(tmp_path / name, "PNG")
    (tmp_path / "b" / "notes.txt").write_text("none")
    os.mkfifo(tmp_path / "b" / "pipe.png")  # would be waited for
    document = answers(run, capsys, "--task", "digits", images[1], tmp_path)
    expected = [images[1], *images, str(tmp_path / "a.gif"), str(tmp_path / "b" / "z.JPG")]
    assert [image["file"] for image in document["images"]] == expected
    skipped = [f"{tmp_path}/b/notes.txt", f"{tmp_path}/b/pipe.png"]
    assert document["skipped"] == skipped
    assert ask(run, "--task", "digits", tmp_path) == 0
    assert capsys.readouterr().err == (
        f"mu2: skipped, no examples by their names: {', '.join(skipped)}\n"
    )


def test_many_skipped_files_are_counted(run, images, tmp_path, capsys):
    for number in range(8):
        (tmp_path / f"{number}.txt").touch()
    assert ask(run, "--task", "digits", tmp_path) == 0
    assert capsys.readouterr().err.endswith(f"{tmp_path}/4.txt and 3 more\n")


def given(monkeypatch, content):
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(content)))


def test_standard_input_is_an_image_or_names(run, images, tmp_path, capsys, monkeypatch):
    with open(images[0], "rb") as file:
        given(monkeypatch, file.read())
    one = answers(run, capsys, "--task", "digits", "-")["images"]
    assert [image["file"] for image in one] == ["-"]
    given(monkeypatch, f"{images[0]}\r\n\n{tmp_path}\n".encode())
    four = answers(run, capsys, images[2], "--task", "digits", "-")["images"]
    assert [image["file"] for image in four] == [images[2], images[0], *images]
    assert four[1]["probability"] == pytest.approx(one[0]["probability"], rel=1e-5)


@pytest.mark.parametrize(
    ("content", "words", "said"),
    [
        (b"", ["-"], "standard input is empty."),
        (b"\n \n", ["-"], "standard input is empty."),
        (b"\xff\xfe\x00", ["-"], "no image that Pillow knows, and no list of names"),
        (b"none.png\n", ["-"], "none.png: No such file"),
        (b"", ["-", "-"], "standard input (-) is named twice."),
        (b"", [""], "an image without a name: "),
    ],
)
def test_nothing_to_look_at(run, content, words, said, capsys, monkeypatch):
    given(monkeypatch, content)
    assert ask(run, "--all", *words) == 2
    assert said in capsys.readouterr().err


def test_a_torn_image_on_standard_input(run, images, capsys, monkeypatch):
    with open(images[0], "rb") as file:
        given(monkeypatch, file.read()[:70])
    assert ask(run, "--all", "-") == 2
    assert capsys.readouterr().err.startswith("mu2: standard input: ")


def test_every_file_that_is_no_image_is_named(run, images, tmp_path, capsys):
    (tmp_path / "text.png").write_text("no image")
    with open(images[0], "rb") as file:
        whole = file.read()
    (tmp_path / "torn.png").write_bytes(whole[: len(whole) // 2 + 8])
    (tmp_path / "empty.png").touch()
    names = ("text.png", "torn.png", "empty.png", "missing.png")
    bad = [str(tmp_path / name) for name in names]
    assert ask(run, "--task", "digits", images[0], *bad) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    for file, why in zip(bad, ("no image", "", "no image", "No such file"), strict=True):
        assert f"mu2: {file}: " in printed.err
        assert why in printed.err
    assert printed.err.endswith("4 faults.\n")


def test_an_empty_folder(run, tmp_path, capsys):
    assert ask(run, "--task", "digits", tmp_path) == 2
    assert f"{tmp_path} holds no images." in capsys.readouterr().err


def test_an_unknown_task(run, images, capsys):
    assert ask(run, "--task", "digit", *images) == 2
    assert "Did you mean 'digits'?" in capsys.readouterr().err


def test_tasks_that_read_no_images(images, tmp_path, capsys):
    with WritableSystem.extend(tmp_path / "system") as system:
        system.start_run("x = 1\n")
        system.commit("a task", Changes(tasks=[TaskRecord("t", ("a", "b"), False, input="text")]))
    for words, said in (
        (["--task", "t"], "task 't' of "),
        (["--all"], "has no task that reads images"),
    ):
        assert cli.main(["predict", str(tmp_path / "system"), *words, *images]) == 2
        assert said in capsys.readouterr().err


def test_python_answers_for_a_folder_as_the_command_does(run, images, capsys, tmp_path):
    (tmp_path / "note.md").write_text("no image")
    told = answers(run, capsys, "--task", "digits", tmp_path)["images"]
    system = mu2.open(run.directory)
    made = system.predict("digits", tmp_path)
    assert made.files == tuple(each["file"] for each in told) == tuple(images)
    assert made.names == tuple(each["class"] for each in told)
    np.testing.assert_array_equal(made.probabilities, probabilities(run, "digits", images))
    assert system.predict_all(str(tmp_path))["digits"].files == made.files
    assert len(system.embed("digits", tmp_path)) == len(images)
    assert system.predict("digits", images).files == ()
