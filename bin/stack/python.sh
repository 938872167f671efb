# Sets $python to a Python that can make the environment; sourced by the commands in bin/.
# 3.12 and 3.11 come first because only they have the embedded Redis as a wheel.
unset PYTHONPATH PYTHONHOME
python=
for candidate in "${PYTHON:-}" .venv/bin/python python3.12 python3.11 python3 python3.13 python3.14; do
    if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
    then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "This needs Python 3.11 or newer: install it, or set PYTHON to where it is." >&2
    exit 1
fi
