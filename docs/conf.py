"""How Sphinx makes a site of the pages: `make docs`.

The pages stay where GitHub shows them, so the source folder is the root of the repository. Links between pages and to
files are the same in both places; a link or an anchor that leads nowhere fails the build.
"""

import os
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent

project = "Churn service"
version = release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["*.md", "docs/**.md", "benchmarks/results/*.md"]
exclude_patterns = [".*", "var", "models", "service", "training", "monitoring", "demo", "deploy", "tests"]
nitpicky = True

myst_heading_anchors = 4
myst_enable_extensions = ["linkify"] if False else []

html_theme = "furo"
html_title = project
html_extra_path = ["index.html"]
html_copy_source = False
html_show_sphinx = False
