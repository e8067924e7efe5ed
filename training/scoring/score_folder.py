"""Scores all files of a folder, each into a file of its own; files that another run has done are not scored again."""

import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

from models import plain_text
from models.batches import Model, RowScorer
from models.bundles import bundle
from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.customer import tables
from models.customer.contract import Contract
from models.customer.errors import StoreUnusable
from models.customer.files import store_files
from models.customer.files.chunk import CHUNK_ROWS
from models.customer.offending import OffendingValues
from models.errors import ModelsError
from models.features import CONTRACT
from models.progress import Progress
from training.errors import TrainingError
from training.partitioned import executors
from training.partitioned.executor import Executor
from training.scoring import file_record, folder_plan, output_folder, score_file, scored_files
from training.scoring.errors import FilesFailed, NothingScored, OutputRefused, ScoringEnded
from training.scoring.folder_plan import FilePlan
from training.scoring.scoring_summary import FolderSummary, ScoringSummary
from training.settings import ScoreSettings

_WINDOW_FILES = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileTask:
    """All that scoring one file needs; it can be sent to another process or machine."""

    plan: FilePlan
    model: Model
    declared: ColumnMapping
    max_rejected_fraction: float
    chunk_rows: int = CHUNK_ROWS


@dataclass(frozen=True)
class FileResult:
    """What became of a file."""

    file: str
    summary: ScoringSummary
    was_done: bool = False
    problem: str | None = None
    """Why it was not scored."""
    is_general: bool = False
    """Whether the problem is one of all files, such as a store that is away."""


Map = Callable[[Callable[[FileTask], FileResult], Iterable[FileTask]], Iterator[FileResult]]


def score(settings: ScoreSettings, *, contract: Contract = CONTRACT, chunk_rows: int = CHUNK_ROWS) -> FolderSummary:
    """Score all files that are not done yet, with as many processes as the settings say.

    Raises:
        FilesFailed, ScoringEnded: some files cannot be scored; all others are, or can be by another run.
        TableError, ColumnsError, ScoringError: none can be scored, or the results cannot be written.
        BundleError: no model is pinned, or it failed verification.
    """
    plans = folder_plan.plan(settings.input, settings.output)
    declared = column_mapping.read(settings.columns, contract)
    model = Model.of(bundle.load(settings.models_dir, contract=contract))
    tasks = [FileTask(plan, model, declared, settings.max_rejected_fraction, chunk_rows) for plan in plans]
    total = FolderSummary(ScoringSummary(model.version))
    with output_folder.alone(settings.output, plans):
        _score_all(settings, tasks, total)
    if total.problems:
        raise FilesFailed(problems=total.problems, files=len(tasks))
    if not total.rows.scored:
        counts = total.rows
        raise NothingScored(path=settings.input, rows=counts.rows, reasons=counts.reasons, values=OffendingValues())
    return total


def _score_all(settings: ScoreSettings, tasks: Sequence[FileTask], total: FolderSummary) -> None:
    with Progress(len(tasks)) as progress, _mapping(settings) as mapped:
        progress.stage(f"scoring {len(tasks):,} files")
        try:
            for result in mapped(score_one, tasks):
                if result.is_general:
                    problem = result.problem or ""
                    raise ScoringEnded(file=result.file, problem=problem, done=total.done, files=len(tasks))
                if result.problem:
                    logger.warning("not scored: [%s] %s", result.file, result.problem)
                total.add(result.file, result.summary, was_done=result.was_done, problem=result.problem)
                progress.rename(f"{total.files:,} of {len(tasks):,} files, {total.rows.rows:,} rows")
                progress.step()
        except BrokenProcessPool as error:
            problem = "A process was ended, perhaps for lack of memory. Use fewer --processes."
            raise ScoringEnded(file=None, problem=problem, done=total.done, files=len(tasks)) from error


def score_one(task: FileTask) -> FileResult:
    """Score one file, unless its results are there; no error of the file or of its store is raised."""
    summary, name = ScoringSummary(task.model.version), task.plan.source.relative
    try:
        origin = file_record.origin(task.plan.source, task.model, task.declared)
        with scored_files.translated(task.plan.record):
            if (record := file_record.find(task.plan, origin)) and _is_allowed(record.summary(), task):
                return FileResult(name, record.summary(), was_done=True)
            store_files.remove(task.plan.record)  # it would not be that of the results, if this run ends between them
        scored_bytes = _score_rows(task, summary)
        with scored_files.translated(task.plan.record):
            file_record.write(task.plan, origin, summary, scored_bytes=scored_bytes)
    except (StoreUnusable, OutputRefused) as error:
        none = ScoringSummary(task.model.version)
        return FileResult(name, none, problem=str(error), is_general=error.is_general)
    except (TrainingError, ModelsError) as error:
        return FileResult(name, ScoringSummary(task.model.version), problem=str(error))
    return FileResult(name, summary)


def _is_allowed(summary: ScoringSummary, task: FileTask) -> bool:
    return summary.rejected <= task.max_rejected_fraction * summary.rows


def _score_rows(task: FileTask, summary: ScoringSummary) -> int:
    """Write the results, and return the size of the scored rows."""
    plan, source = task.plan, task.plan.source
    schema = tables.schema(source.path, task.declared.csv)
    told = {name: value for name, value in plan.told.items() if name not in schema.names}
    scorer = RowScorer(task.model, task.declared, [*schema.names, *told])
    with scored_files.writing(plan.scored, plan.rejected, schema, file=source.relative) as written:
        for _ in score_file.score_rows(source.path, scorer, written, summary, chunk_rows=task.chunk_rows, told=told):
            pass
        scorer.conversions.tell()
        score_file.require_few_rejected(summary, scorer.values, limit=task.max_rejected_fraction)
    return written.scored_bytes


@contextmanager
def _mapping(settings: ScoreSettings) -> Iterator[Map]:
    """Yield a `map` for this process, several or a cluster; their files are done when it ends, and no other begins."""
    if settings.cluster or settings.processes == 1:
        with executors.opened(settings.cluster) as executor:
            yield partial(_in_windows, executor)
        return
    # A fork would inherit the threads of pyarrow and ONNX Runtime.
    spawned = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(settings.processes, mp_context=spawned, initializer=_begin)
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)


def _in_windows(
    executor: Executor, function: Callable[[FileTask], FileResult], tasks: Iterable[FileTask]
) -> Iterator[FileResult]:
    """Give an executor some files at a time: a scheduler keeps the model of each file that waits."""
    waiting = iter(tasks)
    while window := list(islice(waiting, _WINDOW_FILES)):
        yield from executor.map(function, window, keep=False)


def _begin() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    plain_text.log_to_terminal()
    logging.getLogger().setLevel(logging.WARNING)


def _end_with_parent() -> None:
    """End this process when the first one was killed: it would wait for files for ever."""
    if parent := multiprocessing.parent_process():
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
