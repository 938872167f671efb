"""Reading what pages send: texts that become the very models the API checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from checkout.core.body import as_problem, check_value
from checkout.core.errors import Problem

Model = TypeVar("Model", bound=BaseModel)


def read_form(model: type[Model], given: Mapping[str, Sequence[str]]) -> Model:
    """A form as a model; raises a Problem that names the field.

    Numbers come as digits. A switch that is off sends nothing; a field that takes a list takes
    one value per line or one per box. An empty field is one that was left out. Fields of the
    form that the model does not know, such as the form's token, are passed over.
    """
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        texts = [trim(key, text) for text in given.get(key, ())]
        check_value(texts, key, 0)
        if _holds(field.annotation, bool):
            values[key] = bool(texts) and texts[-1] not in ("", "0", "false")
        elif _holds(field.annotation, list):
            if key in given:
                values[key] = [line for text in texts for line in _lines(text)]
        elif texts and texts[-1]:
            values[key] = texts[-1]
    return _validate(model, values)


def trim(name: str, text: str) -> str:
    """A text without blanks around it; a password is kept as it was typed."""
    return text if "password" in name else text.strip()


def read_filters(model: type[Model], given: Mapping[str, str]) -> tuple[Model, Problem | None]:
    """An address's filters as a model, and the first that makes no sense, which does not count.

    A page with a mistyped filter still shows its list, and says at the field what is wrong.
    """
    names = {field.alias or name for name, field in model.model_fields.items()}
    values = {key: text.strip() for key, text in given.items() if key in names and text.strip()}
    try:
        check_value(values, "", 0)
        return _validate(model, values), None
    except Problem as problem:
        wrong = (problem.param or "").partition(".")[0]
        if wrong not in values:
            return _validate(model, {}), problem
        rest = {key: text for key, text in values.items() if key != wrong}
        return read_filters(model, rest)[0], problem


def _validate(model: type[Model], values: dict[str, Any]) -> Model:
    try:
        return model.model_validate(values, strict=False)
    except ValidationError as error:
        raise as_problem(error) from None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _holds(annotation: Any, kind: type) -> bool:
    """Whether an annotation is the type, possibly None or with bounds."""
    if annotation is kind or get_origin(annotation) is kind:
        return True
    return any(_holds(part, kind) for part in get_args(annotation) if get_origin(annotation))
