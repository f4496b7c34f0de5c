"""Settings: where they come from, what they refuse, and that a child has the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastbrand.domain.errors import UsageError
from fastbrand.settings import Settings, load_settings, prepare_state, shipped_book, variable


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


def test_defaults_point_at_what_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.state == tmp_path / "var"
    assert settings.database == f"sqlite:///{tmp_path}/var/fastbrand.db"
    assert settings.book == shipped_book()
    assert settings.book.is_dir()
    assert settings.people.is_file()
    assert settings.temporal_address == ""


def test_people_of_the_working_directory_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "people.yaml").write_text("people: {}\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings().people == tmp_path / "people.yaml"


def test_caller_wins_over_environment_and_none_means_unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTBRAND_WORKERS", "3")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example:7233")
    assert load_settings().workers == 3
    assert load_settings(workers=None).workers == 3
    assert load_settings(workers=2).workers == 2
    assert load_settings().temporal_address == "temporal.example:7233"
    assert load_settings(temporal_address="other.example:1").temporal_address == "other.example:1"


def test_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "")
    monkeypatch.setenv("FASTBRAND_TEMPORAL_PORT", "")
    assert load_settings().temporal_address == ""
    assert load_settings().temporal_port == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FASTBRAND_WORKERS", "0"),
        ("FASTBRAND_WORKERS", "two"),
        ("FASTBRAND_TEMPORAL_PORT", "65536"),
        ("FASTBRAND_TEMPORAL_UI", "perhaps"),
        ("FASTBRAND_LOG_LEVEL", "loud"),
        ("TEMPORAL_ADDRESS", "localhost"),
        ("TEMPORAL_ADDRESS", "localhost:0"),
        ("TEMPORAL_ADDRESS", ":7233"),
    ],
)
def test_wrong_value_is_told_with_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        load_settings()
    assert f"`{name}` cannot be `{value}`" in caught.value.message
    assert "\n" not in caught.value.message
    assert name in caught.value.hint
    assert caught.value.exit_code == 2


def test_unknown_setting_is_refused() -> None:
    with pytest.raises(UsageError, match="FASTBRAND_COLOUR"):
        load_settings(colour="red")


def test_child_has_the_same_settings(tmp_path: Path) -> None:
    settings = load_settings(
        state=tmp_path / "a b", database_url="sqlite:////x.db", temporal_ui=False, temporal_port=1234, workers=2
    )
    say = "from fastbrand.settings import load_settings; print(load_settings().model_dump_json())"
    child = subprocess.run(
        [sys.executable, "-c", say],
        env={"PYTHONPATH": os.pathsep.join(sys.path), **settings.environment()},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Settings.model_validate_json(child.stdout) == settings


def test_every_setting_is_described() -> None:
    described = Path(sys.modules[Settings.__module__].__file__ or "").read_text()
    for name in Settings.model_fields:
        _, _, after = described.partition(f"\n    {name}: ")
        assert '\n    """' in after.partition("\n\n")[0], f"`{name}` has no docstring"


def test_state_directory_is_made(tmp_path: Path) -> None:
    settings = load_settings(state=tmp_path / "deep" / "state")
    assert prepare_state(settings) == tmp_path / "deep" / "state"
    assert settings.logs.is_dir()
    assert list(settings.state.iterdir()) == [settings.logs]


def test_state_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written: not a directory") as caught:
        prepare_state(load_settings(state=tmp_path / "file" / "state"))
    assert "--state" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_state_directory_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="cannot be written: permission denied"):
        prepare_state(load_settings(state=tmp_path / "state"))


def test_database_url_is_not_shown() -> None:
    assert "secret" not in repr(load_settings(database_url="postgresql://u:secret@h/d"))
