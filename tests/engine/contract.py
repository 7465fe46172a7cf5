"""What every `Engine` must do, whichever it is and wherever it runs. Subclasses supply the fixture `engine`.

The tests compare an engine with itself (a stop string is taken from its own text), so one suite fits a scripted
engine and a real model.
"""

import asyncio
import itertools
import math
import re
import struct
from collections.abc import Callable, Sequence

import msgspec
import pytest

from service.engine.base import Engine, Phase, Progress
from service.engine.deltas import Delta
from service.engine.info import EngineInfo
from service.engine.prompts import ChatPrompt, Prompt, TextPrompts
from service.engine.requests import EmbeddingRequest, GenerationRequest, Sampling
from service.errors import ContextLengthError, InvalidRequestError

_ids = itertools.count()

CHAT = ChatPrompt(messages=[{"role": "user", "content": "What is the capital of France?"}])


async def generate(engine: Engine, prompt: Prompt, sampling: Sampling, *, whole: bool = False) -> list[Delta]:
    """All deltas of one request."""
    request = GenerationRequest(id=f"contract-{next(_ids)}", prompt=prompt, sampling=sampling, whole=whole)
    async with asyncio.timeout(60):
        return [delta async for ready in engine.generate(request) for delta in ready]


def greedy(max_tokens: int, **changes: object) -> Sampling:
    """Deterministic sampling that runs to `max_tokens`."""
    return msgspec.structs.replace(Sampling(max_tokens=max_tokens, temperature=0.0, ignore_eos=True), **changes)


def text_of(deltas: list[Delta], index: int = 0) -> str:
    """The text of one choice."""
    return "".join(delta.text for delta in deltas if delta.index == index)


def tokens_of(deltas: list[Delta], index: int = 0) -> list[int]:
    """The token ids of one choice."""
    return [token for delta in deltas if delta.index == index for token in delta.token_ids]


async def running(engine: Engine) -> float:
    """Requests that run inside the engine, by its own metrics."""
    found = re.search(rb"^vllm:num_requests_running\{[^}]*\} ([0-9.]+)$", await engine.metrics(), re.M)
    assert found is not None
    return float(found.group(1))


async def settles_at_zero(engine: Engine) -> None:
    """Wait until nothing runs any more, a second at most."""
    async with asyncio.timeout(1.0):
        while await running(engine):
            await asyncio.sleep(0.01)


async def told(engine: Engine, what: Callable[[Progress], bool]) -> Progress:
    """The first progress of that kind that the engine tells of."""
    async with asyncio.timeout(5):
        while (progress := engine.progress()) is None or not what(progress):
            await asyncio.sleep(0.01)
    return progress


class EngineContract:
    """The suite."""

    async def test_a_started_engine_is_ready(self, engine: Engine) -> None:
        assert engine.health().phase is Phase.READY

    async def test_progress_counts_steps_and_requests_in_hand(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        before = await told(engine, lambda progress: progress.running == 0)
        stream = engine.generate(GenerationRequest(id="progress", prompt=prompt, sampling=greedy(3000)))
        await anext(stream)
        during = await told(engine, lambda progress: progress.running == 1)
        await stream.aclose()
        assert during.steps > before.steps and during.slow_step_seconds >= 0
        await told(engine, lambda progress: progress.running == 0)

    async def test_a_conversation_renders_to_one_prompt(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        assert len(prompt.token_ids) > 5

    async def test_texts_and_ids_render_in_order(self, engine: Engine) -> None:
        first, second = await engine.render(TextPrompts(prompts=["Once upon a time", [5, 6, 7]]))
        assert (first.text, second.token_ids) == ("Once upon a time", [5, 6, 7])

    async def test_echo_text_comes_for_ids_too(self, engine: Engine) -> None:
        (text,) = await engine.render(TextPrompts(prompts=["Once upon"], want_text=True))
        (ids,) = await engine.render(TextPrompts(prompts=[text.token_ids], want_text=True))
        assert ids.text == "Once upon"

    @pytest.mark.parametrize("token_id", [-1, 10_000_000])
    async def test_a_token_outside_the_vocabulary_is_refused(self, engine: Engine, token_id: int) -> None:
        with pytest.raises(InvalidRequestError) as refused:
            await engine.render(TextPrompts(prompts=[[5, token_id]]))
        assert refused.value.param == "prompt"

    async def test_a_prompt_beyond_the_context_is_refused(self, engine: Engine) -> None:
        with pytest.raises(ContextLengthError):
            await engine.render(TextPrompts(prompts=["tide " * 20_000]))

    async def test_a_prompt_beyond_the_context_can_be_counted(self, engine: Engine) -> None:
        text = "tide " * 20_000
        (prompt,) = await engine.render(TextPrompts(prompts=[text], unlimited=True))
        chat = ChatPrompt(messages=[{"role": "user", "content": text}], unlimited=True)
        (conversation,) = await engine.render(chat)
        assert len(conversation.token_ids) > len(prompt.token_ids) >= 20_000

    async def test_token_strings_come_one_per_token(self, engine: Engine) -> None:
        (prompt,) = await engine.render(TextPrompts(prompts=["Once upon"], want_token_strings=True))
        assert prompt.token_strings is not None
        assert len(prompt.token_strings) == len(prompt.token_ids)
        assert prompt.token_strings[0].startswith("O")

    @pytest.mark.parametrize("text", ["Once upon a time", "Æble, 海, 🌊", ""])
    async def test_tokens_become_their_text_again(self, engine: Engine, text: str) -> None:
        (prompt,) = await engine.render(TextPrompts(prompts=[text], add_special_tokens=False))
        assert await engine.detokenize(prompt.token_ids) == text

    @pytest.mark.parametrize("token_id", [-1, 10_000_000])
    async def test_a_token_outside_the_vocabulary_has_no_text(self, engine: Engine, token_id: int) -> None:
        with pytest.raises(InvalidRequestError) as refused:
            await engine.detokenize([5, token_id])
        assert refused.value.param == "tokens"

    async def test_an_engine_goes_on_after_a_call_that_was_given_up(self, engine: Engine) -> None:
        given_up = asyncio.create_task(engine.render(TextPrompts(prompts=["tide " * 20_000], unlimited=True)))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        assert await engine.render(TextPrompts(prompts=["Once"]))

    async def test_exactly_max_tokens_are_generated(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        deltas = await generate(engine, prompt, greedy(12))
        assert len(tokens_of(deltas)) == 12
        assert deltas[-1].finish_reason == "length"

    async def test_only_the_last_delta_has_a_finish_reason(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        deltas = await generate(engine, prompt, greedy(8))
        assert [delta.finish_reason for delta in deltas[:-1]] == [None] * (len(deltas) - 1)

    async def test_it_stops_by_itself(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        deltas = await generate(engine, prompt, greedy(200, ignore_eos=False))
        assert deltas[-1].finish_reason == "stop"

    async def test_only_the_first_delta_tells_of_the_prompt(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        deltas = await generate(engine, prompt, greedy(4))
        assert deltas[0].first is not None
        assert all(delta.first is None for delta in deltas[1:])

    async def test_n_choices_each_come_whole(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        deltas = await generate(engine, prompt, greedy(6, n=3))
        assert [len(tokens_of(deltas, index)) for index in range(3)] == [6, 6, 6]
        assert sorted(delta.index for delta in deltas if delta.finish_reason) == [0, 1, 2]

    @pytest.mark.parametrize("n", [1, 3])
    async def test_a_whole_answer_is_one_delta_per_choice_with_all_that_the_pieces_say(
        self, engine: Engine, n: int
    ) -> None:
        (prompt,) = await engine.render(CHAT)
        pieces = await generate(engine, prompt, greedy(9, n=n, logprobs=1))
        deltas = await generate(engine, prompt, greedy(9, n=n, logprobs=1), whole=True)
        assert sorted(delta.index for delta in deltas) == list(range(n))
        for delta in deltas:
            assert (delta.text, delta.token_ids) == (text_of(pieces), tokens_of(pieces))
            assert (delta.finish_reason, len(delta.logprobs or ())) == ("length", 9)
        assert [delta.first is not None for delta in deltas].count(True) >= 1

    async def test_logprobs_come_for_every_token(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        deltas = await generate(engine, prompt, greedy(5, logprobs=2))
        positions = [position for delta in deltas for position in delta.logprobs or ()]
        assert [position.chosen.token_id for position in positions] == tokens_of(deltas)
        assert all(len(position.top) == 2 for position in positions)
        assert all(position.chosen.logprob <= 0 for position in positions)

    async def test_zero_logprobs_report_the_chosen_token_alone(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        deltas = await generate(engine, prompt, greedy(3, logprobs=0))
        assert [position.top for delta in deltas for position in delta.logprobs or ()] == [[], [], []]

    async def test_prompt_logprobs_come_once_one_per_prompt_token(self, engine: Engine) -> None:
        (prompt,) = await engine.render(TextPrompts(prompts=["The tide comes in"]))
        deltas = await generate(engine, prompt, greedy(3, logprobs=1, prompt_logprobs=1))
        scored = [delta.first.prompt_logprobs for delta in deltas if delta.first is not None]
        assert len(scored) == 1 and scored[0] is not None
        assert scored[0][0] is None
        assert [at.chosen.token_id for at in scored[0][1:] if at] == prompt.token_ids[1:]

    async def test_a_stop_string_ends_the_text_before_it(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        whole = text_of(await generate(engine, prompt, greedy(16)))
        stop = whole[10:14]
        deltas = await generate(engine, prompt, greedy(16, stop=[stop]))
        assert text_of(deltas) == whole[: whole.index(stop)]
        assert (deltas[-1].finish_reason, deltas[-1].stop_reason) == ("stop", stop)

    async def test_a_stop_string_may_be_part_of_the_text(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        whole = text_of(await generate(engine, prompt, greedy(16)))
        stop = whole[10:14]
        deltas = await generate(engine, prompt, greedy(16, stop=[stop], include_stop_str_in_output=True))
        assert text_of(deltas) == whole[: whole.index(stop) + 4]

    async def test_text_held_back_for_a_stop_string_comes_in_the_end(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        whole = text_of(await generate(engine, prompt, greedy(8)))
        deltas = await generate(engine, prompt, greedy(8, stop=[whole[-3:] + "\0"]))
        assert text_of(deltas) == whole

    async def test_a_stop_token_ends_the_text(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        tokens = tokens_of(await generate(engine, prompt, greedy(6)))
        deltas = await generate(engine, prompt, greedy(6, stop_token_ids=[tokens[3]]))
        assert deltas[-1].stop_reason == tokens[3]
        assert tokens_of(deltas) == tokens[: tokens.index(tokens[3]) + 1]

    async def test_requests_at_once_do_not_mix(self, engine: Engine) -> None:
        prompts = await engine.render(TextPrompts(prompts=["One", "Two and", "Three of them"]))
        alone = [len(tokens_of(await generate(engine, prompt, greedy(10)))) for prompt in prompts]
        together = await asyncio.gather(*(generate(engine, prompt, greedy(10)) for prompt in prompts))
        assert [len(tokens_of(deltas)) for deltas in together] == alone

    async def test_a_closed_stream_leaves_the_engine(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        stream = engine.generate(GenerationRequest(id="closed", prompt=prompt, sampling=greedy(2000)))
        await anext(stream)
        await stream.aclose()
        await settles_at_zero(engine)

    async def test_a_stream_can_be_closed_before_it_is_read_and_twice(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        stream = engine.generate(GenerationRequest(id="unread", prompt=prompt, sampling=greedy(2000)))
        await stream.aclose()
        await stream.aclose()
        await settles_at_zero(engine)

    async def test_closing_ends_a_reader_that_waits(self, engine: Engine) -> None:
        (prompt,) = await engine.render(CHAT)
        stream = engine.generate(GenerationRequest(id="waiting", prompt=prompt, sampling=greedy(4000)))
        await anext(stream)

        async def read_on() -> None:
            async for _ in stream:
                pass

        reader = asyncio.create_task(read_on())
        await asyncio.sleep(0)
        await stream.aclose()
        async with asyncio.timeout(5):
            await reader


class EmbeddingContract:
    """What an engine of embeddings must do. Subclasses supply the fixture `embedder`."""

    async def test_it_says_what_it_gives(self, embedder: Engine, info: EngineInfo) -> None:
        assert embedder.health().phase is Phase.READY
        assert info.task == "embed"
        (vector,) = await embed(embedder, "Once")
        assert info.embeddings is not None and len(vector) == info.embeddings.full

    async def test_vectors_have_length_one_and_depend_on_the_text(self, embedder: Engine) -> None:
        first, again, other = await embed(embedder, "Once", "Once", "Twice upon a time")
        assert math.hypot(*first) == pytest.approx(1, abs=1e-3)
        assert cosine(first, again) == pytest.approx(1, abs=1e-4)
        assert cosine(first, other) < 0.999

    async def test_an_embedding_tells_the_length_of_its_prompt(self, embedder: Engine) -> None:
        (prompt,) = await embedder.render(TextPrompts(prompts=["Once upon a time"]))
        embedding = await embedder.embed(EmbeddingRequest(id="length", prompt=prompt))
        assert embedding.prompt_tokens == len(prompt.token_ids)

    async def test_a_cancelled_embedding_leaves_the_engine(self, embedder: Engine) -> None:
        prompts = await embedder.render(TextPrompts(prompts=["tide " * 1000] * 8))
        requests = [EmbeddingRequest(id=f"cancelled-{at}", prompt=prompt) for at, prompt in enumerate(prompts)]
        tasks = [asyncio.create_task(embedder.embed(request)) for request in requests]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert any(task.cancelled() for task in tasks)
        await settles_at_zero(embedder)


async def embed(engine: Engine, *texts: str) -> list[tuple[float, ...]]:
    """The vectors of these texts."""
    prompts = await engine.render(TextPrompts(prompts=list(texts)))
    requests = [EmbeddingRequest(id=f"contract-{next(_ids)}", prompt=prompt) for prompt in prompts]
    async with asyncio.timeout(60):
        embeddings = await asyncio.gather(*map(engine.embed, requests))
    return [struct.unpack(f"<{len(each.vector) // 4}f", each.vector) for each in embeddings]


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """Cosine of the angle between two vectors of length 1."""
    return sum(x * y for x, y in zip(a, b, strict=True))
