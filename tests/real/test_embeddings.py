"""The bundled model as an embedding model, behind the official client."""

import math
from collections.abc import Iterator

import httpx
import openai
import pytest

from tests.real.conftest import MODEL
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

TEXTS = ["The cat sat on the mat.", "A cat is sitting on a mat.", "Interest rates rose by half a percent."]


@pytest.fixture(scope="module")
def embedder() -> Iterator[ServiceProcess]:
    """The bundled model with vLLM's own conversion, said to be trained for shorter vectors."""
    arguments = ("--engine.runner=pooling", "--engine.convert=embed", '--engine.hf_overrides={"is_matryoshka": true}')
    with ServiceProcess(*arguments) as running:
        yield running.wait_until_ready()


@pytest.fixture(scope="module")
def client(embedder: ServiceProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=embedder.url + "/v1", api_key="none", max_retries=0, timeout=60) as running:
        yield running


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_vectors_have_576_dimensions_and_length_one(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model=MODEL, input=TEXTS[0])
    assert len(answer.data[0].embedding) == 576
    assert math.hypot(*answer.data[0].embedding) == pytest.approx(1, abs=1e-4)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 7


def test_a_batch_keeps_its_order(client: openai.OpenAI) -> None:
    together = client.embeddings.create(model=MODEL, input=TEXTS)
    alone = [client.embeddings.create(model=MODEL, input=text).data[0].embedding for text in TEXTS]
    assert [each.index for each in together.data] == [0, 1, 2]
    for at, each in enumerate(together.data):
        likeness = [cosine(each.embedding, other) for other in alone]
        assert max(likeness) == likeness[at] == pytest.approx(1, abs=1e-3)


def test_the_same_text_gives_the_same_vector_in_both_encodings(client: openai.OpenAI) -> None:
    packed = client.embeddings.create(model=MODEL, input=TEXTS[2]).data[0].embedding
    plain = client.embeddings.create(model=MODEL, input=TEXTS[2], encoding_format="float").data[0].embedding
    assert packed == pytest.approx(plain, abs=1e-5)


def test_token_ids_give_the_vector_of_their_text(embedder: ServiceProcess, client: openai.OpenAI) -> None:
    tokens = httpx.post(embedder.url + "/tokenize", json={"prompt": TEXTS[0]}).json()["tokens"]
    text, ids = (client.embeddings.create(model=MODEL, input=each).data[0].embedding for each in (TEXTS[0], tokens))
    assert cosine(text, ids) == pytest.approx(1, abs=1e-4)


def test_shorter_vectors_are_the_beginnings_of_longer_ones(client: openai.OpenAI) -> None:
    whole = client.embeddings.create(model=MODEL, input=TEXTS[0]).data[0].embedding
    short = client.embeddings.create(model=MODEL, input=TEXTS[0], dimensions=64).data[0].embedding
    length = math.hypot(*whole[:64])
    assert short == pytest.approx([number / length for number in whole[:64]], abs=1e-3)


def test_a_long_input_is_refused_with_both_figures(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"8192 tokens.*'input\[1\]' has \d{5}") as refused:
        client.embeddings.create(model=MODEL, input=["short", "tide " * 20_000])
    assert refused.value.code == "context_length_exceeded"


def test_a_token_outside_the_vocabulary_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model=MODEL, input=[1, 70_000])
    assert refused.value.param == "input"


def test_it_does_not_chat(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
    assert (refused.value.code, refused.value.param) == ("unsupported_value", "model")


def test_a_client_that_leaves_takes_its_inputs_out_of_the_engine(embedder: ServiceProcess) -> None:
    body = {"model": MODEL, "input": [f"{at} " + "tide " * 6000 for at in range(64)]}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(embedder.url + "/v1/embeddings", json=body, timeout=3)
    assert embedder.settles(r"tidegate_requests_in_flight\{route=\"embeddings\"", 0, 1)
    # The step that runs cannot be stopped.
    assert embedder.settles("vllm:num_requests_running", 0, 10)
    assert embedder.settles(r"vllm:num_requests_waiting\{", 0, 1)


def test_requests_are_counted(embedder: ServiceProcess, client: openai.OpenAI) -> None:
    client.embeddings.create(model=MODEL, input=TEXTS[0])
    assert embedder.metric(r"tidegate_requests_total\{[^}]*outcome=\"ok\",[^}]*route=\"embeddings\"") >= 1
    assert f"{embedder.url}/v1/embeddings" in embedder.text()
