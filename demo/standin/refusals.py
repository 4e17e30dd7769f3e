"""How STS says no."""

from dataclasses import dataclass


@dataclass(eq=False)
class Refusal(Exception):
    """AWS's error code, its sentence and the HTTP status."""

    code: str
    message: str
    status: int = 400

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def access_denied(message: str) -> Refusal:
    """Return the refusal of somebody who may not."""
    return Refusal("AccessDenied", message, 403)


def not_authorized(caller_arn: str, action: str, resource: str) -> Refusal:
    """Return AWS's usual sentence for a missing permission or trust; it does not say which."""
    return access_denied(
        f"User: {caller_arn} is not authorized to perform: {action} on resource: {resource}"
    )


def invalid(message: str) -> Refusal:
    """Return the refusal of a value that cannot be."""
    return Refusal("ValidationError", message)


def constraint(value: str | None, name: str, rule: str) -> Refusal:
    """Return AWS's sentence for a parameter that breaks its constraint."""
    shown = "null" if value is None else f"'{value}'"
    place = name[:1].lower() + name[1:]
    return invalid(
        f"1 validation error detected: Value {shown} at '{place}' failed to satisfy "
        f"constraint: {rule}"
    )
