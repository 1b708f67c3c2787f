"""`mu2 check`: what it says of data, weights, tables and parts."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from mu2 import cli
from tests.cli.checks import BASE, check, faults


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", "nowhere")


ONE = """
Stream.tasks = (@latin/Task(),)
latin/Glyphs.per_class = 40
Ranges.num_layers = (2,)
Training.batch_size = 100
Training.intervals = 3
Training.max_train_examples = 1000
Training.max_validation_examples = 150
Evolution.children_per_iteration = 5
"""


def test_what_a_run_would_do(capsys):
    _, document = check(ONE, capsys)
    would = document["preview"]
    sizes = {"train": 1040, "validation": 260, "test": 260}
    assert would["tasks"] == [{"name": "latin", "classes": 26, **sizes}]
    # The ViT of the file's header, and its head.
    parameters = 102_336 + 65 * 26
    assert would["parameters"] == {"smallest": parameters, "largest": parameters}
    forward = would["forward_flops"]["largest"]
    # Two operations for each weight and token, but for the class token's own layers; attention.
    tokens, width = 17, 64
    # The second block is the last: all tokens are its keys and values, one goes on.
    blocks = 12 * tokens + 2 * tokens + 10
    products = 2 * blocks * width**2 + 2 * 16 * 16 * width + 2 * width * 26
    attention = 2 * 2 * (tokens**2 + tokens) * width
    assert forward == pytest.approx(products + attention, rel=0.15)
    # Ten steps of 100 and one batch of validation images (whole batches), an interval.
    examples = 3 * 10 * 100 + 100
    assert would["run_flops"]["largest"] == pytest.approx(2 * 5 * 3 * examples * forward)
    assert would["training_steps"] == 2 * 5 * 3 * 10
    image = 16 * 16
    assert would["device_bytes"] == parameters * (4 + 4 + 2) + 100 * image * 4
    kept, root = parameters * 6, parameters * 4
    assert would["disk_bytes"]["ended"] == pytest.approx(kept + root, rel=0.02)
    assert would["disk_bytes"]["runs"] - would["disk_bytes"]["ended"] == 5 * kept


def test_adapters_count_where_mutations_insert_them(capsys):
    more = "Hyperparameters.adapter_dim = 8\nMutation.adapters = 'insert'\n"
    bare = check(ONE, capsys)[1]["preview"]["parameters"]
    grown = check(ONE + more, capsys)[1]["preview"]["parameters"]
    # A norm, and matrices to 8 and back, with their biases; before each of two layers.
    adapter = 2 * 64 + (64 * 8 + 8) + (8 * 64 + 64)
    assert grown == {"smallest": bare["smallest"], "largest": bare["largest"] + 2 * adapter}


def test_data_are_reported_for_every_task(capsys):
    code, document = check(ONE, capsys, "--data")
    assert code == 0
    assert document["data"]["latin"]["classes"] == 26
    assert "warnings" in document["data"]["latin"]


def test_warnings_of_the_data_come_last(capsys, monkeypatch):
    from mu2.planning import preview

    report = {"input": "image", "parts": {"train": 3}, "warnings": ["all of it is dark."]}
    monkeypatch.setattr(preview, "inspect", lambda task, faults: report)
    Path("run.gin").write_text(BASE + ONE)
    assert cli.main(["check", "run.gin", "--data"]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("latin:")
    assert lines[at + 1 :] == [
        "  input  image",
        "  parts  train 3",
        "  warning: all of it is dark.",
    ]
    assert cli.main(["check", "run.gin"]) == 0
    assert "latin:" not in capsys.readouterr().out.splitlines()


def test_words_of_a_sound_run(capsys):
    assert cli.main(["check", "gin/quickstart.gin"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("ok; a run would take\n")
    assert re.search(r"digits +10 classes; 1,258 train, 270 validation, 269 test", said)
    for word in ("children", "programs", "parameters", "FLOPs", "memory", "disk", "devices"):
        assert re.search(rf"^  {word} ", said, re.M)
    assert max(map(len, said.splitlines())) <= 100


def test_the_rule_that_made_a_split_is_told(tmp_path, capsys):
    x, y = np.zeros((40, 16, 16), np.uint8), np.arange(40) % 2
    np.savez(tmp_path / "set.npz", x_train=x, y_train=y, x_test=x[:8], y_test=y[:8])
    words = ["--gin.Stream.tasks=(@own/Task(),)", "--gin.own/Task.name='own'"]
    words += ["--gin.own/Task.source=@Npz()", f"--gin.Npz.path='{tmp_path / 'set.npz'}'"]
    assert cli.main(["check", "gin/quickstart.gin", *words, "--json"]) == 0
    (task,) = json.loads(capsys.readouterr().out)["preview"]["tasks"]
    assert (task["train"], task["validation"]) == (38, 2)
    assert "5%" in task["rule"]
    assert cli.main(["check", "gin/quickstart.gin", *words]) == 0
    assert task["rule"] in capsys.readouterr().out


CHARACTERS = "Stream.tasks = (@latin/Task(),)\nlatin/Task.source = @latin/TFDS()\n"


def test_a_set_of_the_papers_may_be_missing_and_is_told(capsys):
    code, document = check(f"{CHARACTERS}latin/TFDS.name = 'kmnist'\n", capsys)
    assert (code, document["ok"], document["faults"]) == (0, True, [])
    (missing,) = document["preview"]["missing"]
    assert missing["location"] == "run.gin:3"
    assert "'kmnist' is not prepared in nowhere" in missing["message"]
    assert 'tfds.builder("kmnist"' in missing["hint"]
    (task,) = document["preview"]["tasks"]
    # By the 5% rule: no validation split.
    assert task["classes"] == 10
    assert (task["train"], task["validation"], task["test"]) == (57_000, 3000, 10_000)
    assert cli.main(["check", "run.gin"]) == 0
    assert capsys.readouterr().out.count('tfds.builder("kmnist"') == 1


def test_a_run_and_a_look_at_the_data_need_what_is_missing(capsys):
    check(f"{CHARACTERS}latin/TFDS.name = 'kmnist'\n", capsys)
    for words in (["run", "run.gin", "--system", "s"], ["check", "run.gin", "--data"]):
        assert cli.main(words) == 2
        assert 'tfds.builder("kmnist"' in capsys.readouterr().err
    assert not Path("s").exists()


def test_what_is_known_of_a_missing_set_is_checked(capsys):
    text = f"{CHARACTERS}latin/TFDS.name = 'smallnorb'\n"
    ((_, message, hint),) = faults(f"{text}latin/TFDS.label_key = 'label_elevatio'\n", capsys)
    assert "'label_elevatio'" in message
    assert "label_elevation" in hint
    ((_, message, _),) = faults(
        f"{text}latin/TFDS.label_key = 'label_azimuth'\nlatin/Task.test = 'testing'\n", capsys
    )
    assert "no split 'testing'" in message


def test_public_weights_may_be_missing_and_are_told(capsys):
    name = "Ti_16-i21k-300ep-lr_0.001-aug_light1-wd_0.1-do_0.0-sd_0.0.npz"
    root = (
        f"include 'gin/root/augreg.gin'\nAugReg.path = 'weights/{name}'\nViT.patch = 16\n"
        "Ranges.image_size = (16, 32)\nHyperparameters.image_size = 32\n"
    )
    ((_, message, hint),) = faults(root, capsys)
    assert "ViT.width = 192" in message
    assert "Ti/16" in hint
    sizes = "ViT.width = 192\nViT.heads = 3\nViT.mlp_dim = 768\n"
    code, document = check(root + sizes, capsys)
    assert code == 0
    (missing,) = document["preview"]["missing"]
    assert f"vit_models/augreg/{name}" in missing["hint"]
    unknown = root.replace("Ti_16-i21k", "Ti_16-mine")
    ((location, message, _),) = faults(unknown + sizes, capsys)
    assert "Ti_16-mine" in f"{location}{message}"


TABLE = """\
include 'gin/quickstart.gin'
Table.columns = (@a/Column(), @b/Column())
a/Column.name = 'a'
b/Column.name = 'b'
"""


def test_every_column_of_a_table_is_checked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("table.gin").write_text(TABLE, encoding="utf-8")
    assert cli.main(["check", "table.gin"]) == 0
    Path("table.gin").write_text(f"{TABLE}b/Mutation.frozen_bottom = 9\n", encoding="utf-8")
    assert cli.main(["check", "table.gin"]) == 2
    assert "table.gin:5: Mutation.frozen_bottom is 9" in capsys.readouterr().err
    Path("table.gin").write_text(f"{TABLE}b/Training.interval = 9\n", encoding="utf-8")
    assert cli.main(["check", "table.gin"]) == 2
    assert "table.gin:5: Training has no parameter 'interval'" in capsys.readouterr().err


def test_parameters_that_two_parts_set_are_warned_of(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("a.gin").write_text("Training.dtype = 'bfloat16'\n", encoding="utf-8")
    Path("b.gin").write_text("# b\nTraining.dtype = 'float32'\n", encoding="utf-8")
    run = "include 'gin/quickstart.gin'\ninclude 'a.gin'\ninclude 'b.gin'\n"
    Path("run.gin").write_text(run, encoding="utf-8")
    assert cli.main(["check", "run.gin"]) == 0
    said = capsys.readouterr().out
    assert "warning: b.gin:2: Training.dtype is set by two parts: by a.gin:1 as well" in said
    assert cli.main(["check", "run.gin", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["warnings"]
    assert (told["location"], "run.gin, behind" in told["hint"]) == ("b.gin:2", True)
    table = f"{TABLE}b/Column.parts = ('a.gin', 'b.gin')\n"
    Path("table.gin").write_text(table, encoding="utf-8")
    assert cli.main(["check", "table.gin"]) == 0
    said = capsys.readouterr().out
    assert "warning: b.gin:2: Training.dtype is set by two parts: by a.gin:1 as well" in said
    Path("run.gin").write_text(f"{run}Training.dtype = 'float32'\n", encoding="utf-8")
    assert cli.main(["check", "run.gin"]) == 0
    assert "warning" not in capsys.readouterr().out


def test_what_was_assumed_is_told(capsys):
    rows = "".join(f"{i},{i % 7},{'ab'[i >= 20]}\n" for i in range(40))
    Path("x.csv").write_text(f",a,label\n{rows}")
    text = (
        "include 'search_spaces/mlp.gin'\nStream.tasks = (@one/Task(),)\n"
        "one/Task.name = 'one'\none/Task.source = @CSV()\nCSV.path = 'x.csv'\n"
        "CSV.label = 'label'\nTraining.batch_size = 8\n"
    )
    code, document = check(text, capsys)
    assert code == 0, document
    (guess,) = document["preview"]["guesses"]
    assert guess["location"] == "run.gin:5"
    assert "is not learnt from" in guess["message"]
    assert cli.main(["check", "run.gin"]) == 0
    assert "assumed, as nothing says otherwise:" in capsys.readouterr().out
    assert cli.main(["check", "gin/quickstart.gin"]) == 0
    assert "assumed" not in capsys.readouterr().out


def test_all_that_cannot_be_read_is_told_of_all_tasks(capsys):
    image = pytest.importorskip("PIL.Image")
    tasks = []
    for name in ("one", "two"):
        for split in ("train", "validation", "test"):
            for kind in "ab":
                folder = Path(name, split, kind)
                folder.mkdir(parents=True)
                for i in range(8):
                    pixels = np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)
                    image.fromarray(pixels).save(folder / f"{i}.png")
        for bad in ("train/a/1", "train/b/2", "test/a/0"):
            Path(name, f"{bad}.png").write_bytes(b"")
        tasks.append(
            f"{name}/Task.name = '{name}'\n{name}/Task.source = @{name}/Folder()\n"
            f"{name}/Folder.path = '{name}'\n"
        )
    text = "".join(tasks) + "Stream.tasks = (@one/Task(), @two/Task())\nTraining.batch_size = 8\n"
    assert len(faults(text, capsys, "--data")) == 6
    assert check(text, capsys)[0] == 0
