"""One line a check: `ok NAME` or `not ok NAME: why`; at the end how many there were."""

import os
import sys
import traceback

HOST = os.environ.get("PGHOST", "127.0.0.1")
PORT = int(os.environ.get("PGPORT", "5432"))
USER = os.environ.get("PGUSER", "orbit")
DATABASE = os.environ.get("PGDATABASE", "orbit")

_checks = 0
_failed = 0
# Called after each failed check, to bring a connection back into a usable state.
recover = []


def ok(name):
    global _checks
    _checks += 1
    print(f"ok {name}", flush=True)


def not_ok(name, why):
    global _checks, _failed
    _checks += 1
    _failed += 1
    print(f"not ok {name}: {' '.join(str(why).split())[:600]}", flush=True)


def failed(name, error):
    not_ok(name, f"{type(error).__name__}: {error}")
    if os.environ.get("CHECKS_TRACE"):
        traceback.print_exception(error, file=sys.stderr)
    for action in recover:
        try:
            action()
        except Exception as again:  # the next check will say what is broken
            print(f"recovery: {again}", file=sys.stderr)


def check(name):
    """Runs the function at once, as a check of this name."""

    def run(function):
        try:
            function()
        except Exception as error:
            failed(name, error)
        else:
            ok(name)
        return function

    return run


def equal(found, expected, what=""):
    if found != expected:
        raise AssertionError(f"{what + ': ' if what else ''}{found!r} instead of {expected!r}")


def true(condition, what="condition"):
    if not condition:
        raise AssertionError(f"not so: {what}")


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"{part!r} is not in {text!r}")


def raises(kind, action, **fields):
    """The error of `action`; `fields` are attributes it must have."""
    try:
        action()
    except kind as error:
        for field, value in fields.items():
            equal(getattr(error, field), value, field)
        return error
    raise AssertionError(f"no {kind.__name__}")


def finish():
    print(f"{_checks} checks, {_failed} failed", flush=True)
    sys.exit(1 if _failed else 0)
