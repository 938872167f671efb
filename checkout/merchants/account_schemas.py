"""What the calls about accounts take and give, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from checkout.core.body import Body
from checkout.core.fields import Email
from checkout.merchants.passwords import LONGEST, SHORTEST
from checkout.merchants.users import MAX_NAME_LENGTH

Locale = Literal["vi", "en", "km"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH)]
NewPassword = Annotated[str, StringConstraints(min_length=SHORTEST, max_length=LONGEST)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class Register(Body):
    email: Email
    password: NewPassword
    name: Name
    locale: Locale = "vi"


class ConfirmEmail(Body):
    token: Token
    password: Password


class LogIn(Body):
    email: Email
    password: Password
    totp: Code | None = Field(default=None, description="Where two-factor is on: the app's code.")
    recovery_code: Code | None = Field(default=None, description="Instead of the app's code.")


class SecondStep(Body):
    totp: Code | None = None
    recovery_code: Code | None = None


class PasswordStep(Body):
    email: Email
    password: Password


class Refresh(Body):
    refresh_token: Token


class ForgotPassword(Body):
    email: Email
    locale: Locale = "vi"


class ResetPassword(Body):
    token: Token
    password: NewPassword


class ChangeUser(Body):
    name: Name | None = None
    locale: Locale | None = None


class ChangePassword(Body):
    current_password: Password
    new_password: NewPassword


class ConfirmTwoFactor(Body):
    code: Code


class TwoFactorState(BaseModel):
    enabled: bool
    recovery_codes_left: int


class UserAnswer(BaseModel):
    id: str
    object: Literal["user"]
    email: str
    name: str
    locale: Locale
    two_factor: TwoFactorState
    created_at: str


class SignInAnswer(BaseModel):
    id: str
    object: Literal["sign_in"]
    kind: Literal["browser", "api"]
    user_agent: str
    address: str
    current: bool = Field(description="Whether it is the one that asks.")
    created_at: str
    last_used_at: str
    expires_at: str
    ended_at: str | None


class SignInList(BaseModel):
    object: Literal["list"]
    data: list[SignInAnswer]
    has_more: bool
    next_cursor: None


class MeAnswer(BaseModel):
    object: Literal["me"]
    user: UserAnswer
    sign_in: SignInAnswer


class TokensAnswer(BaseModel):
    object: Literal["tokens"]
    token_type: Literal["Bearer"]
    access_token: str
    access_token_expires_at: str
    refresh_token: str
    refresh_token_expires_at: str


class AcceptedAnswer(BaseModel):
    object: Literal["accepted"]
    message: str


class TwoFactorSetup(BaseModel):
    object: Literal["two_factor_setup"]
    secret: str = Field(description="Base 32, for apps that are told by hand.")
    otpauth_url: str = Field(description="For the QR code that an app scans.")


class RecoveryCodes(BaseModel):
    object: Literal["recovery_codes"]
    recovery_codes: list[str] = Field(description="Shown this once; each is good for one sign-in.")


class UserDeleted(BaseModel):
    id: str
    object: Literal["user"]
    deleted: Literal[True]
