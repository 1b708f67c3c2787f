"""What users give a system to answer for, as its networks read it: images, texts, rows."""

from mu2.tasks.picture import SUFFIXES, is_picture
from mu2.tasks.user_examples import Form, Shape, examples, fit_image, pixels

__all__ = ["SUFFIXES", "Form", "Shape", "examples", "fit_image", "is_picture", "pixels"]
