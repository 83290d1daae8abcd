"""What is checked by a short road is judged as by the long one."""

import pytest
from pydantic import EmailStr, TypeAdapter, ValidationError

from notifier.addresses import Email

ADDRESSES = (
    "a@b.com", "A.b@B.COM", "a..b@b.com", ".a@b.com", "a.@b.com", "a@localhost", "a@x.test", "a@-x.com",
    "a@x-.com", "a@b..com", "a@.com", "a@b.com.", "Jane <a@b.com>", " a@b.com ", "a@[1.2.3.4]", "ä@b.com",
    "a@bücher.de", "a@xn--bcher-kva.de", f"{'a' * 64}@b.com", f"{'a' * 65}@b.com", f"a@{'b' * 64}.com",
    f"a@{'.'.join(['b' * 60] * 4)}.com", "a@b", "a@1.2.3.4", "", "@b.com", "a@", 5, None, "a@example.com\n",
    "a-b+c_d@gmail.com", "a@B--c.com", "a@ab--c.com", "-a@b.com", "a@example", "a@c.invalid", "a@b.c",
    "a@b.123", "a.b.c.d@mail.shop.example",
)  # fmt: skip


def judged(adapter: TypeAdapter[str], value: object) -> object:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        return [(it["type"], it["msg"], it["input"]) for it in error.errors()]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_judged_as_by_the_full_check_the_first_time_and_later(address: object) -> None:
    full = judged(TypeAdapter(EmailStr), address)
    short = TypeAdapter[str](Email)
    assert [judged(short, address), judged(short, address)] == [full, full]
