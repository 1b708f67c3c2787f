"""Whether the attributes of a source are of their types; Gin is not the only one to set them."""

import importlib.util
from typing import Any

from mu2.errors import Mu2Error


def check_text(source: Any, *names: str, optional: tuple[str, ...] = ()) -> None:
    """Raises Mu2Error unless the attributes are text that is not empty, or None where optional."""
    for name in (*names, *optional):
        value = getattr(source, name)
        if (value is None and name in optional) or (isinstance(value, str) and value):
            continue
        raise Mu2Error(f"{type(source).__name__}.{name} must be text, not {value!r}.")


def check_bool(source: Any, *names: str) -> None:
    """Raises Mu2Error unless the attributes are True or False."""
    for name in names:
        if not isinstance(value := getattr(source, name), bool):
            raise Mu2Error(f"{type(source).__name__}.{name} must be True or False, not {value!r}.")


def check_texts(source: Any, *names: str, optional: tuple[str, ...] = ()) -> None:
    """Makes a tuple of each attribute that is a list; raises Mu2Error unless all in it is text."""
    for name in (*names, *optional):
        value = getattr(source, name)
        if value is None and name in optional:
            continue
        if not isinstance(value, tuple | list) or not all(isinstance(each, str) for each in value):
            raise Mu2Error(
                f"{type(source).__name__}.{name} must be a tuple of texts, not {value!r}.",
                hint=f"One alone is written ({value!r},), with the comma."
                if isinstance(value, str)
                else None,
            )
        object.__setattr__(source, name, tuple(value))


def check_library(module: str, owner: str, library: str, extra: str) -> None:
    """Raises Mu2Error unless a library that reading needs is installed; does not load it.

    Args:
      module: that it is imported as.
      owner: who needs it.
      library: its name, for the message.
      extra: of mu2, that installs it.
    """
    if importlib.util.find_spec(module) is None:
        raise Mu2Error(f"{owner} needs {library}.", hint=f"pip install 'mu2[{extra}]'")
