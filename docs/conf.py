"""The documentation site: `make docs` builds it from the Markdown files where they stand."""

import propago

project = "propago"
release = version = propago.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]

# The source directory is the repository's root, so that a link in a page works there and here.
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "docs/*.md",
    "src/propago/methods/*/README.md",
    "src/propago/refinement/*/README.md",
    "src/propago/weights/*.md",
]
exclude_patterns = ["docs/_build"]

myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False

highlight_language = "text"

html_theme = "furo"
html_title = f"propago {release}"
html_extra_path = ["site"]
