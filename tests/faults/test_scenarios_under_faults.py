"""The scenarios over a store with faults: judged as they are without.

`pytest tests/scenarios --faults 7` repeats a seed; a test that fails tells its faults and the chat so far.
"""

import subprocess
import sys
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).parents[1] / "scenarios"
SEEDS = range(1, 7)
HOW = ("-m", "not slow and not browser", "-p", "no:cacheprovider", "--tb=short")


def simulated() -> list[str]:
    """The files whose tests are simulations."""
    return sorted(str(one) for one in SCENARIOS.glob("test_*.py") if "Simulation(" in one.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_scenarios_end_as_they_do_on_a_sound_store(seed: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *simulated(), *HOW, "--faults", str(seed)],
        capture_output=True,
        text=True,
        check=False,
        cwd=SCENARIOS.parents[1],
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_most_scenarios_run_with_faults() -> None:
    """A mark keeps one without: not so many that nothing is proved."""
    texts = [Path(one).read_text(encoding="utf-8") for one in simulated()]
    simulations = sum(text.count("    async with Simulation(") for text in texts)
    kept = sum(text.count("@pytest.mark.faultless(") for text in texts)
    assert simulations > 2 * kept, f"of {simulations} simulations {kept} keep a store without faults"
