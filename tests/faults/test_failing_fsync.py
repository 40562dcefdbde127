"""A disk that cannot say whether it has what was written: the process ends, says why, and the next one goes on."""

import os
import shutil
import subprocess
from pathlib import Path

import anyio
import pytest
from processes import HERE, Heard, Program

from convokit.testing.platform_double import PlatformDouble

pytestmark = pytest.mark.slow


@pytest.fixture
def anyio_backend() -> str:
    """The judge runs on one back end; what it judges is a process of its own."""
    return "asyncio"


@pytest.fixture
def shim(tmp_path: Path) -> Path:
    """The library that lets fsync fail on demand."""
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler here: fsync cannot be made to fail")
    library = tmp_path / "failing_fsync.so"
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", str(library), str(HERE / "failing_fsync.c"), "-ldl"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"the library that lets fsync fail cannot be built here: {done.stderr.strip()[-300:]}")
    return library


async def test_when_an_fsync_fails_the_process_ends_says_why_and_the_next_one_loses_nothing(
    tmp_path: Path, shim: Path
) -> None:
    sign, heard = tmp_path / "fails", Heard()
    async with PlatformDouble(heard) as api:
        program = Program(tmp_path, api.url, LD_PRELOAD=str(shim), FSYNC_FAILS_WHILE=str(sign))
        try:
            await program.start()
            for number in range(20):
                assert await program.call("ada", number) == 200
            sign.touch()
            assert await program.call("ada", 20) in {0, 503}
            with anyio.fail_after(20):
                while program.running.poll() is None:
                    await anyio.sleep(0.02)
            assert program.running.returncode == 74
            (said,) = [line for line in program.errors.read_text().splitlines() if line.startswith("convokit: ")]
            assert f"{program.database}: the disk failed while writing (" in said
            assert said.endswith("nobody knows what it holds; start again")
            sign.unlink()
            await program.start()
            assert await program.call("ada", 20) == 200  # the platform calls again
            assert await program.call("ada", 21) == 200
            with anyio.fail_after(20):
                while "22 m21" not in heard.to("ada"):
                    await anyio.sleep(0.02)
        finally:
            program.end()
    assert list(dict.fromkeys(heard.to("ada"))) == [f"{number + 1} m{number}" for number in range(22)]
