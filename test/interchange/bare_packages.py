"""Imports one reader out of a training framework without the framework's GPU stack.

verl, OpenRLHF, LLaMA-Factory and Axolotl read data in small modules of their own, but their packages' `__init__` pull in
ray, vLLM, deepspeed and the like. Here a package is entered in sys.modules with its folder and without running its
`__init__`; the reader itself is the installed file, unmodified.
"""

import importlib
import importlib.machinery
import importlib.util
import sys
import types


def load(module: str, bare: tuple[str, ...]) -> types.ModuleType:
    """The module `module`; `bare` names the packages, outermost first, whose `__init__` is not run."""
    for name in bare:
        if name in sys.modules:
            continue
        outer, _, inner = name.rpartition(".")
        path = list(sys.modules[outer].__path__) if outer else None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(f"{name} is not installed (test/python/readers.txt)")
        package = types.ModuleType(name)
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
        sys.modules[name] = package
        if outer:
            setattr(sys.modules[outer], inner, package)
    return importlib.import_module(module)
