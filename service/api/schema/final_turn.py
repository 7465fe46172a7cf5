"""How a conversation ends: opened for the assistant, or with a last message to go on with; not both."""

from service.api.schema.refusal import RefusalError
from service.api.schema.wire_model import WireModel


def check_final_turn(request: WireModel, *, opens: bool, continues: bool) -> None:
    """Raise `RefusalError` if both were asked for. That a turn is opened is the default, and then gives way."""
    if continues and opens and "add_generation_prompt" in request.model_fields_set:
        raise RefusalError(
            "invalid_value",
            "Invalid 'continue_final_message': it excludes 'add_generation_prompt'. Set only one of them to true.",
            "continue_final_message",
        )
