"""Whether the roots of an experiment have weights for the models that its tasks need."""

from collections.abc import Collection, Iterator, Sequence

from mu2.errors import Mu2Error
from mu2.evolution.seeds import layers_of
from mu2.evolution.space import SearchSpace
from mu2.models import Model, Root, SelectiveRoot


def lacking_roots(
    roots: Sequence[Root], space: SearchSpace[Model], kinds: Collection[str]
) -> Iterator[tuple[object, str, Mu2Error]]:
    """Roots that have weights for no model, and models that evolution cannot begin with.

    Args:
      roots: where evolution begins.
      space: the search space.
      kinds: of the examples of the tasks.

    Yields:
      What is wrong, before it the object and the text that say where it is set.
    """
    begun: set[str] = set()
    for root in roots:
        fits = {model.input for model in space.models if _fits(root, model)}
        begun |= fits
        if not fits:
            of = ", ".join(type(model).__name__ for model in space.models)
            error = Mu2Error(
                f"the root {root.name!r} has no weights for {of}, so that it does nothing.",
                hint="Take weights of an architecture of this search space, or leave the root out.",
            )
            yield root, error.message, error
    known = {model.input for model in space.models}
    for kind in sorted(known & {*kinds} - begun) if begun else ():
        if not _borrows(space, kind, begun):
            error = Mu2Error(
                f"no root has weights for {type(space.for_input(kind).model).__name__}, with which "
                f"evolution of the tasks of {kind}s would begin.",
                hint="Add @RandomRoot() to Experiment.roots, or a root of its own.",
            )
            yield space, "SearchSpace.models", error


def _fits(root: Root, model: Model) -> bool:
    """Whether a root has weights for a model; True where it cannot say, which is told elsewhere."""
    if not isinstance(root, SelectiveRoot):
        return True
    try:
        return root.fits(model)
    except Mu2Error:
        return True


def _borrows(space: SearchSpace[Model], kind: str, begun: Collection[str]) -> bool:
    """Whether the model of a kind can take layers from models that have a root."""
    try:
        own = layers_of(space.for_input(kind))
        return any(own & layers_of(space.for_input(other)) for other in begun)
    except Mu2Error:  # a network cannot be built, which is told elsewhere
        return True
