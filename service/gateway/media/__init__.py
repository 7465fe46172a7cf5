"""Images on their way from a request to the engine: found, weighed, and looked at from outside; never decoded here."""
