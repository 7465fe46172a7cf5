"""POST /v1/completions, judged by the official client."""

import pytest

from tests.api.live import MODEL, LiveApp

TEXT = "The tide comes in, the tide goes out."


async def test_a_string_is_continued(app: LiveApp) -> None:
    answer = await app.client.completions.create(model=MODEL, prompt="Once")
    assert answer.choices[0].text == TEXT
    assert answer.usage is not None and answer.usage.prompt_tokens == 4


@pytest.mark.parametrize(
    ("prompt", "choices", "tokens"),
    [("Once", 1, 4), (["One", "Two"], 2, 6), ([1, 2, 3], 1, 3), ([[1, 2], [3, 4, 5]], 2, 5)],
)
async def test_every_form_of_prompt_is_taken(app: LiveApp, prompt: object, choices: int, tokens: int) -> None:
    answer = await app.client.completions.create(model=MODEL, prompt=prompt)
    assert [choice.index for choice in answer.choices] == list(range(choices))
    assert answer.usage is not None and answer.usage.prompt_tokens == tokens


async def test_choices_of_several_prompts_are_numbered_prompt_by_prompt(app: LiveApp) -> None:
    answer = await app.client.completions.create(model=MODEL, prompt=["One", "Two"], n=2, echo=True)
    assert [choice.text for choice in answer.choices] == ["One" + TEXT, "One" + TEXT, "Two" + TEXT, "Two" + TEXT]


async def test_a_stream_of_several_prompts_keeps_them_apart(app: LiveApp) -> None:
    stream = await app.client.completions.create(model=MODEL, prompt=["One", "Two"], echo=True, stream=True)
    texts = ["", ""]
    async for chunk in stream:
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == ["One" + TEXT, "Two" + TEXT]


async def test_logprobs_come_with_offsets_into_the_text(app: LiveApp) -> None:
    answer = await app.client.completions.create(model=MODEL, prompt="Once", logprobs=2, max_tokens=3)
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.tokens == ["The", " tide", " comes"]
    assert logprobs.text_offset == [0, 3, 8]
    assert all(top is not None and len(top) == 2 for top in logprobs.top_logprobs or ())


@pytest.mark.parametrize("stream", [False, True])
async def test_echo_with_logprobs_describes_the_prompt_too(app: LiveApp, stream: bool) -> None:
    asked = app.client.completions.create(model=MODEL, prompt="Up", logprobs=1, echo=True, max_tokens=1, stream=stream)
    answer = await asked
    chunks = [answer] if not stream else [chunk async for chunk in answer]
    tokens = [token for chunk in chunks for choice in chunk.choices for token in choice.logprobs.tokens]
    offsets = [at for chunk in chunks for choice in chunk.choices for at in choice.logprobs.text_offset]
    assert (tokens, offsets) == (["U", "p", "The"], [0, 1, 2])
    first = chunks[0].choices[0].logprobs
    assert first.token_logprobs[0] is None


async def test_echo_without_output_returns_the_prompt_scored(app: LiveApp) -> None:
    answer = await app.client.completions.create(model=MODEL, prompt="Up", logprobs=1, echo=True, max_tokens=0)
    assert answer.choices[0].text == "Up"
    assert answer.choices[0].logprobs is not None and answer.choices[0].logprobs.tokens == ["U", "p"]
    assert answer.usage is not None and answer.usage.completion_tokens == 0


async def test_best_of_returns_n_choices_and_counts_all_tokens(app: LiveApp) -> None:
    answer = await app.client.completions.create(model=MODEL, prompt="Once", n=2, best_of=4, max_tokens=3)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert all(choice.logprobs is None for choice in answer.choices)
    assert answer.usage is not None and answer.usage.completion_tokens == 12
