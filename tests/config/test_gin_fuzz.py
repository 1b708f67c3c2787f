"""Corrupted Gin texts and wrong values: faults with their places, never a traceback, never a hang.

CI tries 1,000 of each; `python -m tests.config.test_gin_fuzz 10000 7` tries as many as it is told,
from a seed of its own, and prints what it found.
"""

import random
import re
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import pytest

from mu2.config import read
from mu2.config.linter import Faults
from mu2.config.validation import validate

ROOT = Path(__file__).parents[2]
BASE = """\
include 'gin/quickstart.gin'
Glyphs.per_class = 8
Glyphs.side = 16
"""
SIGNS = "'\"()[]{}=@%/.#,:;\\ \n\t\0a_-1é\u202e"
LITERALS = (
    *("5", "-1", "0", "1e9", "10**12", "1e400", "-1e400", "1.5", "None", "True", "False", "''"),
    *("'x'", "b'x'", "()", "(5,)", "[5]", "{}", "{'a': 5}", "{5: 5}", "{(): 1}", "(None,)", "1j"),
    *(
        "'\\x00'",
        "'\\n'",
        "'../..'",
        "'" + "y" * 5000 + "'",
        "1000000000000",
        "99999999999999999999",
    ),
    *("@Stream()", "@Stream", "@Task()", "@Nothing()", "%nothing", "@a/b/Stream()", "gin.REQUIRED"),
    *("(1, (2, (3, @Layout())))", "@Experiment()", "@Hyperparameters()", "(@Digits(),)", "%wrong"),
    *("(%wrong, %wrong)", "{'a': %wrong}", "nan", "float('nan')", "...", "lambda: 1", "1 + 1"),
)
SECONDS = 5.0
FILES = ("gin/quickstart.gin", "gin/stream/scripts.gin", "search_spaces/vit_micro.gin",
         "gin/mutation/mu2net.gin")  # fmt: skip


def names():
    """Every parameter of every configurable, and every hyperparameter."""
    from mu2.config import vocabulary

    known = vocabulary()
    found = [f"{c.name}.{p}" for c in known.configurables.values() for p in c.parameters]
    found += [f"{h}.{name}" for h in ("Hyperparameters", "Ranges", "Choices")
              for name in (*known.hyperparameters, *known.model_hyperparameters)]  # fmt: skip
    return sorted(found)


def value(draw):
    literal = draw.choice(LITERALS)
    kind = draw.random()
    if kind < 0.2:
        return f"({literal}, {draw.choice(LITERALS)})"
    if kind < 0.3:
        return f"[{literal}]"
    return literal


def wrong_value(draw, known):
    """A sound run with a value that does not fit: bound, by a macro, in a scope, or in a tuple."""
    name = draw.choice(known)
    way = draw.random()
    lines = [BASE]
    if way < 0.5:
        lines.append(f"{name} = {value(draw)}")
    elif way < 0.8:
        lines += [
            f"wrong = {value(draw)}",
            f"{name} = {draw.choice(['%wrong', '(%wrong,)', '(1, %wrong)'])}",
        ]
    else:
        lines.append(f"digits/{name} = {value(draw)}")
    if draw.random() < 0.3:
        lines.append(
            f"Experiment.{draw.choice(['space', 'roots', 'stream', 'seed'])} = {value(draw)}"
        )
    return "\n".join(lines) + "\n"


def corrupted_text(draw, known):
    """A file of mu2's own with one to four letters changed, brackets and quotes among them."""
    text = (ROOT / draw.choice(FILES)).read_text(encoding="utf-8")
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(text))
        new = draw.choice([draw.choice(SIGNS), "", draw.choice("()[]{}'\""), "\ninclude '"])
        text = text[:at] + new + text[at + draw.randint(0, 2) :]
    return text


def tried(text, file):
    """The faults of a text: all that `mu2 check` would tell.

    Raises:
      AssertionError: it took too long, or a fault has no place.
    """
    file.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
    start = time.process_time()
    reading = read([str(file)], [])
    faults = reading.faults
    try:
        validate(faults, reading.made, reading.place)
        if not faults:
            reading.load()
    except Faults as found:
        faults = found.faults
    took = time.process_time() - start
    assert took < SECONDS, f"{took:.1f} s"
    for fault in faults:
        str(fault)
        assert re.fullmatch(r"\S+:\d+", fault.location or ""), f"no place: {fault}"
    return faults


def try_many(make, count, seed, file, stop=True):
    """Tries texts; returns outcomes, and what failed with its text."""
    draw, known, found, failed = random.Random(seed), names(), Counter(), []
    for number in range(count):
        text = make(draw, known)
        try:
            found["faulty" if tried(text, file) else "sound"] += 1
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"
            failed.append((said, text))
            if stop:
                raise AssertionError(f"number {number} of seed {seed}: {said}\n{text}") from error
    return found, failed


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    return tmp_path / "run.gin"


@pytest.mark.slow
@pytest.mark.parametrize("make", [wrong_value, corrupted_text])
def test_a_thousand_faulty_texts_give_faults_with_places(make, here):
    found, _ = try_many(make, 1000, 23, here)
    assert found["faulty"] > 500


def main(count, seed):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for make in (wrong_value, corrupted_text):
            found, failed = try_many(make, count, seed, Path(folder) / "run.gin", stop=False)
            sys.stdout.write(f"{make.__name__} {dict(found)} failed {len(failed)}\n")
            for message, text in failed[:20]:
                rest = text.replace(BASE, "").strip()[-300:]
                sys.stdout.write(f"{message[:300]}\n    {rest!r}\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
