"""The command `mu2`, a module a subcommand."""

from mu2.cli.main import main, split_bindings

__all__ = ["main", "split_bindings"]
