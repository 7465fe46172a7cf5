"""`stream_options` of a request."""

from pydantic import Field

from service.api.schema.wire_model import WireModel


class StreamOptions(WireModel):
    """What a stream carries besides the text."""

    include_usage: bool = Field(default=False, description="Send one last chunk with the usage of the whole request.")
    include_obfuscation: bool = Field(
        default=False,
        description="Pad chunks, so that their sizes say less about the text. OpenAI's default is true; here it is "
        "false, for padding makes a stream a fifth larger and protects only from those who watch encrypted traffic.",
    )
    continuous_usage_stats: bool = Field(
        default=False, description="Accepted without effect: usage comes once, in the last chunk."
    )
