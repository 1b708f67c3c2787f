"""A task: a name, a source of examples, and which of them train, validate and test."""

import dataclasses
import math
import re
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from mu2.errors import Mu2Error
from mu2.tasks import split
from mu2.tasks.examples import Examples, ExampleStream
from mu2.tasks.greys import check_range
from mu2.tasks.image import to_channels
from mu2.tasks.images import FIRST_RESIZE, Images, Resize
from mu2.tasks.labels import describe_difference, label_hint
from mu2.tasks.originals import LARGEST, Originals, StreamedOriginals, load_originals
from mu2.tasks.preparation import HasPreparation, Preparation
from mu2.tasks.reader import Arrays, Readable
from mu2.tasks.source import FittableSource, Source, Splits, is_source
from mu2.tasks.streaming import MIB, StreamingExamples

Part = Literal["train", "validation", "test"]

# Splits that are likely meant for one that is missing, and that no rule should pass over.
_ALIASES = {"validation": ("val", "valid", "dev"), "test": ("testing", "tests")}

_SEGMENT = re.compile(r"[\w+:-][\w.+:-]*")


@dataclasses.dataclass(frozen=True)
class Task:
    """One classification task.

    Where the source has no split 'validation' or 'test', and the task does not say what is to take
    its place, the papers' rule does (mu2Net.ipynb): the first 5% of the split 'train' become
    the missing part, the next 5% validation where both are missing, and the rest is trained on.
    `splits` tells. What the task does say is never changed.

    Attributes:
      name: words of letters, digits and _ . + : - joined by '/'. 'root' and names below it belong
        to the paths that evolution begins with.
      source: where its examples come from.
      train: split expression of the examples trained on.
      validation: split expression of the examples that quality is measured on.
      test: split expression of the examples looked at once, after selection.
      private: its components are no material for other tasks (arXiv 2205.12755, private tasks).

    Raises:
      Mu2Error: the name will not do, or an attribute has another type.
    """

    name: str
    source: Source
    train: str = "train"
    validation: str = "validation"
    test: str = "test"
    private: bool = False

    def __post_init__(self) -> None:
        check_name(self.name)
        if isinstance(self.source, type):
            kind = self.source.__name__
            raise Mu2Error(
                f"the source of task {self.name!r} is the class {kind} and not an object of it.",
                hint=f"In Gin, an object is written with parentheses: @{kind}().",
            )
        if not is_source(self.source):
            raise Mu2Error(
                f"the source of task {self.name!r} must be a source, not {self.source!r}.",
                hint="A source is written as @Digits(), @TFDS() or @Folder().",
            )
        for part in get_args(Part):
            expression = getattr(self, part)
            if not isinstance(expression, str) or not expression.strip():
                raise Mu2Error(
                    f"task {self.name!r}: {part} must be a split such as 'train[:90%]', "
                    f"not {expression!r}."
                )
        if not isinstance(self.private, bool):
            raise Mu2Error(
                f"task {self.name!r}: private must be True or False, not {self.private!r}."
            )

    def splits(self) -> Splits:
        """The parts, those that the source lacks made by the papers' rule.

        Raises:
          Mu2Error: data are missing; or a part is, and the source has it under another name.
        """
        parts: dict[str, str] = {part: getattr(self, part) for part in get_args(Part)}
        left_alone = [part for part in ("validation", "test") if parts[part] == part]
        names = self.source.splits() if left_alone else ()
        missing = [part for part in left_alone if part not in names]
        if not missing or parts["train"] != "train" or "train" not in names:
            return Splits(**parts)
        for part in missing:
            for alias in (name for name in _ALIASES[part] if name in names):
                raise Mu2Error(
                    f"task {self.name!r} has no split {part!r}, but it has {alias!r}.",
                    hint=f"Set Task.{part} = {alias!r}, or to a slice such as 'train[:5%]'.",
                )
        # In the order of the papers: test first.
        made = [part for part in ("test", "validation") if part in missing]
        for i, part in enumerate(made):
            parts[part] = "train[:5%]" if i == 0 else "train[5%:10%]"
        parts["train"] = f"train[{5 * len(made)}%:]"
        takes = " and ".join(f"{part} is {parts[part]}" for part in made)
        rule = (
            f"no {' and no '.join(made)} split, so by the 5% rule of the papers {takes}, and "
            f"train is {parts['train']}"
        )
        return Splits(**parts, rule=rule)

    def check(self) -> dict[Part, int]:
        """Number of examples of each part; nothing is decoded.

        Raises:
          Mu2Error: data are missing, a part does not exist or has no examples, there are fewer
            than two classes, or examples trained on are validated or tested on.
        """
        if self.source.num_classes() < 2:
            raise Mu2Error(
                f"task {self.name!r} has {self.source.num_classes()} class; two are needed."
            )
        sizes = {name: self.source.size(name) for name in self.source.splits()}
        owner, parts = f"task {self.name!r}", self.splits()
        spans = {part: split.parse(getattr(parts, part), sizes, owner) for part in get_args(Part)}
        for part in ("validation", "test"):
            common = split.shared(spans["train"], spans[part])
            if common:
                raise Mu2Error(
                    f"task {self.name!r}: {common} examples are both in train ({parts.train}) and "
                    f"in {part} ({getattr(parts, part)}).",
                    hint="Take slices that share none, such as 'train[10%:]' and 'train[:10%]'.",
                )
        return {part: sum(len(span) for span in spans[part]) for part in spans}

    def size(self, part: Part) -> int:
        """Number of examples of one part; nothing is decoded.

        Raises:
          Mu2Error: the data are missing, or the part does not exist or has no examples.
        """
        expression = self._expression(part)
        size = self.source.size(expression)
        if not size:
            raise Mu2Error(f"task {self.name!r} has no examples in {part} ({expression}).")
        return size

    def source_hyperparameters(self) -> dict[str, int]:
        """The hyperparameters that the data set by themselves: `num_features` of a table."""
        if self.source.input != "table":
            return {}
        return {"num_features": self.fit_source().num_features()}  # type: ignore[attr-defined]

    def fit_source(self) -> Source:
        """The source, a table's scale learnt from the examples that are trained on."""
        if isinstance(self.source, FittableSource):
            return self.source.fit_to(self.splits().train)
        return self.source

    def preparation(self) -> Preparation | None:
        """How its examples are made of what files hold; None where the source does not say.

        Raises:
          Mu2Error: data are missing.
        """
        source = self.fit_source()
        return source.preparation() if isinstance(source, HasPreparation) else None

    def read(self, part: Part, shape: tuple[int, ...], resize: Resize = FIRST_RESIZE) -> Examples:
        """The examples of one part, decoded; nothing is kept, so that keeping is the caller's.

        Args:
          part: 'train', 'validation' or 'test'.
          shape: of one example: [S, S, C] of an image (grey is repeated, colour becomes grey),
            [T] of a text, [F] of a table.
          resize: how images are resized, as `Images.resize` has it. A source that others wrote
            may have no reader; its own `read` then says how.

        Returns:
          Examples with inputs [N, *shape] (see `Source.read`) and labels int32 [N], N at least 1.

        Raises:
          Mu2Error: the data are missing, are no images, or are not labelled.
        """
        expression, source = self._expression(part), self.fit_source()
        if len(shape) == 3 and resize != FIRST_RESIZE and isinstance(source, Readable):
            examples = source.reader(expression).read_all(shape[0], resize)
        else:
            examples = source.read(expression, shape[0])
        if not len(examples):
            raise Mu2Error(f"task {self.name!r} has no examples in {part} ({expression}).")
        self._check_labels(examples.labels, part, expression, range(len(examples)))
        if len(shape) == 3:
            check_range(
                examples.inputs.max(initial=0), f"task {self.name!r}, {part} ({expression})"
            )
        return _shaped(examples, shape)

    def stream(
        self,
        part: Part,
        shape: tuple[int, ...],
        memory_limit_mb: int = 4096,
        resize: Resize = FIRST_RESIZE,
    ) -> ExampleStream:
        """The examples of one part, in memory where they fit, else read as they are needed.

        Either way the same key gives the same batches, bit for bit. Rows and texts are always held
        in memory, and so is what comes from a source that can only be read whole.

        Args:
          part: 'train', 'validation' or 'test'.
          shape: of one example, as in `read`.
          memory_limit_mb: most MiB that the decoded images of the part may take.
          resize: as in `read`.

        Returns:
          `Examples`, or a `StreamingExamples` that checks labels as it reads them.

        Raises:
          Mu2Error: as `read`.
        """
        expression, bytes_ = self._expression(part), math.prod(shape)
        bytes_ *= 4 if resize == "bilinear" else 1
        limit = memory_limit_mb * MIB
        if len(shape) < 3 or not isinstance(self.source, Readable):
            return self.read(part, shape, resize)
        if self.source.size(expression) * bytes_ <= limit:
            return self.read(part, shape, resize)
        reader = self.source.reader(expression)

        def read(indices: Sequence[int]) -> Examples:
            examples = reader.read(indices, shape[0], resize)
            self._check_labels(examples.labels, part, expression, indices)
            return _shaped(examples, shape)

        return StreamingExamples(read, len(reader), bytes_, limit)

    def originals(
        self,
        part: Part,
        shape: tuple[int, ...],
        images: Images,
        memory_limit_mb: int = 4096,
    ) -> Originals:
        """The images of one part at their own size, for augmentation that begins with it.

        They are held in memory where they fit, each side at most four times that of the network;
        else parts of them are read, cut out and resized as they are needed. A source that others
        wrote, without a reader, is read at four times the network's side.

        Args:
          part: 'train', 'validation' or 'test'.
          shape: [S, S, C] of one example as the network takes it.
          images: the choices of the run.
          memory_limit_mb: most MiB that the images may take.

        Raises:
          Mu2Error: as `read`.
        """
        expression, limit = self._expression(part), memory_limit_mb * MIB
        size, _, channels = shape
        source = self.fit_source()

        def check(labels: np.ndarray, indices: Sequence[int]) -> None:
            self._check_labels(labels, part, expression, indices)

        if isinstance(source, Readable):
            reader = source.reader(expression)
        else:
            whole = source.read(expression, LARGEST * size)
            reader, limit = Arrays(whole.inputs, whole.labels), max(limit, whole.inputs.nbytes)
        if not len(reader):
            raise Mu2Error(f"task {self.name!r} has no examples in {part} ({expression}).")
        held = load_originals(reader, size, channels, limit)
        if held is None:
            return StreamedOriginals(reader, shape, images, check, limit)
        check(held.labels, range(len(held)))
        return held

    def _expression(self, part: Part) -> str:
        if part not in get_args(Part):
            raise Mu2Error(f"a task has no part {part!r}; it has {', '.join(get_args(Part))}.")
        return str(getattr(self.splits(), part))

    def _check_labels(
        self, labels: np.ndarray, part: Part, expression: str, indices: Sequence[int]
    ) -> None:
        """Raises Mu2Error unless all labels are classes."""
        classes = self.source.num_classes()
        wrong = np.flatnonzero((labels < 0) | (labels >= classes))
        if wrong.size:
            more = f" So have {len(wrong) - 1:,} more a label that is none." * (len(wrong) > 1)
            raise Mu2Error(
                f"task {self.name!r}: example {indices[wrong[0]]} of {part} ({expression}) has "
                f"label {labels[wrong[0]]}, and labels run from 0 to {classes - 1}.{more}",
                hint=label_hint(self.source),
            )


def check_name(name: str) -> None:
    """Refuses what cannot be a task's name.

    Raises:
      Mu2Error: it is made of other than letters, digits and _ . + : -, with '/' between words; or
        belongs to the paths that evolution begins with.
    """
    if not isinstance(name, str):
        raise Mu2Error(f"a task's name must be text, not {name!r}.")
    if not all(_SEGMENT.fullmatch(segment) for segment in name.split("/")):
        raise Mu2Error(
            f"a task cannot be named {name!r}.",
            hint="A name is made of letters, digits and _ . + : -, with '/' between words, "
            "as in 'digits' or 'cmaterdb/bangla'.",
        )
    if name.split("/")[0] == "root":
        raise Mu2Error(
            f"a task cannot be named {name!r}: 'root' and names below it belong to the "
            "paths that evolution begins with."
        )


def _shaped(examples: Examples, shape: tuple[int, ...]) -> Examples:
    """Examples with the channels of a shape, where it is one of images."""
    if len(shape) < 3:
        return examples
    return Examples(to_channels(examples.inputs, shape[2]), examples.labels)


def check_same(kind: str, names: Sequence[str], source: Source, place: str) -> None:
    """Refuses a source of other examples or classes than those that a task has.

    Args:
      kind: of the task's examples.
      names: of its classes, in label order.
      source: should have the same.
      place: who knows the task.

    Raises:
      Mu2Error: naming the classes that differ.
    """
    hint = "Give the new task a name of its own."
    if kind != source.input:
        raise Mu2Error(
            f"{place} with {kind} examples, and those of this stream are {source.input}s.",
            hint=hint,
        )
    if tuple(names) != (now := tuple(source.class_names())):
        differ = describe_difference(names, now)
        raise Mu2Error(f"{place} with other classes: {differ}.", hint=hint)
