"""deploy/kubernetes.yaml is what Kubernetes understands; its parts fit each other, the container and the server."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import servers
from needs import lacking

OLDEST = "1.30"  # as the file itself says
FILE = servers.ROOT / "deploy/kubernetes.yaml"
PARTS = {part["kind"]: part for part in yaml.safe_load_all(FILE.read_text())}
POD = PARTS["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]
SETTINGS = {one["name"]: one["value"] for one in CONTAINER["env"]}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
BYTES = {"Gi": 2**30, "Mi": 2**20}


@pytest.fixture(scope="module")
def schemas() -> Any:
    """The package that has the schemas of each version of Kubernetes."""
    try:
        import kubernetes_validate
    except ImportError:
        lacking("kubernetes-validate is not installed: pip install -r requirements-dev.txt")
    return kubernetes_validate


@pytest.mark.parametrize("version", [OLDEST, "latest"])
@pytest.mark.parametrize("kind", PARTS)
def test_each_part_keeps_to_its_strict_schema(schemas: Any, kind: str, version: str) -> None:
    asked = schemas.latest_version().rpartition(".")[0] if version == "latest" else version
    assert schemas.validate(PARTS[kind], asked, strict=True) == asked  # not those of another version in their place


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [("Deployment", {"replica": 2}), ("Service", {"ports": [{"port": "eighty"}]}), ("NetworkPolicy", {"egres": []})],
)
def test_a_slip_of_the_pen_is_found(schemas: Any, kind: str, wrong: dict[str, Any]) -> None:
    part = copy.deepcopy(PARTS[kind])
    part["spec"] |= wrong
    with pytest.raises(schemas.ValidationError):
        schemas.validate(part, OLDEST, strict=True)


def test_these_are_the_parts_that_a_service_needs() -> None:
    assert list(PARTS) == [
        "Deployment",
        "Service",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "NetworkPolicy",
    ]
    assert {part["metadata"]["name"] for part in PARTS.values()} == {"mnist-draw"}
    assert f"Kubernetes {OLDEST} or newer" in FILE.read_text().splitlines()[0]


def test_every_part_means_the_same_pods() -> None:
    labels = POD["metadata"]["labels"]
    assert PARTS["Service"]["spec"]["selector"] == labels
    (spread,) = POD["spec"]["topologySpreadConstraints"]
    selectors = [PARTS["Deployment"]["spec"]["selector"], PARTS["PodDisruptionBudget"]["spec"]["selector"]]
    selectors += [PARTS["NetworkPolicy"]["spec"]["podSelector"], spread["labelSelector"]]
    assert selectors == [{"matchLabels": labels}] * 4
    target = PARTS["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": PARTS["Deployment"]["apiVersion"], "kind": "Deployment", "name": "mnist-draw"}


def test_every_part_means_the_same_port_which_is_the_container_s() -> None:
    (port,) = CONTAINER["ports"]
    (service,) = PARTS["Service"]["spec"]["ports"]
    (rule,) = PARTS["NetworkPolicy"]["spec"]["ingress"]
    probed = [CONTAINER[probe]["httpGet"]["port"] for probe in PROBES]
    assert {service["targetPort"], rule["ports"][0]["port"], *probed} == {port["name"]}
    assert f"EXPOSE {port['containerPort']}\n" in (servers.ROOT / "deploy/Dockerfile").read_text()


def test_the_pod_has_no_more_rights_than_the_container_needs() -> None:
    user = int(re.search(r"^USER (\d+):", (servers.ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)[1])
    assert POD["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["spec"]["automountServiceAccountToken"] is False
    network = PARTS["NetworkPolicy"]["spec"]
    assert (network["policyTypes"], "egress" in network) == (["Ingress", "Egress"], False)


def test_the_settings_are_such_that_the_server_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(servers.ROOT / "deploy")
    import front

    settings = front.read(SETTINGS)
    known = {f"MNIST_{name.upper()}" for name in front.Settings.__dataclass_fields__}
    assert SETTINGS.keys() <= known
    limits = CONTAINER["resources"]["limits"]
    assert settings.workers == int(limits["cpu"]) + 1
    assert settings.workers * settings.memory_mb * 2**20 + front.ALL_LARGE * front.MAX_BODY <= size(limits["memory"])


def test_who_is_told_to_stop_has_the_time_to_answer_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(servers.ROOT / "deploy")
    import front

    told = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert told + 2 * (front.STOP_SECONDS + 2) < POD["spec"]["terminationGracePeriodSeconds"]


def test_an_update_or_a_machine_that_is_emptied_never_takes_the_last_pod() -> None:
    assert PARTS["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    unavailable = PARTS["PodDisruptionBudget"]["spec"]["maxUnavailable"]
    assert unavailable < PARTS["HorizontalPodAutoscaler"]["spec"]["minReplicas"]
    assert "replicas" not in PARTS["Deployment"]["spec"]  # the autoscaler's to say


@pytest.mark.parametrize("probe", PROBES)
def test_what_the_probes_ask_is_answered_by_the_pod_s_number(probe: str, gunicorn: servers.Server) -> None:
    path = CONTAINER[probe]["httpGet"]["path"]
    reply = gunicorn.raw(f"GET {path} HTTP/1.1\r\nHost: 10.42.0.17:8000\r\nConnection: close\r\n\r\n".encode())
    head, _, body = reply.partition(b"\r\n\r\n")
    assert (head.split()[1], json.loads(body)["health"]) == (b"200", "ok")


def test_a_pod_is_sent_no_more_requests_before_it_is_started_again() -> None:
    seconds = {name: CONTAINER[name]["periodSeconds"] * CONTAINER[name]["failureThreshold"] for name in PROBES}
    assert seconds["readinessProbe"] < seconds["livenessProbe"]


def size(text: str) -> int:
    """The bytes that a quantity with its unit stands for."""
    return int(text[:-2]) * BYTES[text[-2:]]


def test_the_container_s_own_folder_for_what_it_writes_is_the_one_of_compose() -> None:
    service = yaml.safe_load((servers.ROOT / "deploy/compose.yaml").read_text())["services"]["mnist-draw"]
    (volume,), (mount,) = POD["spec"]["volumes"], CONTAINER["volumeMounts"]
    most = volume["emptyDir"]["sizeLimit"].removesuffix("Mi")
    assert service["tmpfs"] == [f"{Path(mount['mountPath'])}:size={most}m"]
