// `response_format`, by both Node clients.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, Output, streamObject } from "ai";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { TIDE_QUESTION, Tide, baseURL, model } from "./tide.mjs";

test("openai: an answer is parsed", async () => {
  const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
  const asked = { model, temperature: 0, max_tokens: 200, messages: [{ role: "user", content: TIDE_QUESTION }] };
  const answer = await client.chat.completions.parse({ ...asked, response_format: zodResponseFormat(Tide, "tide") });
  Tide.parse(answer.choices[0].message.parsed);
});

const provider = createOpenAICompatible({ name: "tidegate", baseURL, apiKey: "none", supportsStructuredOutputs: true });
const asked = { model: provider(model), temperature: 0, maxOutputTokens: 200, maxRetries: 0, prompt: TIDE_QUESTION };

test("AI SDK: an object is generated", async () => {
  Tide.parse((await generateObject({ ...asked, schema: Tide })).object);
});

test("AI SDK: an object is streamed", async () => {
  const stream = streamObject({ ...asked, schema: Tide });
  let seen = 0;
  for await (const _ of stream.partialObjectStream) seen += 1;
  assert.ok(seen > 0);
  Tide.parse(await stream.object);
});

test("AI SDK: an output is generated beside the text", async () => {
  Tide.parse((await generateText({ ...asked, output: Output.object({ schema: Tide }) })).output);
});
