"""Reads a program's command and its settings from the command line and the environment.

`--help` ends the program with 0. Invalid input ends it with 2, after one line on stderr for each problem.
"""

import argparse
import difflib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar, get_args

from pydantic import ValidationError
from pydantic_settings import BaseSettings, CliApp, CliPositionalArg, CliSettingsSource, SettingsError

from models import plain_text

INVALID = 2
"""Exit code for invalid input."""
_POSITIONAL = get_args(CliPositionalArg[str])[1]
S = TypeVar("S", bound=BaseSettings)


def read_command(
    program: str, purpose: str, commands: Mapping[str, type[BaseSettings]], arguments: Sequence[str]
) -> tuple[str, BaseSettings]:
    """Return the command that the first argument names, and its settings.

    `--help` lists each command with the first line of its settings' docstring.

    Raises:
        SystemExit: with 0 after `--help`, with 2 for an unknown command or an invalid setting.
    """
    first = arguments[0] if arguments else ""
    if first in commands:
        return first, read(commands[first], arguments[1:], program=f"{program} {first}")
    width = max(map(len, commands))
    listed = "\n".join(f"  {name:<{width}}  {_first_line(kind)}" for name, kind in commands.items())
    parser = argparse.ArgumentParser(
        program,
        usage=f"{program} [-h] COMMAND ...",
        description=purpose,
        epilog=f"commands:\n{listed}\n\nOptions of a command: {program} COMMAND --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if not first:
        parser.print_help(sys.stderr)
        sys.exit(INVALID)
    if not first.startswith("-"):
        _end(program, [f"there is no command {first}. {_suggestion(first, commands)}"])
    parser.parse_args(arguments)
    sys.exit(INVALID)


def read(kind: type[S], arguments: Sequence[str], *, program: str) -> S:
    """Return settings: options first, then environment variables, then defaults.

    Raises:
        SystemExit: with 0 after `--help`, with 2 for an invalid setting.
    """
    parser = _Parser(program, description=kind.__doc__, formatter_class=_Help, allow_abbrev=False)
    source: CliSettingsSource[Any] = CliSettingsSource(kind, root_parser=parser, formatter_class=_Help)
    try:
        return CliApp.run(kind, cli_args=list(arguments), cli_settings_source=source)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        _end(program, (f"{_option(kind, *problem['loc'])}: {problem['msg']}" for problem in problems))
    except SettingsError as error:  # an option or a variable is not a valid key=value pair or JSON
        name = re.search(r'field "(\w+)"', str(error)) or re.search(r"(\w+)$", str(error).partition(":")[0])
        _end(program, [f"{_option(kind, name[1] if name else '')}: cannot be read; `{program} --help` has its form"])


class _Parser(argparse.ArgumentParser):
    """Suggests the nearest option for one that does not exist."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and end with 2."""
        unknown = re.fullmatch(r"unrecognized arguments: (--[\w-]+).*", message)
        near = unknown and difflib.get_close_matches(unknown[1], list(self._option_string_actions), n=1)
        hint = f". Did you mean {near[0]}?" if near else ""
        super().error(plain_text.one_line(f"{message}{hint}"))


class _Help(argparse.HelpFormatter):
    """Help that leaves out a missing default."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help and action.help.replace(" (default: null)", "")


def _first_line(kind: type[BaseSettings]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def _suggestion(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."


def _option(kind: type[BaseSettings], *location: int | str) -> str:
    field = kind.model_fields.get(str(location[0]))
    if field and _POSITIONAL in field.metadata:
        return str(location[0]).upper()
    name = ".".join(map(str, location)).replace("_", "-")
    shortcuts: Mapping[str, Any] = kind.model_config.get("cli_shortcuts") or {}
    return f"--{shortcuts.get(name, name)}"


def _end(program: str, problems: Iterable[str]) -> NoReturn:
    sys.stderr.writelines(f"{program}: error: {plain_text.one_line(problem)}\n" for problem in problems)
    sys.exit(INVALID)
