// The Vercel AI SDK, by its provider for OpenAI-compatible servers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, streamText, tool } from "ai";
import { QUESTION, TIDE_ANSWER, TIDE_QUESTION, Tide, baseURL, model } from "./tide.mjs";

const provider = createOpenAICompatible({ name: "tidegate", baseURL, apiKey: "none", includeUsage: true });
const asked = { model: provider(model), temperature: 0, maxOutputTokens: 64, maxRetries: 0 };
const tools = { Tide: tool({ description: "The height of the tide.", inputSchema: Tide }) };

test("AI SDK: a stream is the whole answer", async () => {
  const whole = await generateText({ ...asked, prompt: QUESTION });
  const stream = streamText({ ...asked, prompt: QUESTION });
  let streamed = "";
  for await (const part of stream.textStream) streamed += part;
  assert.ok(whole.text);
  assert.equal(streamed, whole.text);
  assert.ok(whole.usage.outputTokens > 0);
  assert.equal((await stream.usage).outputTokens, whole.usage.outputTokens);
});

for (const toolChoice of ["required", { type: "tool", toolName: "Tide" }]) {
  test(`AI SDK: a forced call, whole and streamed: ${JSON.stringify(toolChoice)}`, async () => {
    const forced = { ...asked, maxOutputTokens: 200, prompt: TIDE_QUESTION, tools, toolChoice };
    const stream = streamText(forced);
    for (const calls of [(await generateText(forced)).toolCalls, await stream.toolCalls]) {
      assert.ok(calls.length >= 1);
      assert.equal(calls[0].toolName, "Tide");
      Tide.parse(calls[0].input);
    }
    assert.equal(await stream.finishReason, "tool-calls");
  });
}

test("AI SDK: a result is taken", async () => {
  const call = { toolCallId: "call_1", toolName: "Tide" };
  const messages = [
    { role: "user", content: TIDE_QUESTION },
    { role: "assistant", content: [{ type: "tool-call", ...call, input: { harbour: "Dover", day: "tomorrow" } }] },
    { role: "tool", content: [{ type: "tool-result", ...call, output: { type: "text", value: TIDE_ANSWER } }] },
  ];
  assert.ok((await generateText({ ...asked, messages, tools, toolChoice: "none" })).text);
});

test("AI SDK: errors keep status and message", async () => {
  const refused = (status) => (error) => {
    assert.ok(APICallError.isInstance(error));
    assert.equal(error.statusCode, status);
    assert.notEqual(error.message, "");
    return true;
  };
  await assert.rejects(generateText({ ...asked, model: provider("gpt-99"), prompt: QUESTION }), refused(404));
  await assert.rejects(generateText({ ...asked, temperature: 9, prompt: QUESTION }), refused(400));
});

test("AI SDK: a request is left by its abort signal", async () => {
  const providerOptions = { tidegate: { ignore_eos: true } };
  const abortSignal = AbortSignal.timeout(1000);
  const endless = generateText({ ...asked, maxOutputTokens: 4000, prompt: QUESTION, providerOptions, abortSignal });
  await assert.rejects(endless, (error) => ["AbortError", "TimeoutError"].includes(error.name));
});
