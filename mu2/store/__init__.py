"""What lies on disk: components by content, and commits that name them.

Reading the journal imports neither JAX nor Orbax; `components` loads them with the first array.
"""

from mu2.store.commit import Commit
from mu2.store.journal import Journal
from mu2.store.lock import WriterLock

__all__ = ["Commit", "Journal", "WriterLock"]
