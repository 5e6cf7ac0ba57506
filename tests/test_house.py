"""The house rules that a machine can check: shape of the tree, imports, sizes, start-up."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

import propago
from propago.cli import VERBS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "propago"
SOURCES = sorted(PACKAGE.rglob("*.py"))
UNSAFE_IMPORTS = {"torchvision", "timm", "segmentation_models_pytorch"}
HEAVY_IMPORTS = {"torch", "numpy", "cv2", "av", "scipy", "PIL", "numba", "accelerate"}
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40
METHOD_FILES = {"net.py", "run.py", "README.md"}

METHOD_FOLDERS = sorted(
    p for p in PACKAGE.glob("methods/*/") if p.name != "__pycache__" and any(p.glob("*.*"))
)


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


def imported(path: Path) -> set[str]:
    found = nodes(path)
    names = {alias.name for n in found if isinstance(n, ast.Import) for alias in n.names}
    return names | {n.module or "" for n in found if isinstance(n, ast.ImportFrom)}


def body_lines(function: ast.FunctionDef) -> int:
    """Lines of a function's statements, without signature and docstring."""
    statements = function.body[ast.get_docstring(function) is not None :]
    return (statements[-1].end_lineno or 0) - statements[0].lineno + 1 if statements else 0


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks", "examples", "tools"])
def test_nothing_imports_what_fails_beside_some_builds_of_torch(folder):
    for path in (ROOT / folder).rglob("*.py"):
        roots = {name.split(".")[0] for name in imported(path)}
        assert not roots & UNSAFE_IMPORTS, f"{path} imports {roots & UNSAFE_IMPORTS}"
        assert "__future__" not in roots, f"{path}: annotations are evaluated in this project"


def test_libraries_name_arguments_not_flags():
    """`cli/arguments.with_flags` turns "`out`" into "--out"; whole commands may be named."""
    for path in SOURCES:
        if "cli" in path.relative_to(PACKAGE).parts:
            continue
        for node in nodes(path):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                said = re.sub(r"propago doctor( --[a-z-]+)+", "", node.value)
                flags = re.findall(r"(?:^|[ `(])(--[a-z][a-z-]+)[ `.,;:)]", said)
                assert not flags, f"{path}: {flags} in {said!r}"


def test_only_the_command_line_prints_or_exits():
    for path in SOURCES:
        if "cli" in path.relative_to(PACKAGE).parts or path.name == "__main__.py":
            continue
        called = {
            node.func.id
            for node in nodes(path)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & {"print", "exit", "quit"}, path


def test_the_environment_decides_where_the_cache_is_and_how_processes_start_and_nothing_else():
    readers = {
        str(path.relative_to(PACKAGE))
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
        if isinstance(node.value, ast.Name) and node.value.id == "os"
    }
    assert readers == {"io/cache_folder.py", "cli/__init__.py", "training/restart.py"}


def test_opencv_is_given_bytes_not_paths():
    """On Windows it opens no path of other letters; `io/imread.py` does. A camera is a number."""
    by_path = re.compile(r"cv2\.(im(read|write|count)\w*|Video(Capture|Writer)\((?!int))\(?")
    for folder in ("src", "benchmarks", "examples", "tools"):
        for path in (ROOT / folder).rglob("*.py"):
            found = by_path.search(path.read_text("utf-8").replace("`cv2.imread`", ""))
            assert not found, f"{path}: {found}"


def test_files_and_functions_stay_small():
    lengths = {str(path): len(path.read_text("utf-8").splitlines()) for path in SOURCES}
    long_files = {path: lines for path, lines in lengths.items() if lines > MAX_FILE_LINES}
    assert not long_files
    long_functions = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {body_lines(node)} lines"
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef) and body_lines(node) > MAX_FUNCTION_LINES
    ]
    assert not long_functions


def test_every_folder_of_code_is_a_package():
    assert not [path for path in SOURCES if not (path.parent / "__init__.py").is_file()]


def test_there_is_no_drawer_for_everything():
    assert not [p for p in SOURCES if re.fullmatch(r"(utils?|helpers?|misc|common)\.py", p.name)]


@pytest.mark.parametrize("folder", METHOD_FOLDERS, ids=lambda folder: folder.name)
def test_a_method_is_a_folder_of_one_shape_and_a_line_in_the_table(folder):
    from propago.components import DETECTORS, PROMPTERS, PROPAGATORS

    row = (PROPAGATORS | DETECTORS | PROMPTERS)[folder.name]
    files = {p.name for p in folder.iterdir()}
    assert files >= (METHOD_FILES if row.presets else METHOD_FILES - {"net.py"})


def test_refiners_and_cleaners_are_folders_like_methods():
    from propago.components import CLEANERS, REFINERS

    folders = {path.parent for path in (PACKAGE / "refinement").glob("*/*.py")}
    assert {folder.name for folder in folders} == {*REFINERS, *CLEANERS}
    for folder in folders:
        assert {p.name for p in folder.iterdir()} >= {"run.py", "settings.py", "README.md"}


def test_every_weights_file_has_a_card():
    for weights in (PACKAGE / "weights").glob("*.safetensors"):
        assert weights.with_suffix(".md").is_file(), f"{weights.name} has no card"


def test_help_imports_neither_torch_nor_numpy():
    """In one process: the first verb whose help imports something heavy is named."""
    script = (
        "import sys\n"
        "from propago.cli import main\n"
        f"for verb in {['', *VERBS]}:\n"
        "    try:\n        main([*verb.split(), '--help'])\n"
        "    except SystemExit as stop:\n        assert not stop.code, verb\n"
        f"    assert not {HEAVY_IMPORTS} & set(sys.modules), (verb, sorted(sys.modules))\n"
        "print('all are light')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "all are light"


def test_the_version_is_said_once_and_constraints_pin_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == propago.__version__
    assert f"version: {propago.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    pinned = set(re.findall(r"^([\w-]+)==", (ROOT / "constraints.txt").read_text("utf-8"), re.M))
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(r for extra in extras.values() for r in extra)]
    names = {re.split(r"[\[><=~]", requirement)[0].lower() for requirement in wanted}
    assert names <= pinned
