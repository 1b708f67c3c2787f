"""What users give a system to answer for, as its networks read it: images, texts, rows."""

from mu2.tasks.picture import SUFFIXES, is_picture
from mu2.tasks.user_examples import Shape, examples, fitted, pixels

__all__ = ["SUFFIXES", "Shape", "examples", "fitted", "is_picture", "pixels"]
