"""HTTP and the OpenAI wire format. Does not know vLLM, scheduling or storage."""
