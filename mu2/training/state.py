"""The leaves of components as they are stored, and as a program's state holds them.

A stored component has `params/<leaf>`, float32, and, once it was trained, `momentum/<leaf>`,
bfloat16. One that AdamW trained has `second_moment/<leaf>`, float32, as well, and `moment_steps`,
int32: how many steps made its moments.
"""

from collections.abc import Mapping

import ml_dtypes
import numpy as np

from mu2.models.component import Arrays, Network, flatten, nest
from mu2.models.leaves import MOMENT_STEPS, PARAMS, SECOND_MOMENT, TRACE
from mu2.training.layout import Slice
from mu2.training.program import Program, State


def initial(
    program: Program,
    arrays: Mapping[str, Arrays],
    devices: Slice,
    optimizer: str = "sgd",
    second_moments: bool = False,
) -> State:
    """The state before the first step; a missing momentum is zero, the head is padded.

    AdamW's moments belong together: where there are no second ones it begins from zeros.

    Args:
      program: of the network.
      arrays: component name to stored leaves.
      devices: where the state is to lie.
      optimizer: the child's.
      second_moments: the state has them, whether the child's optimizer reads them or not.
    """
    params, trace, second, steps = {}, {}, {}, {}
    for component in program.network:
        own = arrays[component.name]
        adamw, known = optimizer == "adamw", MOMENT_STEPS in own
        leaves, momentum, squares = {}, {}, {}
        for name, like in component.shapes.items():
            leaves[name] = _pad(own[f"{PARAMS}/{name}"], like.shape)
            old = own.get(f"{TRACE}/{name}") if known or not adamw else None
            zero = np.zeros(like.shape, ml_dtypes.bfloat16)
            momentum[name] = zero if old is None else _pad(old, like.shape)
            if second_moments:
                zero = np.zeros(like.shape, np.float32)
                inherits = known and adamw
                old = own[f"{SECOND_MOMENT}/{name}"] if inherits else zero
                squares[name] = _pad(old, like.shape)
        params[component.name] = nest(leaves)
        trace[component.name] = nest(momentum)
        second[component.name] = nest(squares)
        steps[component.name] = np.int32(own[MOMENT_STEPS] if known and adamw else 0)
    state = State(params, trace, np.int32(0), np.bool_(True))
    if not second_moments:
        return devices.place(state, program.shardings)
    state = state._replace(second_moment=second, moment_steps=steps)
    return devices.place(state, program.moment_shardings)


def replace_component(
    state: State, program: Program, name: str, leaves: Arrays, devices: Slice
) -> State:
    """The state with other parameters of one component, padded; its momentum stays.

    Args:
      state: of a program.
      program: of the network.
      name: of the component.
      leaves: stored ones; of `params` all.
      devices: where the state lies.
    """
    (component,) = program.network.select({name})
    tree = nest(
        {leaf: _pad(leaves[f"{PARAMS}/{leaf}"], s.shape) for leaf, s in component.shapes.items()}
    )
    placed = devices.place(tree, program.shardings.params[name])
    return state._replace(params={**state.params, name: placed})


def extract_leaves(
    state: State, network: Network, names: frozenset[str], optimizer: str = "sgd"
) -> dict[str, Arrays]:
    """Copies of some components' leaves as they are stored, the head cut to its true width.

    Args:
      state: of a program.
      network: the head at its true width.
      names: of the components.
      optimizer: that trained them.
    """
    kinds = {PARAMS: state.params, TRACE: state.trace}
    if optimizer == "adamw":
        kinds[SECOND_MOMENT] = state.second_moment or {}
    kept: dict[str, Arrays] = {}
    for component in network:
        if component.name not in names:
            continue
        leaves = {}
        for kind, tree in kinds.items():
            for name, leaf in flatten(tree[component.name]).items():
                window = tuple(slice(n) for n in component.shapes[name].shape)
                leaves[f"{kind}/{name}"] = np.array(np.asarray(leaf)[window])
        if optimizer == "adamw" and state.moment_steps is not None:
            leaves[MOMENT_STEPS] = np.array(state.moment_steps[component.name])
        kept[component.name] = leaves
    return kept


def _pad(leaf: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The leaf with zeros behind it up to `shape`; the leaf itself where it fits."""
    if leaf.shape == shape:
        return leaf
    return np.pad(leaf, [(0, n - m) for m, n in zip(leaf.shape, shape, strict=True)])
