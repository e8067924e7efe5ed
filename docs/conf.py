"""How Sphinx builds the site: `make docs`.

The source folder is the root of the repository. So pages stay where GitHub shows them, and links work in both places.
"""

import os
import re
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent
REPOSITORY, COMMIT = os.environ.get("GITHUB_REPOSITORY"), os.environ.get("GITHUB_SHA")
"""Set where GitHub builds the site; links to source files then lead to GitHub, and elsewhere to copies of the files."""

project = "Churn service"
version = release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "docs/**.md",
    "clients/**.md",
    "benchmarks/results/*.md",
]
exclude_patterns = [".*", "var"]  # not looked through
myst_heading_anchors = 4

html_theme = "furo"
html_title = project
html_extra_path = ["index.html"]
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

NAVIGATION = {
    "README": {
        "Use it": {
            "Serve": "docs/serve",
            "Python client": "clients/python/README",
            "Score files": "docs/score",
            "Train": "docs/train",
            "Large tables": "docs/large-tables",
            "Cluster": "docs/cluster",
            "Promote": "docs/promote",
            "Watch": "docs/watch",
            "Deploy": "docs/deploy",
            "Deploy on Kubernetes": "docs/kubernetes",
            "Keys and limits": "docs/access",
            "Notes": "docs/notes",
            "Operate": "docs/operate",
            "Runbook": "docs/runbook",
            "Settings": "docs/settings",
            "Make it yours": "docs/make-it-yours",
            "Change the contract": "docs/change-the-contract",
        },
        "Judge it": {
            "Results": "docs/results",
            "How far to trust the figures": "benchmarks/results/statistics",
            "Performance": "docs/performance",
            "Measurements": "benchmarks/results/throughput",
            "Limits": "docs/limits",
            "Threat model": "docs/threats",
        },
        "Understand it": {"Architecture": "ARCHITECTURE", "Changelog": "CHANGELOG"},
    },
    "benchmarks/results/throughput": {
        "": {
            "Other servers": "peers",
            "CPU time of a request": "request_cost",
            "Cost of a fit": "training_cost",
            "A contract of 300 fields": "wide_contract",
            "A large prediction log": "log_size",
            "Fits in parts": "scale",
            "Cost of the drift job": "drift_cost",
            "Drift on a lake": "lake_drift",
            "Errors of the drift job": "drift_errors",
            "Errors of the performance job": "performance_errors",
        },
    },
}
"""The pages below a page, by heading and title. In a page, such a list would show as code on GitHub."""


BADGE_OF_A_WORKFLOW = re.compile(r"^\[!\[.+?\]\(\.\./\.\./actions/.+\n", re.MULTILINE)
"""A line of a page whose address only GitHub has: relative, so that it is right in every repository."""


def setup(app: Sphinx) -> None:
    """Connect what follows."""
    app.connect("source-read", leave_out_badges)
    app.connect("source-read", add_navigation)
    app.connect("doctree-read", link_to_source, priority=400)  # before Sphinx collects the files to copy


def leave_out_badges(_: Sphinx, __: str, source: list[str]) -> None:
    """Leave out the badges of workflows: the site loads nothing from another host."""
    source[0] = BADGE_OF_A_WORKFLOW.sub("", source[0])


def add_navigation(_: Sphinx, page: str, source: list[str]) -> None:
    """Append the hidden lists of pages that make the navigation."""
    for heading, pages in NAVIGATION.get(page, {}).items():
        entries = "\n".join(f"{title} <{path}>" for title, path in pages.items())
        caption = f":caption: {heading}\n" if heading else ""
        source[0] += f"\n```{{toctree}}\n:hidden:\n{caption}\n{entries}\n```\n"
    if page == "ARCHITECTURE":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\ndocs/decisions/*\n```\n"


def link_to_source(app: Sphinx, page: nodes.document) -> None:
    """Let links to files and folders lead to GitHub where that is known; else files are copied and folders are text."""
    links = [*page.findall(addnodes.download_reference), *page.findall(addnodes.pending_xref)]
    for link in links:
        path = (app.env.doc2path(app.env.docname).parent / link["reftarget"]).resolve()
        is_file = isinstance(link, addnodes.download_reference)
        if not is_file and not path.is_dir():
            continue  # a link to a page, or a broken one, on which Sphinx fails
        if REPOSITORY and COMMIT:
            place = f"{REPOSITORY}/{'blob' if is_file else 'tree'}/{COMMIT}/{path.relative_to(ROOT).as_posix()}"
            link.replace_self(nodes.reference("", "", *link.children, refuri=f"https://github.com/{place}"))
        elif not is_file:
            link.replace_self(link.children)
