"""The page of docs that lists every field."""

from service.api.field_page import ROUTES, main, page


def test_the_page_says_what_the_models_say() -> None:
    assert main(["--check"]) == 0, "write it anew: python -m service.api.field_page"


def test_every_field_of_every_request_is_on_it() -> None:
    written = page()
    names = {name for model in ROUTES.values() for name in (*model.model_fields, *model.not_served)}
    assert [name for name in sorted(names) if f"| `{name}` |" not in written] == []
    assert all(f"## `POST {route}`" in written for route in ROUTES)
