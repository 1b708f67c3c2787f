import io
import json
import re

import pytest

from mu2.errors import Mu2Error
from mu2.report import text, words
from mu2.system.documents import faults_document, plain, pretty
from tests.report import fakes

LONG = "kannada_mnist_with_a_name_of_fifty_letters_or_more"


def printed(summary, stream=None):
    stream = stream or io.StringIO()
    text.show_system(summary, stream)
    return stream.getvalue()


def test_a_pipe_gets_whole_rows_without_colour():
    text = printed(fakes.summary(tasks=[fakes.task(LONG, parent_task=LONG, private=True)]))
    assert "\x1b" not in text
    (row,) = [line for line in text.splitlines() if line.startswith(LONG)]
    numbers = ["95.0%", "97.0%", LONG, "←", "root", "0/5", "12.3k", "50.0%", "12.3"]
    assert row.split() == [LONG, "(private)", *numbers]
    assert all(line == line.rstrip() for line in text.splitlines())


def test_a_terminal_of_80_columns_gets_whole_names(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    text = printed(fakes.summary(tasks=[fakes.task(LONG)]), fakes.Terminal())
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    table, _, _ = text.partition("systems/x:")
    rows = [line for line in table.splitlines() if line.strip()]
    assert max(len(line) for line in rows) <= 80
    assert "".join(line.split("  ")[0].strip() for line in rows[3:]) == LONG
    assert "…" not in text


def test_a_system_with_a_task_under_way():
    new = fakes.task(
        "greek",
        **dict.fromkeys(
            ("test_accuracy", "validation_accuracy", "added_parameters", "activated_share")
        ),
        seconds=None,
    )
    run = {"complete": False, "task": "greek", "iteration": 0, "generation": 3}
    text = printed(fakes.summary(tasks=[fakes.task("digits"), new], run=run))
    (row,) = [line for line in text.splitlines() if line.startswith("greek")]
    assert row.split() == ["greek", *7 * ["–"]]
    assert "mean" not in text
    assert "stands in task greek, iteration 1, generation 4: the same command goes on." in text


def test_the_mean_is_over_tasks():
    text = printed(fakes.summary(tasks=[fakes.task("a"), fakes.task("b", test_accuracy=0.85)]))
    assert ["mean", "90.0%", "97.0%"] in [line.split() for line in text.splitlines()]


def test_an_empty_system_has_no_table():
    assert printed(fakes.summary(tasks=[])) == (
        "systems/x: 0 tasks, 30,000 parameters; its last run is complete.\n"
    )


def test_predictions():
    guesses = [
        {"class": "[b]7", "class_index": 7, "probability": 0.98765},
        {"class": "1", "class_index": 1, "probability": 0.01},
    ]
    document = {"images": [{"file": "a b.png", **guesses[0], "top": guesses}]}
    stream = io.StringIO()
    text.show(text.prediction_table(document), stream)
    rows = [line.split() for line in stream.getvalue().splitlines()]
    assert rows[2:] == [["a", "b.png", "[b]7", "0.988"], ["1", "0.010"]]


def test_predictions_of_several_tasks():
    guesses = [{"class": "7", "probability": 0.9}, {"class": "1", "probability": 0.1}]
    answers = [{"task": "t", "top": guesses}, {"task": "u", "top": guesses[:1]}]
    document = {"tasks": ["t", "u"], "images": [{"file": "a.png", "answers": answers}]}
    stream = io.StringIO()
    text.show(text.prediction_table(document), stream)
    rows = [line.split() for line in stream.getvalue().splitlines()]
    assert rows[0] == ["image", "task", "class", "probability"]
    assert rows[2:] == [["a.png", "t", "7", "0.900"], ["1", "0.100"], ["u", "7", "0.900"]]


def test_a_preview_shows_every_key():
    preview = {
        "tasks": ("digits", "latin"),
        "children": 1280,
        "parameters": {"min": 12_000, "max": 3_400_000},
        "training_steps": [{"task": "digits", "steps": 40}, {"task": "latin", "steps": 30}],
        "depths": (0, 1),
        "share": 0.125,
        "private": True,
        "parts": {"train": {"examples": 90, "sizes": {}}, "test": {"examples": 30}},
        "seconds": None,
    }
    assert text.preview_lines(preview) == [
        "  tasks           digits, latin",
        "  children        1,280",
        "  parameters      min 12,000, max 3,400,000",
        "  training steps  task digits, steps 40; task latin, steps 30",
        "  depths          0, 1",
        "  share           0.125",
        "  private         yes",
        "  parts           train: examples 90",
        "                  test: examples 30",
        "  seconds         –",
    ]
    assert text.preview_lines({}) == []


def test_faults_have_three_keys():
    faults = [Mu2Error("wrong.", location="a.gin:3", hint="Mend it."), Mu2Error("too.")]
    assert faults_document(faults) == {
        "ok": False,
        "faults": [
            {"message": "wrong.", "location": "a.gin:3", "hint": "Mend it."},
            {"message": "too.", "location": None, "hint": None},
        ],
    }


def test_documents_keep_their_order_and_their_letters():
    text = pretty({"b": "α", "a": {3, 1}, "c": (float("inf"),)})
    assert list(json.loads(text)) == ["b", "a", "c"]
    assert "α" in text
    assert json.loads(text) == {"b": "α", "a": [1, 3], "c": [None]}
    with pytest.raises(TypeError):
        plain({"x": object()})


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"),
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10.0k"),
        (123_456, "123k"),
        (999_400, "999k"),
        (999_600, "1.00M"),
        (1_234_567, "1.23M"),
        (307e6, "307M"),
        (1.3e12, "1300G"),
    ],
)
def test_counts(number, text):
    assert words.count(number) == text


@pytest.mark.parametrize(
    ("seconds", "text", "ticking"),
    [
        (None, "–", "–:––"),
        (0.84, "0.8 s", "0:01"),
        (9.96, "10 s", "0:10"),
        (59.6, "1:00", "1:00"),
        (185, "3:05", "3:05"),
        (7385, "2:03:05", "2:03:05"),
    ],
)
def test_durations(seconds, text, ticking):
    assert words.duration(seconds) == text
    assert words.clock(seconds) == ticking
