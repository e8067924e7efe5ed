"""Give a project that began from this template a name of its own: `make rename NAME=telco`.

All by which two such projects would meet on one machine, in one registry, one MLflow or one cluster gets the name:
package, images, containers, volumes, databases, the registered model, metrics and titles. The words of the domain stay:
churn_probability, churn_prediction and churned are the API.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLD = "churn"
VALID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 30
"""Of a name, so that what is made from it fits into what Kubernetes allows."""
KEPT = (
    "LICENSE",
    "models/",
    "training/columns/",
    "requirements/",
    "benchmarks/results/",
    ".github/scripts/rename.py",
    "tests/repo/test_rename.py",
)
"""What is not looked at: who wrote the template, the contract and its models, what is locked or was measured, this."""
RULES = (
    # Packages, images, containers, dashboards: churn-service, churn-monitor.
    (r"(?<![\w-])churn-(?=\S)", "{name}-"),
    # Metrics, files, users of a database: churn_model_info, churn_service.json. Not what the API answers, which one
    # metric is called like, but for the endings of its series.
    (r"(?<!\w)churn_(?!(?:probability|prediction)\b)", "{snake}_"),
    (r"churn_(?=probability\",\s+\"Predicted)", "{snake}_"),
    (r"(?<!\w)CHURN_", "{upper}_"),
    (r"\bChurn (?=service\b)", "{title} "),
    (r"\bchurn (?=service\b)", "{words} "),
    # A whole value in YAML, the only word of a list in JSON, a name in either, a word of code in a page.
    (r"(?<=: )churn(?=\s*(?:[,}#]|$))", "{name}"),
    (r"(?<=\[\")churn(?=\"\])|(?<=\"name\": \")churn(?=\")|(?<=`)churn(?=`)|(?<=namespace )churn\b", "{name}"),
    (r"(?<!\w)churn(?=\.yml\b)", "{name}"),
    # A part of an address, and a variable's default: postgresql://churn:churn@postgres/churn, models:/churn/3.
    (r"(?<=[/:=])churn(?=[:@/}?`\"'\s])|(?<=:-)churn(?=})", "{name}"),
    (r"(?<=^REGISTERED_MODEL = \")churn", "{name}"),
    (r"(?<=^PROJECT = \")Churn", "{title}"),
)
"""What is replaced wherever it stands, and by which spelling of the name."""


def main(arguments: list[str]) -> int:
    """Rename the checkout in the working directory; returns 2 and changes nothing if that cannot be."""
    name = " ".join(arguments).removesuffix("-service")
    if not VALID.fullmatch(name) or len(name) > LONGEST:
        return _refuse(
            f"{name!r} is no name. Give one of lower-case letters, digits and single hyphens, the first a letter, "
            f"at most {LONGEST} long: `make rename NAME=telco`."
        )
    named = re.search(r'^name = "(.+)"$', Path("pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    now = named[1].removesuffix("-service") if named else ""
    if now == name:
        sys.stdout.write(f"This project is called {name}-service already.\n")
        return 0
    if now != OLD:
        return _refuse(f"This project has a name already, {now!r}. Revert the commit that gave it, and say it again.")
    try:
        uncommitted = _git("status", "--porcelain", "--untracked-files=no")
    except subprocess.CalledProcessError as error:
        return _refuse(f"{error.stderr.strip()}. Say `git init`, add and commit everything, and say it again.")
    if uncommitted:
        return _refuse(f"These changes are not committed:\n{uncommitted}Commit or stash them, and say it again.")
    for line in _rename(name):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(WHAT_IS_LEFT.format(name=name))
    return 0


WHAT_IS_LEFT = """\
This is {name}-service now. churn_probability, churn_prediction and churned stay: they are the API. So does LICENSE,
which names those who wrote the template: add yourself. Look at it with `git diff`, and commit.
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
        target = path.with_name(_apply(path.name, name)[0])
        if target != path:
            _git("mv", str(path), str(target))  # so that `git commit --all` takes it
            yield f"{path} -> {target}"


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
