"""The form that vLLM will compile, taken from the final sampling parameters: what is checked is what is used.

A caller's own form and one that the model's parsers made for its tools come out of the same place. Imports vLLM.
"""

import json

import msgspec
from vllm.sampling_params import SamplingParams, StructuredOutputsParams

from service.engine.grammar_limits import check_limits
from service.engine.requests import StructuredOutput
from service.engine.schema_strings import share_long_strings
from service.engine.tag_white_space import bound_white_space


def final_form(params: SamplingParams, param: str) -> StructuredOutput | None:
    """The form in `params`, within the static limits; here its schemas are made fit for the engine.

    `param` is the request's field that asked for it. Raises `InvalidRequestError` for what is over a limit.
    """
    asked = params.structured_outputs
    if asked is None:
        return None
    form = _form(asked, param)
    # Before anything walks the whole of it.
    check_limits(form)
    if form.json is not None and "maxLength" in form.json:
        schema = json.loads(form.json)
        share_long_strings(schema)
        asked.json = json.dumps(schema)
        form = msgspec.structs.replace(form, json=asked.json)
    if form.structural_tag is not None:
        asked.structural_tag = bound_white_space(form.structural_tag)
        form = msgspec.structs.replace(form, structural_tag=asked.structural_tag)
    return form


def _form(asked: StructuredOutputsParams, param: str) -> StructuredOutput:
    schema = asked.json
    return StructuredOutput(
        json=schema if schema is None or isinstance(schema, str) else json.dumps(schema),
        json_object=asked.json_object,
        regex=asked.regex,
        choice=asked.choice,
        grammar=asked.grammar,
        structural_tag=asked.structural_tag,
        param=param,
    )
