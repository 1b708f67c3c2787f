"""State dictionaries in PyTorch's old file format, without PyTorch and without running a pickle.

The format (torch.save before 1.6) is five pickles, of which the fourth names the tensors, and then
the numbers of each storage. Of pickle's machine only what such a file needs is here: texts, whole
numbers, lists, tuples, dictionaries, and three names that stand for a dictionary, a storage and a
tensor. Any other name is refused, and no name is ever looked up.
"""

import dataclasses
import io
import math
import pickletools
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from mu2.errors import Mu2Error, lfs_pointer
from mu2.models.roots.location import Location, said
from mu2.models.roots.tensors import Tensors

# The first pickle is this number; the file so begins with these bytes.
MAGIC = 0x1950A86A20F9469CFC6C
BEGINNING = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little") + b"."
PROTOCOL = 1001
# The five pickles of a network of 98 layers take 47 kB.
PICKLES_LIMIT = 1 << 20
MOST_DIMENSIONS = 8

_DICTIONARY = "collections OrderedDict"
_TENSOR = "torch._utils _rebuild_tensor_v2"
_STORAGES: dict[str, np.dtype[Any]] = {
    "torch HalfStorage": np.dtype("<f2"),
    "torch FloatStorage": np.dtype("<f4"),
    "torch DoubleStorage": np.dtype("<f8"),
    "torch LongStorage": np.dtype("<i8"),
}
_NAMES = (_DICTIONARY, _TENSOR, *_STORAGES)

_VALUES = ("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE")
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Refused(Exception):
    """The pickle is for something else than a dictionary of tensors."""


@dataclasses.dataclass(frozen=True)
class _Name:
    """A name that the pickle gives; nothing but the text."""

    text: str


@dataclasses.dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    count: int


@dataclasses.dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class TorchPickle(Tensors):
    """A state dictionary in PyTorch's old format; see `Tensors`.

    Names, shapes and places are checked against the size of the file before a number is read.

    Raises:
      Mu2Error: the file is missing, damaged, in another format, or holds anything but tensors.
    """

    def __init__(self, location: Location):
        super().__init__(location)
        self._file = self._stack.enter_context(location.open())
        try:
            self._check_beginning()
            self._tensors, self._places = self._index(self._file)
        except Mu2Error:
            self._stack.close()
            raise
        except _Refused as error:
            self._stack.close()
            raise Mu2Error(
                f"the file holds more than tensors: {error}; it is not read.",
                location=str(location),
                hint="A pickle can run any program. Take the file from where it was published.",
            ) from error
        # The parser of pickles raises what it pleases at garbled bytes.
        except Exception as error:
            self._stack.close()
            raise self._damaged(f"{said(error)}.") from error

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """See `Tensors.shapes`."""
        return {name: tensor.shape for name, tensor in self._tensors.items()}

    def _read(self, name: str) -> np.ndarray:
        tensor = self._tensors[name]
        dtype = tensor.storage.dtype
        if dtype.kind != "f":
            raise Mu2Error(
                f"tensor {name!r} is of dtype {dtype}, which is no weight.",
                location=str(self.location),
            )
        self._file.seek(self._places[tensor.storage.key])
        data = np.frombuffer(self._file.read(tensor.storage.count * dtype.itemsize), dtype)
        if len(data) != tensor.storage.count:
            raise self._damaged(f"tensor {name!r} cannot be read.")
        strides = [step * dtype.itemsize for step in tensor.strides]
        return np.lib.stride_tricks.as_strided(data[tensor.offset :], tensor.shape, strides)

    def _check_beginning(self) -> None:
        head = self._file.read(64)
        if (pointer := lfs_pointer(head, self.location.name)) is not None:
            raise Mu2Error(pointer.message, location=str(self.location), hint=pointer.hint)
        if not head.startswith(BEGINNING):
            raise Mu2Error(
                "the file is not in PyTorch's old format (torch.save before version 1.6).",
                location=str(self.location),
                hint="Take the file as it was published.",
            )

    def _index(self, file: BinaryIO) -> tuple[dict[str, _Tensor], dict[str, int]]:
        """The tensors by name, and where the numbers of each storage begin.

        Raises:
          _Refused, ValueError and others: as the constructor tells.
        """
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        pickles = io.BytesIO(file.read(PICKLES_LIMIT))
        _, protocol, system, tensors, keys = (_unpickle(pickles) for _ in range(5))
        if protocol != PROTOCOL or not _is_little_endian(system):
            raise ValueError("it was written on a machine of another byte order")
        if not isinstance(tensors, dict):
            raise _Refused("a value that is no dictionary")
        for name, tensor in tensors.items():
            if not isinstance(tensor, _Tensor):
                raise _Refused(f"{name[:80]!r} is none")
        storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
        places: dict[str, int] = {}
        at = pickles.tell()
        for key in keys:
            if key not in storages:
                raise ValueError("it has the numbers of no tensor")
            storage = storages[key]
            file.seek(at)
            if int.from_bytes(file.read(8), "little") != storage.count:
                raise ValueError("a storage has another length than its tensors say")
            places[key] = at + 8
            at = places[key] + storage.count * storage.dtype.itemsize
            if at > size:
                raise ValueError("it ends before the numbers do")
        if places.keys() != storages.keys():
            raise ValueError("it lacks the numbers of a tensor")
        return tensors, places


def _is_little_endian(system: Any) -> bool:
    return isinstance(system, dict) and system.get("little_endian") is True


def _unpickle(file: BinaryIO) -> Any:
    """The value of the next pickle: texts, whole numbers, containers of them, and tensors.

    Raises:
      _Refused: it needs anything else.
      ValueError, IndexError, KeyError and others: it is damaged.
    """
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[Any, Any] = {}

    def take(count: int) -> list[Any]:
        if not 0 <= count <= len(stack):
            raise ValueError("its pickle takes values that are not there")
        taken = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        return taken

    for opcode, arg, _ in pickletools.genops(file):
        name = opcode.name
        if name in _VALUES:
            stack.append(arg)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[arg] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[arg])
        elif name == "MARK":
            marks.append(len(stack))
        elif name in _TUPLES:
            stack.append(tuple(take(_TUPLES[name])))
        elif name == "TUPLE":
            stack.append(tuple(take(len(stack) - marks.pop())))
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name in ("APPEND", "APPENDS"):
            items = take(1 if name == "APPEND" else len(stack) - marks.pop())
            _of_type(stack[-1], list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = take(2 if name == "SETITEM" else len(stack) - marks.pop())
            _add(_of_type(stack[-1], dict), items)
        elif name == "GLOBAL":
            stack.append(_name(str(arg)))
        elif name == "REDUCE":
            stack.append(_made(*take(2)))
        elif name == "BINPERSID":
            stack.append(_storage(*_of_type(take(1)[0], tuple)))
        elif name == "BUILD":
            # Versions of layers, which PyTorch hangs on the dictionary; nothing reads them.
            take(1)
            _of_type(stack[-1], dict)
        elif name == "STOP":
            return stack.pop()
        elif name != "PROTO":
            raise _Refused(f"the operation {name}")
    raise ValueError("its pickle has no end")


def _of_type(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise _Refused(f"a {type(value).__name__} where a {kind.__name__} should be")
    return value


def _add(values: dict[str, Any], items: list[Any]) -> None:
    # Only texts: the hash of a tuple of tuples may take for ever.
    for key, value in zip(items[::2], items[1::2], strict=True):
        values[_of_type(key, str)] = value


def _name(text: str) -> _Name:
    if text not in _NAMES:
        raise _Refused(f"it names {text[:80].replace(' ', '.')!r}")
    return _Name(text)


def _made(name: Any, arguments: Any) -> Any:
    """What a call stands for: an empty dictionary or a tensor."""
    text = _of_type(name, _Name).text
    if text == _DICTIONARY and isinstance(arguments, tuple) and not arguments:
        return {}
    if text == _TENSOR:
        return _tensor(*_of_type(arguments, tuple)[:4])
    raise _Refused(f"a call of {text.replace(' ', '.')!r}")


def _storage(kind: Any, dtype: Any, key: Any, device: Any, count: Any, view: Any) -> _Storage:
    text = _of_type(dtype, _Name).text
    if kind != "storage" or text not in _STORAGES or view is not None:
        raise _Refused("a storage of another kind")
    (count,) = _sizes((count,))
    return _Storage(_of_type(key, str), _STORAGES[text], count)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> _Tensor:
    """A tensor that lies within its storage and is not larger than it."""
    (offset,) = _sizes((offset,))
    shape, strides = _sizes(_of_type(shape, tuple)), _sizes(_of_type(strides, tuple))
    tensor = _Tensor(_of_type(storage, _Storage), offset, shape, strides)
    count = math.prod(shape)
    last = offset + sum((side - 1) * step for side, step in zip(shape, strides, strict=True))
    if count and (count > tensor.storage.count or last >= tensor.storage.count):
        raise ValueError("a tensor reaches beyond its numbers")
    return tensor


def _sizes(values: tuple[Any, ...]) -> tuple[int, ...]:
    if len(values) > MOST_DIMENSIONS or not all(type(n) is int and 0 <= n < 2**63 for n in values):
        raise ValueError("a tensor has a size that no tensor has")
    return values
