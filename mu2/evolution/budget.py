"""The budget of a search, and what children cost."""

import dataclasses
from typing import Protocol

from mu2.errors import Mu2Error
from mu2.evolution.plan import Plan


class Spent(Protocol):
    """What a task iteration has spent so far."""

    @property
    def flops(self) -> float:
        """Floating-point operations of its children."""

    @property
    def seconds(self) -> float:
        """Wall time of its children."""


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a whole run may spend, shared out equally between its task iterations.

    A task iteration makes its last generation once any of its shares is spent; it makes one in any
    case. FLOPs are counted, so a run with that budget is repeated exactly; seconds are measured,
    so a run with a budget of seconds or money is not.

    Attributes:
      flops: floating-point operations of all children, or None.
      seconds: wall time of all children, or None.
      money: in any currency, or None; needs `price_per_hour`.
      price_per_hour: of the machine, in the same currency.
    """

    flops: float | None = None
    seconds: float | None = None
    money: float | None = None
    price_per_hour: float | None = None

    def __post_init__(self) -> None:
        for name in ("flops", "seconds", "money", "price_per_hour"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise Mu2Error(f"Budget.{name} is {value}; it must be above 0.")
        if self.money is not None and self.price_per_hour is None:
            raise Mu2Error(
                "Budget.money is set without Budget.price_per_hour.",
                hint="Set Budget.price_per_hour to what an hour of this machine costs.",
            )

    @property
    def uses_wall_time(self) -> bool:
        """Whether wall time counts."""
        return self.seconds is not None or self.money is not None

    def is_spent(self, spent: Spent, visits: int) -> bool:
        """Whether a task iteration has spent its share.

        Args:
          spent: what it spent.
          visits: task iterations of the run.
        """
        limits = [(self.flops, spent.flops), (self.seconds, spent.seconds)]
        if self.price_per_hour is not None:
            limits.append((self.money, spent.seconds / 3600 * self.price_per_hour))
        return any(limit is not None and used >= limit / visits for limit, used in limits)


def training_flops(plan: Plan, trained_on: int, validated_on: int, *, whole: bool = False) -> float:
    """Floating-point operations of a child's training.

    A trained component costs its forward pass again for the gradient of its parameters, and every
    component above a trained one as much for the gradient of its input; augmentation and the
    update are not counted.

    Args:
      plan: the child.
      trained_on: training examples seen, each time counted.
      validated_on: validation examples seen, each time counted.
      whole: as if every component were trained.
    """
    forward = backward = 0.0
    below = False
    for component in plan.components:
        trained = component.trainable or whole
        forward += component.flops
        backward += component.flops * (trained + below)
        below = below or trained
    return (forward + backward) * trained_on + forward * validated_on
