"""Runs the dashboard's web application until it is interrupted."""

import logging
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from monitoring.errors import CANNOT_TELL
from monitoring.review_page import app
from monitoring.runs import run_store
from monitoring.settings import DashboardSettings

logger = logging.getLogger(__name__)


def run_dashboard(settings: DashboardSettings) -> int:
    """Serve the dashboard until interrupted; return 2 if it cannot start."""
    if problem := app.find_problem(settings):
        logger.error("%s", problem)
        return CANNOT_TELL
    workspace = run_store.workspace(settings.output_dir)
    logger.info("starting the dashboard of %s", workspace)
    from monitoring.runs import dashboard  # noqa: PLC0415  # takes seconds to import; the errors above come first

    evidently = dashboard.evidently_app(workspace)
    made = app.create_app(settings, evidently=evidently, evidently_page=dashboard.page(), project=dashboard.PROJECT)

    def announce() -> None:
        logger.info("dashboard of %s on http://%s:%s", workspace, settings.host, settings.port)

    _serve(made, settings.host, settings.port, announce)
    return 0


def _serve(made: ASGIApp, host: str, port: int, on_listening: Callable[[], None]) -> None:
    config = uvicorn.Config(made, host=host, port=port, log_level="warning", server_header=False, ws="none")
    _Server(config, on_listening).run()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_listening()
