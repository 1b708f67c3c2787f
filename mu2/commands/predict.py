"""`mu2 predict`: image files classified by a system."""

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mu2.commands.command import FAULTS_HELP, OK, Command, add_json, say_json
from mu2.errors import Mu2Error

if TYPE_CHECKING:
    import numpy as np

    from mu2.inference import Inference

CHUNK = 256
EPILOG = f"""\
Needs Pillow: pip install 'mu2[images]'. Transparent parts of an image count as white.

One JSON document with --json:
  format    1
  system    the folder
  task      the task
  images    a list, in the given order: file, class, class_index, probability, and top,
            the likeliest classes first: class, class_index, probability
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The system, the task and the images."""
    parser.add_argument("system", metavar="DIR", help="the system's folder")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="an image file")
    parser.add_argument("--task", required=True, metavar="NAME", help="whose classes to tell")
    parser.add_argument(
        "--top", type=_positive, default=1, metavar="K", help="the K likeliest classes (default 1)"
    )
    add_json(parser)


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return number


def run(options: argparse.Namespace) -> int:
    """Prints the likeliest classes of each image."""
    from mu2.report import tables
    from mu2.inference import Inference
    from mu2.system import System

    inference = Inference(System.open(options.system))
    names = inference.system.task(options.task).class_names
    images = []
    for start in range(0, len(options.images), CHUNK):
        files = options.images[start : start + CHUNK]
        images += list(_guesses(inference, options.task, names, files, options.top))
    document = {
        "format": 1,
        "system": options.system,
        "task": options.task,
        "images": images,
    }
    if options.json:
        say_json(document)
    else:
        tables.show(tables.prediction_table(document), sys.stdout)
    return OK


def _guesses(
    inference: "Inference", task: str, names: Sequence[str], files: Sequence[str], top: int
) -> Iterator[dict[str, Any]]:
    """One entry of `images` for each file.

    Raises:
      Faults: some files are no images; every one is named.
    """
    import numpy as np

    from mu2.tasks.image import resize, to_channels

    size, _, channels = inference.input_shape(task)
    images, faults = [], []
    for file in files:
        try:
            images.append(to_channels(resize(read_image(file)[np.newaxis], size), channels)[0])
        except Mu2Error as fault:
            faults.append(fault)
    if faults:
        from mu2.linter import Faults

        raise Faults(faults)
    _, probabilities = inference.predict(task, np.stack(images))
    for file, row in zip(files, probabilities, strict=True):
        order = np.argsort(-row, kind="stable")[:top]
        guesses = [
            {"class": names[i], "class_index": int(i), "probability": float(row[i])} for i in order
        ]
        yield {"file": file, **guesses[0], "top": guesses}


def read_image(file: str) -> "np.ndarray":
    """An image file as uint8 [H, W, 3], upright, on white where it is transparent.

    Of a moving image the first frame counts; 16-bit greys keep their upper eight bits.

    Raises:
      Mu2Error: Pillow is missing; the file is not there, is no image, is damaged, or has more
        pixels than Pillow trusts.
    """
    import numpy as np

    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as error:
        raise Mu2Error(
            "reading image files needs Pillow.", hint="pip install 'mu2[images]'"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as image:
                upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):
            grey = np.clip(np.asarray(upright).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
        rgba = upright.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Mu2Error(
            f"{file}: more than {Image.MAX_IMAGE_PIXELS:,} pixels.", hint="Make it smaller first."
        ) from error
    except UnidentifiedImageError as error:
        raise Mu2Error(f"{file}: no image that Pillow knows.") from error
    except OSError as error:
        raise Mu2Error(f"{file}: {error.strerror or error}.") from error
    except (SyntaxError, ValueError) as error:  # what Pillow's decoders raise for damaged files
        raise Mu2Error(f"{file}: a damaged image ({error}).") from error


COMMAND = Command(
    "classify image files with a system",
    "DIR --task NAME IMAGE ... [--top K] [--json]",
    arguments,
    run,
    EPILOG,
    many="images",
)
