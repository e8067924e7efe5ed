"""`make manifests`: writes alerts and dashboard of monitoring/ where kustomize finds them."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALERTS = Path("monitoring", "prometheus", "alerts.yml")
DASHBOARD = Path("monitoring", "grafana", "dashboards", "churn_service.json")
COMPONENT = Path("deploy", "kubernetes", "components", "prometheus-operator")
_LEFT_OUT = "  - name: monitor"  # its gauges are those of `monitoring watch`, which does not run on Kubernetes
_HEAD = """\
# `make manifests` writes this file from monitoring/prometheus/alerts.yml; do not edit it.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: churn-service
spec:
"""


def rules(alerts: str) -> str:
    """Return the PrometheusRule with the groups of alerts about the service and its log."""
    _, _, groups = alerts.partition("groups:\n")
    kept, _, _ = groups.partition(_LEFT_OUT)
    lines = ["groups:", *kept.rstrip().split("\n")]
    return _HEAD + "".join(f"  {line}".rstrip() + "\n" for line in lines)


def write(root: Path) -> None:
    """Write both files below `root`."""
    (root / COMPONENT / "alerts.yaml").write_text(rules((root / ALERTS).read_text("utf-8")), "utf-8")
    shutil.copyfile(root / DASHBOARD, root / COMPONENT / DASHBOARD.name)


if __name__ == "__main__":
    write(ROOT)
