"""A file of a URL, got in a way that can be stopped and gone on with."""

import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.models.roots.location import said

PART = ".part"
CHUNK = 1 << 20
TIMEOUT_S = 60


def size_of(url: str) -> int | None:
    """Bytes of the file behind a URL, as its server says; None where it does not say."""
    try:
        request = urllib.request.Request(url, method="HEAD")
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            length = answer.headers.get("Content-Length")
    except (OSError, ValueError):
        return None
    return int(length) if length and length.isdecimal() else None


def download(url: str, target: Path) -> None:
    """Gets a file; it is at the target whole or not at all.

    What a stopped call got lies beside it, in a file named `.part`, and is not got again where the
    server can begin in the middle.

    Args:
      url: of the file.
      target: where to; its folder is made.

    Raises:
      Mu2Error: the server cannot be reached, or gives less than it said; the disk is full.
    """
    part = target.with_name(target.name + PART)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        begun = part.stat().st_size if part.exists() else 0
        whole = size_of(url)
        if begun and begun == whole:
            os.replace(part, target)
            return
        request = urllib.request.Request(url)
        if begun:
            request.add_header("Range", f"bytes={begun}-")
        with (
            urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer,
            # 200: the server has begun anew.
            part.open("ab" if answer.status == 206 else "wb") as file,
        ):
            shutil.copyfileobj(answer, file, CHUNK)
        if whole is not None and part.stat().st_size != whole:
            raise Mu2Error(
                f"{url} gave {part.stat().st_size:,} bytes of {whole:,}.",
                hint="The same command goes on from there.",
            )
        os.replace(part, target)
    except (OSError, ValueError) as error:
        raise Mu2Error(
            f"{url} cannot be got: {said(error)}.",
            hint=f"What there is of it is kept in {part}; the same command goes on from there.",
        ) from error
