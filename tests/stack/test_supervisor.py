from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bin.stack.processes import StackError, birth_mark, spawn, wait_until
from bin.stack.supervisor import Program, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal as s, time; s.signal(15, s.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


def make_program(folder: Path, command: list[str] = SLEEP) -> Program:
    return Program("sleeper", command, {}, folder, stop_seconds=1)


def test_a_program_that_ends_is_started_again(tmp_path):
    said: list[str] = []
    supervisor = Supervisor(said.append)
    program = make_program(tmp_path)
    supervisor.start("sleeper", program)
    first = program.process.pid

    program.process.kill()
    program.process.wait(5)
    supervisor.revive()

    assert program.process.pid != first
    assert "sleeper ended with code -9" in said[0]
    supervisor.stop_all()


def test_a_program_that_ends_again_and_again_is_given_up(tmp_path):
    supervisor = Supervisor(lambda line: None)
    program = make_program(tmp_path, [sys.executable, "-c", "print('no such thing')"])
    supervisor.start("sleeper", program)

    def fails() -> bool:
        program.process.wait(10)
        supervisor.revive()
        return False

    with pytest.raises(StackError, match="no such thing"):
        wait_until(fails, seconds=60)
    supervisor.stop_all()


def test_a_stubborn_program_is_killed_in_the_end(tmp_path):
    program = make_program(tmp_path, STUBBORN)
    program.start()
    assert wait_until(lambda: "up" in program.log.read_text(), seconds=10)
    process = program.process

    program.stop()

    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "sleeper.pid").exists()


def test_a_leftover_is_recognised_by_its_birth_and_stopped(tmp_path):
    left = make_program(tmp_path)
    left.start()

    make_program(tmp_path).stop_leftover()

    assert left.process.wait(5) == -signal.SIGTERM


def test_a_stranger_with_the_number_of_a_leftover_is_left_alone(tmp_path):
    stranger = subprocess.Popen(SLEEP)
    (tmp_path / "sleeper.pid").write_text(f"{stranger.pid} 12345\n")

    make_program(tmp_path).stop_leftover()

    assert stranger.poll() is None
    stranger.kill()
    stranger.wait(5)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of the death")
def test_children_go_when_the_launcher_is_killed(tmp_path):
    launcher = tmp_path / "launcher.py"
    launcher.write_text(
        "import time\nfrom pathlib import Path\n"
        "from bin.stack.supervisor import Program\n"
        f"p = Program('child', {SLEEP!r}, {{}}, Path({str(tmp_path)!r}))\n"
        "p.start()\nprint(p.process.pid, flush=True)\ntime.sleep(600)\n"
    )
    log = tmp_path / "launcher.log"
    root = str(Path(__file__).resolve().parents[2])
    process = spawn([sys.executable, str(launcher)], environ={"PYTHONPATH": root}, log=log)
    assert wait_until(lambda: log.read_text().strip().isdigit(), seconds=10)
    child = int(log.read_text())

    process.kill()
    process.wait(5)

    assert wait_until(lambda: birth_mark(child) is None, seconds=10)
