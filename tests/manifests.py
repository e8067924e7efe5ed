"""Renders deploy/kubernetes with kubectl, without a cluster, and runs its pods under Docker."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

Manifest = dict[str, Any]
VOLUMES = {"emptyDir", "persistentVolumeClaim", "secret"}
HARDENED = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "fsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
"""The restricted Pod Security Standard wants all of these but the read-only root and the numbers, which are ours."""
HARMLESS = {"fsGroupChangePolicy"}
UNITS = {"m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def render(folder: Path) -> list[Manifest]:
    """Render a folder with a kustomization."""
    kubectl = shutil.which("kubectl", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")  # it warns of what is deprecated
    return list(yaml.safe_load_all(done.stdout))


def find(objects: list[Manifest], kind: str) -> dict[str, Manifest]:
    """Return the objects of a kind by name."""
    return {found["metadata"]["name"]: found for found in objects if found["kind"] == kind}


def templates(objects: list[Manifest]) -> dict[str, Manifest]:
    """Return what pods are made of, by the name of the object that makes them."""
    deployments = {
        name: made["spec"]["template"]
        for kind in ("Deployment", "StatefulSet")
        for name, made in find(objects, kind).items()
    }
    scheduled = {
        name: made["spec"]["jobTemplate"]["spec"]["template"] for name, made in find(objects, "CronJob").items()
    }
    jobs = {name: made["spec"]["template"] for name, made in find(objects, "Job").items()}
    return deployments | scheduled | jobs


def amount(quantity: str) -> float:
    """Read a quantity, as bytes or cores.

    >>> amount("512Mi"), amount("600m"), amount("1")
    (536870912.0, 0.6, 1.0)
    """
    number = quantity.rstrip("".join(UNITS))
    return float(number) * UNITS.get(quantity[len(number) :], 1)


def container_of(template: Manifest) -> Manifest:
    [container] = template["spec"]["containers"]
    found: Manifest = container
    return found


def selected(selector: Mapping[str, str], pods: Mapping[str, Manifest]) -> list[str]:
    """Name the pods that labels select."""
    return [name for name, pod in pods.items() if selector.items() <= pod["metadata"]["labels"].items()]


def beyond_hardened(pod: Manifest) -> list[str]:
    """Name what a pod may do beyond the restricted standard and a read-only root."""
    found: list[str] = [name for name in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if name in pod]
    found += [volume["name"] for volume in pod["volumes"] if not volume.keys() <= VOLUMES | {"name"}]
    for container in [*pod["containers"], *pod.get("initContainers", []), *pod.get("ephemeralContainers", [])]:
        context = pod.get("securityContext", {}) | container.get("securityContext", {})
        found += [name for name, value in HARDENED.items() if context.get(name) != value]
        found += context.keys() - HARDENED.keys() - HARMLESS
        found += ["hostPort" for port in container.get("ports", []) if "hostPort" in port]
        found += [
            name for name, probe in container.items() if name.endswith("Probe") and "host" in probe.get("httpGet", {})
        ]
        found += ["lifecycle"] * ("lifecycle" in container)
    return found


ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def docker_flags(template: Manifest, secrets: Mapping[str, str], volumes: Mapping[str, str]) -> list[str]:
    """Write the flags of `docker run` that give a pod's one container what its manifest does, and no more.

    `secrets` has values by key, `volumes` a volume of Docker for each claim and Secret that is mounted and a folder for
    each ServiceAccount whose token is. Docker's own seccomp profile is what RuntimeDefault means there.
    """
    pod = template["spec"]
    [container] = pod["containers"]
    who, own, limits = pod["securityContext"], container["securityContext"], container["resources"]["limits"]
    flags = [f"--user={who['runAsUser']}:{who['runAsGroup']}"]
    flags += [f"--memory={amount(limits['memory']):.0f}", f"--memory-swap={amount(limits['memory']):.0f}"]
    flags += [f"--cpus={amount(limits['cpu'])}", *(f"--cap-drop={name}" for name in own["capabilities"]["drop"])]
    flags += ["--read-only"] * own["readOnlyRootFilesystem"]
    flags += ["--security-opt=no-new-privileges:true"] * (not own["allowPrivilegeEscalation"])
    for variable in container.get("env", []):
        value = variable.get("value") or secrets[variable["valueFrom"]["secretKeyRef"]["key"]]
        flags.append(f"--env={variable['name']}={value}")
    if pod["automountServiceAccountToken"]:
        flags.append(f"--volume={volumes[pod['serviceAccountName']]}:{ACCOUNT}:ro")
    declared = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in container["volumeMounts"]:
        volume, path = declared[mount["name"]], mount["mountPath"]
        if "emptyDir" in volume:
            size = amount(volume["emptyDir"]["sizeLimit"])
            # Docker gives it the mode of what it covers, where Kubernetes lets everybody write.
            flags.append(f"--tmpfs={path}:size={size:.0f},uid={who['runAsUser']},gid={who['fsGroup']}")
        elif "secret" in volume:
            flags.append(f"--volume={volumes[volume['secret']['secretName']]}:{path}:ro")
        else:
            flags.append(f"--volume={volumes[volume['persistentVolumeClaim']['claimName']]}:{path}")
    return flags
