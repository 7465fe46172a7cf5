// The official Node client.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodFunction } from "openai/helpers/zod";
import { QUESTION, TIDE_ANSWER, TIDE_QUESTION, Tide, baseURL, model } from "./tide.mjs";

const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
const asked = { model, temperature: 0, max_tokens: 64, messages: [{ role: "user", content: QUESTION }] };
const askedTide = { ...asked, messages: [{ role: "user", content: TIDE_QUESTION }] };
const tool = zodFunction({ name: "Tide", parameters: Tide });
const named = { type: "function", function: { name: "Tide" } };
const endless = { ...asked, max_tokens: 4000, ignore_eos: true };

test("openai: models are listed", async () => {
  const found = [];
  for await (const each of client.models.list()) found.push(each.id);
  assert.deepEqual(found, [model]);
});

test("openai: a stream is the whole answer", async () => {
  const whole = await client.chat.completions.create(asked);
  const stream = client.chat.completions.stream({ ...asked, stream_options: { include_usage: true } });
  assert.ok(whole.choices[0].message.content);
  assert.equal(await stream.finalContent(), whole.choices[0].message.content);
  assert.equal((await stream.totalUsage()).completion_tokens, whole.usage.completion_tokens);
});

for (const tool_choice of ["required", named]) {
  test(`openai: a forced call, whole and streamed: ${JSON.stringify(tool_choice)}`, async () => {
    const forced = { ...askedTide, tools: [tool], tool_choice, parallel_tool_calls: false };
    const whole = await client.chat.completions.create(forced);
    const streamed = await client.chat.completions.stream(forced).finalChatCompletion();
    for (const answer of [whole, streamed]) {
      assert.equal(answer.choices[0].message.tool_calls.length, 1);
      assert.equal(answer.choices[0].message.tool_calls[0].function.name, "Tide");
      Tide.parse(JSON.parse(answer.choices[0].message.tool_calls[0].function.arguments));
    }
  });
}

test("openai: arguments are parsed by the client's own helper", async () => {
  const answer = await client.chat.completions.parse({ ...askedTide, tools: [tool], tool_choice: named });
  Tide.parse(answer.choices[0].message.tool_calls[0].function.parsed_arguments);
});

test("openai: a result is taken", async () => {
  const made = await client.chat.completions.create({ ...askedTide, tools: [tool], tool_choice: named });
  const { message } = made.choices[0];
  const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: TIDE_ANSWER };
  const messages = [...askedTide.messages, message, result];
  const answer = await client.chat.completions.create({ ...asked, messages, tools: [tool], tool_choice: "none" });
  assert.ok(answer.choices[0].message.content);
});

test("openai: errors have their classes and a request id", async () => {
  await assert.rejects(client.chat.completions.create({ ...asked, model: "gpt-99" }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    assert.ok(error.requestID);
    return true;
  });
  await assert.rejects(client.chat.completions.create({ ...asked, temperature: 9 }), OpenAI.BadRequestError);
});

test("openai: a timeout is the client's own", async () => {
  const { APIConnectionTimeoutError } = OpenAI;
  await assert.rejects(client.chat.completions.create(endless, { timeout: 1000 }), APIConnectionTimeoutError);
});

test("openai: a stream is left by its abort", async () => {
  const stream = await client.chat.completions.create({ ...endless, stream: true });
  let seen = 0;
  for await (const _ of stream) if (++seen === 5) stream.controller.abort();
  assert.ok(seen >= 5 && seen < 4000);
});
