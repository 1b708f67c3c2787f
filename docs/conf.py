"""Sphinx: how the site is made. `make docs` builds it; a warning is an error."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import reference  # noqa: E402
from pygments import lexer, token  # noqa: E402

project = "mu2"
author = "the authors of mu2"
release = version_of("mu2")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "mu2"

myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_use_rtype = False
# In our docstrings `name` is code.
default_role = "code"


class Gin(lexer.RegexLexer):
    """The colours of a Gin file."""

    name = "Gin"
    tokens = {  # noqa: RUF012
        "root": [
            (r"#.*", token.Comment),
            (r"'[^'\n]*'|\"[^\"\n]*\"", token.String),
            (r"\b(include|import|True|False|None)\b", token.Keyword),
            (r"[@%][\w./]+", token.Name.Decorator),
            (r"\b\d[\w.+-]*", token.Number),
            (r"[\w./]+", token.Name),
            (r"\s+", token.Whitespace),
            (r".", token.Punctuation),
        ]
    }


def setup(app):
    """Writes the pages that are made from the code, before Sphinx looks for pages."""
    app.add_lexer("gin", Gin)
    app.connect("builder-inited", lambda app: reference.write_pages(HERE / "generated"))
