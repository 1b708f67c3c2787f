"""Data sets that TensorFlow Datasets prepared in ArrayRecord form, read without TensorFlow."""

import dataclasses
import io
import itertools
import json
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.tasks import split as splits
from mu2.tasks.examples import Examples
from mu2.tasks.reader import BLOCK, Reader

_NAME = re.compile(
    r"(?P<set>[a-z]\w*)(?:/(?P<config>[\w.+-]+))?(?::(?P<version>\d+(?:\.(?:\d+|\*)){2}))?"
)
_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclasses.dataclass(frozen=True)
class TFDS:
    """A data set in a TFDS folder.

    Read through `tensorflow_datasets` from the files alone: neither the data set's own code nor
    TensorFlow is imported, and nothing is downloaded. Pillow decodes the images whether OpenCV is
    there or not, so that one machine's pixels are another's; one-bit images come as 0 and 255.

    Attributes:
      name: 'mnist', 'cmaterdb/bangla', 'mnist:3.0.1'; without a version, the newest in the folder.
      data_dir: the TFDS folder; by default the environment variable TFDS_DATA_DIR, and without it
        ~/tensorflow_datasets, as in TFDS.
      image_key: the feature that holds the image.
      label_key: the feature that holds the class.

    Raises:
      Mu2Error: the name is not of TFDS's form.
    """

    input: ClassVar[str] = "image"

    name: str
    data_dir: str | None = None
    image_key: str = "image"
    label_key: str = "label"

    def __post_init__(self) -> None:
        _parts(self.name)

    def num_classes(self) -> int:
        """Number of classes of the label, which may exceed those that one split holds.

        Raises:
          Mu2Error: as `read`, before any example is read.
        """
        return int(self._open().info.features[self.label_key].num_classes)

    def class_names(self) -> tuple[str, ...]:
        """One name a class, in label order; numbers where the data set has no names.

        Raises:
          Mu2Error: as `read`, before any example is read.
        """
        return tuple(self._open().info.features[self.label_key].names)

    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in the order of the data set.

        Raises:
          Mu2Error: as `read`, before any example is read.
        """
        return tuple(_sizes(self._open()))

    def size(self, split: str) -> int:
        """Number of examples that a split expression selects.

        Raises:
          Mu2Error: as `read`, before any example is read.
        """
        return sum(map(len, splits.parse(split, _sizes(self._open()), self._owner)))

    def read(self, split: str, image_size: int) -> Examples:
        """The selected examples, each resized as soon as it is decoded.

        Images of different sizes are welcome; transparency is dropped.

        Args:
          split: a split expression.
          image_size: side S in pixels.

        Returns:
          Images uint8 [N, S, S, C] (C 1 or 3, as the feature says) and labels int32 [N].

        Raises:
          Mu2Error: tensorflow-datasets is missing; the data set is not prepared, or in another
            file format, or damaged; a feature is missing or of another kind; the split expression
            is wrong or selects nothing; an image cannot be decoded.
        """
        return self.reader(split).read_all(image_size)

    def reader(self, split: str) -> Reader:
        """The selected examples at any index; images are decoded when they are asked for.

        Raises:
          Mu2Error: as `read`.
        """
        builder = self._open()
        return _Records(self, builder, splits.parse(split, _sizes(builder), self._owner))

    @property
    def _owner(self) -> str:
        return f"TFDS data set {self.name!r}"

    def _open(self) -> Any:
        """The data set's read-only builder, its features and file format checked."""
        try:
            import tensorflow_datasets as tfds
        except ImportError as error:
            raise Mu2Error(
                f"{self._owner} needs tensorflow-datasets.", hint="pip install 'mu2[tfds]'"
            ) from error
        directory = self._directory()
        info, _ = (
            self._document(directory / name) for name in ("dataset_info.json", "features.json")
        )
        file_format = info.get("fileFormat", "tfrecord")
        if file_format != "array_record":
            raise Mu2Error(
                f"{self._owner} is prepared as {file_format} in {directory}, and mu2 reads "
                "array_record, which needs no TensorFlow.",
                hint=f"Move that folder away and prepare it again: {self._command()}",
            )
        try:
            builder = tfds.builder_from_directory(directory)
        # A document with the wrong things in it: TFDS, Python and protobuf each have their words.
        except Exception as error:
            raise self._damaged(f"{directory} cannot be read ({_first_line(error)})") from error
        self._check_features(tfds, builder.info.features)
        return builder

    def _document(self, path: Path) -> dict[str, Any]:
        """A JSON object, read from a file."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise self._damaged(f"{path} cannot be read ({_first_line(error)})") from error
        if not isinstance(document, dict):
            raise self._damaged(f"{path} holds no JSON object")
        return document

    def _damaged(self, how: str) -> Mu2Error:
        return Mu2Error(
            f"{self._owner} is damaged: {how.rstrip('.')}.",
            hint=f"Remove {self._directory()} and prepare it again: {self._command()}",
        )

    def _directory(self) -> Path:
        """The folder of the version asked for."""
        match = _parts(self.name)
        home = self._home()
        folder = home / match["set"]
        if match["config"]:
            folder /= match["config"]
        versions = _versions(folder)
        if versions:
            wanted = match["version"]
            pattern = re.escape(wanted).replace(r"\*", r"\d+") if wanted else _VERSION.pattern
            fitting = [version for version in versions if re.fullmatch(pattern, version)]
            if not fitting:
                raise Mu2Error(
                    f"{home} has no version {wanted} of {self.name.partition(':')[0]!r}.",
                    hint=f"It has {', '.join(versions)}.",
                )
            return folder / fitting[-1]
        configs = [
            f"{match['set']}/{path.name}"
            for path in _folders(home / match["set"])
            if _versions(path)
        ]
        if configs and not match["config"]:
            raise Mu2Error(
                f"{self._owner} comes in several kinds, and one must be named.",
                hint=f"In {home}: {', '.join(configs)}.",
            )
        raise Mu2Error(
            f"{self._owner} is not prepared in {home}"
            + ("." if home.is_dir() else ", which is no folder."),
            hint=self._remedy(configs or [path.name for path in _folders(home)]),
        )

    def _home(self) -> Path:
        """The TFDS folder, found as TFDS finds it."""
        home = self.data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
        return Path(home).expanduser()

    def _remedy(self, prepared: list[str]) -> str:
        """What to do about a data set that is not there."""
        import tensorflow_datasets as tfds

        catalog = tfds.list_builders(with_community_datasets=False)
        if re.split("[/:]", self.name)[0] in catalog:
            kinds = f"Prepared there: {', '.join(prepared)}.\n  " if "/" in self.name else ""
            return f"{kinds if prepared else ''}Prepare it with: {self._command()}"
        near = did_you_mean(self.name, {*catalog, *prepared})
        if near is not None and near.startswith("Did"):
            return near
        return "TFDS's catalog has no such data set; TFDS.data_dir names the folder of your own."

    def _command(self) -> str:
        # Preparing, unlike reading, needs TensorFlow.
        home = shlex.quote(str(self._home().absolute()))
        name = shlex.quote(self.name)
        return (
            "pip install tensorflow tensorflow-datasets array-record && "
            f"tfds build {name} --file_format=array_record --data_dir={home}"
        )

    def _check_features(self, tfds: Any, features: Any) -> None:
        """Raises Mu2Error unless the two keys name an 8-bit image and a class."""
        for field, key, kind in (
            ("image_key", self.image_key, tfds.features.Image),
            ("label_key", self.label_key, tfds.features.ClassLabel),
        ):
            if key not in features:
                raise Mu2Error(
                    f"{self._owner} has no feature {key!r}, which TFDS.{field} names.",
                    hint=did_you_mean(key, features),
                )
            if not isinstance(features[key], kind):
                fitting = [name for name in features if isinstance(features[name], kind)]
                raise Mu2Error(
                    f"{self._owner}: TFDS.{field} names {key!r}, which is "
                    f"{type(features[key]).__name__} and not {kind.__name__}.",
                    hint=f"Features of that kind: {', '.join(fitting) or 'none'}.",
                )
        if features[self.image_key].np_dtype != np.uint8:
            raise Mu2Error(
                f"{self._owner}: the images of {self.image_key!r} are "
                f"{np.dtype(features[self.image_key].np_dtype)}, and mu2 reads 8-bit images."
            )

    def _records(self, builder: Any, split: str) -> Any:
        """Random access to a split, images still encoded."""
        import tensorflow_datasets as tfds

        undecoded = {self.image_key: tfds.decode.SkipDecoding()}
        try:
            return builder.as_data_source(split, decoders=undecoded)
        except ImportError as error:
            raise Mu2Error(
                f"{self._owner} needs array-record.", hint="pip install 'mu2[tfds]'"
            ) from error

    def _fetch(self, records: Any, indices: Sequence[int]) -> list[dict[str, Any]]:
        try:
            return list(records.__getitems__(list(indices)))
        # array_record raises RuntimeError for a file that is missing, short or garbled.
        except (RuntimeError, OSError, ValueError, IndexError) as error:
            raise self._damaged(_first_line(error)) from error

    def _decode(self, encoded: bytes, mode: str, place: str) -> np.ndarray:
        """One image as uint8 [H, W, C]."""
        try:
            from PIL import Image
        except ImportError as error:
            raise Mu2Error(
                f"{self._owner} needs Pillow.", hint="pip install 'mu2[tfds]'"
            ) from error
        try:
            with Image.open(io.BytesIO(encoded)) as image:
                # A palette with transparency converts without a warning by way of RGBA only.
                plain = image.convert("RGBA") if image.mode == "P" else image
                pixels = np.asarray(plain.convert(mode))
        # Pillow raises SyntaxError for some broken PNG files.
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise Mu2Error(
                f"{self._owner}: {place} is no image that Pillow can decode ({_first_line(error)})."
            ) from error
        return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels


class _Records(Reader):
    """The records that some spans of a data set select."""

    def __init__(self, source: TFDS, builder: Any, spans: tuple[splits.Span, ...]):
        self._source = source
        self._spans = spans
        self._records = {span.split: source._records(builder, span.split) for span in spans}
        grey = builder.info.features[source.image_key].shape[-1] == 1
        self._mode = "L" if grey else "RGB"

    def __len__(self) -> int:
        return sum(map(len, self._spans))

    def fetch(self, indices: Sequence[int]) -> tuple[list[np.ndarray], np.ndarray]:
        source = self._source
        images, labels = [], []
        for split, index, record in self._undecoded(indices):
            place = f"{split}[{index}]"
            images.append(source._decode(record[source.image_key], self._mode, place))
            labels.append(record[source.label_key])
        return images, np.array(labels, np.int32)

    def labels(self) -> np.ndarray:
        labels = np.empty(len(self), np.int32)
        for indices in self.blocks(BLOCK):
            some = self._undecoded(indices)
            labels[indices.start : indices.stop] = [r[self._source.label_key] for *_, r in some]
        return labels

    def _undecoded(self, indices: Sequence[int]) -> list[tuple[str, int, dict[str, Any]]]:
        """Split, index and record of each example, images still encoded."""
        places = splits.locate(self._spans, indices)
        found: list[tuple[str, int, dict[str, Any]]] = []
        for split, run in itertools.groupby(places, key=lambda place: place[0]):
            wanted = [index for _, index in run]
            records = self._source._fetch(self._records[split], wanted)
            found += zip([split] * len(wanted), wanted, records, strict=True)
        return found


def _parts(name: object) -> re.Match[str]:
    """A data set's name, taken apart into set, config and version."""
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise Mu2Error(
            f"TFDS knows no names like {name!r}.",
            hint="Names are written as 'mnist', 'cmaterdb/bangla' or 'mnist:3.0.1'.",
        )
    return match


def _sizes(builder: Any) -> dict[str, int]:
    """Number of examples of each split, by name, in order."""
    return {name: int(info.num_examples) for name, info in builder.info.splits.items()}


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder, in order of name; none where it is not there."""
    if not folder.is_dir():
        return []
    inside = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in inside if path.is_dir())


def _versions(folder: Path) -> list[str]:
    """The versions prepared in a folder, the newest last."""
    names = [
        path.name
        for path in _folders(folder)
        if _VERSION.fullmatch(path.name) and (path / "features.json").is_file()
    ]
    return sorted(names, key=lambda name: tuple(map(int, name.split("."))))


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
