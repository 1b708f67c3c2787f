"""What a planned child inherits: the stored leaves that its training begins with."""

from mu2.evolution.plan import Plan
from mu2.evolution.rules import Mutation
from mu2.models import Arrays, Model, Network
from mu2.models.leaves import from_stored, to_stored
from mu2.random_keys import Key
from mu2.system.system import System


def inherit_arrays(
    system: System, plan: Plan, model: Model, network: Network, mutation: Mutation, key: Key
) -> dict[str, Arrays]:
    """Component name to stored leaves, as `mu2.training.state` has them.

    Args:
      system: holds what the plan shares, clones and resamples.
      plan: the child.
      model: its architecture.
      network: its components, in the plan's order.
      mutation: whether momentum, with second moments, is inherited, and whether new layers begin as
        the identity.
      key: the task iteration's; fresh parameters draw from (generation, child, "init", name)
        below it.

    Raises:
      Mu2Error: a component is missing or damaged.
    """
    arrays: dict[str, Arrays] = {}
    for slot, planned in zip(network, plan.components, strict=True):
        if planned.source is None:
            draw = key.fold_in(plan.generation, plan.child, "init", slot.name)
            fresh = slot.init(draw.jax(), identity=mutation.identity_layers)
            arrays[slot.name] = to_stored(fresh)
        elif planned.action == "resample":
            old = from_stored(system.arrays(planned.source))
            arrays[slot.name] = to_stored(model.resample(slot.name, old, slot))
        else:
            arrays[slot.name] = system.arrays(planned.source)
            if not mutation.inherit_momentum:
                arrays[slot.name] = to_stored(from_stored(arrays[slot.name]))
    return arrays
