"""Lists of texts as one parameter of PostgreSQL, spelled here: much quicker than its driver does that with a list.

Imported where there is a PostgreSQL alone, for the driver's sake.
"""

from collections.abc import Collection

from psycopg import adapters
from psycopg.types.string import StrDumper

_ESCAPED = str.maketrans({'"': '\\"', "\\": "\\\\"})


class Array(str):
    """An array as PostgreSQL writes it."""

    __slots__ = ()


class _ArrayDumper(StrDumper):
    oid = adapters.types["text"].array_oid


adapters.register_dumper(Array, _ArrayDumper)


def array(values: Collection[str]) -> Array:
    """The values in their order, whatever characters are in them but NUL, which PostgreSQL has none of."""
    return Array("{" + ",".join(['"' + value.translate(_ESCAPED) + '"' for value in values]) + "}")
