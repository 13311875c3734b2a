"""Values that several environments share: one of its own file goes before them, and the pod knows its environment."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from helmtool.adapters.project import FileUnreadable, Project
from helmtool.model.environment import Environment
from helmtool.operations.compose import compose, load_values

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("charts", "values"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return Project(tmp_path)


@pytest.fixture
def seven(project: Project) -> Environment:
    return project.environment("test4")._replace(name="test7", values="test4")


def test_the_shared_file_with_the_name_of_the_one(project: Project, seven: Environment) -> None:
    values = compose(project, seven, "HG0105a").values
    assert values.data["environment"] == "test7"
    assert values.data["networkPolicy"] == compose(project, project.environment("test4"), "HG0105a").values.data["networkPolicy"]
    origin = values.origin(("networkPolicy", "from"))
    assert origin
    assert origin.file.endswith("values/test4.yaml")


def test_a_file_of_its_own_is_taken_alone(project: Project, seven: Environment) -> None:
    (project.root / "values/test7.yaml").write_text("environment: seven\nprogressDeadlineSeconds: 99\n")
    values = load_values(project, seven, None)
    assert (values.data["environment"], values.data["progressDeadlineSeconds"]) == ("seven", 99)
    assert values.data["networkPolicy"] != load_values(project, project.environment("test4"), None).data["networkPolicy"]


def test_a_shared_file_that_is_not_there(project: Project, seven: Environment) -> None:
    with pytest.raises(FileUnreadable, match=r"values/nothing\.yaml"):
        load_values(project, seven._replace(values="nothing"), None)
