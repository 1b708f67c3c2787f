"""A child's training: its budget, what it is given, what comes of it. No arrays on devices."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mu2.errors import Mu2Error
from mu2.models.component import Arrays, Network
from mu2.random_keys import Key
from mu2.tasks.examples import ExampleStream
from mu2.tasks.images import Images
from mu2.tasks.originals import Originals
from mu2.training.ridge import Ridge

# Which children of a generation go on, given the intervals that have passed and the children's
# scores after the last of them: None for those whose training had ended before.
SelectSurvivors = Callable[[int, Sequence[float | None]], Sequence[bool]]


@dataclasses.dataclass(frozen=True)
class Training:
    """The training budget of one child (docs/method.md, Training).

    Attributes:
      batch_size: examples a step.
      intervals: validation intervals; the child is validated at the end of each.
      max_train_examples: largest number of examples trained on between two validations; a
        smaller set is seen once.
      max_validation_examples: largest number of validation examples used.
      clip_norm: largest global norm of the gradient.
      initial_rate: share of the learning rate that a warm-up begins with (0.01 in µ2Net, 0.001 in
        µ2Net+).
      final_rate: share of the learning rate that a linear schedule ends with (0.001 in µ2Net+); a
        cosine ends with 0.
      dtype: dtype of the arithmetic, `float32` or `bfloat16`; parameters stay float32.
      features_limit_mb: MiB of what frozen layers make of the validation set that are kept from
        one interval to the next; where they are more they are computed again.
    """

    batch_size: int = 512
    intervals: int = 4
    max_train_examples: int = 51200
    max_validation_examples: int = 5120
    clip_norm: float = 1.0
    initial_rate: float = 0.01
    final_rate: float = 0.0
    dtype: str = "float32"
    features_limit_mb: int = 1024

    def __post_init__(self) -> None:
        for name in ("batch_size", "intervals", "max_train_examples", "max_validation_examples"):
            if getattr(self, name) < 1:
                raise Mu2Error(f"Training.{name} is {getattr(self, name)}; it must be 1 or more.")
        if not self.clip_norm > 0:
            raise Mu2Error(f"Training.clip_norm is {self.clip_norm}; it must be above 0.")
        for name in ("initial_rate", "final_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise Mu2Error(f"Training.{name} is {getattr(self, name)}; it must be from 0 to 1.")
        if self.features_limit_mb < 0:
            raise Mu2Error(
                f"Training.features_limit_mb is {self.features_limit_mb}; it must be 0 or more."
            )
        if self.dtype not in ("float32", "bfloat16"):
            raise Mu2Error(
                f"Training.dtype is {self.dtype!r}.", hint="Set it to 'float32' or 'bfloat16'."
            )

    def steps(self, train_examples: int) -> int:
        """Steps of one interval: ceil(min(examples, max_train_examples) / batch_size)."""
        return math.ceil(min(train_examples, self.max_train_examples) / self.batch_size)

    def solved_examples(self, train_examples: int) -> int:
        """Training examples that a head is solved on: at most those of all intervals."""
        return min(train_examples, self.max_train_examples * self.intervals)

    def validation_examples(self, available: int) -> int:
        """Validation examples used: all, or whole batches up to the cap where there are more."""
        cap = self.max_validation_examples
        if available <= cap:
            return available
        return max(self.batch_size * (cap // self.batch_size), min(cap, self.batch_size))

    def examples_used(self, job: "Job", result: "TrainingResult") -> tuple[int, int, int]:
        """Examples that a child took: trained on, solved on if its head is, and validated on.

        Those of training and validation are counted each time.
        """
        validated = self.validation_examples(len(job.validation)) * len(result.qualities)
        return result.steps * self.batch_size, self.solved_examples(len(job.train)), validated


@dataclasses.dataclass(frozen=True)
class Job:
    """Everything one child needs to be trained, and nothing that ties it to a process.

    Attributes:
      network: its components in forward order, the head at its true width.
      arrays: component name to flat leaves, as `mu2.training.state` has them; without momentum
        where it is not inherited.
      trainable: names of the components that are trained.
      ids: component name to what identifies its parameters before training, for those that are
        frozen; children whose ids are equal share what these components compute.
      hyperparameters: the child's.
      train: training examples; at their own size where something happens to the original pixels.
      validation: validation examples.
      num_classes: classes of the task.
      key: the generation's key for batches and augmentation, shared by its children.
      score_to_reach: score an interval must reach to be kept; None if any will do.
      score: quality to score.
      must_improve: an interval has to score above the bar and those before it; otherwise as much
        is enough.
      images: the choices of the run's image pipeline.
      ridge: how its head is solved, which is all of `trainable`; None: it is trained.
      stored: component name to the id of the stored component whose leaves it begins with,
        unchanged; of one id they are the same for all children of a run. Without what begins with
        other leaves.
      optimizers: that children of the run may have, so that all share one compiled step; () where
        the search space names none: SGD.
    """

    network: Network
    arrays: Mapping[str, Arrays]
    trainable: frozenset[str]
    ids: Mapping[str, str]
    hyperparameters: Mapping[str, Any]
    train: ExampleStream | Originals
    validation: ExampleStream
    num_classes: int
    key: Key
    score_to_reach: float | None
    score: Callable[[float], float]
    must_improve: bool = False
    images: Images = Images()
    ridge: Ridge | None = None
    stored: Mapping[str, str] = dataclasses.field(default_factory=dict)
    optimizers: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What training made of a child.

    Attributes:
      quality: best validation accuracy in [0, 1]; None if it diverged.
      qualities: validation accuracy after each interval.
      arrays: leaves of the trained components at the best interval, by component name; none if
        no interval reached the bar.
      diverged: a loss was NaN or infinite.
      stopped: it did not go on before its last interval.
      steps: training steps done.
      seconds: wall time.
    """

    quality: float | None
    qualities: tuple[float, ...]
    arrays: Mapping[str, Arrays]
    diverged: bool
    stopped: bool
    steps: int
    seconds: float
