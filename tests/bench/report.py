"""The results, as a table for the README and as JSON."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests.bench.measure import Measured
from tests.bench.sides import TRIGGER
from tests.faults.tables import Table

LIBRARIES = ("prefect", "fastapi", "uvicorn", "psycopg", "stripe", "httpx")
PARTS = ("trigger", "bare handler", "Prefect server", "PostgreSQL", "simulator")


@dataclass
class Pair:
    """The bare handler and the trigger, measured one right after the other."""

    bare: Measured
    trigger: Measured

    @property
    def ratio(self) -> float:
        """Return the ratio of the trigger's median response time to the bare handler's."""
        return self.trigger.responses.milliseconds(50) / self.bare.responses.milliseconds(50)

    @property
    def difference(self) -> float:
        """Return the milliseconds by which the trigger's median response takes longer."""
        return self.trigger.responses.milliseconds(50) - self.bare.responses.milliseconds(50)


@dataclass
class Report:
    """All results. `pairs` by name of the measurement; `rates` per second."""

    machine: dict[str, Any]
    pairs: dict[str, list[Pair]] = field(default_factory=dict)
    alone: dict[str, Measured] = field(default_factory=dict)  # the trigger without its pair
    rates: dict[str, float] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)

    def as_json(self, one: str, sixteen: str) -> dict[str, Any]:
        """Return the results as JSON. `one` and `sixteen` name the measurements for the two summary figures."""
        return {
            "ratio_one": round(statistics.median(pair.ratio for pair in self.pairs[one]), 2),
            "finished_per_second_16": round(
                statistics.median(pair.trigger.a_second for pair in self.pairs[sixteen]), 1
            ),
            "machine": self.machine,
            "measurements": {
                what: {
                    "ratios": [round(pair.ratio, 2) for pair in pairs],
                    "differences_ms": [round(pair.difference, 1) for pair in pairs],
                    **{
                        each.side: [_figures(m) for m in (getattr(p, _attribute(each)) for p in pairs)]
                        for each in (pairs[0].bare, pairs[0].trigger)
                    },
                }
                for what, pairs in self.pairs.items()
            }
            | {what: {TRIGGER: [_figures(measured)]} for what, measured in self.alone.items()},
            "a_second": {what: round(rate, 1) for what, rate in self.rates.items()},
            "megabytes": {what: round(size) for what, size in self.megabytes.items()},
        }

    def lines(self) -> list[str]:
        """Return the results as Markdown."""
        times = Table(
            "",
            (
                "response, ms",
                "bare p50 / p95 / p99",
                "trigger p50 / p95 / p99",
                "ratio of p50",
                "difference of p50",
                "received/s, bare",
                "received/s, trigger",
                "finished/s, bare",
                "finished/s, trigger",
                "shown in Prefect",
            ),
        )
        spent = Table("", ("processor, ms a run", *PARTS))
        for what, pairs in self.pairs.items():
            bare, trigger = [p.bare for p in pairs], [p.trigger for p in pairs]
            ratio = statistics.median(pair.ratio for pair in pairs)
            times.add(
                what,
                _times(bare),
                _times(trigger),
                f"{ratio:.2f}",
                f"{statistics.median(pair.difference for pair in pairs):+.0f}",
                _received(bare),
                _received(trigger),
                _a_second(bare),
                _a_second(trigger),
                _shown(trigger),
            )
            spent.add(f"{what}: bare", *_processor(bare))
            spent.add(f"{what}: trigger", *_processor(trigger))
        for what, measured in self.alone.items():
            times.add(
                what,
                "",
                _times([measured]),
                "",
                "",
                "",
                _received([measured]),
                "",
                _a_second([measured]),
                _shown([measured]),
            )
            spent.add(what, *_processor([measured]))
        rates = Table("", ("beside it", "a second"))
        for what, rate in self.rates.items():
            rates.add(what, f"{rate:.0f}")
        memory = ", ".join(f"{part} {size:.0f}" for part, size in self.megabytes.items())
        return [*times.lines(), "", *spent.lines(), "", *rates.lines(), "", f"Memory, MB: {memory}"]


def machine(database: str) -> dict[str, Any]:
    """Return the machine, the versions, and how busy it was with other work."""
    with psycopg.connect(database) as connection:
        [(postgresql,)] = connection.execute("SHOW server_version").fetchall()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor_name(),
        "cores": os.cpu_count(),
        "gigabytes": round(psutil.virtual_memory().total / 1e9),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "postgresql": postgresql,
        **{name: version(name) for name in LIBRARIES},
    }


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _attribute(measured: Measured) -> str:
    return "trigger" if measured.side == TRIGGER else "bare"


def _figures(measured: Measured) -> dict[str, Any]:
    responses = measured.responses
    return {
        **{f"p{percent}_ms": round(responses.milliseconds(percent), 1) for percent in (50, 95, 99)},
        "slowest_ms": round(max(responses.seconds) * 1000, 1),
        "statuses": responses.statuses,
        "finished": measured.finished,
        "shown": measured.shown,
        "received_per_second": round(measured.received_a_second, 1),
        "finished_per_second": round(measured.a_second, 2),
        "backlog_seconds": round(measured.backlog_seconds, 1),
        "processor_ms": {part: round(spent, 1) for part, spent in measured.processor.items()},
    }


def _times(several: Sequence[Measured]) -> str:
    medians = [statistics.median(m.responses.milliseconds(percent) for m in several) for percent in (50, 95, 99)]
    return " / ".join(f"{each:.0f}" for each in medians)


def _received(several: Sequence[Measured]) -> str:
    return f"{statistics.median(measured.received_a_second for measured in several):.0f}"


def _a_second(several: Sequence[Measured]) -> str:
    return f"{statistics.median(measured.a_second for measured in several):.1f}"


def _shown(several: Sequence[Measured]) -> str:
    if not any(measured.responses.request_ids for measured in several):
        return ""  # no flow runs
    return f"{sum(measured.shown for measured in several)} of {sum(measured.finished for measured in several)}"


def _processor(several: Sequence[Measured]) -> list[str]:
    return [f"{statistics.median(m.processor.get(part, 0.0) for m in several):.0f}" for part in PARTS]


def write(file: Path, content: dict[str, Any]) -> None:
    """Write indented JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
