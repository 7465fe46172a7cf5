"""Bodies of loading and unloading a LoRA adapter, with vLLM's names."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from pydantic import Field

from service.api.schema.not_served import NotServed
from service.api.schema.wire_model import WireModel

Name = Annotated[str, Field(min_length=1, max_length=128)]
Path = Annotated[str, Field(min_length=1, max_length=4096)]

_IN_PLACE: Final = NotServed("an adapter is replaced by unloading it and loading another", (False,))
_BY_LAYOUT: Final = NotServed("the layout of an adapter's experts is read from its files", (False,))
_BY_NAME: Final = NotServed("adapters are known by their names")


class LoadAdapterRequest(WireModel):
    """`lora_path` is absolute, or relative to engine.lora_folder."""

    not_served: ClassVar[Mapping[str, NotServed]] = {"load_inplace": _IN_PLACE, "is_3d_lora_weight": _BY_LAYOUT}

    lora_name: Name
    lora_path: Path


class UnloadAdapterRequest(WireModel):
    """The name is the one it was loaded under, or has in the settings."""

    not_served: ClassVar[Mapping[str, NotServed]] = {"lora_int_id": _BY_NAME}

    lora_name: Name
