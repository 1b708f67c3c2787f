"""What is in a task's examples, and what looks wrong in them."""

import collections
import contextlib
import dataclasses
import hashlib
import itertools
import math
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np

from mu2.errors import Mu2Error
from mu2.tasks.greys import DARK, check_range
from mu2.tasks.guesses import unlabelled
from mu2.tasks.labels import label_hint
from mu2.tasks.reader import BLOCK, Reader, reader_of
from mu2.tasks.task import Part, Task

# A class with less than this share of the examples it would have if all had as many.
_RARE = 0.1

# What follows where one part has most of another.
_CONSEQUENCES = {
    "train+validation": "quality is measured on what was trained on",
    "train+test": "test accuracy tells little of examples that are new",
    "validation+test": "the test is no independent one",
}

# As many labels there are, so that an example's number and its label make one number.
_LABELS = 1 << 32

# Of a long list, as many are told.
_TOLD = 5


@dataclasses.dataclass
class _Part:
    """What one pass over a part leaves: 20 bytes an example, and counts."""

    expression: str
    digests: np.ndarray  # uint8 [N, 16], of an example's shape and bytes
    labels: np.ndarray  # int32 [N]
    low: float
    high: float
    shapes: collections.Counter[tuple[int, ...]]
    blank: int  # examples of one value throughout, or texts without any byte
    steady: np.ndarray | None  # bool [F], the columns of a table with one value throughout
    outside: int  # labels that are no classes
    faults: list[Mu2Error]  # examples that cannot be read


def inspect(task: Task, faults: list[Mu2Error] | None = None) -> dict[str, Any]:
    """Reads every part of a task once and says what is there.

    Examples are compared by a digest of what is decoded, before it is resized; of each, 20 bytes
    are kept.

    Args:
      task: has the examples.
      faults: takes up every example that cannot be read, and parts that no run would take, in
        place of raising the first of them.

    Returns:
      A JSON document: `input`, `classes`, `rule` (of the papers, where it made parts, else null),
      `parts` (by name: `split`, `examples`, `classes_present`, `smallest_class`, `largest_class`,
      `entropy` (of the labels, 1 if all classes have as many), `lowest` and `highest` (pixel
      values, values of a scaled table, bytes of a text), `sizes` (images: 'HxWxC' to how many, the
      commonest), `duplicates` (examples that came before in this part), `contradictions`
      (examples with another label than most of their equals)), `shared` (for two parts, as
      'train+validation': `examples` of the second that are in the first as well, and
      `contradictions`, those that are there with other labels only), and `warnings`, in words.
      `unlabelled` where some are left out for want of a label: how many, by the source's split.

    Raises:
      Mu2Error: data are missing; or an example is damaged, and there is no list for it.
    """
    splits, source = task.splits(), task.fit_source()
    classes = source.num_classes()
    looked = {part: _look(source, getattr(splits, part), classes) for part in get_args(Part)}
    for part, found in looked.items():
        if faults is None and found.faults:
            raise found.faults[0]
        if faults is not None:
            faults += found.faults
            with _collected(faults):
                if source.input == "image":
                    check_range(found.high, f"task {task.name!r}, {part} ({found.expression})")
            if found.outside:
                faults.append(
                    Mu2Error(
                        f"task {task.name!r}: {found.outside:,} labels of {part} "
                        f"({found.expression}) are no classes; they run from 0 to {classes - 1}.",
                        hint=label_hint(task.source),
                    )
                )
    parts = {part: _document(found, classes) for part, found in looked.items()}
    shared = {
        f"{first}+{second}": _shared(looked[first], looked[second])
        for first, second in itertools.combinations(looked, 2)
    }
    document: dict[str, Any] = {
        "input": source.input,
        "classes": classes,
        "rule": splits.rule,
        "parts": parts,
        "shared": shared,
    }
    if skipped := unlabelled(source):
        document["unlabelled"] = skipped
    names = source.class_names()
    warnings = [*_shared_warnings(looked, shared)]
    for part, found in looked.items():
        warnings += _warnings(part, found, parts[part], looked["train"], names, source.input)
    return {**document, "warnings": warnings}


def _look(source: Any, expression: str, classes: int) -> _Part:
    """One pass over what a split expression selects."""
    reader = reader_of(source, expression)
    n = len(reader)
    digests = np.empty((n, 16), np.uint8)
    labels = np.empty(n, np.int32)
    found = _Part(
        expression, digests, labels, math.inf, -math.inf, collections.Counter(), 0, None, 0, []
    )
    whole = np.ones(n, np.bool_)
    first: np.ndarray | None = None
    for indices in reader.blocks(BLOCK):
        for index, example in _read(reader, indices, labels, whole, found.faults):
            text = example.ndim == 1 and example.dtype == np.uint8
            digests[index] = _digest(example)
            found.shapes[example.shape] += 1
            values = (np.count_nonzero(example),) * 2 if text else (example.min(), example.max())
            low, high = map(float, values)
            found.low, found.high = min(found.low, low), max(found.high, high)
            found.blank += high == 0 if text else low == high
            if example.ndim == 1 and not text:
                first = example if first is None else first
                same = example == first
                found.steady = same if found.steady is None else found.steady & same
    found.digests, found.labels = digests[whole], labels[whole]
    labels = found.labels
    found.outside = int(((labels < 0) | (labels >= classes)).sum())
    return found


def _read(
    reader: Reader,
    indices: range,
    labels: np.ndarray,
    whole: np.ndarray,
    faults: list[Mu2Error],
) -> Iterator[tuple[int, np.ndarray]]:
    """The examples of a block; where some cannot be read, one by one, and what is wrong with each.

    Args:
      reader: has them.
      indices: which.
      labels: [N], takes up theirs.
      whole: bool [N], becomes False where an example cannot be read.
      faults: takes up what is wrong.
    """
    some = slice(indices.start, indices.stop)
    try:
        inputs, labels[some] = reader.fetch(indices)
    except Mu2Error:
        for index in indices:
            whole[index] = False
            with _collected(faults):
                (example,), labels[index : index + 1] = reader.fetch([index])
                whole[index] = True
                yield index, example
        return
    yield from zip(indices, inputs, strict=True)


@contextlib.contextmanager
def _collected(faults: list[Mu2Error]) -> Iterator[None]:
    try:
        yield
    except Mu2Error as fault:
        faults.append(fault)


def _digest(example: np.ndarray) -> np.ndarray:
    """16 bytes that examples share if they have one shape and the same values; uint8 [16]."""
    # A text of a source that pads it is the same text.
    text = example.ndim == 1 and example.dtype == np.uint8
    shape = "text" if text else str(example.shape)
    plain = example[example != 0] if text else np.ascontiguousarray(example)
    digest = hashlib.blake2b(plain.tobytes(), digest_size=16, person=shape.encode()[:16])
    return np.frombuffer(digest.digest(), np.uint8)


def _document(found: _Part, classes: int) -> dict[str, Any]:
    counts = np.bincount(found.labels[found.labels >= 0], minlength=classes)[:classes]
    n = int(counts.sum())
    shares = counts[counts > 0] / max(1, n)
    entropy = float(-(shares * np.log(shares)).sum() / math.log(classes)) if classes > 1 else 0.0
    images = {shape: count for shape, count in found.shapes.items() if len(shape) == 3}
    commonest = sorted(images.items(), key=lambda item: (-item[1], item[0]))[:_TOLD]
    duplicates, contradictions = _repeated(_keys(found), found.labels)
    return {
        "split": found.expression,
        "examples": len(found.labels),
        "classes_present": int((counts > 0).sum()),
        "smallest_class": int(counts.min()),
        "largest_class": int(counts.max()),
        "entropy": round(abs(entropy), 4),
        "lowest": found.low,
        "highest": found.high,
        "sizes": {"x".join(map(str, shape)): count for shape, count in commonest},
        "duplicates": duplicates,
        "contradictions": contradictions,
    }


def _keys(*parts: _Part) -> np.ndarray:
    """A number for each example of the parts, one part behind the other; equals have the same."""
    digests = np.concatenate([part.digests for part in parts])
    pairs = np.ascontiguousarray(digests).view([("", np.uint64)] * 2).reshape(-1)
    return np.unique(pairs, return_inverse=True)[1].reshape(-1)


def _labelled(keys: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A number for each pair of an example's number and its label, the one above the other."""
    return keys * _LABELS + (labels.astype(np.int64) + _LABELS // 2)


def _repeated(keys: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
    """Examples that came before, and examples whose label is not that of most of their equals."""
    each, counts = np.unique(_labelled(keys, labels), return_counts=True)
    groups, which = np.unique(each // _LABELS, return_inverse=True)
    most = np.zeros(len(groups), np.int64)
    np.maximum.at(most, which, counts)
    return len(keys) - len(groups), int(counts.sum() - most.sum())


def _shared(first: _Part, second: _Part) -> dict[str, int]:
    """Examples of the second that the first has, and those that it never has with their label."""
    keys = _keys(first, second)
    ours, theirs = keys[: len(first.labels)], keys[len(first.labels) :]
    inside = np.isin(theirs, ours)
    agreeing = np.isin(_labelled(theirs, second.labels), _labelled(ours, first.labels))
    return {"examples": int(inside.sum()), "contradictions": int((inside & ~agreeing).sum())}


def _shared_warnings(looked: dict[Part, _Part], shared: dict[str, dict[str, int]]) -> list[str]:
    warnings = []
    for pair, counts in shared.items():
        first, second = pair.split("+")
        n, of = counts["examples"], len(looked[second].labels)  # type: ignore[index]
        if not n:
            continue
        much = f"all {of:,}" if n == of else f"{n:,} of the {of:,}"
        so = f": {_CONSEQUENCES[pair]}." if 2 * n >= of else "."
        warnings.append(f"{much} examples of {second} are in {first} as well{so}")
        if counts["contradictions"]:
            warnings.append(
                f"{counts['contradictions']:,} examples of {second} are in {first} with other "
                "labels only."
            )
    return warnings


def _warnings(
    part: str,
    found: _Part,
    document: dict[str, Any],
    training: _Part,
    names: tuple[str, ...],
    kind: str,
) -> list[str]:
    """What looks wrong in one part."""
    warnings = []
    n = document["examples"]
    if found.outside:
        warnings.append(f"{found.outside:,} labels of {part} are no classes.")
    if document["duplicates"]:
        warnings.append(f"{part} repeats {document['duplicates']:,} of its {n:,} examples.")
    if document["contradictions"]:
        warnings.append(
            f"{document['contradictions']:,} examples of {part} have another label than most of "
            "their equals."
        )
    counts = np.bincount(found.labels[found.labels >= 0], minlength=len(names))[: len(names)]
    if part == "train":
        if (absent := np.flatnonzero(counts == 0)).size:
            warnings.append(f"train has no example of {_list_text(absent, names)}.")
        rare = np.flatnonzero((counts > 0) & (counts < _RARE * n / len(names)))
        if rare.size:
            warnings.append(f"train has few examples of {_list_text(rare, names)}.")
    else:
        trained = np.bincount(training.labels[training.labels >= 0], minlength=len(names))
        untrained = np.flatnonzero((counts > 0) & (trained[: len(names)] == 0))
        if untrained.size:
            warnings.append(
                f"{part} has examples of {_list_text(untrained, names)}, train has none."
            )
        absent = np.flatnonzero((counts == 0) & (trained[: len(names)] > 0))
        if absent.size:
            warnings.append(f"{part} has no example of {_list_text(absent, names)}.")
    if found.blank:
        what = {"image": "of one colour", "text": "empty"}.get(kind, "of one value")
        warnings.append(f"{found.blank:,} examples of {part} are {what}.")
    if kind == "image" and found.high < DARK and found.low < found.high:
        warnings.append(f"the pixels of {part} run from 0 to {found.high:g}, and not to 255.")
    if part == "train" and found.steady is not None and found.steady.any():
        steady = int(found.steady.sum())
        warnings.append(f"{steady:,} columns of train have one value throughout.")
    return warnings


def _list_text(labels: np.ndarray, names: tuple[str, ...]) -> str:
    told = ", ".join(repr(names[label]) for label in labels[:_TOLD])
    more = len(labels) - _TOLD
    if len(labels) == 1:
        return f"class {told}"
    return f"{len(labels):,} classes ({told}{f' and {more:,} more' if more > 0 else ''})"
