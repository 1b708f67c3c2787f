"""Random keys: every draw of a run comes from a name, never from a generator's past."""

import dataclasses
import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import jax


@dataclasses.dataclass(frozen=True)
class Key:
    """A random key, a pure function of a seed and the names folded into it.

    A run folds in (task, iteration, generation, child, purpose), so a draw does not depend on
    what was drawn before it, and a resumed run draws what the uninterrupted one would have drawn.
    Keys are plain bytes: the decisions of `evolution` need no arrays to draw from one.

    Attributes:
      state: 32 bytes.
    """

    state: bytes

    @classmethod
    def from_seed(cls, seed: int) -> "Key":
        """The key of a seed (any int)."""
        return cls(hashlib.sha256(f"mu2 seed {seed}".encode()).digest())

    def fold_in(self, *names: str | int) -> "Key":
        """The key below this one; `k.fold_in(a, b) == k.fold_in(a).fold_in(b)`."""
        state = self.state
        for name in names:
            label = f"{type(name).__name__}:{name}".encode()
            state = hashlib.sha256(state + label).digest()
        return Key(state)

    def numpy(self) -> np.random.Generator:
        """A numpy generator that starts at this key; consumes the key."""
        return np.random.Generator(np.random.Philox(int.from_bytes(self.state[:16], "little")))

    def jax(self) -> "jax.Array":
        """A scalar typed JAX key (threefry) made from this key; consumes the key."""
        import jax

        return jax.random.key(int.from_bytes(self.state[:4], "little"), impl="threefry2x32")
