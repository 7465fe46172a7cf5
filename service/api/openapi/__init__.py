"""The OpenAPI 3.1 document of the public routes, made of the types that requests are read with and answers have.

 1. `operations.py`        every public route: what it takes, what it answers, what it may refuse
 2. `request_schemas.py`   the wire models as JSON schema
 3. `answer_schemas.py`    the types of the answers as JSON schema
 4. `error_answers.py`     the error shape, and what each status means
 5. `document.py`          all of them together

Routes read their own bodies, so FastAPI knows nothing that it could write here. Tests hold the document against the
running service.
"""

from service.api.openapi.document import document

__all__ = ["document"]
