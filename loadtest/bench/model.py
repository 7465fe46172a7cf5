"""The folder of the model whose tokenizer and configuration vLLM's front end is given."""

from pathlib import Path

from service.models import bundled


def model_folder(given: str | None) -> Path:
    """`given`, or the bundled model's, which is converted now if that has never been done."""
    if given is not None:
        return Path(given)
    return Path(bundled.prepare(lambda _: None))
