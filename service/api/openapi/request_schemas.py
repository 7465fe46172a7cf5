"""Wire models as JSON schema, with the fields that pass only if they ask for nothing."""

from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from service.api.schema.wire_model import WireModel

TEMPLATE: Final = "#/components/schemas/{model}"


def request_schemas(models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """The schemas of these models and of all inside them, by name."""
    wanted = [(model, "validation") for model in models]
    _, document = models_json_schema(wanted, ref_template=TEMPLATE, schema_generator=_RequestSchema)  # type: ignore[arg-type]
    schemas: dict[str, Any] = document["$defs"]
    return schemas


def reference(model: type[BaseModel]) -> dict[str, str]:
    """Where the document has this model."""
    return {"$ref": TEMPLATE.format(model=model.__name__)}


class _RequestSchema(GenerateJsonSchema):
    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        document, model = super().model_schema(schema), schema["cls"]
        assert issubclass(model, WireModel)
        for name, reason in model.not_served.items():
            document["properties"][name] = {
                "enum": [None, *reason.harmless],
                "description": f"Refused unless it asks for nothing: {reason.why}.",
            }
        return model.described(document)

    def field_title_should_be_set(self, schema: Any) -> bool:
        # A title made of the field's own name tells nobody anything.
        return False
