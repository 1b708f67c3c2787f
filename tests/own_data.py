"""A user's own data, made by the tests: images in folders, a table, texts; and a system of them."""

import contextlib
import csv
import io
import struct
import zlib
from types import SimpleNamespace

import numpy as np
from PIL import Image

from mu2 import config
from mu2.config import start
from mu2.report.progress import LogReporter
from mu2.system import System
from tests import shrunken

TASKS = ("shapes", "trees", "mood", "reviews")
WORDS = {"praise": "good fine great lovely", "blame": "bad awful poor dull"}
GIN = """
include 'search_spaces/mixed_micro.gin'
include 'gin/mutation/mu2net.gin'
include 'gin/ranges/v2.gin'
include 'gin/budget/papers_large.gin'
include 'gin/optimizer/sgd_laptop.gin'
include 'gin/augmentation/none.gin'
include 'gin/mesh/cpu.gin'

Experiment.stream = @Stream()
Stream.tasks = (@shapes/Task(), @trees/Task(), @mood/Task(), @reviews/Task())
Stream.iterations = 1

shapes/Task.name = 'shapes'
shapes/Task.source = @Folder()
Folder.path = '{folder}/shapes'

trees/Task.name = 'trees'
trees/Task.source = @trees/CSV()
trees/CSV.path = '{folder}/trees.csv'
trees/CSV.label = 'kind'
trees/CSV.ignore = ('plot',)

mood/Task.name = 'mood'
mood/Task.source = @TextLines()
TextLines.path = '{folder}/mood'

reviews/Task.name = 'reviews'
reviews/Task.source = @reviews/CSV()
reviews/CSV.path = '{folder}/reviews.csv'
reviews/CSV.label = 'stars'
reviews/CSV.text = 'words'

Evolution.children_per_iteration = 1
Evolution.children_per_generation = 1
Training.batch_size = 8
Training.intervals = 1
Training.max_train_examples = 64
Training.max_validation_examples = 64
ViT.width = 16
ViT.heads = 2
ViT.mlp_dim = 32
MLP.width = 16
MLP.mlp_dim = 32
ByteTransformer.width = 16
ByteTransformer.heads = 2
ByteTransformer.mlp_dim = 32
Hyperparameters.text_length = 16
Hyperparameters.num_layers = 1
Ranges.num_layers = (1,)
"""


def rows(n, seed=0):
    """Rows of a table of trees: a number with gaps, one of another scale, and a category."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(n):
        oak = bool(number % 2)
        found.append(
            {
                "plot": number,
                "height": "" if number % 7 == 3 else f"{draw.normal(20 if oak else 8, 1):.3f}",
                "grams": f"{draw.normal(5000, 900):.1f}",
                "bark": ("rough", "smooth", "NA")[draw.integers(3)],
                "kind": "oak" if oak else "birch",
            }
        )
    return found


def write_csv(file, lines):
    with open(file, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [*lines[0]])
        writer.writeheader()
        writer.writerows(lines)
    return file


def texts(n, seed=0):
    """Texts and what they are."""
    draw = np.random.default_rng(seed)
    return [
        (" ".join(draw.choice(WORDS[kind].split(), 3)), kind)
        for kind in (("praise", "blame") * n)[:n]
    ]


def write_lines(folder, found):
    folder.mkdir(parents=True)
    for kind in WORDS:
        lines = [text for text, of in found if of == kind]
        (folder / f"{kind}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_images(folder, n, seed=0):
    """Light and dark images, in a folder each."""
    draw = np.random.default_rng(seed)
    for number in range(n):
        name = "light" if number % 2 else "dark"
        (folder / name).mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 100, (17, 20, 3)) + (150 if number % 2 else 0)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")


def write_all(folder):
    """The data of all tasks, in a folder; returns the Gin file of a run."""
    write_images(folder / "shapes", 60)
    write_csv(folder / "trees.csv", rows(80))
    write_lines(folder / "mood", texts(80))
    reviews = [{"words": text, "stars": kind} for text, kind in texts(80, 1)]
    write_csv(folder / "reviews.csv", reviews)
    (folder / "own.gin").write_text(GIN.format(folder=folder), encoding="utf-8")
    return folder / "own.gin"


_made = []


def system(tmp_path_factory):
    """The system that many tests share: its directory, the data's folder, and the Gin file."""
    if not _made:
        folder = tmp_path_factory.mktemp("own")
        file = write_all(folder)
        directory = folder / "system"
        evolve(file, directory)
        _made.append(SimpleNamespace(directory=directory, folder=folder, file=file))
    return _made[0]


def evolve(file, directory, *bindings):
    """What `mu2 run` does, in this process; returns the system."""
    loaded = config.load([str(file)], bindings)
    reporter = contextlib.nullcontext(LogReporter(io.StringIO()))
    with shrunken.shared_programs():
        start.evolve(loaded.experiment, loaded.resolved, str(directory), reporter)
    return System.open(directory)


def deep_png(colours: np.ndarray) -> bytes:
    """A PNG file of 16 bits a colour, of uint16 [H, W, 3]."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colours)
    head = struct.pack(">IIBBBBB", colours.shape[1], colours.shape[0], 16, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    made = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)
