"""What the calls for a shop's own pages take and give."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from checkout.core.body import Body
from checkout.sessions.schemas import Text200


class MakeToken(Body):
    customer: Text200


class TokenAnswer(BaseModel):
    object: Literal["realtime_token"]
    token: str = Field(description="For SUBSCRIBE on /ws/payment-notifications.")
    customer: str
    expires_at: str
    livemode: bool
