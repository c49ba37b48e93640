"""A recipe for a change says how many existing files it edits, names each of them, and they are few."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted((ROOT / "docs" / "recipes").glob("add-*.md"))
PROMISED = re.compile(r"^Existing files to edit: (\d+)[.,]", re.MULTILINE)
STEP = re.compile(r"^\d+\. (.+)$", re.MULTILINE)
EDITED = re.compile(r"Edit `([^`]+)`")
# A part of a path that depends on the change is a word in capitals.
DEPENDS = re.compile(r"\b[A-Z]{3,}\b")
MOST = 4


def name_of(recipe: Path) -> str:
    return recipe.stem


def edited_in(recipe: str) -> list[str]:
    """The first file of each step that edits one, as written."""
    return [edited[1] for step in STEP.findall(recipe) if (edited := EDITED.match(step))]


def exists(path: str) -> bool:
    return any(True for _ in ROOT.glob(DEPENDS.sub("*", path)))


def test_each_change_that_contributing_offers_has_a_recipe() -> None:
    offered = re.findall(r"docs/recipes/(add-[\w-]+)\.md", (ROOT / "CONTRIBUTING.md").read_text())

    assert sorted(offered) == [recipe.stem for recipe in RECIPES]


@pytest.mark.parametrize("recipe", RECIPES, ids=name_of)
def test_a_recipe_edits_as_many_existing_files_as_it_says_and_at_most_four(recipe: Path) -> None:
    text = recipe.read_text()
    promised = PROMISED.findall(text)
    edited = edited_in(text)

    assert promised == [str(len(edited))]
    assert 1 <= len(set(edited)) == len(edited) <= MOST


@pytest.mark.parametrize("recipe", RECIPES, ids=name_of)
def test_the_files_that_a_recipe_edits_exist_and_are_no_tests(recipe: Path) -> None:
    edited = edited_in(recipe.read_text())

    assert [path for path in edited if not exists(path) or path.startswith(("tests/", "docs/reference/"))] == []


@pytest.mark.parametrize("recipe", RECIPES, ids=name_of)
def test_every_step_edits_writes_or_runs(recipe: Path) -> None:
    steps = STEP.findall(recipe.read_text())

    assert [step for step in steps if not step.startswith(("Edit `", "New: ", "New, ", "Run `"))] == []


def test_a_file_that_is_not_there_is_seen() -> None:
    recipe = "1. New: `a.py`\n2. Edit `APP/urls.py`: the route.\n3. Edit `budgets/nowhere.py` and more.\n"

    assert edited_in(recipe) == ["APP/urls.py", "budgets/nowhere.py"]
    assert (exists("APP/urls.py"), exists("budgets/nowhere.py")) == (True, False)
