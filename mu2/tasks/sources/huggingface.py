"""Data sets that the library `datasets` of Hugging Face reads."""

import contextlib
import dataclasses
import functools
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mu2.errors import Mu2Error, did_you_mean, lfs_pointer
from mu2.tasks import split as splits
from mu2.tasks.data_sets import DataSet
from mu2.tasks.labels import classes, labelled, sparse_guesses, to_labels
from mu2.tasks.order import shuffle
from mu2.tasks.picture import decode, decode_view
from mu2.tasks.preparation import Preparation
from mu2.tasks.reader import BLOCK, Reader
from mu2.tasks.sources.checks import check_bool, check_text
from mu2.tasks.sources.hub import hub_data_set
from mu2.tasks.sources.listing import head_of, home, in_order
from mu2.tasks.sources.split_source import SplitSource
from mu2.tasks.text import to_bytes
from mu2.tasks.view import View

# Columns of texts, and columns that may hold images, by the types that Arrow has for them. A
# dictionary (of pandas' categories) is read as what it holds.
_TEXTS = ("string", "large_string", "string_view")
_IMAGES = ("Image", "binary", "large_binary", "binary_view")


@dataclasses.dataclass(frozen=True)
class HuggingFace(SplitSource):
    """A data set of labelled images or texts, from a folder or from the Hugging Face hub.

    A folder is one that `save_to_disk` wrote, or one of files that `datasets` knows by themselves:
    Parquet, images in folders, CSV, JSON lines. Any other path is a name on the hub, such as
    'ylecun/mnist': `datasets` downloads it once and keeps it; with HF_HUB_OFFLINE=1 in the
    environment it takes what it keeps and asks nobody. No code that comes with a data set is run.

    Images may be features of `datasets`, encoded bytes, or structs of `bytes` and `path`; texts and
    labels may be any kind of string, also of pandas' categories. Images are read in colour, exactly
    as `mu2 predict` reads them, and are decoded when they are asked for. A split without labels, as
    the test sets of some benchmarks are, cannot be used.

    Attributes:
      path: a folder, or a name on the hub.
      name: which configuration, where a data set has several.
      revision: a tag or commit on the hub; set it, and the data cannot change under a result.
      image_key: the column of images; where neither key is set, 'image'.
      text_key: the column of texts, where the examples are texts.
      label_key: the column of labels: classes, whole numbers from 0 on, or texts; numbers that go
        far beyond the number of examples are names of classes, like texts.
      shuffle: whether the examples of a split come in a fixed random order, so that a slice is a
        fair sample of it, or in the order of the data set, which often is by class.
      skip_unlabelled: whether examples are left out whose label is missing, a text for none, or
        below 0.
      cache_dir: where `datasets` keeps what it prepared; by default where it always does.

    Raises:
      Mu2Error: an attribute is of another type, or both keys are set.
    """

    path: str
    name: str | None = None
    revision: str | None = None
    image_key: str | None = None
    text_key: str | None = None
    label_key: str = "label"
    shuffle: bool = True
    cache_dir: str | None = None
    skip_unlabelled: bool = False

    def __post_init__(self) -> None:
        optional = ("name", "revision", "image_key", "text_key", "cache_dir")
        check_text(self, "path", "label_key", optional=optional)
        check_bool(self, "shuffle", "skip_unlabelled")
        if self.image_key is not None and self.text_key is not None:
            raise Mu2Error(
                "HuggingFace.image_key and HuggingFace.text_key are both set; examples are images "
                "or texts."
            )

    @property
    def input(self) -> str:
        """`text` where `text_key` is set, else `image`."""
        return "image" if self.text_key is None else "text"

    def num_classes(self) -> int:
        """Number of classes.

        Raises:
          Mu2Error: as `reader`.
        """
        return len(self.class_names())

    def class_names(self) -> tuple[str, ...]:
        """The data set's names of the classes; without them, the labels of 'train'.

        Raises:
          Mu2Error: as `reader`.
        """
        return self._classes

    def splits(self) -> tuple[str, ...]:
        """'train', 'validation' and 'test', as far as the data set has them, then the others.

        Raises:
          Mu2Error: as `reader`.
        """
        return tuple(self._loaded)

    def reader(self, split: str) -> Reader:
        """The selected examples at any index: images of 3 channels, or texts.

        Raises:
          Mu2Error: `datasets` or Pillow is missing; the data set is not there, or cannot be read;
            a column is missing or of another kind; a label is no class; the split expression is
            wrong or selects nothing; an image cannot be decoded.
        """
        return _Rows(self, self._spans(split))

    def data_set(self) -> DataSet:
        """See `FromDataSet.data_set`; of a name on the hub its cache is looked at."""
        return hub_data_set(self.path, self.cache_dir, self._fetch)

    def _fetch(self, say: Callable[[str], None]) -> None:
        """Has the library get it, which keeps what it has from an earlier call."""
        self._loaded  # noqa: B018 - reading it loads it

    def preparation(self) -> Preparation | None:
        """The columns of texts and labels; None where the examples are images."""
        if self.text_key is None:
            return None
        return Preparation(label=self.label_key, text=self.text_key)

    @property
    def _owner(self) -> str:
        return f"HuggingFace({self.path!r})"

    @property
    def _key(self) -> str:
        return self.text_key or self.image_key or "image"

    def _sizes(self) -> dict[str, int]:
        return {split: len(rows) for split, rows in self._loaded.items()}

    @functools.cached_property
    def _classes(self) -> tuple[str, ...]:
        split = "train" if "train" in self._loaded else next(iter(self._loaded))
        rows = self._loaded[split]
        feature = rows.features[self.label_key]
        if getattr(feature, "names", None):
            return tuple(feature.names)
        values = [value for value in rows.unique(self.label_key) if value is not None]
        texts = _kind(feature) in _TEXTS
        found = np.array(values, np.str_ if texts else object)
        cure = (
            "HuggingFace.skip_unlabelled = True does. Where that is a class, make a ClassLabel of "
            f"{self.label_key!r}."
        )
        return classes(found, len(rows), self._owner, cure)

    def guesses(self) -> tuple[str, ...]:
        """What was assumed of the data and may be wrong, each in a sentence.

        Raises:
          Mu2Error: as `reader`.
        """
        return () if self._named else sparse_guesses(self._classes)

    @property
    def _named(self) -> bool:
        """Whether the data set itself names its classes, or has texts for labels."""
        split = "train" if "train" in self._loaded else next(iter(self._loaded))
        feature = self._loaded[split].features[self.label_key]
        return bool(getattr(feature, "names", None)) or _kind(feature) in _TEXTS

    def _labels(self, values: Sequence[Any], place: str) -> np.ndarray:
        """Labels as they are stored, as int32; one that is missing is -1."""
        if any(isinstance(value, str) for value in values):
            known = {name: label for label, name in enumerate(self._classes)}
            if strange := sorted(set(values) - known.keys() - {None}):
                raise Mu2Error(
                    f"{self._owner}: {place} has the label {', '.join(map(repr, strange))}, which "
                    "no example of 'train' has.",
                    hint=did_you_mean(strange[0], known),
                )
            values = [None if value is None else known[value] for value in values]
        plain = np.array([-1 if value is None else int(value) for value in values], object)
        return to_labels(plain, () if self._named else self._classes)

    @functools.cached_property
    def _whole(self) -> dict[str, Any]:
        """The data set's splits, its columns checked, images still encoded."""
        try:
            import datasets
        except ImportError as error:
            raise Mu2Error(
                f"{self._owner} needs datasets.", hint="pip install 'mu2[hf]'"
            ) from error
        found = self._load(datasets)
        if isinstance(found, datasets.Dataset):
            found = {"train": found}
        if not isinstance(found, dict) or not found:
            raise Mu2Error(f"{self._owner} has no splits.")
        loaded = {}
        for split in in_order(map(str, found)):
            rows = found[split]
            self._check(datasets, split, rows.features)
            if _kind(rows.features[self._key]) == "Image":
                rows = rows.cast_column(self._key, datasets.Image(decode=False))
            loaded[split] = rows.select_columns([self._key, self.label_key])
        return loaded

    def unlabelled(self) -> dict[str, int]:
        """See `SkipsUnlabelled.unlabelled`."""
        left = {split: len(rows) - len(self._loaded[split]) for split, rows in self._whole.items()}
        return {split: count for split, count in left.items() if count}

    @functools.cached_property
    def _loaded(self) -> dict[str, Any]:
        """The data set's splits, without the examples that are left out."""
        if not self.skip_unlabelled:
            return self._whole
        loaded = {}
        for split, rows in self._whole.items():
            labels = rows.select_columns([self.label_key])[:][self.label_key]
            loaded[split] = rows.select(np.flatnonzero(labelled(labels)))
        return loaded

    def _load(self, datasets: Any) -> Any:
        folder = Path(os.path.expanduser(self.path))
        # Names on the hub are one or two words; of what cannot be one, no hub is asked.
        if self.path[0] in "/.~" or self.path.count("/") > 1:
            home(self.path, self._owner)
        saved = [folder / name for name in ("dataset_dict.json", "state.json")]
        try:
            with _silent(datasets):
                if any(file.is_file() for file in saved):
                    return datasets.load_from_disk(str(folder))
                path = str(folder) if folder.is_dir() else self.path
                return datasets.load_dataset(
                    path, self.name, revision=self.revision, cache_dir=self.cache_dir
                )
        except ConnectionError as error:
            raise Mu2Error(
                f"{self._owner} is no folder, and the Hugging Face hub cannot be reached "
                f"({_first_line(error)}).",
                hint="A folder is looked for in the working directory. What is to be used without "
                "the hub has to be loaded once with it.",
            ) from error
        # Each kind of file has its own library, with its own words for what is wrong.
        except Exception as error:
            for file in folder.rglob("*") if folder.is_dir() else ():
                if file.is_file() and (pointer := lfs_pointer(head_of(file), str(file))):
                    raise pointer from error
            raise Mu2Error(
                f"{self._owner} cannot be read: {type(error).__name__}: {_first_line(error)}.",
                hint=None
                if folder.is_dir()
                else "HuggingFace.path is a folder or a name on the hub, such as 'ylecun/mnist'.",
            ) from error

    def _check(self, datasets: Any, split: str, features: Any) -> None:
        """Raises Mu2Error unless the two keys name columns of the right kinds."""
        text = self.text_key is not None
        for attribute, key in (
            ("text_key" if text else "image_key", self._key),
            ("label_key", self.label_key),
        ):
            if key not in features:
                raise Mu2Error(
                    f"{self._owner}: {split} has no column {key!r}, which HuggingFace.{attribute} "
                    "names.",
                    hint=did_you_mean(key, features),
                )
        kind = _kind(features[self._key])
        label = features[self.label_key]
        whole = _kind(label).startswith(("int", "uint", "bool")) or _kind(label) in _TEXTS
        is_input = kind in _TEXTS if text else kind in _IMAGES or _is_struct(features[self._key])
        for key, right, wanted in (
            (self._key, is_input, "texts" if text else "images"),
            (self.label_key, whole or isinstance(label, datasets.ClassLabel), "labels"),
        ):
            if not right:
                kinds = ", ".join(f"{name} ({_kind(features[name])})" for name in features)
                raise Mu2Error(
                    f"{self._owner}: the column {key!r} of {split} holds no {wanted}.",
                    hint=f"It has {kinds}.",
                )


class _Rows(Reader):
    """Rows of a data set, in the order of a split expression."""

    def __init__(self, source: HuggingFace, spans: tuple[splits.Span, ...]):
        self._source = source
        self._spans = spans
        self._orders = {
            split: shuffle(n, "HuggingFace", split) if source.shuffle else np.arange(n)
            for split, n in source._sizes().items()
            if split in {span.split for span in spans}
        }

    def __len__(self) -> int:
        return sum(map(len, self._spans))

    def fetch(self, indices: Sequence[int]) -> tuple[list[np.ndarray], np.ndarray]:
        if self._source.text_key is None:
            images, labels = self._encoded(indices)
            return [decode(image, place) for image, place in images], labels
        _, values, labels = self._values(indices)
        return [to_bytes(value or "") for value in values], labels

    def view(self, indices: Sequence[int], view: View) -> tuple[Iterator[np.ndarray], np.ndarray]:
        images, labels = self._encoded(indices)
        return decode_view(images, view), labels

    def _encoded(self, indices: Sequence[int]) -> tuple[list[tuple[bytes | Path, str]], np.ndarray]:
        """Images as they are stored, each with what it is called in messages; and the labels."""
        places, values, labels = self._values(indices)
        images: list[tuple[bytes | Path, str]] = []
        for place, value in zip(places, values, strict=True):
            images.append((_image(value, place), place))
        return images, labels

    def _values(self, indices: Sequence[int]) -> tuple[list[str], list[Any], np.ndarray]:
        """Of each example what it is called in messages, what is stored, and its label."""
        source = self._source
        places = [
            (split, int(self._orders[split][i])) for split, i in splits.locate(self._spans, indices)
        ]
        found: dict[tuple[str, int], tuple[Any, Any]] = {}
        for split in {split for split, _ in places}:
            wanted = [row for of, row in places if of == split]
            rows = source._loaded[split][wanted]
            values = zip(rows[source._key], rows[source.label_key], strict=True)
            found.update(zip([(split, row) for row in wanted], values, strict=True))
        names = [f"{source._owner}: {split}[{row}]" for split, row in places]
        stored = [found[place] for place in places]
        labels = source._labels([label for _, label in stored], places[0][0] if places else "")
        return names, [value for value, _ in stored], labels

    def labels(self) -> np.ndarray:
        source = self._source
        parts = [np.empty(0, np.int32)]
        for span in self._spans:
            rows = source._loaded[span.split].select_columns([source.label_key])
            order = self._orders[span.split][span.start : span.stop]
            for start in range(0, len(order), BLOCK):
                values = rows[order[start : start + BLOCK]][source.label_key]
                parts.append(source._labels(list(values), span.split))
        return np.concatenate(parts)


def _image(value: Any, place: str) -> bytes | Path:
    """What an image is read from: its bytes, or else its file."""
    if isinstance(value, dict):
        value = next((value[k] for k in ("bytes", "path") if value.get(k) is not None), None)
    if value is None:
        raise Mu2Error(f"{place} has no image.", hint="It has neither bytes nor a path.")
    return Path(value) if isinstance(value, str) else bytes(value)


def _is_struct(feature: Any) -> bool:
    """Whether a column is of plain structs with an image's bytes or path, or both."""
    return isinstance(feature, dict) and bool(feature.keys() & {"bytes", "path"})


@contextlib.contextmanager
def _silent(datasets: Any) -> Iterator[None]:
    """Keeps the library's own bars and remarks off the screen; what is wrong it raises."""
    bars, log = datasets.utils, datasets.utils.logging
    shown, level = not bars.are_progress_bars_disabled(), log.get_verbosity()
    hub = logging.getLogger("huggingface_hub")
    hub_level = hub.level
    bars.disable_progress_bars()
    log.set_verbosity_error()
    hub.setLevel(logging.ERROR)
    try:
        yield
    finally:
        hub.setLevel(hub_level)
        log.set_verbosity(level)
        if shown:
            bars.enable_progress_bars()


def _kind(feature: Any) -> str:
    """What a column holds: a type of numbers or texts, or the name of a feature."""
    plain = type(feature).__name__ == "Value"
    return str(feature.dtype) if plain else type(feature).__name__


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
