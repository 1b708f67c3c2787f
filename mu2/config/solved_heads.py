"""Whether the heads of an experiment can be solved in closed form, where they are to be."""

from collections.abc import Callable, Iterator

from mu2.errors import Mu2Error
from mu2.experiment import Experiment
from mu2.training.closed_form import check_linear


def unsolvable_heads(
    experiment: Experiment | None, place: Callable[[object, str], str | None]
) -> Iterator[Mu2Error]:
    """Heads of the tasks' models that are no linear layers, where some are to be solved.

    Args:
      experiment: what would be done; None where it could not be made.
      place: where what is said of an object is set.
    """
    if experiment is None or not experiment.evolution.closed_form_children:
        return
    told: set[str] = set()
    for task in experiment.stream.tasks:
        space = experiment.space.for_input(task.source.input)
        if space.model.name in told:
            continue
        try:
            network = space.model.network(
                {**space.hyperparameters, **task.source_hyperparameters()}, 2
            )
        except (Mu2Error, LookupError, TypeError, ValueError):
            continue  # it cannot be built, or its data are missing: told elsewhere
        told.add(space.model.name)
        try:
            check_linear(network[-1])
        except Mu2Error as error:
            where = place(experiment.evolution, "Evolution.closed_form_children")
            yield Mu2Error(error.message, location=where, hint=error.hint)
