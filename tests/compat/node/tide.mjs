// What both Node clients ask: the same as the Python ones in ../clients/tide.py.
import { z } from "zod";

export const baseURL = `${process.env.COMPAT_URL}/v1`;
export const model = (await (await fetch(`${baseURL}/models`)).json()).data[0].id;

export const QUESTION = "What is the capital of France?";
export const TIDE_QUESTION = "How high is the tide in Dover tomorrow?";
export const TIDE_ANSWER = "The tide in Dover is 6.1 metres high.";

export const Tide = z.strictObject({
  harbour: z.enum(["Brest", "Dover", "Cuxhaven"]),
  day: z.enum(["today", "tomorrow"]),
});
