"""One room draws: what a picture needs stands in governance/charts, and each picture can be read without seeing it."""

import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
APPS = ("governance", "allocation", "budgets", "policies", "reporting", "config")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
PICTURE = re.compile(r"<svg.*?</svg>", re.DOTALL)
PICTURES = [
    pytest.param(picture, id=f"{path.relative_to(HOUSE)} {number}")
    for app in APPS
    for path in sorted((HOUSE / app).rglob("templates/**/*.html"))
    for number, picture in enumerate(PICTURE.findall(path.read_text()))
]


def test_there_are_pictures() -> None:
    assert len(PICTURES) == 7


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_is_told_to_who_cannot_see_it(picture: str) -> None:
    opening = picture.partition(">")[0]
    names = re.search(r'aria-labelledby="([^"]+)"', opening)
    assert names is not None
    assert 'role="img"' in opening
    assert all(f'id="{name}"' in picture for name in re.split(r" (?=[a-z]+-)", names[1]))
    assert "<title id=" in picture
    assert "<desc id=" in picture


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_has_the_axis_and_the_colours_of_the_kit(picture: str) -> None:
    assert picture.count('{% include "governance/charts/axis.html"') == 1
    assert COLOUR.findall(picture) == []


def test_colours_are_named_in_one_module() -> None:
    modules = [path for app in APPS for path in (HOUSE / app).rglob("*.py") if COLOUR.search(path.read_text())]
    assert [str(path.relative_to(HOUSE)) for path in modules] == ["governance/charts/engine/colours.py"]


def test_scales_are_made_in_one_module() -> None:
    engines = [path for app in APPS for path in (HOUSE / app).rglob("*.py") if "log10" in path.read_text()]
    assert [str(path.relative_to(HOUSE)) for path in engines] == ["governance/charts/engine/scale.py"]
