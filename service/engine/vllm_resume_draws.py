"""Random numbers of requests with a seed, on vLLM's model runner V1 on CPU."""

from collections.abc import Callable

import torch


class RewindableGenerator(torch.Generator):
    """A request's generator, which can be put to where it must stand after the tokens that the request has.

    vLLM's CPU sampler draws one integer below 2**31 per token. It also draws while a prompt is still being read in
    pieces, and then takes the draw back through the generator's offset, which torch has for GPUs only: vLLM 0.32's
    engine dies of a seed together with a long prompt (`CPU Generator does not use offset`). Here taking back is
    standing again where the tokens are.
    """

    def __init__(self, seed: int, tokens: Callable[[], int]) -> None:
        super().__init__()
        self._seed = seed
        self._tokens = tokens
        self._stand()

    def __new__(cls, seed: int, tokens: Callable[[], int]) -> "RewindableGenerator":
        return super().__new__(cls)

    def get_offset(self) -> int:
        """vLLM subtracts what one draw takes on a GPU."""
        return 4

    def set_offset(self, offset: int) -> None:
        """Take back the last draw, whatever the offset."""
        self._stand()

    def _stand(self) -> None:
        self.manual_seed(self._seed)
        torch.randint(0, 2**31, (self._tokens(),), generator=self, dtype=torch.long)
