"""Files of named tensors: `.npz` archives and `safetensors`. No pickle, ever.

Shapes are known before any tensor is read, and only the tensors asked for are. A file is taken for
hostile until its header has been checked against its size.
"""

import abc
import contextlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as encode

from mu2.errors import Mu2Error
from mu2.models import foreign
from mu2.models.component import Arrays
from mu2.models.roots.location import Location, said

INDEX = "model.safetensors.index.json"
WHOLE = "model.safetensors"
# Bytes of a header: one of 80,000 tensors. The library allows 100 MB, which take gigabytes.
HEADER_LIMIT = 8 << 20

# The dtypes of weights, as a safetensors header spells them.
_WEIGHTS = ("F64", "F32", "F16", "BF16")


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

    def __exit__(self, *error: object) -> None:
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
            foreign.check(file, location, "AugReg", "npz")
            self._zip = self._stack.enter_context(zipfile.ZipFile(file))
            for name in self._zip.namelist():
                with self._zip.open(name) as member:
                    self._members[name.removesuffix(".npy")] = _npy_header(member)
        except Mu2Error:
            self._stack.close()
            raise
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


class Safetensors(Tensors):
    """A `safetensors` file, or a folder with `model.safetensors` or its shards and their index.

    The library of that name reads them, and checks every header against the size of its file. Of a
    URL the header is fetched, and the rest when the first tensor is asked for, into a temporary
    file.

    Raises:
      Mu2Error: something is missing, or a header does not fit its file.
    """

    def __init__(self, location: Location):
        super().__init__(location)
        self._files: dict[str, _File] = {}
        try:
            self._open_all(location)
            self._shapes = {
                name: tuple(file.open.get_slice(name).get_shape())
                for name, file in self._files.items()
            }
        except BaseException:
            self._stack.close()
            raise

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """See `Tensors.shapes`."""
        return self._shapes

    def _read(self, name: str) -> np.ndarray:
        file = self._files[name]
        dtype = file.open.get_slice(name).get_dtype()
        if dtype not in _WEIGHTS:
            raise Mu2Error(
                f"tensor {name!r} is of dtype {dtype}, which is no weight that mu2 reads.",
                location=str(file.location),
                hint="It reads F64, F32, F16 and BF16; convert the file.",
            )
        try:
            return file.whole().get_tensor(name)
        except (SafetensorError, ValueError, OverflowError) as error:
            why = f"tensor {name!r} cannot be read ({said(error)})."
            raise self._damaged(why, file.location) from error

    def _open_all(self, location: Location) -> None:
        folder = location.is_folder()
        index = location.inside(INDEX) if folder else location
        document = index.document() if folder or location.name.endswith(".index.json") else None
        if document is not None:
            self._open_shards(index, document)
            return
        whole = location.inside(WHOLE) if folder else location
        if folder and WHOLE not in (names := location.names()):
            foreign.check_folder(location, names)
        file = self._open_file(whole)
        self._files = dict.fromkeys(file.open.keys(), file)

    def _open_shards(self, index: Location, document: Mapping[str, Any]) -> None:
        shards = document.get("weight_map")
        if not isinstance(shards, dict) or not all(map(_is_name, shards.values())):
            raise Mu2Error(
                "the index has no 'weight_map' of tensors to names of files beside it.",
                location=str(index),
            )
        names = sorted(set(shards.values()))
        if lost := [name for name in names if not index.sibling(name).exists()]:
            raise Mu2Error(
                f"{len(lost)} of the {len(names)} files that the index names are not there: "
                f"{', '.join(lost)}.",
                location=str(index),
                hint="Download all of them into the folder of the index.",
            )
        held = {name: self._open_file(index.sibling(name)) for name in names}
        keys = {name: set(file.open.keys()) for name, file in held.items()}
        if lost := [tensor for tensor, name in shards.items() if tensor not in keys[name]]:
            raise Mu2Error(
                f"the index names tensors that their files lack: {', '.join(sorted(lost))}.",
                location=str(index),
                hint="Download the index and all its files again.",
            )
        self._files = {tensor: held[name] for tensor, name in shards.items()}

    def _open_file(self, location: Location) -> "_File":
        """Opens one file, its header checked."""
        file = self._stack.enter_context(location.open())
        foreign.check(file, location, "Safetensors", "safetensors")
        try:
            return _File(location, file, self._stack)
        except (SafetensorError, ValueError, RecursionError, OSError) as error:
            raise self._damaged(f"its header is wrong: {said(error)}.", location) from error


class _File:
    """One file, opened by the library.

    Raises:
      SafetensorError: the header is wrong, or does not fit the size of the file.
      ValueError: it is absurdly long, or a name stands in it twice, which the library takes.
    """

    def __init__(self, location: Location, file: BinaryIO, stack: contextlib.ExitStack):
        self.location = location
        self._file = file
        self._stack = stack
        self._copy: Path | None = None
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if HEADER_LIMIT < length <= size - 8:
            raise ValueError(f"it has {length:,} bytes, and {HEADER_LIMIT:,} at most fit")
        header = file.read(length) if length <= size else b""
        path = location.local
        if path is None:
            # Of the size that the file has, without taking any room: only the header is there.
            self._copy = path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / WHOLE
            path.write_bytes(length.to_bytes(8, "little") + header)
            with path.open("ab") as copy:
                copy.truncate(size)
        self.open = stack.enter_context(safe_open(path, "numpy"))
        json.loads(header, object_pairs_hook=_once)

    def whole(self) -> Any:
        """The open file, whose tensors can be read."""
        if self._copy is not None:
            self._file.seek(0)
            with self._copy.open("wb") as copy:
                shutil.copyfileobj(self._file, copy)
            self.open = self._stack.enter_context(safe_open(self._copy, "numpy"))
            self._copy = None
        return self.open


def save(path: Path, tensors: Arrays, metadata: Mapping[str, str]) -> None:
    """Writes a `safetensors` file; the same for the same tensors and texts.

    Args:
      path: the file.
      tensors: name to float32 array.
      metadata: texts, kept in the header.

    Raises:
      OSError: it cannot be written.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in sorted(tensors.items())}
    content = memoryview(encode(arrays, dict(metadata)))
    length = int.from_bytes(content[:8], "little")
    header = json.loads(bytes(content[8 : 8 + length]))
    # The library writes these in another order each time.
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers are aligned
    with path.open("wb") as file:
        for part in (len(text).to_bytes(8, "little"), text, content[8 + length :]):
            file.write(part)


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
