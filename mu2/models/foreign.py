"""Weights in files that mu2 does not read: which they are, and how to convert them. No pickle."""

import re
from collections.abc import Collection
from typing import BinaryIO

from mu2.errors import Mu2Error, lfs_pointer
from mu2.models.roots.location import Location

_HEAD = 64
_CONVERT = (
    'Convert them where PyTorch is installed: python -c "from transformers import AutoModel; '
    "AutoModel.from_pretrained('FOLDER').save_pretrained('NEW')\" writes NEW/model.safetensors."
)
# How a file begins, what it is then, and what to do.
_BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (rb"PK\x03\x04", "a PyTorch file, which is a pickle and can run any program", _CONVERT),
    (rb"\x80[\x02-\x05]", "a pickle, which can run any program", _CONVERT),
    (rb"\x89HDF\r\n", "an HDF5 file, as Keras writes it", _CONVERT),
    (rb"GGUF", "a GGUF file", "Take the safetensors file that it was made from."),
    (rb"\s*<(!doctype|html|\?xml)", "a web page, and no file of weights", "Check the address."),
)
# How files of weights are called, and what they are.
_NAMES: tuple[tuple[str, str], ...] = (
    (r".*\.(bin|pt|pth|ckpt|pkl)", "of PyTorch, which are pickles and can run any program"),
    (r".*\.h5", "of TensorFlow or Keras"),
    (r".*\.msgpack", "of Flax"),
    (r".*\.(onnx|gguf|tflite)", "for running the network, and not for training it"),
)
_SHARD = re.compile(r".*-\d{5}-of-\d{5}\.safetensors")
ADAPTER = "adapter_config.json"
_MERGE = (
    "Merge it into the model that it was made for, and save that: "
    "PeftModel.from_pretrained(model, 'ADAPTER').merge_and_unload().save_pretrained('NEW')."
)


def check(file: BinaryIO, location: Location, root: str, form: str) -> None:
    """Refuses a file that begins like one of another kind; leaves it at its beginning.

    Args:
      file: open.
      location: where it is.
      root: the root that reads it.
      form: what it should be: `npz` or `safetensors`.

    Raises:
      Mu2Error: saying what it is.
    """
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    place = str(location)
    if (pointer := lfs_pointer(head, location.name)) is not None:
        raise Mu2Error(pointer.message, location=place, hint=pointer.hint)
    if form == "npz" and head[8:9] == b"{":
        raise _of_another(location, "a safetensors file", root, "Safetensors")
    archive = head.startswith(b"PK\x03\x04")
    if form == "safetensors" and archive and location.name.endswith(".npz"):
        raise _of_another(location, "a .npz archive", root, "AugReg")
    if location.name.endswith(".msgpack"):
        raise Mu2Error(
            f"{location.name} holds weights of Flax, which {root} does not read.",
            location=place,
            hint=_CONVERT,
        )
    for beginning, what, cure in _BEGINNINGS:
        if re.match(beginning, head, re.IGNORECASE) and not (form == "npz" and archive):
            raise Mu2Error(f"{location.name} is {what}.", location=place, hint=cure)


def _of_another(location: Location, what: str, root: str, other: str) -> Mu2Error:
    return Mu2Error(
        f"{location.name} is {what}, which {root} does not read.",
        location=str(location),
        hint=f"@{other}() reads it.",
    )


def check_folder(folder: Location, names: Collection[str]) -> None:
    """Refuses a folder without `model.safetensors` and without an index, if it is known what it is.

    Args:
      folder: where it is.
      names: of the files in it.

    Raises:
      Mu2Error: saying what is in it.
    """
    place = str(folder)
    if ADAPTER in names:
        document = folder.inside(ADAPTER).document() or {}
        base = document.get("base_model_name_or_path")
        of = f" of {base!r}" if isinstance(base, str) else ""
        raise Mu2Error(
            f"the folder holds an adapter{of} alone, and not the weights it belongs to.",
            location=place,
            hint=_MERGE,
        )
    if shards := [name for name in names if _SHARD.fullmatch(name)]:
        raise Mu2Error(
            f"the folder holds {len(shards)} shards ({shards[0]} …) and lacks their index.",
            location=place,
            hint="Download model.safetensors.index.json, and all files that it names.",
        )
    if others := [name for name in names if name.endswith(".safetensors")]:
        raise Mu2Error(
            f"the folder has no model.safetensors; it holds {', '.join(others)}.",
            location=place,
            hint=f"Name the file: Safetensors.path = '{folder.inside(others[0])}'.",
        )
    for pattern, what in _NAMES:
        if found := [name for name in names if re.fullmatch(pattern, name)]:
            raise Mu2Error(
                f"the folder has no model.safetensors; {', '.join(found)} holds weights {what}.",
                location=place,
                hint=_CONVERT,
            )


def check_tensors(names: Collection[str], place: str) -> None:
    """Refuses the tensors of an adapter, merged into nothing.

    Raises:
      Mu2Error: naming some.
    """
    if found := sorted(name for name in names if re.search(r"\blora_|\.lora_|\.ia3_|loha_", name)):
        raise Mu2Error(
            f"the file holds the tensors of an adapter ({found[0]} …), which are no network.",
            location=place,
            hint=_MERGE,
        )
