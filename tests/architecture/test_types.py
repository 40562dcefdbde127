"""What the public types promise to a type checker, held by mypy itself."""

from pathlib import Path

import pytest

TYPING = Path(__file__).resolve().parents[1] / "typing"


@pytest.mark.slow
@pytest.mark.parametrize("case", sorted(TYPING.glob("*.py")), ids=lambda path: path.name)
def test_the_types_say_what_handlers_get_and_every_mistake_is_found(case: Path, tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api", reason="mypy is not installed")
    settings = tmp_path / "mypy.ini"
    # Settings of its own: `strict` warns of an ignore that nothing needs, and so of a mistake that is not found.
    settings.write_text("[mypy]\nstrict = true\n[mypy-transitions.*]\nignore_missing_imports = true\n")
    said, failed, code = api.run(["--config-file", str(settings), "--cache-dir", str(tmp_path / "cache"), str(case)])
    assert (code, failed) == (0, ""), said


@pytest.mark.slow
def test_a_mistake_in_the_cases_would_be_found(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api", reason="mypy is not installed")
    case = tmp_path / "case.py"
    text = (TYPING / "dialogs.py").read_text(encoding="utf-8")
    case.write_text(text.replace("order: Order, answer: int) -> str", "order: Order, answer: str) -> str"), "utf-8")
    settings = tmp_path / "mypy.ini"
    settings.write_text("[mypy]\nstrict = true\n[mypy-transitions.*]\nignore_missing_imports = true\n")
    said, _, code = api.run(["--config-file", str(settings), "--cache-dir", str(tmp_path / "cache"), str(case)])
    assert code == 1
    assert "arg-type" in said
