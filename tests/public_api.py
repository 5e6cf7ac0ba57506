"""Public names with their signatures, as the source says them: `tests/api.txt` holds the text.

python tests/public_api.py      # writes the file anew
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "propago"
SNAPSHOT = Path(__file__).with_name("api.txt")


def public_api() -> str:
    """A paragraph for each name of `__init__.pyi`, in order of names."""
    stub = (PACKAGE / "__init__.pyi").read_text("utf-8")
    homes = re.findall(r"^from (\S+) import (\w+) as", stub, re.M)
    told = ["\n".join(describe(home, name)) for home, name in sorted(homes, key=lambda h: h[1])]
    return "\n\n".join(told) + "\n"


def describe(home: str, name: str) -> Iterator[str]:
    """A function's signature; a class with its public fields and methods; a table's type."""
    path = ROOT / "src" / Path(*home.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            yield signature(node)
        elif isinstance(node, ast.ClassDef) and node.name == name:
            bases = ", ".join(map(ast.unparse, node.bases))
            yield f"class {name}({bases})" if bases else f"class {name}"
            yield from (f"    {line}" for line in members(node))
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name:
            yield f"{name}: {ast.unparse(node.annotation)}"
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            yield ast.unparse(node)


def members(node: ast.ClassDef) -> Iterator[str]:
    """Fields with their defaults, methods and properties that do not begin with "_"."""
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and not ast.unparse(item.target).startswith("_"):
            yield ast.unparse(item)
        elif isinstance(item, ast.FunctionDef) and (
            not item.name.startswith("_") or item.name in ("__init__", "__call__")
        ):
            yield from (f"@{ast.unparse(mark)}" for mark in item.decorator_list)
            yield signature(item)


def signature(node: ast.FunctionDef) -> str:
    """The line that begins it."""
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({ast.unparse(node.args)}){returns}"


if __name__ == "__main__":
    SNAPSHOT.write_text(public_api(), "utf-8")
