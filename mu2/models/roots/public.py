"""The public ViT weights by the names of their files, for checks where a file is not there."""

import re
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.models.component import Model
from mu2.models.vit import ViT

# Of AugReg (arXiv 2106.10270): the size, the patch, and how it was trained.
_NAME = re.compile(r"(?P<size>Ti|S|B|L)_(?P<patch>16|32)-i21k-[\w.-]+\.npz")
_WIDTHS = {
    "Ti": {"width": 192, "heads": 3, "mlp_dim": 768},
    "S": {"width": 384, "heads": 6, "mlp_dim": 1536},
    "B": {"width": 768, "heads": 12, "mlp_dim": 3072},
    "L": {"width": 1024, "heads": 16, "mlp_dim": 4096},
}
_BUCKET = "https://storage.googleapis.com/vit_models/augreg"


def url_of(path: str) -> str | None:
    """Where the public weights of a file's name lie; None where it has no name of AugReg's."""
    match = _NAME.fullmatch(Path(path).name)
    return f"{_BUCKET}/{match[0]}" if match else None


def find_missing(path: str, model: Model) -> tuple[Mu2Error, ...]:
    """What is said of a file of public weights that is not there.

    Args:
      path: where it should be.
      model: the architecture it is for.

    Returns:
      What is missing, and how to get it. Nothing where the file is there, lies behind a URL, or has
      no name of AugReg's: reading it then says what is wrong.

    Raises:
      Mu2Error: the name says that the weights do not fit the architecture.
    """
    match = _NAME.fullmatch(Path(path).name)
    if match is None or "://" in path or Path(path).exists() or not isinstance(model, ViT):
        return ()
    wanted = {"patch": int(match["patch"]), **_WIDTHS[match["size"]]}
    wrong = {name: size for name, size in wanted.items() if getattr(model, name) != size}
    if wrong:
        raise Mu2Error(
            f"{path} has, by its name, "
            f"{', '.join(f'ViT.{name} = {size}' for name, size in wrong.items())}; the search "
            f"space has {', '.join(str(getattr(model, name)) for name in wrong)}.",
            hint=f"Take a search space of the size {match['size']}/{match['patch']}.",
        )
    return (
        Mu2Error(
            f"the weights {path} are not there.",
            hint=f"Get them with: curl --create-dirs -o {path} {_BUCKET}/{match[0]}",
        ),
    )
