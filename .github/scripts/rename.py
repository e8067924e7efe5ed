"""Rename a project that was created from this template: `make rename NAME=telco`.

The new name replaces every name with which two such projects would collide on one machine, in one registry, one MLflow
or one cluster: package, images, containers, volumes, databases, the registered model, metrics and titles. The words of
the domain stay: churn_probability, churn_prediction and churned are the API.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLD = "churn"
VALID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 30
"""Maximum length of a name, so that names made from it are within the limits of Kubernetes."""
KEPT = (
    "LICENSE",
    "models/",
    "training/columns/",
    "requirements/",
    "benchmarks/results/",
    ".github/scripts/rename.py",
    "tests/repo/test_rename.py",
)
"""Paths that keep the old name: licence, contract and models, lock files, measured results, and this script."""
RULES = (
    # Packages, images, containers, dashboards: churn-service, churn-monitor.
    (r"(?<![\w-])churn-(?=\S)", "{name}-"),
    # Metrics, files, database users: churn_model_info, churn_service.json. Not the fields of the API; one metric has
    # the name of such a field, but its series have suffixes.
    (r"(?<!\w)churn_(?!(?:probability|prediction)\b)", "{snake}_"),
    (r"churn_(?=probability\",\s+\"Predicted)", "{snake}_"),
    (r"(?<!\w)CHURN_", "{upper}_"),
    (r"\bChurn (?=service\b)", "{title} "),
    (r"\bchurn (?=service\b)", "{words} "),
    # A whole value in YAML, a one-word list in JSON, a name in either, inline code in Markdown.
    (r"(?<=: )churn(?=\s*(?:[,}#]|$))", "{name}"),
    (r"(?<=\[\")churn(?=\"\])|(?<=\"name\": \")churn(?=\")|(?<=`)churn(?=`)|(?<=namespace )churn\b", "{name}"),
    (r"(?<!\w)churn(?=\.yml\b)", "{name}"),
    # A part of a URL, and the default of a variable: postgresql://churn:churn@postgres/churn, models:/churn/3.
    (r"(?<=[/:=])churn(?=[:@/}?`\"'\s])|(?<=:-)churn(?=})", "{name}"),
    (r"(?<=^REGISTERED_MODEL = \")churn", "{name}"),
    (r"(?<=^PROJECT = \")Churn", "{title}"),
)
"""Patterns that are replaced in all files, and the spelling of the new name for each."""

HOW_TO_PUBLISH = "(docs/deploy.md#publish-the-demo-page)"
"""README's link to the demo page, until it is known where the page is published."""
GITHUB = re.compile(
    r"(?:https://(?:[^@/]+@)?|ssh://git@|git@)github\.com[:/](?P<owner>[\w-]+)/(?P<repository>[\w.-]+?)(?:\.git)?/?"
)
"""Addresses of a repository on GitHub."""


def main(arguments: list[str]) -> int:
    """Rename the checkout in the working directory; return 2 and change nothing if that is not possible."""
    name = " ".join(arguments).removesuffix("-service")
    if not VALID.fullmatch(name) or len(name) > LONGEST:
        return _refuse(
            f"{name!r} is not a valid name. Give one of lower-case letters, digits and single hyphens, that begins "
            f"with a letter and has at most {LONGEST} characters: `make rename NAME=telco`."
        )
    named = re.search(r'^name = "(.+)"$', Path("pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    now = named[1].removesuffix("-service") if named else ""
    if now == name:
        sys.stdout.write(f"This project is already called {name}-service.\n")
        return 0
    if now != OLD:
        return _refuse(f"This project was already renamed to {now!r}. Revert that commit, and run this again.")
    try:
        uncommitted = _git("status", "--porcelain", "--untracked-files=no")
    except subprocess.CalledProcessError as error:
        return _refuse(f"{error.stderr.strip()}. Run `git init`, commit everything, and run this again.")
    if uncommitted:
        return _refuse(f"These changes are not committed:\n{uncommitted}Commit or stash them, and run this again.")
    for line in (*_rename(name), *_link_demo()):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(WHAT_IS_LEFT.format(name=name))
    return 0


WHAT_IS_LEFT = """\
The project is now called {name}-service. churn_probability, churn_prediction and churned stay: they are the API.
LICENSE stays too and names the authors of the template: add yourself. Review the changes with `git diff`, and commit.
"""


def _rename(name: str) -> Iterator[str]:
    for path in map(Path, _git("ls-files", "-z").split("\0")):
        if path.as_posix().startswith(KEPT) or not path.is_file():
            continue
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError:  # a picture
            continue
        renamed, places = _apply(text, name)
        if places:
            path.write_bytes(renamed.encode())
            yield f"{path}: {places} {'place' if places == 1 else 'places'}"
        target = Path(_apply(path.as_posix(), name)[0])
        if target != path:
            target.parent.mkdir(parents=True, exist_ok=True)
            _git("mv", str(path), str(target))  # so that `git commit --all` includes it
            yield f"{path} -> {target}"


def _link_demo() -> Iterator[str]:
    """Let README link to the demo page on GitHub Pages, if the repository is on GitHub."""
    address = _pages_address(_git("config", "--default", "", "--get", "remote.origin.url").strip())
    readme = Path("README.md")
    text = readme.read_text(encoding="utf-8")
    if address and HOW_TO_PUBLISH in text:
        readme.write_text(text.replace(HOW_TO_PUBLISH, f"({address}demo/)"), encoding="utf-8")
        yield f"{readme}: the link to the demo page, {address}demo/; docs/deploy.md says how to publish it"


def _pages_address(origin: str) -> str | None:
    """Return the address of a repository's site on GitHub Pages; None if it is not on GitHub."""
    found = GITHUB.fullmatch(origin)
    if not found:
        return None
    host, repository = f"{found['owner'].lower()}.github.io", found["repository"]
    return f"https://{host}/" if repository.lower() == host else f"https://{host}/{repository}/"


def _apply(text: str, name: str) -> tuple[str, int]:
    words, snake, places = name.replace("-", " "), name.replace("-", "_"), 0
    spellings = {"name": name, "snake": snake, "upper": snake.upper(), "words": words, "title": words.capitalize()}
    for pattern, replacement in RULES:
        text, times = re.subn(pattern, replacement.format(**spellings), text, flags=re.MULTILINE)
        places += times
    return text, places


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout  # noqa: S607  # git is on the PATH


def _refuse(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
