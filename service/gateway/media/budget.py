"""`Budget`: what the images of one request may take, each alone and all together."""

from service.gateway.media.source import ImageSource
from service.settings import MediaSettings


class Budget:
    """The bytes and pixels that a request's images have taken so far. One per request."""

    def __init__(self, limits: MediaSettings) -> None:
        self.limits = limits
        self.bytes = 0
        self._pixels = 0

    def meter(self, source: ImageSource) -> "Meter":
        """What counts the bytes of one image."""
        return Meter(self, source)

    def take_pixels(self, source: ImageSource, width: int, height: int) -> None:
        """Count an image's pixels. Raises `InvalidRequestError` if there are too many now."""
        self._pixels += width * height
        limit = self.limits.max_request_pixels
        if self._pixels > limit:
            raise source.refused(
                "image_too_large",
                f"the image has {width} x {height} pixels, which makes {self._pixels} with the others, but the images "
                f"of a request may have {limit} pixels together. Send fewer or smaller ones.",
            )


class Meter:
    """Counts one image's bytes, while they arrive."""

    def __init__(self, budget: Budget, source: ImageSource) -> None:
        self._budget = budget
        self._source = source
        self._size = 0

    def expect(self, size: int) -> None:
        """Raise `InvalidRequestError` if the image, with `size` bytes in all, would be over a limit."""
        limits = self._budget.limits
        if size > limits.max_image_bytes:
            raise self._source.refused(
                "image_file_too_large",
                f"the image has {size} bytes or more, but an image may have {limits.max_image_bytes} at most. Send a "
                "smaller one.",
            )
        together = self._budget.bytes - self._size + size
        if together > limits.max_request_bytes:
            raise self._source.refused(
                "image_file_too_large",
                f"with this image the request's images have {together} bytes or more, but may have "
                f"{limits.max_request_bytes} at most together. Send fewer or smaller ones.",
            )

    def add(self, count: int) -> None:
        """Count bytes that have arrived. Raises as `expect` does."""
        self.expect(self._size + count)
        self._size += count
        self._budget.bytes += count
