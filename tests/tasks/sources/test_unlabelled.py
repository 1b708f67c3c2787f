"""Examples without a label: refused by all readers of labels, left out and counted where asked."""

import json

import numpy as np
import pytest

from mu2 import cli
from mu2.errors import Mu2Error
from mu2.tasks import CSV, HuggingFace, Npz, Task, guesses
from mu2.tasks.guesses import unlabelled
from mu2.tasks.inspect import inspect

# Every fifth label stands for none, as files of different writers have it.
WORDS = ["", "NA", "?", "null"]
LABELS = [WORDS[i // 5 % 4] if i % 5 == 0 else "ny"[i % 2] for i in range(60)]
THERE = [i for i in range(60) if i % 5]


def table(path, labels=LABELS):
    rows = "".join(f"{i},{label}\n" for i, label in enumerate(labels))
    path.write_text("a,label\n" + rows)
    return str(path)


def parquet(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as writer

    labels = [None if i % 5 == 0 else "ny"[i % 2] for i in range(60)]
    writer.write_table(arrow.table({"a": list(range(60)), "label": labels}), tmp_path / "x.parquet")
    return CSV(str(tmp_path / "x.parquet"), "label", shuffle=False, skip_unlabelled=True)


def archive(tmp_path, labels, **options):
    images = np.arange(60, dtype=np.uint8).repeat(9).reshape(60, 3, 3) + 100
    np.savez(tmp_path / "x.npz", x=images, y=np.asarray(labels))
    return Npz(str(tmp_path / "x.npz"), shuffle=False, **options)


def test_rows_of_a_table_are_refused_or_left_out(tmp_path):
    file = table(tmp_path / "x.csv")
    with pytest.raises(Mu2Error, match=r"missing.*in 12 rows") as caught:
        CSV(file, "label").class_names()
    assert "CSV.skip_unlabelled = True" in caught.value.hint
    for source in (CSV(file, "label", shuffle=False, skip_unlabelled=True), parquet(tmp_path)):
        assert (source.class_names(), source.size("train")) == (("n", "y"), 48)
        assert source.size("train[:25%]") == 12
        numbers, labels = source.raw_rows("train")
        assert [int(a) for a in numbers["a"]] == THERE
        assert labels.tolist() == [i % 2 for i in THERE]
        assert source.unlabelled() == {"train": 12}
        assert guesses(Task("t", source))[0].startswith("12 examples of 'train' have no label")
        assert inspect(Task("t", source))["unlabelled"] == {"train": 12}


def test_files_without_any_label_are_no_split_to_read(tmp_path):
    table(tmp_path / "train.csv")
    table(tmp_path / "test.csv", [""] * 60)
    source = CSV(str(tmp_path), "label", skip_unlabelled=True)
    assert source.size("train") == 48
    assert source.unlabelled() == {"train": 12, "test": 60}
    with pytest.raises(Mu2Error, match="selects no examples"):
        source.size("test")
    with pytest.raises(Mu2Error, match="no row has a label in column 'label'"):
        CSV(str(tmp_path / "test.csv"), "label", skip_unlabelled=True).class_names()


@pytest.mark.parametrize(
    "labels", [LABELS, [-1 if i % 5 == 0 else i % 2 for i in range(60)]], ids=["texts", "numbers"]
)
def test_examples_of_an_npz(tmp_path, labels):
    source = archive(tmp_path, labels, skip_unlabelled=True)
    examples = source.read("train", 3)
    assert examples.inputs[:, 0, 0, 0].tolist() == [100 + i for i in THERE]
    assert examples.labels.tolist() == [i % 2 for i in THERE]
    assert unlabelled(source) == {"train": 12}
    with pytest.raises(Mu2Error) as caught:
        Task("t", archive(tmp_path, labels)).read("train", (3, 3, 3))
    assert "Npz.skip_unlabelled = True" in caught.value.hint


def test_check_counts_labels_that_are_no_classes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    archive(tmp_path, [-1 if i % 5 == 0 else i % 2 for i in range(60)])
    (tmp_path / "run.gin").write_text(
        "include 'gin/quickstart.gin'\nStream.tasks = (@t/Task(),)\nt/Task.name = 't'\n"
        "t/Task.source = @Npz()\nNpz.path = 'x.npz'\n"
        "t/Task.validation = 'train[:40%]'\nt/Task.train = 'train[40%:]'\n"
        "t/Task.test = 'train[:40%]'\n"
    )
    assert cli.main(["check", "run.gin", "--data", "--json"]) == 2
    faults = json.loads(capsys.readouterr().out)["faults"]
    told = [each for each in faults if "are no classes" in each["message"]]
    assert len(told) == 3
    assert all("Npz.skip_unlabelled = True" in each["hint"] for each in told)
    assert (
        cli.main(
            [
                "check",
                "run.gin",
                "--data",
                "--gin.Npz.skip_unlabelled=True",
                "--gin.Training.batch_size=8",
            ]
        )
        == 0
    )
    assert "12 examples of 'train' have no label, and are left out" in capsys.readouterr().out


@pytest.mark.parametrize("numbers", [False, True])
def test_examples_of_hugging_face(tmp_path, numbers):
    datasets = pytest.importorskip("datasets", reason="the extra hf is not installed")
    labels = [i % 2 if numbers else "ny"[i % 2] for i in range(60)]
    for i in range(0, 60, 5):
        labels[i] = None if i % 2 else -1 if numbers else ""
    columns = {"text": [f"t{i}" for i in range(60)], "label": labels}
    datasets.Dataset.from_dict(columns).save_to_disk(tmp_path / "set")
    path = str(tmp_path / "set")
    source = HuggingFace(path, text_key="text", shuffle=False, skip_unlabelled=True)
    examples = source.read("train", 4)
    texts = [bytes(row).rstrip(b"\0").decode() for row in examples.inputs]
    assert texts == [f"t{i}" for i in THERE]
    assert examples.labels.tolist() == [i % 2 for i in THERE]
    assert unlabelled(source) == {"train": 12}
    with pytest.raises(Mu2Error) as caught:
        Task("t", HuggingFace(path, text_key="text")).read("train", (4,))
    assert "HuggingFace.skip_unlabelled = True" in caught.value.hint
