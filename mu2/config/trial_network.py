"""A network built for its shapes alone, and what stands against it."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from mu2.errors import Mu2Error
from mu2.models import Component, Model, Network

# Of a component's float32 parameters, and of what it makes of one example. A device that trains it
# holds its gradient and momentum too; the largest accelerators have 288 GB.
MOST_BYTES = 1 << 36


def build_network(model: Model, values: Mapping[str, Any], dtype: str) -> Network:
    """A network, after all its shapes were worked out; empty where only the data would tell.

    Args:
      model: the architecture.
      values: of hyperparameters.
      dtype: that it computes in.

    Raises:
      Mu2Error: it cannot be built, its components do not fit each other, or one of them is larger
        than any device.
    """
    shown = {name: values[name] for name in model.hyperparameter_names() if name in values}
    what = f"{type(model).__name__} cannot be built with {_list_text(shown)}"
    try:
        network = model.network(values, 2, dtype)
        shape = model.input_shape(values)
        for component in network:
            if component.input_shape != shape:
                raise Mu2Error(
                    f"{what}: {component.name} reads {list(component.input_shape)}, and what is "
                    f"before it makes {list(shape)}."
                )
            shape = component.output_shape
            _check_bytes(component, model, shown)
    except Mu2Error:
        raise
    except KeyError as error:
        if {*error.args} <= model.optional:
            return Network()  # the data would tell, and are not to be had
        raise Mu2Error(f"{what}: it asks for {error}, which it does not declare.") from error
    except Exception as error:  # whatever flax and jax raise for shapes that cannot be
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Mu2Error(f"{what}: {type(error).__name__}: {line}") from error
    return network


def _list_text(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in values.items())


def _check_bytes(component: Component, model: Model, values: Mapping[str, Any]) -> None:
    """Refuses what no device can hold; the largest number that it was built from is named."""
    for made, shapes in (
        ("parameters", [leaf.shape for leaf in component.shapes.values()]),
        ("numbers from one example", [component.output_shape]),
    ):
        size = sum(math.prod(shape) for shape in shapes)
        if 4 * size <= MOST_BYTES:
            continue
        numbers = dict(values)
        if dataclasses.is_dataclass(model):
            fields = [field.name for field in dataclasses.fields(model)]
            numbers |= {f"{type(model).__name__}.{name}": getattr(model, name) for name in fields}
        whole = {name: value for name, value in numbers.items() if isinstance(value, int)}
        blamed = max(whole, key=lambda name: whole[name])
        raise Mu2Error(
            f"{blamed} is {whole[blamed]:,}: {component.name} would have {size:,} {made}, "
            f"{4 * size / 2**30:,.0f} GiB, and a component has at most {MOST_BYTES >> 30} GiB.",
        )
