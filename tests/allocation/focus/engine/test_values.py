from allocation.focus.engine.values import ALLOWED, SUBCATEGORIES


def test_every_allowed_subcategory_has_one_category() -> None:
    assert len(ALLOWED["ServiceSubcategory"]) == sum(len(names) for names in SUBCATEGORIES.values())
