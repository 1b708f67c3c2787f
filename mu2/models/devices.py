"""The devices that JAX computes on, and the switches of JAX that would change what they compute."""

import os

import jax

from mu2.errors import Mu2Error

# Switches that mu2's arithmetic does not bear, each with the value that it needs.
NEEDED = {
    "jax_enable_x64": False,
    "jax_numpy_dtype_promotion": "standard",
    "jax_numpy_rank_promotion": "allow",
    "jax_disable_jit": False,
}
# Switches that change the numbers of a run, each with JAX's own value.
CHANGING = {
    "jax_default_matmul_precision": None,
    "jax_random_seed_offset": 0,
    "jax_threefry_partitionable": True,
}
# Of XLA's flags those that leave its arithmetic alone.
HARMLESS_FLAGS = ("--xla_force_host_platform_device_count", "--xla_dump_")


def devices() -> list[jax.Device]:
    """The devices of this process.

    Raises:
      Mu2Error: JAX finds none of the platforms that JAX_PLATFORMS names, or one of its switches
        is set so that mu2 cannot compute.
    """
    for name, needed in NEEDED.items():
        if (value := getattr(jax.config, name)) != needed:
            raise Mu2Error(
                f"JAX's switch {name.upper()} is {value!r}; mu2 computes with {needed!r}.",
                hint=f"Unset the environment variable {name.upper()}, or set it to {needed}.",
            )
    try:
        return jax.devices()
    except (AssertionError, RuntimeError) as error:  # as its platforms fail
        platforms = os.environ.get("JAX_PLATFORMS")
        asked = f" (JAX_PLATFORMS is {platforms!r})" if platforms else ""
        line = (str(error).strip() or "it cannot be started.").splitlines()[0]
        raise Mu2Error(
            f"JAX finds no device{asked}: {line}",
            hint="Install JAX for that platform, or choose another: JAX_PLATFORMS=cpu."
            if platforms
            else None,
        ) from error


def threads() -> int:
    """Threads that XLA computes with on this process's CPU: its cores, or what PJRT_NPROC says.

    The bits of what it computes depend on them (docs/howto/executors.md).
    """
    told = os.environ.get("PJRT_NPROC") or os.environ.get("NPROC") or ""
    if told.isdecimal() and int(told):
        return int(told)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def changed_switches() -> dict[str, str]:
    """What is set by hand and changes the numbers of a run.

    Returns:
      JAX's switches, where they are not as JAX has them, and `xla_flags`, where XLA_FLAGS has some.
    """
    values = {name: getattr(jax.config, name) for name in CHANGING}
    changed = {name: str(v) for name, v in values.items() if v != CHANGING[name]}
    flags = os.environ.get("XLA_FLAGS", "").split()
    if telling := sorted(flag for flag in flags if not flag.startswith(HARMLESS_FLAGS)):
        changed["xla_flags"] = " ".join(telling)
    return changed
