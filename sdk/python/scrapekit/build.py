"""Makes one executable of a plugin, for the sandbox starts no interpreter:

    python3 -m scrapekit.build forum.py -o bin/forum

It needs a C compiler and the headers of the Python that runs it (Debian: gcc and python3-dev). In the executable are the
program, the modules beside it that it imports, this package, and the packages that --include names, which must be pure
Python. Python's own library, and gRPC's, are read where they are installed: below /usr/lib the sandbox lets every plugin
read them; elsewhere they need a permission, fs_read.
"""
import argparse
import importlib.util
import marshal
import pathlib
import subprocess
import sys
import sysconfig
import tempfile
import zlib

_LAUNCHER = r"""
#define PY_SSIZE_T_CLEAN
#include <Python.h>
static const unsigned char files[] = {%(files)s};
static const char start[] = %(start)s;
int main(int argc, char **argv) {
  PyConfig c;
  PyConfig_InitPythonConfig(&c);
  PyConfig_SetBytesString(&c, &c.program_name, "%(python)s");
  c.parse_argv = 0;
  c.use_environment = 0;
  c.write_bytecode = 0;
  c.user_site_directory = 0;
  PyConfig_SetBytesArgv(&c, argc, argv);
  PyStatus s = Py_InitializeFromConfig(&c);
  PyConfig_Clear(&c);
  if (PyStatus_Exception(s)) Py_ExitStatusException(s);
  PyObject *raw = PyBytes_FromStringAndSize((const char *)files, sizeof files);
  if (raw == NULL || PyObject_SetAttrString(PyImport_AddModule("__main__"), "_files", raw) < 0) return 1;
  PyObject *main = PyImport_AddModule("__main__");
  PyObject *done = PyRun_String(start, Py_file_input, PyModule_GetDict(main), PyModule_GetDict(main));
  if (done == NULL) { PyErr_Print(); return 1; }
  return Py_FinalizeEx() < 0;
}
"""

# What the executable runs: modules come out of it, and the program is __main__.
_START = """
import importlib.abc, importlib.util, marshal, sys, zlib
class _Own(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, modules, data):
        self.modules, self.data = modules, data
    def find_spec(self, name, path=None, target=None):
        if name in self.modules:
            return importlib.util.spec_from_loader(name, self, origin="(in the program)/" + name, is_package=self.modules[name][0])
    def exec_module(self, module):
        name = module.__name__
        module.__file__ = "(in the program)/" + name.replace(".", "/") + ("/__init__.py" if self.modules[name][0] else ".py")
        exec(self.modules[name][1], module.__dict__)
    def get_data(self, path):
        return self.data[path.removeprefix("(in the program)/")]
_main, _modules, _data = marshal.loads(zlib.decompress(_files))
sys.meta_path.insert(0, _Own(_modules, _data))
del _files, _modules, _data
exec(_main)
"""


# Folders beside the program whose modules are not its own.
_ASIDE = ("vendor", "build", "dist", "bin")


def build(program, out, include=()):
    """Makes an executable of a program; see the module's text."""
    program, out = pathlib.Path(program), pathlib.Path(out)
    modules, data = {}, {}
    for name in ["scrapekit", *include]:
        _add_package(name, modules, data)
    for file in sorted(program.parent.rglob("*.py")):
        name = ".".join(file.relative_to(program.parent).with_suffix("").parts)
        if file != program and not any(part.startswith((".", "test")) or part in _ASIDE for part in name.split(".")):
            _add(name.removesuffix(".__init__"), file, modules)
    main = compile(program.read_bytes(), program.name, "exec", dont_inherit=True)
    files = zlib.compress(marshal.dumps((main, modules, data)))
    source = _LAUNCHER % {
        "files": ",".join(map(str, files)), "python": sys.executable.replace("\\", "\\\\"),
        "start": '"' + _START.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'}
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        launcher = pathlib.Path(folder, "launcher.c")
        launcher.write_text(source)
        subprocess.run(_compiler(launcher, out), check=True)


def _compiler(launcher, out):
    get = sysconfig.get_config_var
    libraries = [f"-L{get('LIBPL')}", f"-L{get('LIBDIR')}", f"-lpython{get('LDVERSION')}", *(get("LIBS") or "").split(), *(get("SYSLIBS") or "").split()]
    return ["cc", "-O1", f"-I{sysconfig.get_path('include')}", str(launcher), "-o", str(out), *libraries]


def _add_package(name, modules, data):
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"there is no package {name}")
    if not spec.submodule_search_locations:
        _add(name, pathlib.Path(spec.origin), modules)
        return
    root = pathlib.Path(spec.origin).parent
    for file in sorted(root.rglob("*")):
        inside = file.relative_to(root)
        if file.suffix == ".py":
            _add(".".join([name, *inside.with_suffix("").parts]).removesuffix(".__init__"), file, modules)
        elif file.suffix in (".so", ".pyd"):
            raise SystemExit(f"the package {name} is not pure Python ({inside}): leave it out, and have it installed where the plugin runs")
        elif file.is_file() and "__pycache__" not in file.parts:
            data["/".join([name.replace(".", "/"), *inside.parts])] = file.read_bytes()


def _add(name, file, modules):
    code = compile(file.read_bytes(), f"{name.replace('.', '/')}.py", "exec", dont_inherit=True)
    modules[name] = (file.name == "__init__.py", code)


def main():
    parser = argparse.ArgumentParser(prog="python3 -m scrapekit.build", description="Makes one executable of a plugin.")
    parser.add_argument("program", help="the file whose last line is scrapekit.serve(…)")
    parser.add_argument("-o", dest="out", required=True, help="where to write the executable")
    parser.add_argument("--include", action="append", default=[], metavar="PACKAGE", help="a pure Python package to take in; may be given again")
    args = parser.parse_args()
    build(args.program, args.out, args.include)


if __name__ == "__main__":
    main()
