"""Export: one task's network alone, in forms that others read without mu2."""

import importlib.metadata
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Any

import jax
from jax import export as jax_export

from mu2.errors import Mu2Error, did_you_mean
from mu2.evolution.path import Path
from mu2.models import flatten
from mu2.models.roots.tensors import save
from mu2.store.aside import empty_aside
from mu2.store.checkpoint import save_tree
from mu2.store.files import flush, flush_below, reason
from mu2.system import System
from mu2.system.inference import forward, network_of, parameters_of
from mu2.tasks.user_examples import Form

PLATFORMS = ("cpu", "cuda", "tpu")
# What lies in the folder beside the target while it is written.
_DOCUMENT, _MOVED, _PLACED = "document", "moved", "placed"
# What the network reads, for each kind of examples; the last step is inside a StableHLO export.
_PREPARED: Mapping[str, tuple[str, ...]] = {
    "image": (
        "upright, on white where it is transparent",
        "resized as a whole to the input's height and width, {resize}",
        "a grey image repeated for three channels; for one channel the luma, 0.299 R + 0.587 G + "
        "0.114 B, rounded",
        "x / 127.5 - 1 in float32",
    ),
    "text": (
        "UTF-8, NUL replaced by a space",
        "cut between two characters, or filled up with zero bytes, to the input's length",
        "bytes as numbers, in float32",
    ),
    "table": (
        "a number (of `columns`: encoding.columns that are no categories, in order) becomes "
        "(x - mean) / deviation; one that is missing, or whose deviation is null, becomes 0",
        "behind them, for each of gaps, the number of a column of numbers: 1 where it is missing, "
        "else 0",
        "behind these, for each column of categories and each category: 1 in its own, else 0",
        "taken as they come, in float32",
    ),
}

_RESIZED: Mapping[str, str] = {
    "antialias": "by a triangle filter that widens when it shrinks",
    "bilinear": "between the four nearest pixels with half-pixel centres and no antialiasing, in "
    "float32",
}


def export(system: System, task: str, form: str, target: str | FilePath) -> dict[str, Any]:
    """Writes a task's network alone, and beside it a JSON document that says what it is.

    The document lies at `<target>.json`. Both come into place whole, the network last; where that
    fails, neither is there. What a killed export left, the next to the same target clears.

    Args:
      system: open for reading.
      task: one of its tasks.
      form: `orbax`, a folder: the tree of parameters, component to its Linen tree, as Orbax reads
        it. `safetensors`, a file: the same parameters, named `component.leaf`, with the document's
        values as metadata. `stablehlo`, a file: the compiled function of `jax.export`, from
        examples as they are stored, [B, *input shape], to float32 logits [B, classes], for any B
        from 1 on.
      target: where; nothing may be there yet.

    Returns:
      The document; its keys are told by `mu2 export --help`.

    Raises:
      Mu2Error: no such task, path or form; something is at the target, or it cannot be written; a
        component is damaged; the network cannot be lowered for any number of examples.
    """
    if form not in FORMS:
        raise Mu2Error(f"there is no form {form!r} to export to.", hint=did_you_mean(form, FORMS))
    target = FilePath(os.path.abspath(target))
    new = target.parent / f".{target.name}.new"
    _check_place(target, system.directory)
    try:
        with empty_aside(new, lambda name: _is_ours(name, target), lambda: _recover(target, new)):
            document = _write(system, task, form, target, new)
    except OSError as error:
        raise Mu2Error(
            f"{target} cannot be written: {reason(error)}.",
            hint="Nothing is left of it. Make room, or choose another place.",
        ) from error
    return document


def _write(system: System, task: str, form: str, target: FilePath, new: FilePath) -> dict[str, Any]:
    """Puts both together in a folder beside the target, and moves them into place."""
    path = system.path(task)
    document = _document(system, task, form, path)
    if (finished := _finished(target, new, document)) is not None:
        return finished
    _check_target(target)
    params = parameters_of(system, path)
    document |= FORMS[form](new / target.name, path, params, document)
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    (new / _DOCUMENT).write_text(f"{text}\n", encoding="utf-8")
    flush_below(new)
    _put(new / _DOCUMENT, new / target.name, target)
    return document


def _finished(target: FilePath, new: FilePath, document: dict[str, Any]) -> dict[str, Any] | None:
    """The document of the same export, where a kill came after it was in place; else None."""
    if not (new / _PLACED).exists():
        return None
    (new / _PLACED).unlink()
    try:
        there = json.loads(_beside(target).read_bytes())
    except (OSError, ValueError):
        return None
    same = isinstance(there, dict) and document == {key: there.get(key) for key in document}
    return there if same and os.path.lexists(target) else None


def _is_ours(name: str, target: FilePath) -> bool:
    """Whether a killed export may have left this; Orbax adds an ending of its own meanwhile."""
    return name in (_DOCUMENT, _MOVED, _PLACED) or name.startswith(target.name)


def _recover(target: FilePath, new: FilePath) -> set[str]:
    """Removes the document that a killed export had put in place without its network.

    Returns:
      What is to stay in the folder: the mark of an export that was killed with both in place.
    """
    if not os.listdir(new):  # what is removed last, its mark being gone
        (new / _MOVED).touch()
    if not (new / _MOVED).exists() or (new / _DOCUMENT).exists():
        return set()
    if not os.path.lexists(new / target.name):
        (new / _MOVED).rename(new / _PLACED)
        return {_PLACED}
    if not os.path.lexists(target):
        _beside(target).unlink(missing_ok=True)
    return set()


def _check_target(target: FilePath) -> None:
    for each in (target, _beside(target)):
        if os.path.lexists(each):
            raise Mu2Error(
                f"{each} is there already; an export writes over nothing.",
                hint="Choose another --to, or move it away.",
            )


def _check_place(target: FilePath, system: FilePath) -> None:
    if not target.parent.is_dir():
        raise Mu2Error(
            f"{target} cannot be written: there is no folder {target.parent}.",
            hint=f"Make it first: mkdir -p {target.parent}",
        )
    if system.resolve() in target.resolve().parents:
        raise Mu2Error(
            f"{target} lies inside the system {system}, where only mu2 writes.",
            hint="Choose a place outside of it.",
        )


def _beside(target: FilePath) -> FilePath:
    return target.parent / f"{target.name}.json"


def _put(document: FilePath, network: FilePath, target: FilePath) -> None:
    """Moves both into place; none stays there where one cannot."""
    (document.parent / _MOVED).touch()  # from here on the document beside the target is ours
    flush(document.parent)
    document.rename(_beside(target))
    try:
        network.rename(target)
    except BaseException:
        _beside(target).unlink()
        raise
    flush(target.parent)


def _document(system: System, task: str, form: str, path: Path) -> dict[str, Any]:
    record = system.task(task)
    ((model, settings),) = json.loads(path.model).items()
    prepared = (text.format(resize=_RESIZED[path.resize]) for text in _PREPARED[record.input])
    *before, last = prepared
    network = network_of(path)
    reads = Form(network[0].input_shape, path.resize)
    return {
        "format": 1,
        "mu2": importlib.metadata.version("mu2"),
        "form": form,
        "task": task,
        "class_names": list(record.class_names),
        "input": {
            "kind": record.input,
            "shape": list(reads.shape),
            "dtype": reads.dtype(record.input).name,
        },
        "preprocessing": {
            "before": before,
            "first_step": last,
            "included": form == "stablehlo",
            "columns": None if record.preparation is None else dict(record.preparation),
        },
        "output": "float32 logits [B, classes], in the order of class_names",
        "model": {"name": model, "settings": settings},
        "hyperparameters": dict(sorted(path.hyperparameters.items())),
        "arithmetic": path.dtype,
        "path": path.id,
        "components": [
            {"name": c.name, "parameters": c.size, "digest": c.digest} for c in path.components
        ],
        "validation_accuracy": path.quality,
        "test_accuracy": path.test_accuracy,
    }


def _orbax(
    target: FilePath, path: Path, params: Mapping[str, Any], document: Mapping[str, Any]
) -> dict[str, Any]:
    save_tree(target, params)
    return {"read_with": "orbax.checkpoint.v1.load(PATH)"}


def _safetensors(
    target: FilePath, path: Path, params: Mapping[str, Any], document: Mapping[str, Any]
) -> dict[str, Any]:
    tensors = {name.replace("/", "."): leaf for name, leaf in flatten(params).items()}
    metadata = {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in document.items()
    }
    save(target, tensors, metadata)
    return {"read_with": "safetensors.numpy.load_file(PATH)"}


def _stablehlo(
    target: FilePath, path: Path, params: Mapping[str, Any], document: Mapping[str, Any]
) -> dict[str, Any]:
    shape, dtype = document["input"]["shape"], document["input"]["dtype"]
    apply = forward(network_of(path))
    (batch,) = jax_export.symbolic_shape("batch")
    like = jax.ShapeDtypeStruct((batch, *shape), dtype)
    function = jax.jit(lambda x: apply(params, x))
    platforms: tuple[str, ...] = PLATFORMS
    try:
        try:
            lowered = jax_export.export(function, platforms=platforms)(like)
        except NotImplementedError:  # some platform lacks an operation of the network
            platforms = PLATFORMS[:1]
            lowered = jax_export.export(function, platforms=platforms)(like)
        content = lowered.serialize()
    except ImportError as error:
        raise Mu2Error(
            "writing StableHLO needs flatbuffers.", hint="pip install 'mu2[export]'"
        ) from error
    except Exception as error:  # jax raises many kinds of them for a shape it cannot follow
        raise Mu2Error(
            f"the network of task {document['task']!r} cannot be exported for any number of "
            f"examples: {reason(error)}",
            hint="Its model asks for the size of the batch; `--format orbax` does not need that.",
        ) from error
    target.write_bytes(content)
    return {
        "read_with": "jax.export.deserialize(FILE.read()).call(examples)",
        "platforms": list(platforms),
        "jax": jax.__version__,
    }


_Writer = Callable[[FilePath, Path, Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]
FORMS: Mapping[str, _Writer] = {
    "orbax": _orbax,
    "safetensors": _safetensors,
    "stablehlo": _stablehlo,
}
