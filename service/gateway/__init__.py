"""What happens to a request between the API and the engine. Knows neither HTTP nor vLLM."""
