"""The bytes of a system: whether they are whole, and where they are."""

from mu2.store.usage import Usage, usage
from mu2.store.verify import Fault, verify

__all__ = ["Fault", "Usage", "usage", "verify"]
