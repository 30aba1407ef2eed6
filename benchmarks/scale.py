"""What many answers a second would take: cores, the time to an answer and the cost, by simulation.

    python benchmarks/scale.py                         # the table of docs/scale.md
    python benchmarks/scale.py --check gunicorn        # is the simulation right? measured on this machine's cores
    python benchmarks/scale.py --check ray             # the same with two replicas of Ray Serve

A machine is a number of cores, and programs that take turns on them: nginx, HAProxy before the replicas of Ray Serve,
and workers that read one picture at a time. Requests come at random (a Poisson process); the time that each program
takes for one varies, too. Balancers that choose machines at random make each machine's requests random, so one machine
stands for all. `--check` measures how much processor time each program takes for an answer to one client, simulates
eight clients with that, and compares: exit status 1 if the answers a second are more than a fifth apart.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

import simpy

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

# --- settings ---------------------------------------------------------------------------------------
RATES = (1_000, 100_000, 10_000_000)  # answers a second
BUSY = 0.6  # share of a machine's capacity that is planned to be used: the rest is for minutes with more
CORES = 2  # of a machine, or of a pod
PRICE = 0.04  # US dollars for a core and an hour
PROXY_THREADS = 4  # of HAProxy, as Ray Serve starts it
SHAPE = 4  # of the gamma distribution of times: their deviation is half of their mean
SIMULATED = 20_000  # requests
APART = 0.2  # the most that simulation and measurement may differ
# ----------------------------------------------------------------------------------------------------

Process = Generator[Any, Any, None]


class Program(NamedTuple):
    """What takes part in an answer."""

    name: str
    ms: float  # processor time for one answer
    processes: int  # that many do it at a time


class Machine(NamedTuple):
    """Cores and the programs on them, in the order in which a request meets them."""

    cores: int
    programs: list[Program]
    rest: float = 0.0  # cores that other work takes

    def capacity(self) -> float:
        """Return the answers a second that it can't exceed: of its cores, or of a program with too few processes."""
        whole = sum(program.ms for program in self.programs)
        cores = 1000 * (self.cores - self.rest) / whole
        return min([cores, *(1000 * program.processes / program.ms for program in self.programs if program.ms)])


def gunicorn(cores: int) -> Machine:
    """Return a machine with nginx and gunicorn; the times are those that `--check gunicorn` measures."""
    return Machine(cores, [Program("nginx", 0.3, 1), Program("workers", 3.7, cores + 1)])


def ray(cores: int) -> Machine:
    """Return a machine with nginx and Ray Serve; the times are those that `--check ray` measures."""
    proxy = Program("proxy", 0.35, PROXY_THREADS)
    return Machine(cores, [Program("nginx", 0.3, 1), proxy, Program("workers", 4.8, cores)])


class Simulated:
    """One machine at work."""

    def __init__(self, machine: Machine, seed: int = 1) -> None:
        """Nothing has been asked yet."""
        self.machine, self.random, self.env = machine, random.Random(seed), simpy.Environment()
        self.cores = simpy.Resource(self.env, machine.cores)
        self.places = [simpy.Resource(self.env, program.processes) for program in machine.programs]
        self.slower = machine.cores / (machine.cores - machine.rest)
        self.seconds: list[float] = []  # of each answer

    def answer(self) -> Process:
        """One request: each program in turn, each on a core."""
        begun = self.env.now
        for program, place in zip(self.machine.programs, self.places, strict=True):
            with place.request() as turn:
                yield turn
                with self.cores.request() as core:
                    yield core
                    yield self.env.timeout(self.time_of(program))
        self.seconds.append(self.env.now - begun)

    def time_of(self, program: Program) -> float:
        """Return the seconds that a program takes this time."""
        return self.random.gammavariate(SHAPE, self.slower * program.ms / 1000 / SHAPE)

    def crowd(self, rate: float) -> Process:
        """Requests that come at random, so many a second."""
        while True:
            yield self.env.timeout(self.random.expovariate(rate))
            self.env.process(self.answer())

    def client(self) -> Process:
        """A client that asks again as soon as it is answered."""
        while True:
            yield self.env.process(self.answer())


def open_loop(machine: Machine, rate: float, requests: int = SIMULATED) -> list[float]:
    """Return the seconds to each answer, ascending, when so many requests a second come whatever happens."""
    run = Simulated(machine)
    run.env.process(run.crowd(rate))
    run.env.run(requests / rate)
    return sorted(run.seconds)


def closed_loop(machine: Machine, clients: int, seconds: float = 60) -> float:
    """Return the answers a second when so many clients ask without a pause."""
    run = Simulated(machine)
    for _ in range(clients):
        run.env.process(run.client())
    run.env.run(seconds)
    return len(run.seconds) / seconds


def plan(name: str, machine: Machine, rate: float) -> str:
    """Return the row of the table on so many answers a second."""
    machines = -(-rate // int(BUSY * machine.capacity()))
    seconds = open_loop(machine, rate / machines)
    p99 = 1000 * seconds[int(0.99 * len(seconds))]
    cores = machines * machine.cores
    return f"| {rate:,} | {name} | {machines:,} | {cores:,} | {p99:.0f} ms | ${cores * PRICE:,.2f} |"


# --- is it right? -----------------------------------------------------------------------------------


def check(name: str, clients: int, seconds: float) -> int:
    """Compare the simulation with this machine; the exit status."""
    import servers

    starts = {"gunicorn": servers.gunicorn, "ray": servers.ray_serve}
    with tempfile.TemporaryDirectory() as folder, starts[name](Path(folder) / "log", MNIST_WORKERS="2") as server:
        asked(server, clients, 3)  # everything is loaded by then
        before, own = processor_seconds(server.process.pid), time.process_time()
        number = asked(server, 1, seconds)
        spent = {"client": time.process_time() - own}
        spent |= {program: now - before[program] for program, now in processor_seconds(server.process.pid).items()}
        machine = measured(spent, number, seconds)
        real = asked(server, clients, seconds) / seconds
    simulated = closed_loop(machine, clients)
    times = ", ".join(f"{program.name} {program.ms:.2f} ms" for program in machine.programs)
    print(f"{name}: {times}, other work {machine.rest:.2f} cores")
    print(f"{clients} clients: {real:.1f} answers a second measured, {simulated:.1f} simulated, {simulated / real:.2f}")
    return int(abs(simulated / real - 1) > APART)


def measured(spent: dict[str, float], number: int, seconds: float) -> Machine:
    """Return this machine, from the processor seconds that each program took for so many answers."""
    processes = {"client": 1, "nginx": 1, "proxy": PROXY_THREADS, "workers": 2}
    programs = [Program(name, 1000 * spent[name] / number, count) for name, count in processes.items() if spent[name]]
    return Machine(len(os.sched_getaffinity(0)), programs, spent["rest"] / seconds)


def processor_seconds(server: int) -> dict[str, float]:
    """Return the processor seconds so far of each program of a server."""
    import servers

    spent, below = dict.fromkeys(("nginx", "proxy", "workers", "rest"), 0.0), set(servers.children(server))
    for process, _, line in servers.processes():
        if process in below:
            spent[kind_of(line)] += _seconds_of(process)
    return spent


def kind_of(line: str) -> str:
    """Return which program a process with that command line is."""
    names = {"nginx": "nginx", "/bin/haproxy ": "proxy", "ray::ServeReplica": "workers", "-m gunicorn": "workers"}
    return next((kind for name, kind in names.items() if name in line), "rest")


def _seconds_of(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0.0
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def asked(server: Any, clients: int, seconds: float) -> int:
    """Have clients ask without a pause; the number of right answers."""
    import pictures

    body, answers, until = pictures.data_url(pictures.png(7)), [0] * clients, time.monotonic() + seconds

    def ask(client: int) -> None:
        while time.monotonic() < until:
            line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            line.request("POST", "/cgi-bin/mnist.py", body)
            answers[client] += b'"digit": 7' in line.getresponse().read()
            line.close()

    jobs = [threading.Thread(target=ask, args=(client,)) for client in range(clients)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    return sum(answers)


def main() -> int:
    """Print the table, or check the simulation; the exit status."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--check", choices=["gunicorn", "ray"], help="compare the simulation with this machine")
    parser.add_argument("--clients", type=int, default=8, help="of the comparison (default 8)")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement (default 10)")
    chosen = parser.parse_args()
    if chosen.check:
        return check(chosen.check, chosen.clients, chosen.seconds)
    print("| answers a second | behind nginx | machines | cores | p99 | an hour |\n|---:|---|---:|---:|---:|---:|")
    for rate in RATES:
        for name, machine in (("gunicorn", gunicorn(CORES)), ("Ray Serve", ray(CORES))):
            print(plan(name, machine, rate))
    return 0


if __name__ == "__main__":
    sys.exit(main())
