"""Drafts a contract from a table: a features.py and a columns file, as a start to be edited."""

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

from models.columns.origins import Target
from training.contracts import (
    draft_check,
    draft_dates,
    draft_files,
    draft_kinds,
    draft_profile,
    draft_report,
    draft_source,
    draft_target,
)
from training.contracts.draft_dates import Dates
from training.contracts.draft_files import COLUMNS, FEATURES, Draft
from training.contracts.draft_kinds import Decision, LeftOut
from training.contracts.draft_lines import Lines
from training.contracts.draft_profile import Profile
from training.contracts.draft_source import Declared, Source
from training.contracts.errors import DraftRefused, NothingDrafted
from training.contracts.settings import DRAFT_DIR, DraftSettings


def draft(settings: DraftSettings) -> str:
    """Write both files, and return what each column became and which commands come next.

    Raises:
        DraftError: the table has no outcome or no features, or the folder has such files already.
        ModelsError, SourceUnreadable: the table cannot be read.
    """
    _require_free(settings.output_dir)
    declared = draft_source.declared(settings.columns)
    source = draft_source.opened(settings, declared.csv)
    profiles, lines = _profiles(source)
    target, outcome = _target(profiles, declared, settings.target)
    leaks = _leaks(source, profiles, outcome)
    others = {outcome.name, *declared.never_features, *leaks}
    dates = draft_dates.find(
        [profile for profile in profiles if profile.name not in others], source.first, source.style
    )
    decisions = dict(_decide(source, [one for one in profiles if one is not outcome], declared, leaks, dates))
    made = Draft(source.name, decisions, target, source.style.model_copy(update={"time": dates.form}))
    if not made.fields:
        raise NothingDrafted(source=source.name, problem="no column can be a feature")
    _write(settings.output_dir, made)
    tried = draft_check.try_rows(settings.output_dir, source.first)
    odd = lines.find(profiles, outcome)
    return draft_report.text(settings, made, outcome, sample=len(source.first), tried=tried, odd=odd)


def _profiles(source: Source) -> tuple[list[Profile], Lines]:
    """Go through all rows, and describe each column; of columns with one name, none."""
    counts = Counter(source.first.column_names)
    kinds = {field.name: field.type for field in source.first.schema if counts[field.name] == 1}
    profiles = [draft_profile.of(name, kind, source.style) for name, kind in kinds.items()]
    lines = Lines()
    for part in source.parts:
        lines.add(part)
        for profile in profiles:
            profile.add(part.column(profile.name))
    return profiles, lines


def _target(profiles: Sequence[Profile], declared: Declared, named: str | None) -> tuple[Target, Profile]:
    given = declared.target
    has_list = given is not None and isinstance(given.positive, list) and named in (None, given.column)
    outcome = draft_target.find(profiles, named or (given.column if given else None), has_list=has_list)
    if given is not None and given.column == outcome.name:
        return given, outcome
    return draft_target.positive(outcome), outcome


def _leaks(source: Source, profiles: Sequence[Profile], outcome: Profile) -> set[str]:
    """Return the columns that tell the outcome in the first rows."""
    churned = source.first.column(outcome.name)
    names = [profile.name for profile in profiles if profile is not outcome and _may_tell(profile)]
    return {name for name in names if draft_target.gives_away(source.first.column(name), churned, source.style)}


def _decide(
    source: Source, profiles: Sequence[Profile], declared: Declared, leaks: Container[str], dates: Dates
) -> Iterator[tuple[str, Decision]]:
    for name, count in Counter(source.first.column_names).items():
        if count > 1:
            yield name, LeftOut(name, f"{count} columns have this name")
    for profile in profiles:
        name = profile.name
        if name in declared.never_features:
            yield name, LeftOut(name, "listed in the given columns file", is_forbidden=True)
        elif name in leaks:
            remedy = "remove it here if it is known before"
            yield name, LeftOut(name, draft_kinds.LEAK, is_forbidden=True, remedy=remedy)
        else:
            yield name, draft_kinds.decide(profile, dates)


def _may_tell(profile: Profile) -> bool:
    """Tell whether a column may give the outcome away: by few values, or by missing ones."""
    return profile.stored != "nested" and (profile.missing > 0 or len(profile.values) <= draft_kinds.MOST_LEVELS)


def _require_free(folder: Path) -> None:
    """Check that no file of somebody's own would be overwritten."""
    for path in (folder / FEATURES, folder / COLUMNS):
        if path.exists() and folder != DRAFT_DIR:
            raise DraftRefused(path=path, problem="it exists, and only files in var/draft are overwritten")


def _write(folder: Path, made: Draft) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FEATURES).write_text(draft_files.features(made), encoding="utf-8")
        (folder / COLUMNS).write_text(draft_files.columns(made), encoding="utf-8")
    except OSError as error:
        path = Path(error.filename or folder)
        raise DraftRefused(path=path, problem=error.strerror or "it cannot be written") from error
