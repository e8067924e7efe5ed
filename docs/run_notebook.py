"""Runs the notebook docs/tour.ipynb, or another that is given, and writes its outputs into it: `make tour`.

It needs no Jupyter. An output is what a cell prints and the value of its last expression, as text.
"""

import ast
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

TOUR = Path(__file__).parent / "tour.ipynb"


def run(cells: list[dict[str, Any]]) -> None:
    """Run the code cells one after the other, and replace their outputs.

    Raises:
        Exception: what a cell raised.
    """
    variables: dict[str, Any] = {"__name__": "__main__"}
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    for number, cell in enumerate(code, start=1):
        printed, value = _execute("".join(cell["source"]), f"<cell {number}>", variables)
        cell["execution_count"], cell["outputs"] = number, []
        if printed:
            stream = {"output_type": "stream", "name": "stdout", "text": _lines(printed)}
            cell["outputs"].append(stream)
        if value is not None:
            shown = {"text/plain": _lines(repr(value))}
            result = {"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": shown}
            cell["outputs"].append(result)


def _lines(text: str) -> list[str]:
    """Return the lines with their line feeds, as notebooks keep text."""
    return list(io.StringIO(text, newline="\n"))


def _execute(source: str, name: str, variables: dict[str, Any]) -> tuple[str, Any]:
    """Return what a cell prints, and the value of its last expression; None without one."""
    module = ast.parse(source)
    last = None
    if module.body and isinstance(statement := module.body[-1], ast.Expr):
        last = ast.Expression(statement.value)
        module.body.pop()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(module, name, "exec"), variables)  # noqa: S102  # the notebook is ours
        value = eval(compile(last, name, "eval"), variables) if last else None  # noqa: S307  # as above
    return printed.getvalue(), value


def main(arguments: list[str]) -> int:
    """Run a notebook in place."""
    path = (Path(arguments[0]) if arguments else TOUR).resolve()  # a cell may change the working directory
    notebook = json.loads(path.read_text(encoding="utf-8"))
    run(notebook["cells"])
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
