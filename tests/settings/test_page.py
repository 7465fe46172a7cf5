"""The page of docs that lists every setting."""

from service.settings.keys import section_types
from service.settings.page import main, page


def test_the_page_says_what_the_tree_says() -> None:
    assert main(["--check"]) == 0, "write it anew: python -m service.settings.page"


def test_every_setting_is_on_it_with_its_meaning() -> None:
    for section, cls in section_types().items():
        _, _, rest = page().partition(f"## `{section}`")
        rows = rest.partition("\n## ")[0]
        for name, field in cls.model_fields.items():
            assert name == "extra" or f"| `{name}` | " in rows
            assert field.description
