"""Measures what a canary costs: predictions and their metrics with one and without, by requests in a turn."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.bundles import pins
from models.features import CONTRACT
from service.customers import Customer
from service.metrics.metrics import Metrics
from service.model import predictor
from service.model.model_router import Challenger, ModelRouter

REQUESTS, ROUNDS = 6_400, 25
TURNS, SHARES = (1, 4, 16), (0.05, 0.5)
_VERSION = "20000101-00000000"


def measure(models_dir: Path = Path("models"), *, rounds: int = ROUNDS, requests: int = REQUESTS) -> list[list[str]]:
    """Return a row for each number of requests in a turn: the time without a canary, and what each share adds."""
    customers = [Customer.model_validate(CONTRACT.example | {"customer_id": f"C-{at}"}) for at in range(requests)]
    found = _routers(models_dir)
    rows = []
    for size in TURNS:
        turns = [customers[at : at + size] for at in range(0, requests, size)]
        taken = {share: np.empty(rounds) for share in found}
        for at in range(rounds):
            for share, router in found.items():
                taken[share][at] = _microseconds(router, turns) / requests
        alone = taken.pop(0)
        added = [np.quantile(each - alone, (0.5, 0.25, 0.75)) for each in taken.values()]
        told = [f"{middle:.1f} ({low:.1f} to {high:.1f})" for middle, low, high in added]
        rows.append([str(size), f"{np.median(alone):.1f}", *told])
    return rows


def _routers(models_dir: Path) -> Mapping[float, ModelRouter]:
    """Return a router for each share of a canary, which is the champion by another name; 0 means no canary."""
    champion, pin = predictor.load(models_dir), pins.read(models_dir)
    canary = replace(champion, manifest=champion.manifest.model_copy(update={"version": _VERSION}))
    named = [pins.Challenger(version=_VERSION, digest=pin.digest, mode="canary", share=share) for share in SHARES]
    return {0: ModelRouter(champion)} | {one.share: ModelRouter(champion, Challenger(one, canary)) for one in named}


def _microseconds(router: ModelRouter, turns: Sequence[Sequence[Customer]]) -> float:
    metrics = Metrics()
    metrics.describe_model(router.champion.manifest)
    metrics.describe_challenger(router.tried, refused=False)
    began = time.thread_time()
    for turn in turns:
        for predicted in router.predict(turn, requests=len(turn)):
            metrics.count_predictions(predicted)
            if predicted.seconds is not None:
                metrics.count_answers(predicted)
    metrics.count_waiting()  # answers are counted a thousand at a time, and fewer wait here with 16 in a turn
    return 1e6 * (time.thread_time() - began)
