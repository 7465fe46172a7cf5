"""The form that is checked is the one in the sampling parameters; no engine is started."""

import json

import pytest

from service.engine.requests import Sampling, StructuredOutput
from service.errors import InvalidRequestError

pytestmark = [
    pytest.mark.engine,
    # torch uses its own deprecated interfaces when it is imported.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

TAG = {"type": "structural_tag", "format": {"type": "json_schema", "json_schema": {"type": "object"}}}


@pytest.mark.parametrize(
    "wanted",
    [
        StructuredOutput(json='{"type":"object"}', param="response_format"),
        StructuredOutput(json_object=True, param="response_format"),
        StructuredOutput(regex="[a-z]+"),
        StructuredOutput(choice=["ebb", "flood"]),
        StructuredOutput(grammar='root ::= "a"'),
    ],
)
def test_what_is_asked_for_is_what_is_checked(wanted: StructuredOutput) -> None:
    from service.engine.vllm_form import final_form
    from service.engine.vllm_translate import sampling_params

    params = sampling_params(Sampling(max_tokens=1, structured=wanted), whole=False)
    assert final_form(params, wanted.param) == wanted


def test_a_callers_own_tag_is_checked_and_used_with_its_bound() -> None:
    from service.engine.vllm_form import final_form
    from service.engine.vllm_translate import sampling_params

    wanted = StructuredOutput(structural_tag=json.dumps(TAG))
    params = sampling_params(Sampling(max_tokens=1, structured=wanted), whole=False)
    form = final_form(params, "structured_outputs")
    assert form is not None and params.structured_outputs is not None
    assert form.structural_tag == params.structured_outputs.structural_tag
    assert '"max_whitespace_cnt": 1' in (form.structural_tag or "")


def test_a_schema_that_a_parser_left_as_a_document_is_checked_as_json() -> None:
    from vllm.sampling_params import SamplingParams, StructuredOutputsParams

    from service.engine.vllm_form import final_form

    params = SamplingParams(structured_outputs=StructuredOutputsParams(json={"type": "object"}))
    assert final_form(params, "tools") == StructuredOutput(json='{"type": "object"}', param="tools")


def test_equal_long_strings_are_checked_and_used_as_one() -> None:
    from service.engine.vllm_form import final_form
    from service.engine.vllm_translate import sampling_params

    string = {"type": "string", "maxLength": 500}
    wanted = StructuredOutput(json=json.dumps({"type": "object", "properties": {"a": string, "b": string}}))
    params = sampling_params(Sampling(max_tokens=1, structured=wanted), whole=False)
    form = final_form(params, wanted.param)
    assert form is not None and params.structured_outputs is not None
    assert form.json == params.structured_outputs.json
    assert (form.json or "").count('"maxLength": 500') == 1


def test_what_is_over_a_static_limit_goes_no_further() -> None:
    from service.engine.vllm_form import final_form
    from service.engine.vllm_translate import sampling_params

    wanted = StructuredOutput(regex="a" * 9000)
    params = sampling_params(Sampling(max_tokens=1, structured=wanted), whole=False)
    with pytest.raises(InvalidRequestError, match="8192 bytes"):
        final_form(params, "structured_outputs")


def test_no_form_is_no_form() -> None:
    from service.engine.vllm_form import final_form
    from service.engine.vllm_translate import sampling_params

    assert final_form(sampling_params(Sampling(max_tokens=1), whole=False), "tools") is None
