"""Makes .venv from the lock files; `make setup` runs it.

Standard library only, no root, and no ensurepip, which Debian and Ubuntu keep in a package of its own.
Its syntax stays old, so that an old python3 can still say what is wrong.
"""

import argparse
import collections
import configparser
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

# The same limits stand in pyproject.toml.
OLDEST, NEWEST = (3, 11), (3, 13)

# The pip that installs the rest. It has to know the newest wheel tags, which an old system's pip does not.
PIP_VERSION = "26.3"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
PIP_WHEEL = "pip-%s-py3-none-any.whl" % PIP_VERSION
DEFAULT_INDEX = "https://pypi.org/simple"

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
TYPINGS = os.path.join(VENV, "typings")
LOCK = os.path.join(ROOT, "requirements.lock")
TYPINGS_LOCK = os.path.join(ROOT, "typings.lock")


class Problem(Exception):
    """Told to the user as it stands: what, where, limit, remedy."""


def main():
    parser = argparse.ArgumentParser(description="Make .venv from the lock files.")
    parser.add_argument("--python", help="the interpreter to use (default: the newest suitable one in PATH)")
    options = parser.parse_args()
    try:
        setup(options.python)
    except Problem as problem:
        print("error: %s" % problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; run it again to go on", file=sys.stderr)
        return 130
    return 0


def setup(wanted):
    make_venv(wanted)
    install_pip()
    say("packages", "from requirements.lock; the first time takes a minute or two")
    pip("install", "--require-hashes", "-r", LOCK, count=count_packages(LOCK))
    # From the lock's own hatchling, hence without isolation.
    pip("install", "--no-deps", "--no-build-isolation", "--editable", ROOT)
    say("typings", "MicroPython's stubs, for checking firmware/")
    install_typings()
    say("ready", "imilt is in .venv/bin")


def make_venv(wanted):
    version = version_of(VENV_PYTHON)
    if version and suitable(version) and (not wanted or version == version_of(wanted)):
        say("python", "%s, in .venv" % dotted(version))
        return
    python, version = choose_python(wanted)
    if os.path.exists(VENV) and not os.path.exists(os.path.join(VENV, "pyvenv.cfg")):
        raise Problem("%s exists and is not a virtual environment; move it away" % VENV)
    say("python", "%s, %s" % (dotted(version), python))
    result = run([python, "-m", "venv", "--clear", "--without-pip", VENV])
    if result.returncode:
        raise Problem(
            "%s cannot make a virtual environment in %s; on Debian or Ubuntu install python3-venv\n%s"
            % (python, VENV, result.stdout.strip())
        )


def choose_python(wanted):
    """The newest suitable interpreter as (path, version); `wanted`, if given, has to be it."""
    names = [wanted] if wanted else ["python3.%d" % n for n in range(NEWEST[1], OLDEST[1] - 1, -1)] + ["python3"]
    found = []
    for name in names:
        path = shutil.which(name)
        version = version_of(path) if path else None
        if version:
            found.append((version, path))
    if not wanted:
        found.append((tuple(sys.version_info[:3]), sys.executable))
    fitting = [entry for entry in found if suitable(entry[0])]
    if fitting:
        version, path = max(fitting, key=lambda entry: entry[0][:2])
        return path, version
    seen = ", ".join(sorted({"%s is %s" % (path, dotted(version)) for version, path in found}))
    raise Problem(
        "no suitable Python: %s; imilt needs CPython %s to %s. "
        "Install one and name it: make setup PYTHON=/path/to/python%s"
        % (seen or "%s does not run" % wanted, dotted(OLDEST), dotted(NEWEST), dotted(NEWEST))
    )


def suitable(version):
    return OLDEST <= version[:2] <= NEWEST


def version_of(python):
    """The version of a CPython, or None for what does not run, as a version manager's idle shims, or is none."""
    code = "import sys; print(sys.implementation.name, *sys.version_info[:3])"
    try:
        words = run([python, "-I", "-c", code]).stdout.split()
    except OSError:
        return None
    if len(words) != 4 or words[0] != "cpython":
        return None
    return tuple(int(word) for word in words[1:])


def dotted(version):
    return ".".join(str(part) for part in version)


def install_pip():
    """Put the pinned pip into .venv, with the interpreter's own pip where there is one, else by hand."""
    if ("pip %s " % PIP_VERSION) in run([VENV_PYTHON, "-I", "-m", "pip", "--version"]).stdout:
        return
    say("pip", PIP_VERSION)
    with tempfile.TemporaryDirectory() as folder:
        pin = os.path.join(folder, "pip.txt")
        with open(pin, "w") as file:
            file.write("pip==%s --hash=sha256:%s\n" % (PIP_VERSION, PIP_SHA256))
        arguments = ["install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "-r", pin]
        base = base_python()
        # --python came with pip 22.3; an older one fails here, and so does none at all.
        if base and run([base, "-I", "-m", "pip", "--python", VENV_PYTHON, *arguments]).returncode == 0:
            return
        wheel = os.path.join(folder, PIP_WHEEL)
        with open(wheel, "wb") as file:
            file.write(download_pip())
        result = run([VENV_PYTHON, "-I", os.path.join(wheel, "pip"), "install", "--quiet", "--no-index", wheel])
        if result.returncode:
            raise Problem("pip %s does not install into .venv\n%s" % (PIP_VERSION, result.stdout.strip()))


def base_python():
    """The interpreter that .venv was made from."""
    code = "import sys; print(sys._base_executable)"
    return run([VENV_PYTHON, "-I", "-c", code]).stdout.strip()


def download_pip():
    """The pinned wheel's bytes, from the package index that pip is configured to use."""
    index = pip_setting("index-url", DEFAULT_INDEX).rstrip("/")
    page = index + "/pip/"
    links = re.findall(r"""href=["']([^"']*/)?%s(?:#[^"']*)?["']""" % re.escape(PIP_WHEEL), fetch(page).decode())
    if not links:
        raise Problem("%s is not offered at %s; set PIP_INDEX_URL to an index that has it" % (PIP_WHEEL, page))
    data = fetch(urllib.parse.urljoin(page, links[0] + PIP_WHEEL))
    digest = hashlib.sha256(data).hexdigest()
    if digest != PIP_SHA256:
        raise Problem(
            "%s from %s is not the expected file: its sha256 is %s and has to be %s; try another PIP_INDEX_URL"
            % (PIP_WHEEL, index, digest, PIP_SHA256)
        )
    return data


def fetch(url):
    context = None
    if url.startswith("https:"):
        import ssl  # not at the top: a Python built without it can still use a local index

        context = ssl.create_default_context(cafile=pip_setting("cert", None))
    try:
        with urllib.request.urlopen(url, timeout=60, context=context) as answer:
            return answer.read()
    except (OSError, ValueError) as error:
        raise Problem(
            "%s cannot be read: %s; check the network, PIP_INDEX_URL, PIP_CERT and HTTPS_PROXY"
            % (url, getattr(error, "reason", error))
        ) from error


def pip_setting(name, default):
    """What pip itself would take: the environment first, then its usual configuration files."""
    value = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    if value:
        return value
    home = os.path.expanduser("~")
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    parser = configparser.RawConfigParser()
    parser.read(
        [
            "/etc/pip.conf",
            os.path.join(home, ".pip", "pip.conf"),
            os.path.join(config, "pip", "pip.conf"),
            os.environ.get("PIP_CONFIG_FILE", ""),
        ]
    )
    return parser.get("global", name, fallback=default)


def install_typings():
    """Afresh whenever the lock has changed: pip does not tidy up a --target folder."""
    mark = os.path.join(TYPINGS, "typings.lock")
    if os.path.exists(mark) and contents(mark) == contents(TYPINGS_LOCK):
        return
    shutil.rmtree(TYPINGS, ignore_errors=True)
    pip("install", "--no-deps", "--require-hashes", "--target", TYPINGS, "-r", TYPINGS_LOCK)
    shutil.copy(TYPINGS_LOCK, mark)


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def count_packages(lock):
    with open(lock) as file:
        return sum("==" in line for line in file)


def pip(*arguments, count=0):
    """Run .venv's pip; with `count`, show how many of about that many packages it has looked at."""
    command = [VENV_PYTHON, "-I", "-m", "pip", "--no-input", "--disable-pip-version-check", arguments[0]]
    command += ["--no-color", "--progress-bar=off"]
    if "--editable" not in arguments:
        # Nothing is built here, so neither a compiler nor an unlocked build tool can be asked for.
        command.append("--only-binary=:all:")
    process = subprocess.Popen(
        command + list(arguments[1:]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        env=clean_environment(),
    )
    last = collections.deque(maxlen=15)
    progress = Progress(count)
    for line in process.stdout or ():
        last.append(line)
        progress.see(line)
    progress.end()
    if process.wait():
        raise Problem(
            "pip %s failed in .venv; its last lines follow. Check the network and PIP_INDEX_URL, then run it again\n%s"
            % (" ".join(arguments), "".join(last).rstrip())
        )


class Progress:
    """One line that counts, on a terminal; a line for every ten packages elsewhere."""

    def __init__(self, count):
        self.count = count
        self.seen = 0
        self.live = sys.stdout.isatty()

    def see(self, line):
        if not self.count:
            return
        # "Processing" names a file, of which the part before the version is the package.
        begin = "Collecting|Processing|Requirement already satisfied:"
        name = re.match(r"(?:%s) (?:\S*/)?(\w+(?:-[a-z]\w*)*)" % begin, line)
        if name:
            self.seen += 1
            self.show("%d of %d: %s" % (self.seen, self.count, name.group(1)), self.seen % 10 == 0)
        elif line.startswith("Installing collected packages"):
            self.show("unpacking", True)

    def show(self, text, milestone):
        if self.live:
            sys.stdout.write("\r\033[K%10s%s" % ("", text))
            sys.stdout.flush()
        elif milestone:
            print("%10s%s" % ("", text), flush=True)

    def end(self):
        if self.live and self.count:
            sys.stdout.write("\r\033[K")
            sys.stdout.flush()


def run(command):
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        env=clean_environment(),
        check=False,
    )


def clean_environment():
    """Without the settings that would have pip install somewhere else than into .venv."""
    away = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PIP_NO_BINARY")
    return {name: value for name, value in os.environ.items() if name not in away}


def say(what, text):
    print("%-9s %s" % (what, text), flush=True)


if __name__ == "__main__":
    sys.exit(main())
