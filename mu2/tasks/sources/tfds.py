"""Data sets that TensorFlow Datasets prepared in ArrayRecord form, read without TensorFlow."""

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.tasks import split as splits
from mu2.tasks.data_sets import DataSet
from mu2.tasks.description import Description
from mu2.tasks.jpeg import recompress
from mu2.tasks.picture import crop, crop_jpeg, open_picture
from mu2.tasks.reader import BLOCK, Reader
from mu2.tasks.sources import tfds_prepare
from mu2.tasks.sources.split_source import SplitSource
from mu2.tasks.sources.tfds_home import Home
from mu2.tasks.sources.tfds_sets import Contents
from mu2.tasks.view import View

# Of a set whose documents declare more, nothing is made.
MOST_CLASSES = 1_000_000
# Fewer shards than these are not counted: one that is missing is named when it is read.
FEW_SHARDS = 1000


@dataclasses.dataclass(frozen=True)
class TFDS(SplitSource):
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
      brightest: the value of a white pixel, which becomes 255: 1 for dSprites, whose images hold
        0 and 1.

    Raises:
      Mu2Error: the name is not of TFDS's form, or no pixel is as bright as that.
    """

    input: ClassVar[str] = "image"

    name: str
    data_dir: str | None = None
    image_key: str = "image"
    label_key: str = "label"
    brightest: int = 255

    def __post_init__(self) -> None:
        _ = self._home  # the name is of TFDS's form
        if self.brightest not in (1, 3, 5, 15, 17, 51, 85, 255):
            raise Mu2Error(
                f"TFDS.brightest is {self.brightest!r}, which does not divide 255.",
                hint="It is 255, or 1 for images of 0 and 1.",
            )

    def num_classes(self) -> int:
        """Number of classes of the label, which may exceed those that one split holds.

        Raises:
          Mu2Error: as `reader`, before any example is read.
        """
        return len(self.class_names())

    def class_names(self) -> tuple[str, ...]:
        """One name a class, in label order; numbers where the data set has no names.

        Raises:
          Mu2Error: as `reader`, before any example is read.
        """
        return self._class_names(self._open().info.features)

    def reader(self, split: str) -> Reader:
        """The selected images at any index, decoded when they are asked for.

        They are of any size and have 1 or 3 channels, as the feature says; transparency is dropped.

        Raises:
          Mu2Error: tensorflow-datasets is missing; the data set is not prepared, or in another
            file format, or damaged; a feature is missing or of another kind; the split expression
            is wrong or selects nothing; an image cannot be decoded.
        """
        builder = self._open()
        return _Records(self, builder, splits.parse(split, _sizes(builder), self._owner))

    def find_missing(self) -> tuple[Mu2Error, ...]:
        """See `HasDescription.find_missing`; known are the sets of the papers."""
        home = self._home
        return (
            (home.preparation_error(),)
            if home.contents is not None and not home.is_prepared()
            else ()
        )

    def data_set(self) -> DataSet:
        """See `FromDataSet.data_set`.

        Raises:
          Mu2Error: the name is not of TFDS's form.
        """
        return tfds_prepare.data_set(self._home)

    def describe(self) -> Description:
        """See `HasDescription.describe`.

        Raises:
          Mu2Error: nobody knows what is in the set, or it has no such label.
        """
        known = self._home.contents
        if known is None:
            raise Mu2Error(f"it is not known what is in {self._owner}.")
        classes, absent = self._known_classes(known), self._home.preparation_error()
        return Description(self._owner, self.input, classes, known.splits, absent, known.balanced)

    def _known_classes(self, known: Contents) -> int:
        if self.label_key not in known.classes:
            raise Mu2Error(
                f"{self._owner} has no feature {self.label_key!r}, which TFDS.label_key names.",
                hint=did_you_mean(self.label_key, known.classes),
            )
        return known.classes[self.label_key]

    @property
    def _owner(self) -> str:
        return self._home.owner

    def _sizes(self) -> dict[str, int]:
        return _sizes(self._open())

    @property
    def _home(self) -> Home:
        return Home.of(self.name, self.data_dir)

    def _class_names(self, features: Any) -> tuple[str, ...]:
        """One name a class, of a set that is open."""
        return tuple(features[self.label_key].names)

    def _label(self, record: dict[str, Any]) -> int:
        """The class of an example."""
        return int(record[self.label_key])

    def _open(self) -> Any:
        """The data set's read-only builder, its features and file format checked."""
        try:
            import tensorflow_datasets as tfds
        except ImportError as error:
            raise Mu2Error(
                f"{self._owner} needs tensorflow-datasets.", hint="pip install 'mu2[tfds]'"
            ) from error
        directory = self._home.directory()
        info, features = (
            self._document(directory / name) for name in ("dataset_info.json", "features.json")
        )
        file_format = info.get("fileFormat", "tfrecord")
        if file_format != "array_record":
            raise Mu2Error(
                f"{self._owner} is prepared as {file_format} in {directory}, and mu2 reads "
                "array_record, which needs no TensorFlow.",
                hint=f"Move that folder away and prepare it again: {self._home.command()}",
            )
        # TFDS makes up a name for each class that a document declares and no file names.
        if (most := max(_declared_classes(features), default=0)) > MOST_CLASSES:
            raise self._damaged(
                f"features.json declares {most:,} classes; mu2 reads {MOST_CLASSES:,} at most"
            )
        # TFDS makes objects of each shard, whether it is there or not.
        if (shards := _declared_shards(info)) > FEW_SHARDS:
            files = sum(1 for path in directory.iterdir() if path.is_file())
            if shards > files:
                raise self._damaged(
                    f"dataset_info.json declares {shards:,} shards, and {files:,} files are there"
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
            hint=f"Remove {self._home.directory()} and prepare it again: {self._home.command()}",
        )

    def _check_features(self, tfds: Any, features: Any) -> None:
        """Raises Mu2Error unless the two keys name an 8-bit image and a class."""
        self._check_feature("image_key", features, tfds.features.Image)
        self._check_label(tfds, features)
        if features[self.image_key].np_dtype != np.uint8:
            raise Mu2Error(
                f"{self._owner}: the images of {self.image_key!r} are "
                f"{np.dtype(features[self.image_key].np_dtype)}, and mu2 reads 8-bit images."
            )

    def _check_label(self, tfds: Any, features: Any) -> None:
        """Raises Mu2Error unless there is a class."""
        self._check_feature("label_key", features, tfds.features.ClassLabel)

    def _check_feature(self, field: str, features: Any, kind: type) -> None:
        key = getattr(self, field)
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

    def _records(self, builder: Any, split: str) -> Any:
        """Random access to a split, all images still encoded."""
        import tensorflow_datasets as tfds

        # The image is decoded later, and a mask beside it never.
        features, image = builder.info.features, tfds.features.Image
        images = [name for name in features if isinstance(features[name], image)]
        undecoded = dict.fromkeys(images, tfds.decode.SkipDecoding())
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

    @contextlib.contextmanager
    def _image(self, encoded: bytes, place: str) -> Iterator[Any]:
        """An image of Pillow's, not decoded yet; says what is wrong with it while it is open."""
        try:
            from PIL import Image
        except ImportError as error:
            raise Mu2Error(
                f"{self._owner} needs Pillow.", hint="pip install 'mu2[tfds]'"
            ) from error
        try:
            with open_picture(encoded or b"") as image:
                yield image
        except Mu2Error as error:
            raise Mu2Error(f"{self._owner}: {place}: {error.message}", hint=error.hint) from error
        # Pillow raises SyntaxError for some broken PNG files.
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise Mu2Error(
                f"{self._owner}: {place} is no image that Pillow can decode ({_first_line(error)})."
            ) from error

    def _decode(
        self,
        encoded: bytes,
        mode: str,
        place: str,
        box: np.ndarray | None = None,
        view: View | None = None,
    ) -> np.ndarray:
        """One image, or the part of it in a box, as uint8 [H, W, C]."""
        with self._image(encoded, place) as image:
            if box is not None and view is not None:
                part = crop_jpeg(image, encoded, box) if view.opencv and mode == "RGB" else None
                if part is not None and self.brightest == 255:
                    return part
                wanted = crop(image, box, view.least)
            else:
                wanted = image
            # A palette with transparency converts without a warning by way of RGBA only.
            plain = wanted.convert("RGBA") if wanted.mode == "P" else wanted
            pixels = np.asarray(plain if plain.mode == mode else plain.convert(mode))
        if self.brightest != 255:
            if pixels.max() > self.brightest:
                raise Mu2Error(
                    f"{self._owner}: {place} has a pixel of {pixels.max()}, and TFDS.brightest is "
                    f"{self.brightest}."
                )
            pixels = pixels * np.uint8(255 // self.brightest)
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
            labels.append(source._label(record))
        return images, np.array(labels, np.int32)

    def view(self, indices: Sequence[int], view: View) -> tuple[Iterator[np.ndarray], np.ndarray]:
        source, found = self._source, self._undecoded(indices)
        images = [(record[source.image_key], f"{split}[{i}]") for split, i, record in found]
        sizes = []
        for encoded, place in images:
            with source._image(encoded, place) as image:
                sizes.append(image.size[::-1])
        boxes = view.boxes(np.array(sizes, np.int32).reshape(-1, 2))
        labels = np.array([source._label(record) for *_, record in found], np.int32)

        def parts() -> Iterator[np.ndarray]:
            for i, ((encoded, place), box) in enumerate(zip(images, boxes, strict=True)):
                if view.quality is None:
                    yield source._decode(encoded, self._mode, place, box, view)
                    continue
                whole = source._decode(encoded, self._mode, place)
                top, left, height, width = box
                whole = recompress(whole, int(view.quality[i]))
                yield whole[top : top + height, left : left + width]

        return parts(), labels

    def labels(self) -> np.ndarray:
        labels = np.empty(len(self), np.int32)
        for indices in self.blocks(BLOCK):
            some = self._undecoded(indices)
            labels[indices.start : indices.stop] = [self._source._label(r) for *_, r in some]
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


def _declared_classes(document: Any) -> Iterator[int]:
    """The numbers of classes that are declared anywhere in a document of features."""
    if not isinstance(document, Mapping):
        return
    for key, value in document.items():
        if key == "numClasses" and str(value).isdecimal():
            yield int(value)
        yield from _declared_classes(value)


def _declared_shards(info: Mapping[str, Any]) -> int:
    """The number of shards of all splits of a document, whose other faults TFDS tells."""
    splits = info.get("splits")
    lengths = (
        split.get("shardLengths")
        for split in (splits if isinstance(splits, list) else ())
        if isinstance(split, Mapping)
    )
    return sum(len(each) for each in lengths if isinstance(each, list))


def _sizes(builder: Any) -> dict[str, int]:
    """Number of examples of each split, by name, in order."""
    return {name: int(info.num_examples) for name, info in builder.info.splits.items()}


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
