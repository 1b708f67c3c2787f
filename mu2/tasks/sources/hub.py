"""Whether a data set of Hugging Face is here."""

import os
from collections.abc import Callable
from pathlib import Path

from mu2.tasks.data_sets import DataSet


def hub_data_set(
    path: str, cache_dir: str | None, fetch: Callable[[Callable[[str], None]], None]
) -> DataSet:
    """A folder, or a name on the hub, whose cache is looked at; no hub is asked.

    Args:
      path: the folder or the name.
      cache_dir: where the library keeps what it prepared; None: where it always does.
      fetch: gets it.
    """
    folder = Path(os.path.expanduser(path))
    if folder.exists() or path[0] in "/.~" or path.count("/") > 1:
        return DataSet(f"HuggingFace {path}", str(folder), folder.exists())
    try:
        from datasets import config
    except ImportError:
        hint = "pip install 'mu2[hf]'"
        return DataSet(f"HuggingFace {path}", "the hub", False, manual=hint)
    cache = Path(cache_dir or config.HF_DATASETS_CACHE)
    there = (cache / path.replace("/", "___")).is_dir()
    return DataSet(f"HuggingFace {path}", str(cache), there, prepare=None if there else fetch)
