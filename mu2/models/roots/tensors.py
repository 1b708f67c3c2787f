"""Files of named tensors: `.npz` archives and `safetensors`. No pickle, ever.

Shapes are known before any tensor is read, and only the tensors asked for are. A file is taken for
hostile until its header has been checked against its size.
"""

import abc
import contextlib
import dataclasses
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, BinaryIO, Self

import ml_dtypes
import numpy as np

from mu2.errors import Mu2Error
from mu2.models.component import Arrays
from mu2.models.roots.location import Location, said

INDEX = "model.safetensors.index.json"
WHOLE = "model.safetensors"
HEADER_LIMIT = 100_000_000  # that of the safetensors library

# dtype of a safetensors header: bytes a number, and numpy's dtype where numbers are weights.
_DTYPES: Mapping[str, tuple[int, Any]] = {
    "F64": (8, np.dtype("<f8")),
    "F32": (4, np.dtype("<f4")),
    "F16": (2, np.dtype("<f2")),
    "BF16": (2, np.dtype(ml_dtypes.bfloat16)),
    **dict.fromkeys(("I64", "U64", "C64"), (8, None)),
    **dict.fromkeys(("I32", "U32"), (4, None)),
    **dict.fromkeys(("I16", "U16"), (2, None)),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0"), (1, None)),
}


class Tensors(abc.ABC):
    """Named tensors of one or more files; use as a context manager.

    Attributes:
      location: what the user named.
    """

    def __init__(self, location: Location):
        self.location = location
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    @abc.abstractmethod
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Name to shape of every tensor."""

    @abc.abstractmethod
    def _read(self, name: str) -> np.ndarray:
        """A tensor as the file has it.

        Raises:
          Mu2Error: it is damaged, or its dtype is no floating-point one.
        """

    def read(self, name: str) -> np.ndarray:
        """A tensor in float32.

        Raises:
          Mu2Error: it is damaged, holds no floating-point numbers, or some that are not finite.
        """
        with np.errstate(over="ignore"):  # what float32 cannot hold is told below
            array = self._read(name).astype(np.float32)
        if not np.isfinite(array).all():
            raise Mu2Error(
                f"tensor {name!r} holds NaN or infinite values.",
                location=str(self.location),
                hint="The file is damaged, or its training diverged; take another one.",
            )
        return array

    def _damaged(self, why: str, location: Location | None = None) -> Mu2Error:
        return Mu2Error(
            f"the file is damaged: {why}",
            location=str(location or self.location),
            hint="Download it again.",
        )


class Npz(Tensors):
    """A numpy archive.

    Raises:
      Mu2Error: it is missing, no archive, or holds Python objects.
    """

    def __init__(self, location: Location):
        super().__init__(location)
        self._members: dict[str, tuple[tuple[int, ...], bool, np.dtype[Any]]] = {}
        file = self._stack.enter_context(location.open())
        try:
            self._zip = self._stack.enter_context(zipfile.ZipFile(file))
            for name in self._zip.namelist():
                with self._zip.open(name) as member:
                    self._members[name.removesuffix(".npy")] = _npy_header(member)
        # zipfile, zlib and numpy's parser each raise what they please at garbled bytes.
        except Exception as error:
            self._stack.close()
            raise self._damaged(
                f"it is no .npz archive that numpy can read ({said(error)})."
            ) from error

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """See `Tensors.shapes`."""
        return {name: shape for name, (shape, _, _) in self._members.items()}

    def _read(self, name: str) -> np.ndarray:
        shape, fortran, dtype = self._members[name]
        if dtype == np.dtype("V2"):
            dtype = np.dtype(ml_dtypes.bfloat16)  # numpy has no name for it
        if dtype.kind != "f" and dtype != ml_dtypes.bfloat16:
            raise Mu2Error(
                f"tensor {name!r} is of dtype {dtype}, which is no weight.",
                location=str(self.location),
            )
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize
        try:
            with self._zip.open(f"{name}.npy") as member:
                _npy_header(member)
                data = member.read(size + 1)
        except Exception as error:  # as above
            raise self._damaged(f"tensor {name!r} cannot be read ({said(error)}).") from error
        if len(data) != size:
            raise self._damaged(f"tensor {name!r} has not the {size} bytes of its shape.")
        return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _npy_header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether Fortran's order, dtype; raises ValueError, as numpy's parser does."""
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        header = np.lib.format.read_array_header_1_0(member)
    elif version == (2, 0):
        header = np.lib.format.read_array_header_2_0(member)
    else:
        raise ValueError(f"a member is of .npy version {version}")
    shape, fortran, dtype = header
    if dtype.hasobject:
        raise ValueError("a member holds Python objects, which would need pickle")
    if any(side < 0 for side in shape):
        raise ValueError(f"a member has the shape {shape}")
    return shape, fortran, dtype


@dataclasses.dataclass(frozen=True)
class _Entry:
    """Where a tensor lies.

    Attributes:
      file: number of its file.
      dtype: as the header spells it.
      shape: its shape.
      start: first byte in the file.
      size: in bytes.
    """

    file: int
    dtype: str
    shape: tuple[int, ...]
    start: int
    size: int


class Safetensors(Tensors):
    """A `safetensors` file, or a folder with `model.safetensors` or its shards and their index.

    Source of the format: https://github.com/huggingface/safetensors (README, "Format"). Read here
    rather than by that library, which wants the whole of a remote file and knows no bfloat16 in
    numpy.

    Raises:
      Mu2Error: something is missing, or a header does not fit its file.
    """

    def __init__(self, location: Location):
        super().__init__(location)
        self._files: list[BinaryIO] = []
        self._locations: list[Location] = []
        self._entries: dict[str, _Entry] = {}
        try:
            self._open_all(location)
        except BaseException:
            self._stack.close()
            raise

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """See `Tensors.shapes`."""
        return {name: entry.shape for name, entry in self._entries.items()}

    def _read(self, name: str) -> np.ndarray:
        entry = self._entries[name]
        dtype = _DTYPES[entry.dtype][1]
        if dtype is None:
            raise Mu2Error(
                f"tensor {name!r} is of dtype {entry.dtype}, which is no weight that mu2 reads.",
                location=str(self._locations[entry.file]),
                hint="It reads F64, F32, F16 and BF16; convert the file.",
            )
        file = self._files[entry.file]
        file.seek(entry.start)
        data = file.read(entry.size)
        if len(data) != entry.size:
            raise self._damaged(f"tensor {name!r} is cut off.", self._locations[entry.file])
        return np.frombuffer(data, dtype).reshape(entry.shape)

    def _open_all(self, location: Location) -> None:
        if location.is_folder():
            index = location.inside(INDEX)
            document = index.document()
        else:
            index, document = location, None
            if location.name.endswith(".index.json"):
                document = location.document()
        if document is not None:
            self._open_shards(index, document)
            return
        whole = location.inside(WHOLE) if location.is_folder() else location
        self._entries = self._open_file(whole)

    def _open_shards(self, index: Location, document: Mapping[str, Any]) -> None:
        shards = document.get("weight_map")
        if not isinstance(shards, dict) or not all(map(_is_name, shards.values())):
            raise Mu2Error(
                "the index has no 'weight_map' of tensors to names of files beside it.",
                location=str(index),
            )
        held = {name: self._open_file(index.beside(name)) for name in sorted(set(shards.values()))}
        lost = [tensor for tensor, name in shards.items() if tensor not in held[name]]
        if lost:
            raise Mu2Error(
                f"the index names tensors that their files lack: {', '.join(sorted(lost))}.",
                location=str(index),
                hint="Download the index and all its files again.",
            )
        self._entries = {tensor: held[name][tensor] for tensor, name in shards.items()}

    def _open_file(self, location: Location) -> dict[str, _Entry]:
        """Opens one file and reads its header: 8 bytes of length, JSON, then the numbers."""
        file = self._stack.enter_context(location.open())
        number = len(self._files)
        self._files.append(file)
        self._locations.append(location)
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, HEADER_LIMIT):
            raise self._damaged(
                f"its header of {length} bytes does not fit in its {size} bytes, or it is no "
                "safetensors file.",
                location,
            )
        try:
            header = json.loads(file.read(length), object_pairs_hook=_once)
            if not isinstance(header, dict):
                raise ValueError("it is no JSON object")
            header.pop("__metadata__", None)
            entries = {
                name: _entry(number, name, given, 8 + length) for name, given in header.items()
            }
            _check_layout(entries, 8 + length, size)
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"its header is wrong: {said(error)}.", location) from error
        return entries


def encoded(tensors: Arrays, metadata: Mapping[str, str]) -> Iterator[bytes]:
    """The bytes of a `safetensors` file, in parts: a header, then one tensor after the other.

    Args:
      tensors: name to float32 array.
      metadata: texts, kept in the header.

    Raises:
      ValueError: a tensor is not of float32.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, array in sorted(tensors.items()):
        if array.dtype != np.float32:
            raise ValueError(f"tensor {name!r} is of {array.dtype}")
        start, end = end, end + array.nbytes
        shape = list(array.shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers are aligned
    yield len(text).to_bytes(8, "little") + text
    for _, array in sorted(tensors.items()):
        yield array.astype("<f4").tobytes()


def _is_name(name: object) -> bool:
    """Whether a shard's name is a plain file name, which cannot lead out of the folder."""
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\\0:")


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} stands in it twice")
        found[name] = value
    return found


def _entry(file: int, name: str, given: Any, start: int) -> _Entry:
    """One tensor of a header; raises ValueError where it makes no sense."""
    if not isinstance(given, dict) or set(given) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name!r} has not dtype, shape and data_offsets")
    dtype, shape, offsets = given["dtype"], given["shape"], given["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ValueError(f"{name!r} is of the unknown dtype {dtype!r}")
    if not (_is_counts(shape) and _is_counts(offsets) and len(offsets) == 2):
        raise ValueError(f"{name!r} has a shape or offsets that are no lists of counts")
    size = _DTYPES[dtype][0]
    for side in shape:
        size *= side
    if offsets[1] - offsets[0] != size:
        raise ValueError(
            f"{name!r} takes {size} bytes as {dtype} {shape}, and its offsets are {offsets}"
        )
    return _Entry(file, dtype, tuple(shape), start + offsets[0], size)


def _is_counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _check_layout(entries: Mapping[str, _Entry], start: int, size: int) -> None:
    """Raises ValueError unless the tensors fill the file, one after the other."""
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].size)):
        if entry.start != start:
            how = "overlaps the one before" if entry.start < start else "leaves a gap before it"
            raise ValueError(f"{name!r} {how}")
        start += entry.size
    if start != size:
        where = "reach outside the file" if start > size else "end before the file does"
        raise ValueError(f"its tensors {where} ({start} of {size} bytes)")
