"""`ImageSource`: where a request says that an image is. `refused` makes the errors that name it."""

from dataclasses import dataclass

from service.errors import InvalidRequestError


@dataclass(frozen=True, slots=True)
class ImageSource:
    """A URL (`data:`, `http:` or `https:`), and the field of the request that holds it."""

    url: str
    field: str

    def refused(self, code: str, message: str) -> InvalidRequestError:
        """The error for this image. `message` is a sentence or two that go on after the field's name."""
        return InvalidRequestError(f"{self.field}: {message}", param=self.field, code=code)
