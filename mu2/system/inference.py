"""Inference: what answers for the tasks of a system; the layers that tasks share run once."""

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mu2.errors import Mu2Error
from mu2.evolution.path import Component, Path
from mu2.models import Arrays, Network, nest, restore
from mu2.models.devices import devices
from mu2.models.forest import Forest, Shape
from mu2.models.inputs import bucket, normalise
from mu2.models.leaves import from_stored
from mu2.store.files import reason
from mu2.system import System
from mu2.system.inputs import examples
from mu2.tasks.preparation import Preparation
from mu2.tasks.user_examples import Form

# Bytes of parameters that stay on the device from one call to the next.
HELD_BYTES = 1 << 30


class Guess(NamedTuple):
    """A class that an example may be of.

    Attributes:
      name: of the class.
      label: the class's number.
      probability: from 0 to 1.
    """

    name: str
    label: int
    probability: float


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """What a task's path makes of N examples; `classes, probabilities = prediction` parts it.

    Attributes:
      classes: int64 [N], the likeliest class of each.
      probabilities: float32 [N, classes].
      class_names: one a class.
      files: that each example is from, where a folder was given.
    """

    classes: np.ndarray
    probabilities: np.ndarray
    class_names: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[np.ndarray]:
        yield self.classes
        yield self.probabilities

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the likeliest class of each example."""
        return tuple(self.class_names[each] for each in self.classes)

    def top(self, k: int) -> list[list[Guess]]:
        """The k likeliest classes of each example, the likeliest first; all, where there are fewer.

        Raises:
          Mu2Error: k is below 1.
        """
        if k < 1:
            raise Mu2Error(f"k is {k}; 1 is the least.")
        orders = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :k]
        return [
            [Guess(self.class_names[i], int(i), float(row[i])) for i in order]
            for row, order in zip(self.probabilities, orders, strict=True)
        ]


class Inference:
    """Answers for the tasks of a system, each by its path.

    Paths are laid over each other as tasks are asked for: what they share is computed once for a
    batch, and its parameters are read once, through the system's cache. Compiled programs and the
    parameters on the device stay from one call to the next.

    Args:
      system: open; a task's path is looked up when the task is first asked for.
      held_bytes: parameters that stay on the device.

    Attributes:
      system: as given.
    """

    def __init__(self, system: System, held_bytes: int = HELD_BYTES):
        devices()  # without one no question can be answered
        self.system = system
        self._held_bytes = held_bytes
        self._forests: dict[str, Forest] = {}
        self._paths: dict[str, Path] = {}
        self._components: dict[str, Component] = {}

    def path(self, task: str) -> Path:
        """The path that answers for a task.

        Raises:
          Mu2Error: no such task, or its first iteration is not finished.
        """
        if task not in self._paths:
            self._paths[task] = self.system.path(task)
        return self._paths[task]

    def class_names(self, task: str) -> tuple[str, ...]:
        """Names of a task's classes, in the order of the probabilities.

        Raises:
          Mu2Error: no such task.
        """
        return self.system.task(task).class_names

    def preparation(self, task: str) -> Preparation | None:
        """How the task's examples are made of what files hold; None where it is not known.

        Raises:
          Mu2Error: no such task, or its record is none that mu2 writes.
        """
        document = self.system.task(task).preparation
        try:
            return None if document is None else Preparation.from_json(document)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Mu2Error(
                f"the preparation of task {task!r} is none that mu2 writes ({error}).",
                location=str(self.system.directory),
            ) from error

    def examples(self, task: str, data: Any) -> np.ndarray:
        """Examples that a user gives, as the task's network reads them, [N, *input_shape].

        Args:
          task: the task.
          data: what `mu2.tasks.user_examples.examples` takes.

        Raises:
          Mu2Error: no such task or path, or an example cannot be read.
        """
        form, kind = self.form(task), self.system.task(task).input
        return examples(kind, data, [form], self.preparation(task))[form]

    def input_shape(self, task: str) -> Shape:
        """Shape of one example as a task's path reads it: [S, S, C] of an image.

        Raises:
          Mu2Error: no such task or path.
        """
        path = self.path(task)
        return restore(path.model).input_shape(path.hyperparameters)

    def form(self, task: str) -> Form:
        """What a task's path reads: the shape of one example, and how images come to it.

        Raises:
          Mu2Error: no such task or path.
        """
        return Form(self.input_shape(task), self.path(task).resize)

    def tasks(self, kind: str) -> tuple[str, ...]:
        """The tasks whose examples are of a kind (`image`, `table`, `text`) and that have a path.

        Reads a record a task.
        """
        records = [self.system.task(name) for name in self.system.tasks]
        return tuple(r.title for r in records if r.input == kind and r.path is not None)

    def predict(self, task: str, inputs: np.ndarray) -> Prediction:
        """Classifies examples with a task's path.

        Args:
          task: the task.
          inputs: [N, *input_shape], of the dtype of the task's form: uint8 of images and texts,
            float32 of rows of a table and of images that are resized `bilinear`.

        Raises:
          Mu2Error: no such task or path; the inputs have another shape or dtype.
        """
        self._check(task, inputs)
        return self.predict_all({self.form(task): inputs}, [task])[task]

    def predict_all(
        self, inputs: Mapping[Form, np.ndarray], tasks: Collection[str]
    ) -> dict[str, Prediction]:
        """Classifies the same examples with the paths of several tasks.

        Args:
          inputs: for the form that each task reads, the examples, [N, *shape], as `predict` takes
            them; each form is computed from its own.
          tasks: of one kind of examples.

        Returns:
          Task to prediction, in the order of `tasks`.

        Raises:
          Mu2Error: no such task or path; the inputs of a task's form are missing or of another
            dtype; the tasks read different kinds of examples.
        """
        outputs = self._outputs(inputs, tasks)
        return {task: self._prediction(task, outputs[task]) for task in tasks}

    def logits(self, task: str, inputs: np.ndarray) -> np.ndarray:
        """The logits of a task's path, float32 [N, classes]; arguments and faults as `predict`."""
        self._check(task, inputs)
        logits = self._outputs({self.form(task): inputs}, [task])[task]
        return logits[:, : self.path(task).num_classes]

    def embed(self, task: str, inputs: np.ndarray) -> np.ndarray:
        """What a task's head reads: the activations before it.

        Args:
          task: the task.
          inputs: as `predict` takes them.

        Returns:
          float32 [N, width].

        Raises:
          Mu2Error: as `predict` does.
        """
        self._check(task, inputs)
        return self._outputs({self.form(task): inputs}, [task], headless=True)[task]

    def _outputs(
        self, inputs: Mapping[Form, np.ndarray], tasks: Collection[str], headless: bool = False
    ) -> dict[str, np.ndarray]:
        kinds: dict[str, str] = {}
        for task in tasks:
            form = self.form(task)
            if form not in inputs:
                raise Mu2Error(
                    f"task {task!r} reads examples of shape {list(form.shape)}; none came."
                )
            self._check(task, inputs[form])
            kinds.setdefault(self.system.task(task).input, task)
        if len(kinds) > 1:
            said = " and ".join(f"{task!r} reads {kind}s" for kind, task in kinds.items())
            raise Mu2Error(f"the same examples cannot be given to all: {said}.")
        if not kinds:
            return {}
        (kind,) = kinds
        if kind not in self._forests:
            self._forests[kind] = Forest(self._read, jax.jit(normalise), self._held_bytes)
        forest = self._forests[kind]
        for task in tasks:
            if task not in forest:
                path = self.path(task)
                # Padded as it was trained, so that heads of most widths share a program.
                network = network_of(path).widen_head(bucket(path.num_classes))
                stored = {component.name: component for component in path.components}
                self._components |= {component.digest: component for component in stored.values()}
                digests = [stored[component.name].digest for component in network]
                forest.add(task, network, digests, self.form(task))
        return forest(inputs, tasks, headless=headless)

    def _read(self, digest: str) -> Arrays:
        return from_stored(self.system.arrays(self._components[digest]))

    def _prediction(self, task: str, logits_NxC: np.ndarray) -> Prediction:
        logits_NxC = logits_NxC[:, : self.path(task).num_classes]
        powers = np.exp(logits_NxC - logits_NxC.max(axis=1, keepdims=True))
        probabilities = powers / powers.sum(axis=1, keepdims=True)
        return Prediction(logits_NxC.argmax(axis=1), probabilities, self.class_names(task))

    def _check(self, task: str, inputs: np.ndarray) -> None:
        form = self.form(task)
        shape, dtype = form.shape, form.dtype(self.system.task(task).input)
        if inputs.shape[1:] != shape:
            raise Mu2Error(
                f"task {task!r} reads examples of shape {list(shape)}, not "
                f"{list(inputs.shape[1:])}."
            )
        if inputs.dtype != dtype:
            raise Mu2Error(f"task {task!r} reads examples of {dtype}, not {inputs.dtype}.")


def network_of(path: Path) -> Network:
    """The network of a path: the components it has, the head at its true width.

    Raises:
      Mu2Error: its model is not installed, or its components are not those of that model.
    """
    model = restore(path.model)
    try:
        whole = model.network(path.hyperparameters, path.num_classes, path.dtype)
        network = whole.select({component.name for component in path.components})
        wanted = [(component.name, component.signature) for component in network]
    except Mu2Error:
        raise
    except Exception as error:  # a record of others' making may ask a model for anything
        raise Mu2Error(
            f"the model of path {path.id!r} cannot be built from its record: {reason(error)}"
        ) from error
    if wanted != [(component.name, component.signature) for component in path.components]:
        raise Mu2Error(
            f"the components of path {path.id!r} are not those of its model and hyperparameters."
        )
    return network


def parameters_of(system: System, path: Path) -> dict[str, Any]:
    """A path's parameters, float32: component name to the tree that its module takes.

    Raises:
      Mu2Error: a component is missing or damaged.
    """
    return {c.name: nest(from_stored(system.arrays(c))) for c in path.components}


@functools.cache
def forward(network: Network) -> Callable[[Mapping[str, Any], Any], jax.Array]:
    """The pure function `apply(params, x) -> logits` of a network; equal networks give the same.

    Args:
      network: all its components, the head at its true width.

    Returns:
      A function of `params`, component name to tree as `parameters_of` gives it, and of `x`,
      examples [B, *input_shape] as they are stored: pixels from 0 to 255, bytes of a text, rows of
      a table, in uint8 or in any float dtype with the same values. It returns float32 logits
      [B, classes]. It can be compiled, and differentiated by the parameters; by `x` where that is
      float, which says something of images and rows and is zero for texts.
    """

    def apply(params: Mapping[str, Any], x: Any) -> jax.Array:
        return network.apply(params, normalise(jnp.asarray(x)))

    return apply
