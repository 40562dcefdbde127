"""A long run under a mixed load, without kills: the process and its database do not grow.

`CONVOKIT_SOAK_SECONDS=60 pytest tests/torture/test_soak.py -s` shortens it and prints what it measured. The process's
clock jumps ahead half a day again and again, thirty days in all, so that what is kept for eight days is forgotten.
"""

import os
from pathlib import Path
from statistics import median
from time import time

import anyio
import pytest
from attrs import define, field

from convokit.testing.torture import Torture, Verdict

pytest.importorskip("uvicorn", reason="the process takes webhooks: the extra `serve` brings a server")

SECONDS = float(os.environ.get("CONVOKIT_SOAK_SECONDS") or 600)
DAYS = 30
MOST_MEMORY, MOST_FILE = 1.10, 1.25
"""How much more the last quarter may have than the second: a database that is never purged would have doubled."""
STATUS = Path("/proc/self/status")


@define
class Sample:
    """What was measured at one moment: seconds since the beginning, kilobytes in memory, bytes of the database."""

    at: float
    memory: int
    file: int


@define
class Watch:
    """Measures the process and its database, twice a second."""

    run: Torture
    database: Path
    samples: list[Sample] = field(factory=list)
    verdict: Verdict = field(init=False)

    async def look(self) -> None:
        began = time()
        while True:
            await anyio.sleep(0.5)
            memory = resident(self.run.lives.pid) if hasattr(self.run, "lives") else 0
            if memory and self.database.exists():
                self.samples.append(Sample(time() - began, memory, self.database.stat().st_size))

    def quarter(self, number: int) -> tuple[float, float]:
        """The median memory and the largest file of the storm's quarter 0 to 3."""
        piece = [one for one in self.samples if number <= one.at / (SECONDS / 4) < number + 1]
        return median(one.memory for one in piece), max(one.file for one in piece)


def resident(pid: int | None) -> int:
    """How many kilobytes of a process are in memory; 0 when there is none."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)


@pytest.fixture
def anyio_backend() -> str:
    """The judge runs on one back end; what it judges is a process of its own."""
    return "asyncio"


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="what a process has in memory is read from /proc, which Linux has")
async def test_a_process_under_load_grows_neither_in_memory_nor_on_disk(tmp_path: Path) -> None:
    jump = SECONDS / (2 * DAYS)
    words = ("--keep", "50", "--jump", str(jump), "--since", str(time()))
    run = Torture(
        store=f"sqlite:///{tmp_path / 'soak.db'}",
        kills=0,
        points=(),
        each=0,
        messages=0,
        seconds=SECONDS,
        chats=60,
        pace=3.0,
        words=words,
        folder=tmp_path,
    )
    watch = Watch(run, tmp_path / "soak.db")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.look)
        watch.verdict = await run.run()
        tasks.cancel_scope.cancel()
    verdict = watch.verdict
    quarters = [watch.quarter(number) for number in range(4)]
    print(
        f"\n{verdict.facts['accepted']} events in {verdict.facts['seconds']} s; quarters (kB in memory, bytes on disk):"
    )
    print("\n".join(f"  {memory:.0f} kB  {file / 1e6:.1f} MB" for memory, file in quarters))
    # Nothing is remembered of the numbers heard but the last, and logs are forgotten: the rest of the verdict stands.
    for name in ("ended by itself", "refused without a cause", "stopped badly", "left waiting", "store unsound"):
        assert verdict.count(name) == 0, [(row.name, row.examples) for row in verdict.broken]
    (_, _), (memory, file), _, (memory_later, file_later) = quarters
    assert memory_later <= memory * MOST_MEMORY
    assert file_later <= file * MOST_FILE
