"""Prompts for vLLM: its own renderer applies the chat template, tokenises and checks ids. Imports vLLM."""

import asyncio
from dataclasses import replace
from typing import Any, Final

import msgspec
from jinja2 import TemplateError
from vllm.exceptions import VLLMClientError
from vllm.renderers import BaseRenderer, ChatParams, TokenizeParams
from vllm.renderers.inputs.preprocess import parse_model_prompt

from service.engine.prompts import ChatPrompt, Prompt, Renderable, TextPrompts
from service.engine.vllm_images import ImageDecoder
from service.engine.vllm_kept_inputs import KeptInputs
from service.engine.vllm_translate import translate
from service.errors import ContextLengthError, InvalidRequestError, TidegateError

WITH_IMAGES_AT_ONCE: Final = 4
"""Prompts whose images may be held decoded; further ones wait, for such images are large."""


class VllmRenderer:
    """Renders on the renderer's own threads; the event loop only waits."""

    def __init__(self, renderer: BaseRenderer) -> None:
        self._renderer = renderer
        self._context = renderer.model_config.max_model_len
        self._decoder = ImageDecoder(renderer.model_config)
        self._kept = KeptInputs()
        self._room_for_images = asyncio.Semaphore(WITH_IMAGES_AT_ONCE)

    async def render(self, prompt: Renderable) -> list[Prompt]:
        """One `Prompt` for each given. Raises `InvalidRequestError`."""
        try:
            prompts = await (
                self._render_chat(prompt) if isinstance(prompt, ChatPrompt) else self._render_texts(prompt)
            )
            return await asyncio.to_thread(self._spelt_out, prompts) if prompt.want_token_strings else prompts
        except (VLLMClientError, ValueError, TypeError, TemplateError) as error:
            raise self._refusal(error, prompt) from error

    async def engine_input(self, prompt: Prompt) -> Any:
        """What vLLM takes for a prompt that has images. Raises `InvalidRequestError`."""
        assert prompt.source is not None
        if (kept := self._kept.take(prompt.kept)) is not None:
            return kept
        try:
            return await self._chat_input(prompt.source)
        except (VLLMClientError, ValueError, TypeError, TemplateError) as error:
            raise self._refusal(error, prompt.source) from error

    async def _render_chat(self, prompt: ChatPrompt) -> list[Prompt]:
        rendered = await self._chat_input(prompt)
        token_ids = list(rendered["prompt_token_ids"])
        if not prompt.images:
            return [Prompt(token_ids=token_ids)]
        kept = None if prompt.unlimited else self._kept.keep(rendered)
        return [Prompt(token_ids=token_ids, source=prompt, kept=kept)]

    async def _chat_input(self, prompt: ChatPrompt) -> Any:
        if not prompt.images:
            # The parser of messages fills defaults into them, so it gets its own copies.
            return await self._rendered([dict(message) for message in prompt.messages], prompt)
        async with self._room_for_images:
            return await self._rendered(
                await asyncio.to_thread(self._decoder.fill, prompt.messages, prompt.images), prompt
            )

    async def _rendered(self, messages: list[dict[str, Any]], prompt: ChatPrompt) -> Any:
        params = ChatParams(
            chat_template_kwargs={
                **prompt.template_kwargs,
                "add_generation_prompt": prompt.add_generation_prompt,
                "continue_final_message": prompt.continue_final_message,
                "tools": prompt.tools,
            }
        )
        # Templates write special tokens themselves. For models that take media vLLM's default is to add them again.
        tok_params = replace(self._renderer.default_chat_tok_params, add_special_tokens=False)
        if prompt.unlimited:
            tok_params = replace(tok_params, max_total_tokens=None)
        # Without its cache: vLLM's would assume that whatever is rendered is submitted, and not send it a second time.
        _, (rendered,) = await self._renderer.render_chat_async([messages], params, tok_params, skip_mm_cache=True)
        return rendered

    async def _render_texts(self, prompt: TextPrompts) -> list[Prompt]:
        config = self._renderer.model_config
        for given in prompt.prompts:
            if isinstance(given, list):
                self._renderer.validate_token_ids(given, parameter=prompt.field)
        params = replace(
            self._renderer.default_cmpl_tok_params,
            add_special_tokens=prompt.add_special_tokens,
            needs_detokenization=prompt.want_text,
        )
        if prompt.unlimited:
            params = replace(params, max_total_tokens=None)
        parsed = [parse_model_prompt(config, given) for given in prompt.prompts]
        rendered = await self._renderer.render_cmpl_async(parsed, params)
        return [
            Prompt(
                token_ids=list(each["prompt_token_ids"]),
                text=given if isinstance(given, str) else each.get("prompt"),
            )
            for given, each in zip(prompt.prompts, rendered, strict=True)
        ]

    def _spelt_out(self, prompts: list[Prompt]) -> list[Prompt]:
        # Models have ids that their tokenizer does not know; those have no string.
        tokens_of = self._renderer.get_tokenizer().convert_ids_to_tokens
        return [
            msgspec.structs.replace(each, token_strings=[token or "" for token in tokens_of(each.token_ids)])
            for each in prompts
        ]

    async def detokenize(self, token_ids: list[int]) -> str:
        """The text of these tokens. Raises `InvalidRequestError`."""
        params = TokenizeParams(max_total_tokens=None, needs_detokenization=True)
        try:
            self._renderer.validate_token_ids(token_ids)
            rendered = await self._renderer.tokenize_prompt_async({"prompt_token_ids": token_ids}, params)
        except (VLLMClientError, ValueError, TypeError) as error:
            refusal = translate(error)
            refusal.param = "tokens"
            raise refusal from error
        text: str = rendered["prompt"]
        return text

    def _refusal(self, error: Exception, prompt: Renderable) -> TidegateError:
        param = "messages" if isinstance(prompt, ChatPrompt) else prompt.field
        if getattr(error, "parameter", None) in ("input_text", "input_tokens"):
            return ContextLengthError(
                f"This model's maximum context length is {self._context} tokens, and the prompt alone is longer. "
                f"Shorten the {param}.",
                param=param,
            )
        if isinstance(error, TemplateError):
            return InvalidRequestError(f"The model's chat template refuses these messages: {error}", param=param)
        refusal = translate(error)
        refusal.param = param
        return refusal
