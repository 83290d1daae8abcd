"""The rules that keep the building standing, read from the imports themselves (docs/architecture.md).

A unit is a module or package right below `notifier`. Imports point down only.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parent.parent
PACKAGE = PROJECT / "notifier"
MOST_LINES = 400

FLOORS = {
    "domain": 0,
    "addresses": 0,
    "fields": 0,
    "zones": 0,
    "inputs": 1,
    "db": 1,
    "words": 1,
    "providers": 1,
    "shops": 1,
    "webhooks": 1,
    "advising": 2,
    "answering": 2,
    "apart": 2,
    "calling": 2,
    "endpoints": 2,
    "duties": 2,
    "evidence": 2,
    "deemed": 2,
    "digest": 2,
    "importing": 2,
    "inbound": 2,
    "links": 2,
    "logs": 2,
    "keyring": 2,
    "planning": 2,
    "progress": 2,
    "policies": 2,
    "policy_input": 2,
    "validation": 2,
    "radius": 2,
    "receiving": 2,
    "shop_events": 2,
    "resolving": 2,
    "restocking": 2,
    "scenes": 2,
    "privacy": 2,
    "privacy_requests": 2,
    "shopkeeping": 2,
    "trial": 2,
    "trying": 2,
    "wording": 2,
    "sealed": 2,
    "signed": 2,
    "settling": 2,
    "skus": 2,
    "suppressing": 2,
    "telling": 2,
    "timeline": 2,
    "intake": 2,
    "ahead": 2,
    "bundling": 2,
    "channels": 2,
    "confirming": 2,
    "crowding": 2,
    "delivery": 2,
    "dispatch": 2,
    "feedback": 2,
    "fetching": 2,
    "growing": 2,
    "metrics": 2,
    "simulate": 2,
    "insights": 2,
    "widget": 2,
    "worker": 3,
    "api": 3,
    "pages": 3,
    "__main__": 3,
    "cli": 3,
    "cli_templates": 3,
    "cli_vendors": 3,
    "demo": 3,
    "customer_commands": 3,
    "policy_commands": 3,
    "evidence_commands": 3,
    "store_commands": 3,
    "rehearsal": 3,
    "retaining": 3,
    "recounting": 3,
    "bootstrap": 3,
}
# Plain values that every floor but the domain may use; they know nothing of the floors themselves.
ANYWHERE = {"config", "errors", "faults"}

# Each third-party package has one home, so that replacing it is work in one place.
HOMES = {
    "alembic": {"db"},
    "apscheduler": {"worker"},
    "babel": {"fields", "words", "pages", "zones"},
    "cryptography": {"providers", "sealed", "signed"},
    "email_validator": {"inputs"},
    "fastapi": {"api", "pages"},
    "icalendar": {"pages"},
    "itsdangerous": {"links", "pages"},
    "jinja2": {"words", "pages"},
    "klaviyo_api": {"providers.klaviyo"},
    "markupsafe": {"words", "pages"},
    "openapi_client": {"providers.klaviyo"},
    "orjson": {"api", "db", "dispatch", "links", "providers.klaviyo", "providers.sendgrid", "words"},
    "prometheus_client": {"metrics"},
    "psycopg": {"db"},
    "psycopg_pool": {"db"},
    "pydantic_core": {"fields"},
    "pydantic": {
        "addresses",
        "apart",
        "inputs",
        "fields",
        "faults",
        "importing",
        "inbound",
        "simulate",
        "config",
        "api",
        "pages",
        "cli",
        "store_commands",
        "policy_input",
        "receiving",
        "validation",
        "customer_commands",
        "rehearsal",
        "shopkeeping",
        "wording",
        "providers.klaviyo",
    },
    "pydantic_settings": {"config"},
    "pycurl": {"providers"},
    "python_http_client": {"providers.sendgrid"},
    "rich": {"cli", "demo", "recounting", "store_commands"},
    "sendgrid": {"providers.sendgrid"},
    "sqlalchemy": {"db"},
    "sqlmodel": {"db"},
    "standardwebhooks": {"webhooks"},
    "starlette": {"api", "pages"},
    "structlog": {unit for unit, floor in FLOORS.items() if floor > 1},
    "typer": {
        "cli",
        "cli_templates",
        "cli_vendors",
        "customer_commands",
        "evidence_commands",
        "policy_commands",
        "store_commands",
    },
    "urllib3": {"shops"},
    "uuid_utils": {"db"},
    "uvicorn": {"cli"},
    "zstandard": {"db"},
}
# What the floors above carry from one call to the next without looking inside. SQL itself stays in db.
CARRIED = {"sqlalchemy.Engine", "sqlmodel.Session"}

# Where the clock may be read; everybody else is told what time it is.
CLOCK_EDGES = {"bootstrap", "worker", "cli", "api", "pages"}
CLOCK_READS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns"},
    "func": {"now", "current_timestamp"},  # the database's clock is a clock
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(file: Path) -> str:
    """A module's name below `notifier`: `db.outbox`; a package's is its folder's: `db`; the top is empty."""
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


def unit_of(module: str) -> str:
    return module.partition(".")[0]


def imports_of(file: Path) -> Iterator[tuple[int, str]]:
    """Each import in the file, those inside functions too: its line and the full name of what it brings."""
    inside = ["notifier", *name_of(file).split(".")] if name_of(file) else ["notifier"]
    package = inside if file.name == "__init__.py" else inside[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *filter(None, [node.module])])
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)


def imports() -> Iterator[tuple[str, str, str]]:
    """Every import of the package: where (file:line), the importing module, and what it imports, in full."""
    for file in MODULES:
        for line, imported in imports_of(file):
            yield f"{file.relative_to(PROJECT)}:{line}", name_of(file), imported


def within(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def test_every_unit_has_a_floor() -> None:
    units = {unit_of(name_of(file)) for file in MODULES} - {""}
    assert units <= FLOORS.keys() | ANYWHERE, "give the new unit a floor in this file"


def test_imports_point_down_only() -> None:
    wrong = []
    for where, module, imported in imports():
        importer, unit = unit_of(module), unit_of(imported.removeprefix("notifier."))
        if not imported.startswith("notifier.") or unit in {importer, *ANYWHERE} or module == "__main__":
            continue
        if importer in ANYWHERE or importer == "":
            wrong.append(f"{where}: {importer or 'notifier'} is used everywhere, so it may import no floor")
        elif FLOORS.get(unit, 0) > FLOORS.get(importer, 0):
            wrong.append(f"{where}: {importer} is below {unit}")
    assert wrong == []


def test_siblings_on_the_first_floor_do_not_know_each_other() -> None:
    wrong = [
        f"{where}: {unit_of(module)} knows its sibling {imported}"
        for where, module, imported in imports()
        if FLOORS.get(unit_of(module)) == 1
        and imported.startswith("notifier.")
        and (unit := unit_of(imported.removeprefix("notifier."))) != unit_of(module)
        and FLOORS.get(unit) == 1
    ]
    assert wrong == []


def test_no_two_units_need_each_other() -> None:
    needs: dict[str, set[str]] = {}
    for _, module, imported in imports():
        if imported.startswith("notifier."):
            needs.setdefault(unit_of(module), set()).add(unit_of(imported.removeprefix("notifier.")))

    def reachable(unit: str, seen: set[str]) -> set[str]:
        for other in needs.get(unit, set()) - seen:
            seen |= {other} | reachable(other, seen | {other})
        return seen

    circles = [unit for unit in needs if unit in reachable(unit, set()) and unit not in needs[unit]]
    assert circles == []


def test_the_domain_imports_the_standard_library_only() -> None:
    wrong = [
        f"{where}: {imported}"
        for where, module, imported in imports()
        if unit_of(module) == "domain"
        and not imported.startswith("notifier.domain")
        and imported.partition(".")[0] not in sys.stdlib_module_names
    ]
    assert wrong == []


def test_each_third_party_package_stays_at_home() -> None:
    wrong = []
    for where, module, imported in imports():
        package = imported.partition(".")[0]
        if package == "notifier" or package in sys.stdlib_module_names or imported in CARRIED:
            continue
        if package not in HOMES:
            wrong.append(f"{where}: {package} has no home yet; give it one in this file")
        elif not within(module, HOMES[package]):
            wrong.append(f"{where}: {imported} lives in {', '.join(sorted(HOMES[package]))}")
    assert wrong == []


def test_the_clock_is_read_at_the_edges_only() -> None:
    wrong = [
        f"{file.relative_to(PROJECT)}:{node.lineno}: pass `now` in instead"
        for file in MODULES
        if not within(name_of(file), CLOCK_EDGES)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in CLOCK_READS.get(ast.unparse(node.value).rpartition(".")[2], set())
    ]
    assert wrong == []


def test_no_file_is_too_long_to_read() -> None:
    lines = {str(file.relative_to(PROJECT)): len(file.read_text().splitlines()) for file in MODULES}
    assert {file: count for file, count in lines.items() if count > MOST_LINES} == {}


def test_no_lock_file_names_a_host() -> None:
    wrong = [lock.name for lock in PROJECT.glob("*.lock") if "://" in lock.read_text()]
    assert wrong == []
