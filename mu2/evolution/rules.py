"""The rules of mutation, and the dice that decide whether each action happens."""

import dataclasses
import fnmatch
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.evolution.space import MUTATION_PROBABILITY, SearchSpace, Slot

HEAD = "head"
ADAPTERS = ("none", "insert", "insert_and_remove", "every")
SOURCES = ("ancestors", "parent")


def is_layer(name: str) -> bool:
    """Whether a component is a layer, one of many alike: its name ends in its number."""
    return re.search(r"_\d+$", name) is not None


@dataclasses.dataclass(frozen=True)
class Mutation:
    """Which mutations there are (docs/method.md, Components and Mutation probabilities).

    Attributes:
      inherit_from: where a component is looked for: the parent and its `ancestors`, nearest first,
        or the `parent` alone (one of the two µ4Nets). A component of another size is then the
        parent's, otherwise the root's, resampled.
      always_cloned: components that are cloned whenever they could be shared; `*` stands for any
        letters. The head is never shared, whatever stands here.
      clone_roots: components of a root are cloned whenever they could be shared: for random roots,
        whose layers are worth little while they are frozen. Not in the papers.
      adapters: what happens to optional components: `none` are there, mutations `insert` them or
        `insert_and_remove` them, or `every` one is there from the start.
      frozen_bottom: a baseline's rule: so many layers, counted from the bottom, stay as they are,
        and so does all below them (embedding, position); what is above, the encoder norm among
        it, is cloned whenever it could be shared. `all`: every layer stays, so that norm and head
        alone are trained. Layers are the components with a number, such as `encoderblock_0`.
        None: no such rule (muNet.ipynb).
      train_resampled: a component made out of one of another size is trained; otherwise with the
        probability that one of its own size is cloned, else it stays frozen (muNet).
      learned: every action has a probability of its own, which begins at µ, moves along µ's range
        with probability µ, and is inherited (µ2Net+). That of µ itself is among them.
      identity_layers: a new layer that can be the identity begins as one, so that inserting it
        leaves the function as it was (arXiv 2308.06103); otherwise it begins at random.
      inherit_momentum: a cloned component keeps the momentum it had.
      data_from_first: data hyperparameters move only once the task has a path of its own.
    """

    inherit_from: Literal["ancestors", "parent"] = "ancestors"
    always_cloned: tuple[str, ...] = ("encoder_norm",)
    clone_roots: bool = False
    adapters: Literal["none", "insert", "insert_and_remove", "every"] = "none"
    frozen_bottom: int | Literal["all"] | None = None
    train_resampled: bool = True
    learned: bool = False
    identity_layers: bool = False
    inherit_momentum: bool = True
    data_from_first: bool = False

    def __post_init__(self) -> None:
        for name, known in (("adapters", ADAPTERS), ("inherit_from", SOURCES)):
            if (value := getattr(self, name)) not in known:
                raise Mu2Error(
                    f"Mutation.{name} is {value!r}.", hint=did_you_mean(str(value), known)
                )

        if isinstance(self.frozen_bottom, str) and self.frozen_bottom != "all":
            raise Mu2Error(
                f"Mutation.frozen_bottom is {self.frozen_bottom!r}.",
                hint="Set it to a number of layers, or to 'all'.",
            )
        if isinstance(self.frozen_bottom, int) and self.frozen_bottom < 0:
            raise Mu2Error(
                f"Mutation.frozen_bottom is {self.frozen_bottom}; it must be 0 or more.",
                hint="0 freezes what is below the first layer, and no layer.",
            )

    def clones(self, name: str, above: Collection[str] = ()) -> bool:
        """Whether a component is cloned whenever it could be shared.

        Args:
          name: of the component.
          above: what is above the frozen bottom, of `above_bottom`.
        """
        return name in above or any(
            fnmatch.fnmatchcase(name, pattern) for pattern in self.always_cloned
        )

    def above_bottom(self, slots: Sequence[Slot]) -> frozenset[str]:
        """The names of a network's components above the frozen bottom; none without that rule.

        Args:
          slots: of the network, in forward order; optional ones count as no layers.
        """
        if self.frozen_bottom is None:
            return frozenset()
        names = [slot.name for slot in slots]
        layers = [n for n, slot in enumerate(slots) if is_layer(slot.name) and not slot.optional]
        if not layers:  # the norm, which comes before the head
            return frozenset(names[-2:])
        frozen = layers if self.frozen_bottom == "all" else layers[: self.frozen_bottom]
        first = frozen[-1] + 1 if frozen else layers[0]
        return frozenset(
            n for n, s in zip(names[first:], slots[first:], strict=True) if not s.optional
        )


class Dice:
    """Decides whether an action happens; the draws of one child.

    Attributes:
      probabilities: of the actions that have one of their own; it grows where they are learned.
    """

    def __init__(
        self,
        mutation: Mutation,
        space: SearchSpace[Any],
        probabilities: Mapping[str, float],
        random: np.random.Generator,
    ):
        """Begins with a parent's probabilities; consumes `random` draw by draw."""
        self.probabilities = dict(probabilities)
        self.random = random
        self._learned = mutation.learned
        self._space = space

    def __call__(self, action: str, mu: float) -> bool:
        """Whether an action (`hp:NAME`, `clone:NAME`, `add:NAME`, `remove:NAME`) happens."""
        if not self._learned:
            return bool(self.random.random() < mu)
        own = self.probabilities.get(action, mu)
        if MUTATION_PROBABILITY in self._space.ranges:
            if self.random.random() < mu:
                own = self._space.move(MUTATION_PROBABILITY, own, self.random)
            self.probabilities[action] = own
        return bool(self.random.random() < own)

    def move(
        self, values: Mapping[str, Any], names: Collection[str], mu: float | None = None
    ) -> dict[str, Any]:
        """Moves each named hyperparameter where its action happens (docs/method.md).

        µ itself comes first and its new value governs the rest; the others follow sorted.

        Args:
          values: the present values.
          names: the ones that may move; the others stay.
          mu: µ to use throughout; None takes the one among the values.
        """
        result = dict(values)
        for name in self._space.mutable:
            if name not in names:
                continue
            if self(f"hp:{name}", result[MUTATION_PROBABILITY] if mu is None else mu):
                result[name] = self._space.move(name, result[name], self.random)
        return result
