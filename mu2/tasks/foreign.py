"""Files of data that are something else than their names say."""

import re

from mu2.errors import Mu2Error, lfs_pointer

# How a file begins, what it is then, and what to do.
_BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (rb"\x1f\x8b", "packed by gzip", "Unpack it: gunzip."),
    (rb"BZh[1-9]1AY&SY", "packed by bzip2", "Unpack it: bunzip2."),
    (rb"\xfd7zXZ\0", "packed by xz", "Unpack it: unxz."),
    (rb"\x28\xb5\x2f\xfd", "packed by zstd", "Unpack it: unzstd."),
    (rb"PK\x03\x04", "a ZIP archive, as workbooks of Excel are", "Unpack it, or save it as CSV."),
    (rb"\xd0\xcf\x11\xe0", "a document of old Office", "Save it as CSV."),
    (rb"PAR1", "a Parquet file", "Give it a name that ends in .parquet."),
    (rb"\x89HDF\r\n", "an HDF5 file", "Save its arrays in one of the forms that mu2 reads."),
    (rb"\x93NUMPY", "a single array of NumPy (.npy)", "numpy.savez_compressed writes several."),
    (rb"\x80[\x02-\x05]", "a pickle, which can run any program", "mu2 unpickles nothing."),
    (rb"\s*<(!doctype html|html)", "a web page", "See what its address answers: often an error."),
)


def foreign_file(head: bytes, place: str, *own: bytes) -> Mu2Error | None:
    """What to say of a file that is of another kind by its first bytes; None where it may be right.

    Args:
      head: 64 bytes or more, or the whole of a shorter one.
      place: which file it is.
      own: beginnings that are right.
    """
    if (pointer := lfs_pointer(head, place)) is not None:
        return pointer
    for beginning, what, cure in _BEGINNINGS:
        if re.match(beginning, head, re.IGNORECASE) and not head.startswith(own):
            return Mu2Error(f"{place} is {what}.", hint=cure)
    return None
