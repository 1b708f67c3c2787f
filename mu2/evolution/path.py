"""Paths and their components: plain records, no arrays."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from ml_collections import FrozenConfigDict

ROOT = "root"


@dataclasses.dataclass(frozen=True)
class Component:
    """One layer's parameters in a path.

    Attributes:
      name: its place in the network.
      id: `<path that made it>/<name>`.
      size: number of parameters.
      signature: their shapes and dtypes.
      digest: sha256 of their bytes; empty until stored.
      pack: the checkpoint that holds them; empty until stored.
    """

    name: str
    id: str
    size: int
    signature: str
    digest: str = ""
    pack: str = ""

    @property
    def owner(self) -> str | None:
        """The task whose path made it; None for a root's."""
        task = self.id.rsplit("/", 3)[0]
        return None if task == ROOT or task.startswith(ROOT + "/") else task


@dataclasses.dataclass(frozen=True)
class Path:
    """An ordered list of components that solves one task, with its hyperparameters.

    Attributes:
      id: `<task>/<iteration>/<child>`, or `root/<model>/<name>`.
      task: the task it solves; None for a root.
      parent: id of its parent; once its siblings are gone, of its nearest surviving ancestor.
      parent_task: task of the parent it was made from; None if that was a root.
      components: in forward order.
      hyperparameters: resolved.
      num_classes: width of the head; 0 for a root, which has none.
      model: text that identifies the architecture; paths of one text speak of the same layers.
      dtype: of the arithmetic.
      resize: how its images are brought to its network's size (`Images.resize`); the records of
        paths from before there was a choice do not say it, and theirs were antialiased.
      flops: of a forward pass for one example.
      dense_flops: the same where every token goes through every layer; 0 in paths of older
        versions, which did not count it.
      birth: rises with every child of the system; 0 for a root, and in paths of older versions.
      probabilities: of actions, where a run learns them.
      private: it is no seed for other tasks.
      quality: best validation accuracy in [0, 1].
      score: quality with size decay.
      test_accuracy: in [0, 1]; None until it survived its task iteration.
      test_digest: sha256 of its test logits when it was locked.
      test_examples: sha256 of the test examples that these are of; None in older systems.
    """

    id: str
    task: str | None
    parent: str | None
    parent_task: str | None
    components: tuple[Component, ...]
    hyperparameters: FrozenConfigDict
    num_classes: int
    model: str = ""
    dtype: str = "float32"
    resize: Literal["antialias", "bilinear"] = "antialias"
    flops: float = 0.0
    dense_flops: float = 0.0
    birth: int = 0
    probabilities: Mapping[str, float] = dataclasses.field(default_factory=dict)
    private: bool = False
    quality: float | None = None
    score: float | None = None
    test_accuracy: float | None = None
    test_digest: str | None = None
    test_examples: str | None = None

    def component(self, name: str) -> Component | None:
        """The component of a name, or None."""
        return next((c for c in self.components if c.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """A JSON document, the same for equal paths."""
        document = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        document["components"] = [dataclasses.asdict(c) for c in self.components]
        document["hyperparameters"] = dict(sorted(self.hyperparameters.items()))
        document["probabilities"] = dict(sorted(self.probabilities.items()))
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Path":
        """The path of a document that `to_json` made."""
        return cls(
            **{
                **document,
                "components": tuple(Component(**c) for c in document["components"]),
                "hyperparameters": FrozenConfigDict(document["hyperparameters"]),
            }
        )
