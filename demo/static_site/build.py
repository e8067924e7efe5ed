"""Builds the demo page as a static site: the page of the service, with an engine that runs the model in the browser."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic_core import to_json

from demo.static_site import onnxruntime_web, sentences, trees
from models.bundles.bundle import Bundle
from models.bundles.calibration import Calibration
from models.bundles.explainer import Explainer
from models.bundles.format.bundle_files import BOOSTER, CARD_PAGE, GRAPH
from models.bundles.manifest import Importance
from models.bundles.risk import RiskPolicy
from models.customer import reasons
from models.customer.contract import Contract
from models.errors import FingerprintMismatch
from service.http import routes
from service.http.page import demo_page
from service.http.schemas import RiskTiers

BROWSER = Path(__file__).parent / "browser"
CARD = "card.html"
CHARSET = '<meta charset="utf-8">\n'
CARD_CSP = routes.CARD_CSP.removesuffix("; sandbox")  # browsers ignore `sandbox` in a meta element
NOSCRIPT = re.compile("<noscript>.*?</noscript>", re.DOTALL)
ONLY_SCRIPT = '<noscript><p class="card">The model runs in your browser, and needs JavaScript.</p></noscript>'
CSP = demo_page.CSP.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
"""As for the page of the service; `wasm-unsafe-eval` allows WebAssembly, and no other code from text."""


@dataclass(frozen=True)
class Model:
    """What the site needs of a model."""

    contract: Contract
    version: str
    trained_at: datetime
    policy: RiskPolicy
    calibration: Calibration
    importance: Mapping[str, Importance]
    graph: bytes
    booster: bytes
    card: str
    """The model card as an HTML page."""

    @classmethod
    def of(cls, bundle: Bundle, contract: Contract) -> Self:
        """Read a verified bundle.

        Raises:
            FingerprintMismatch: it was not trained on exactly this contract, in which the page encodes.
        """
        manifest = bundle.manifest
        if manifest.fingerprint != contract.fingerprint:
            raise FingerprintMismatch(bundle=manifest.fingerprint, code=contract.fingerprint)
        return cls(
            contract=contract,
            version=manifest.version,
            trained_at=manifest.trained_at,
            policy=manifest.policy,
            calibration=manifest.calibration,
            importance=manifest.importance,
            graph=bundle.read(GRAPH),
            booster=bundle.read(BOOSTER),
            card=bundle.read_text(CARD_PAGE),
        )


def build(model: Model, site: Path, *, runtime: Path) -> None:
    """Write the site to the folder `site`, which is replaced; `runtime` has the files of ONNX Runtime Web.

    Raises:
        BoosterUnreadable: the model cannot explain.
    """
    shutil.rmtree(site, ignore_errors=True)
    page = site / "page"
    shutil.copytree(demo_page.ASSETS, page)
    shutil.copytree(BROWSER, page, dirs_exist_ok=True)  # its engine replaces the one that asks the service
    for name in onnxruntime_web.FILES:
        shutil.copy(runtime / name, page / name)
    graph = f"{model.version}.onnx"  # so that a browser never mixes the files of two models
    (page / graph).write_bytes(model.graph)
    links = [{"label": "Model card", "href": CARD, "needsKey": False}]
    if (site.parent / "README.html").exists():
        links.append({"label": "Documentation", "href": "../README.html", "needsKey": False})
    (page / "model.json").write_bytes(to_json(_facts(model) | {"graph": graph, "links": links}))
    (site / CARD).write_text(_with_policy(model.card, CARD_CSP), encoding="utf-8")
    index = NOSCRIPT.sub(ONLY_SCRIPT, (page / "index.html").read_text(encoding="utf-8"))
    (site / "index.html").write_text(_with_policy(index, CSP), encoding="utf-8")
    (page / "index.html").unlink()


def _with_policy(page: str, policy: str) -> str:
    """Write a content security policy into a page, because a static host sends none."""
    return page.replace(CHARSET, f'{CHARSET}<meta http-equiv="Content-Security-Policy" content="{policy}">\n', 1)


def _facts(model: Model) -> dict[str, Any]:
    """Return what the engine knows of the model."""
    contract = model.contract
    explainer = Explainer(Path(BOOSTER), contract, model.booster)
    unknown = np.full((1, len(contract.matrix_columns)), np.nan, dtype=np.float32)
    return {
        "contract": {"features": contract.for_clients},
        "codes": {feature.name: feature.level_codes for feature in contract.open_categories},
        "model": {
            "version": model.version,
            "trained_at": model.trained_at,
            "ranges": explainer.ranges,
            "importance": model.importance,
            **RiskTiers.of(model.policy).model_dump(),
        },
        "calibration": model.calibration,
        "base_value": explainer.explain(unknown).base_value,
        "reasons": {
            "sentences": sentences.of(contract),
            "most": reasons.MAX_REASONS,
            "least": reasons.LEAST_EFFECT,
        },
        "trees": trees.read(model.booster),
    }
