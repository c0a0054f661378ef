"""Which findings the sources of the doctor can give, each with its levels, read and not run.

A finding is made by `Finding(id, level, …)`, by what `saying(id, …)` returns, or by a function of its own around them.
An id that is worked out has to stand in WORKED_OUT; what cannot be read is an error and never passed over.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "calls" / "doctor"
LEVELS = {"OK", "WARN", "FAIL", "SKIPPED"}
WORKED_OUT = {
    "f'twilio.{name}'": ("twilio.voice", "twilio.fallback", "twilio.status"),
    "id": ("openai.speaks", "openai.tools", "openai.hears"),
    "check.id": (),  # of every check: when it breaks off, or needs another one; told once for all
}


def findings() -> set[tuple[str, str]]:
    """(id, level) of everything that can be found."""
    found: set[tuple[str, str]] = set()
    for path in SOURCES.glob("*.py"):
        if path.stem != "findings":
            tree = ast.parse(path.read_text())
            for function in tree.body:
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    found |= set(_in_function(function, f"{path.name}:{function.name}"))
    return found


def _in_function(function: ast.AST, where: str) -> Iterator[tuple[str, str]]:
    makers = _makers(function)
    inner = {id(call) for one in ast.walk(function) if _is_own_maker(one) for call in ast.walk(one)}
    for call in _calls(function):
        if id(call) in inner:
            continue
        if _name(call.func) == "Finding":
            ids, level = _ids(call.args[0], where), call.args[1]
        elif isinstance(call.func, ast.Call) and _name(call.func.func) == "saying":
            ids, level = _ids(call.func.args[0], where), call.args[0]
        elif _name(call.func) in makers:
            ids, level = _ids(makers[_name(call.func)], where), call.args[0]
        else:
            continue
        yield from ((one, name) for one in ids for name in _levels(level, function, where))


def _makers(function: ast.AST) -> dict[str, ast.expr]:
    """Names of the function that make findings, each with the expression of their id."""
    makers = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            (target,) = node.targets
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=True))
            for name, value in pairs:
                if isinstance(value, ast.Call) and _name(value.func) == "saying":
                    makers[_name(name)] = value.args[0]
        elif _is_own_maker(node):
            makers[node.name] = next(call.args[0] for call in _calls(node) if _name(call.func) == "Finding")
    return makers


def _is_own_maker(node: ast.AST) -> bool:
    """A function in a function: `def finding(level, …): return Finding("the.id", level, …)`."""
    return (
        isinstance(node, ast.FunctionDef)
        and [argument.arg for argument in node.args.args[:1]] == ["level"]
        and any(_name(call.func) == "Finding" for call in _calls(node))
    )


def _calls(node: ast.AST) -> list[ast.Call]:
    return [one for one in ast.walk(node) if isinstance(one, ast.Call)]


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _ids(node: ast.expr, where: str) -> tuple[str, ...]:
    if isinstance(node, ast.Constant):
        return (node.value,)
    text = ast.unparse(node)
    assert text in WORKED_OUT, f"{where}: which finding is {text}?"
    return WORKED_OUT[text]


def _levels(node: ast.expr, function: ast.AST, where: str) -> set[str]:
    """Those that stand there; else those that the function gives to the name, or that a starred tuple brings."""
    if levels := {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} & LEVELS:
        return levels
    if isinstance(node, ast.Starred):
        return (
            set()
        )  # told where the tuple is made, and there is no list of these: the others of the id stand beside it
    values = [
        one.value
        for one in ast.walk(function)
        if isinstance(one, ast.Assign) and _name(node) in {_name(n) for n in ast.walk(one.targets[0])}
    ]
    levels = {one.id for value in values for one in ast.walk(value) if isinstance(one, ast.Name)} & LEVELS
    assert levels, f"{where}: which level is {ast.unparse(node)}?"
    return levels
