"""What an agent in the sandbox can and cannot do, tried from inside."""

import asyncio
import os
import signal
import socket
import sys
import venv
from pathlib import Path

import psutil
import pytest

from ostinato.adapters.agents.claude_sessions import saved_transcript
from ostinato.adapters.agents.travelling import pack
from ostinato.adapters.git.collapsing import collapse
from ostinato.adapters.git.commits import snapshot
from ostinato.adapters.processes import MARKER_VARIABLE, kill_strays
from ostinato.domain.errors import ExternalError
from ostinato.domain.precautions import Limits
from ostinato.domain.redaction import Redactor
from tests.integration.enclosure import Cell, a_cell
from tests.repositories import AUTHOR, a_key, fingerprint, git

MIB = 2**20
REACH = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 3)"
POWERS = """
import os
print(*[line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm", "CapBnd"))])
for folder, folders, files in os.walk("/proc"):
    folders[:] = [name for name in folders if not name.isdigit() and name not in ("self", "thread-self")]
    print(*[place for name in files if os.access(place := f"{folder}/{name}", os.W_OK)])
"""
TALK = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as gateway:
    while data := gateway.recv(100):
        print(data.decode(), flush=True)
        gateway.sendall(b"had " + data)
"""
ON_SIGNAL = """
import os, signal, sys, time
def end(number, frame):
    with open("told", "a") as told: told.write(f"{signal.Signals(number).name} ")
    time.sleep(0.3)
    sys.exit(5)
signal.signal(signal.SIGINT, end)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True: time.sleep(0.1)
"""
STRAY = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("ready", flush=True)
while True: time.sleep(0.1)
"""


@pytest.fixture
async def cell(tmp_path: Path) -> Cell:
    return await a_cell(tmp_path)


def living(cell: Cell) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["environ", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and (process.info["environ"] or {}).get(MARKER_VARIABLE) == cell.marker
    ]


async def test_a_port_that_listens_on_this_machine_is_out_of_reach(cell: Cell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        end = await cell.run(sys.executable, "-c", REACH, str(server.getsockname()[1]))

    assert "Connection refused" in end.tail


async def test_a_key_in_the_home_folder_cannot_be_read(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    key = cell.folder / "home" / ".ssh" / "id_ed25519"
    key.parent.mkdir(parents=True)
    key.write_text("PRIVATE")
    monkeypatch.setenv("HOME", str(cell.folder / "home"))

    end = await cell.sh(f"cat {key} ~/.ssh/id_ed25519")

    assert end.exit_code == 1
    assert "PRIVATE" not in end.tail


async def test_the_home_stays_hidden_where_a_folder_around_it_may_be_read(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cell.folder / "home").mkdir()
    (cell.folder / "home" / "notes").write_text("PRIVATE")
    (cell.folder / "beside").write_text("public")
    monkeypatch.setenv("HOME", str(cell.folder / "home"))
    cell.with_sandbox(readable=(cell.folder,))

    end = await cell.sh(f"cat {cell.folder}/beside; ls -A {cell.folder}/home")

    assert end.tail.split() == ["public"]


@pytest.mark.parametrize("place", ["/usr/planted", "/etc/planted", "/planted", "/run/ostinato/planted"])
async def test_the_system_cannot_be_written(cell: Cell, place: str) -> None:
    end = await cell.sh(f"echo planted > {place}")

    assert not end.ok
    assert not Path(place).exists()


async def test_it_has_no_capabilities_and_no_kernel_setting_can_be_written(cell: Cell) -> None:
    end = await cell.run(sys.executable, "-c", POWERS)

    assert end.tail.split() == ["0000000000000000"] * 3


@pytest.mark.parametrize("command", ["umount .git", "umount /etc/passwd", "mount -o remount,bind,rw /usr"])
async def test_no_mount_can_be_undone(cell: Cell, command: str) -> None:
    end = await cell.sh(command)

    assert end.exit_code not in (0, 127), end.tail


async def test_what_is_written_beside_the_worktree_does_not_arrive(cell: Cell) -> None:
    await cell.sh(f"echo planted > {cell.folder}/beside; echo planted > /tmp/ostinato-planted; echo kept > kept")

    assert not (cell.folder / "beside").exists()
    assert not Path("/tmp/ostinato-planted").exists()
    assert (cell.tree / "kept").read_text() == "kept\n"


async def test_nothing_of_run_var_or_another_process_is_seen(cell: Cell) -> None:
    end = await cell.sh("ls /run; ls /var 2>&1; ls -d /proc/[0-9]* | wc -l")

    assert end.tail.split("\n")[0] == "ostinato"
    assert int(end.tail.split()[-1]) < 8


async def test_the_environment_loses_what_leads_to_a_network_and_keeps_the_rest(cell: Cell) -> None:
    cell.env = {"PIP_INDEX_URL": "https://me:secret@index.example", "HTTPS_PROXY": "http://proxy:1", "MODEL": "m"}

    end = await cell.sh("env")

    assert "secret" not in end.tail
    assert "proxy" not in end.tail
    assert {"MODEL=m", f"HOME={cell.private}"} <= set(end.tail.splitlines())


async def test_git_commits_in_the_worktree_and_the_store_outside_does_not_change(cell: Cell) -> None:
    before = fingerprint(cell.ground.mirror)

    end = await cell.sh(
        "echo new > new && git switch -qc mine && git add new && git commit -qm New && git log --oneline"
    )

    assert end.ok, end.tail
    assert len(end.tail.splitlines()) == 2
    assert fingerprint(cell.ground.mirror) == before


async def test_the_store_cannot_be_written_nor_anything_of_it_be_seen_but_objects(cell: Cell) -> None:
    mirror = cell.ground.mirror

    end = await cell.sh(f"ls {mirror}; touch {mirror}/objects/planted")

    assert end.tail.splitlines()[0] == "objects"
    assert not (mirror / "objects" / "planted").exists()


async def test_what_an_agent_committed_becomes_the_step_s_commit(cell: Cell) -> None:
    mirror, base = cell.ground.mirror, cell.ground.base
    await cell.sh("echo new > new && git add new && git commit -qm New")

    deeds = await collapse(cell.tree, mirror=mirror, base=base, folder=cell.own)
    trailers = a_key("s-1").trailers
    taken = await snapshot(cell.tree, mirror=mirror, parent=base, message="Do", author=AUTHOR, trailers=trailers)

    assert (deeds.commits_count, deeds.is_replaced) == (1, False)
    assert taken is not None
    assert git(mirror, "show", f"{taken.commit}:new") == "new"


@pytest.mark.parametrize("place", ["{tree}/.git", "{own}/repository/objects/info/alternates"])
async def test_what_points_at_other_repositories_cannot_be_replaced(cell: Cell, place: str) -> None:
    pointer = Path(place.format(tree=cell.tree, own=cell.own))
    before = pointer.read_text()

    moves = (f"mv {place} {place}.away" for place in (pointer, *pointer.parents[:4]))

    await cell.sh(f"{'; '.join(moves)}; rm -f {pointer}; mkdir -p {pointer.parent}; echo planted > {pointer}")

    assert pointer.read_text() == before


async def test_a_link_that_an_agent_left_does_not_lead_our_writing_elsewhere(cell: Cell) -> None:
    await cell.sh(f"ln -s {cell.folder}/stolen {cell.private}/settings.json; ln -s inner {cell.private}/harmless")

    await cell.sh("true")

    assert [place.name for place in cell.private.iterdir() if place.is_symlink()] == ["harmless"]


async def test_no_link_of_an_agent_leads_what_saves_its_session_out(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home := cell.folder / "person"))
    home.mkdir()
    (home / ".bash_history").write_text("a secret of theirs\n")
    kept = f"{cell.private}/.claude/projects/x"
    script = f"mkdir -p {kept}/s1 && echo '{{}}' >{kept}/s1.jsonl && ln -s {home}/.bash_history {kept}/s1/n && ln -s {home} {kept}/s1/all"

    end = await cell.sh(f"{script}; ln {home}/.bash_history {kept}/s1/hard")
    packed = pack(cell.private, saved_transcript(cell.private, "s1"), Redactor(), is_live=True)

    assert not end.ok  # out of its mounts there are no hard links
    assert list(packed.files) == [".claude/projects/x/s1.jsonl"]


async def test_the_gateway_is_reached_and_every_part_of_its_answer_arrives_at_once(cell: Cell) -> None:
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in (b"one", b"two", b"three"):
            writer.write(part)
            heard.append(await reader.readexactly(len(part) + 4))  # Only after this is the next part sent.
        writer.close()

    cell.with_sandbox(gateway=cell.folder / "gateway.sock", needs_model=True)
    cell.base_url = "http://127.0.0.1:18080/anthropic"
    async with await asyncio.start_unix_server(answer, cell.folder / "gateway.sock"):
        end = await cell.run(sys.executable, "-c", TALK, "18080")

    assert end.tail.split() == ["one", "two", "three"]
    assert heard == [b"had one", b"had two", b"had three"]


async def test_megabytes_pass_both_ways_with_twenty_connections_at_once(cell: Cell) -> None:
    code = """
import socket, sys, threading
def ask(total=1 << 20):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30) as gateway:
        sender = threading.Thread(target=lambda: (gateway.sendall(b"x" * total), gateway.shutdown(socket.SHUT_WR)))
        sender.start()
        got = 0
        while data := gateway.recv(1 << 16): got += len(data)
        print(got == total, flush=True)
askers = [threading.Thread(target=ask) for _ in range(20)]
[each.start() for each in askers]; [each.join() for each in askers]
"""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()

    cell.with_sandbox(gateway=cell.folder / "gateway.sock", needs_model=True)
    cell.base_url = "http://127.0.0.1:18080"
    async with await asyncio.start_unix_server(echo, cell.folder / "gateway.sock"):
        end = await cell.run(sys.executable, "-c", code, "18080")

    assert end.tail.split() == ["True"] * 20


async def test_an_agent_that_could_not_reach_its_model_is_not_started(cell: Cell) -> None:
    cell.with_sandbox(needs_model=True)
    cell.base_url = "https://api.example"

    with pytest.raises(ExternalError, match="not the gateway's address") as raised:
        await cell.spec("true")

    assert raised.value.code == "sandbox_unfit"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_reaches_the_agent_and_its_exit_code_comes_back(cell: Cell, number: signal.Signals) -> None:
    async with cell.streaming(sys.executable, "-c", ON_SIGNAL) as running:
        assert await running.lines(20) == ["ready"]
        running.signal(number)
        assert await running.lines(20) is None

    assert running.end().exit_code == 5
    assert (cell.tree / "told").read_text() == f"{number.name} "


async def test_an_agent_that_is_stopped_is_asked_once_and_given_its_time(cell: Cell) -> None:
    async with cell.streaming(sys.executable, "-c", ON_SIGNAL) as running:
        assert await running.lines(20) == ["ready"]

    assert (cell.tree / "told").read_text() == "SIGTERM "
    assert running.end().exit_code == 5


async def test_an_agent_ended_by_a_signal_is_told_as_a_shell_tells_it(cell: Cell) -> None:
    end = await cell.sh("kill -9 $$")

    assert end.exit_code == 137


async def test_a_command_that_is_not_there_inside_says_so(cell: Cell) -> None:
    end = await cell.run("no-such-agent")

    assert end.exit_code == 126
    assert "no-such-agent cannot be started in the sandbox" in end.tail


async def test_every_process_ends_when_the_supervisor_is_killed(cell: Cell) -> None:
    async with cell.streaming(sys.executable, "-c", STRAY) as running:
        assert (await running.lines(20)) == ["ready"]
        found = living(cell)

        os.kill(running.supervised.pid, signal.SIGKILL)
        _, left = await asyncio.to_thread(psutil.wait_procs, found, 10)
        with pytest.raises(ExternalError, match="supervisor"):
            running.supervised.ended.result(10)

    assert len(found) == 5  # bubblewrap, the entrance, the agent and what it left behind
    assert not left


async def test_the_sweep_finds_its_processes_by_their_marker(cell: Cell) -> None:
    async with cell.streaming(sys.executable, "-c", STRAY) as running:
        assert (await running.lines(20)) == ["ready"]

        swept = kill_strays(cell.marker)

    assert swept >= 1
    assert not living(cell)


async def test_what_went_into_a_session_of_its_own_ends_with_the_agent(cell: Cell) -> None:
    end = await cell.sh("setsid sleep 100 & setsid nohup sleep 100 & exit 3")

    assert end.exit_code == 3
    assert not living(cell)


async def test_memory_is_measured_and_limited_inside(cell: Cell) -> None:
    cell.limits = Limits(memory_bytes=150 * MIB)

    end = await cell.run(sys.executable, "-c", "held = bytearray(300 << 20); import time; time.sleep(30)")

    assert end.exceeded == "memory"
    assert end.peak.memory_bytes > 150 * MIB


async def test_more_than_the_hard_limit_is_refused_to_a_process_inside(cell: Cell) -> None:
    cell.limits = Limits(memory_bytes=50 * MIB)

    end = await cell.run(sys.executable, "-c", "bytearray(1 << 30)")

    assert "MemoryError" in end.tail


async def test_the_program_of_a_virtual_environment_is_seen_with_its_interpreter(cell: Cell) -> None:
    end = await cell.run(sys.executable, "-c", "import psutil; print(psutil.__name__)")

    assert end.tail.strip() == "psutil"


async def test_an_environment_that_is_shown_can_be_used(cell: Cell) -> None:
    environment = cell.folder / "environment"
    venv.create(environment, symlinks=True)
    cell.with_sandbox(readable=(environment,))
    cell.env = {"PATH": f"{environment}/bin:{os.environ['PATH']}"}

    end = await cell.sh("python -c 'import sys; print(sys.prefix)'; touch $(dirname $(command -v python))/planted")

    assert end.tail.splitlines()[0] == str(environment)
    assert not (environment / "bin" / "planted").exists()


async def test_what_lay_in_tmp_is_kept_for_an_agent_that_resumes(cell: Cell) -> None:
    await cell.sh("echo kept > /tmp/kept")
    cell.resumes = True

    end = await cell.sh("cat /tmp/kept")

    assert end.tail.strip() == "kept"
