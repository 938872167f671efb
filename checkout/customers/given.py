"""What a shop says of a customer."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from checkout.core.body import Body
from checkout.core.fields import Email

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ().-]{3,30}$")]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class CustomerGiven(Body):
    """Found by `reference`, then by `email`; made when neither is known."""

    email: Email | None = None
    name: Name | None = None
    phone: Phone | None = None
    reference: Reference | None = None

    @model_validator(mode="after")
    def _says_something(self) -> CustomerGiven:
        if not any((self.email, self.name, self.phone, self.reference)):
            raise PydanticCustomError(
                "missing_required_field", "Give at least one of email, name, phone, reference"
            )
        return self
