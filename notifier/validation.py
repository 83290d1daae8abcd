"""What a person entered in the console or wrote into a file, checked as what comes over the API is."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from notifier.errors import Invalid
from notifier.faults import faults

T = TypeVar("T", bound=BaseModel)


def checked(shape: type[T], entered: Mapping[str, Any]) -> T:
    """Raises Invalid with every fault in one sentence, each after the name of its field."""
    try:
        return shape.model_validate(entered)
    except ValidationError as error:
        wrong = faults(error)
        said = ((fault.pointer.strip("/").replace("/", "."), fault.detail) for fault in wrong)
        raise Invalid(
            "; ".join(f"{field}: {words}" if field else words for field, words in said), wrong
        ) from None
