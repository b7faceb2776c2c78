"""For tests/bench/images: where it measures (Field), and what it measures, a class for each tool.

A tool's start(disk) prepares it on an empty file system and starts its daemons, fetch(image) is what is measured: from
the registry to something a container can run from, by the commands that people use; stop() ends what start() began.
"""
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("BIN", os.path.join(TOP, "build/bin"))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build/release"))


class Skip(Exception):
    """What a tool cannot do, in its words."""


def eventually(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"bench: {what} did not come up")
        time.sleep(0.02)


class Account:
    cpu = wall = peak = 0


class Cgroup:
    """Of version 1 (cpuacct) or 2, for what tools and their daemons use."""

    def __init__(self):
        first = "/sys/fs/cgroup" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "/sys/fs/cgroup/cpuacct"
        self.dir = tempfile.mkdtemp(prefix="bench-", dir=first)

    def enter(self):
        with open(f"{self.dir}/cgroup.procs", "w") as file:
            file.write("0")

    def cpu(self):
        """Seconds, since it was made."""
        try:
            with open(f"{self.dir}/cpuacct.usage") as file:
                return int(file.read()) / 1e9
        except FileNotFoundError:
            with open(f"{self.dir}/cpu.stat") as file:
                return int(file.readline().split()[1]) / 1e6

    def memory(self):
        """The sum of its processes' PSS."""
        total = 0
        with open(f"{self.dir}/cgroup.procs") as file:
            for pid in file.read().split():
                with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as rollup:
                    total += sum(int(line.split()[1]) << 10 for line in rollup if line.startswith("Pss:"))
        return total


class Field:
    """Namespaces of our own, a registry in them, a cgroup, and file systems to be used once."""

    def __enter__(self):
        self.isolate()
        self.scratch = tempfile.mkdtemp(prefix="bench-")
        os.chmod(self.scratch, 0o755)
        self.cgroup = Cgroup()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755,size=90%", "tmpfs", self.scratch], check=True)
        self.start_registry()
        return self

    def __exit__(self, *_):
        self.daemon.kill()
        self.daemon.wait()
        subprocess.run(["umount", "-l", self.scratch], check=False)
        os.rmdir(self.scratch)
        os.rmdir(self.cgroup.dir)

    @staticmethod
    def isolate():
        """In a pid namespace nothing outlives us, and mounts and networks are ours; /run has no engine's sockets."""
        if os.environ.get("BENCH_FIELD"):
            return
        os.environ["BENCH_FIELD"] = "1"
        prepare = 'ip link set lo up; mount -t tmpfs -o mode=755 tmpfs /run; exec "$@"'
        os.execvp("unshare", ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
                              "--propagation", "private", "sh", "-c", prepare, "sh", sys.executable] + sys.argv)

    def start_registry(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.registry = f"127.0.0.1:{port}"
        with open(f"{self.scratch}/registry.yml", "w") as file:
            file.write("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
                       f"storage: {{filesystem: {{rootdirectory: {self.scratch}/registry}}}}\nhttp: {{addr: \"{self.registry}\"}}\n")
        with open(f"{self.scratch}/registry.log", "w") as log:
            self.daemon = subprocess.Popen(["docker-registry", "serve", f"{self.scratch}/registry.yml"], stdout=log, stderr=log)

        def answers():
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0
        eventually("docker-registry", answers)

    @contextlib.contextmanager
    def fresh(self):
        """An ext4 of its own, in memory: what others have left on a disk, or removed from it, does not count."""
        disk, point = f"{self.scratch}/disk", f"{self.scratch}/mnt"
        with open(disk, "w") as file:
            file.truncate(10 << 30)
        options = "lazy_itable_init=0,lazy_journal_init=0,nodiscard"
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", options, disk], check=True)
        os.makedirs(point, exist_ok=True)
        subprocess.run(["mount", "-o", "loop", disk, point], check=True)
        os.rmdir(f"{point}/lost+found")
        try:
            yield point
        finally:
            subprocess.run(["umount", "-R", "-l", point], check=True)
            os.unlink(disk)

    @contextlib.contextmanager
    def account(self, watch):
        """What happens inside `with` is added up; `watch`: its memory is, which takes time of its own."""
        account, over = Account(), threading.Event()

        def look():
            while not over.wait(0.005):
                account.peak = max(account.peak, self.cgroup.memory())
        watcher = threading.Thread(target=look)
        if watch:
            watcher.start()
        cpu, wall = self.cgroup.cpu(), time.monotonic()
        try:
            yield account
            account.cpu, account.wall = self.cgroup.cpu() - cpu, time.monotonic() - wall
        finally:
            over.set()
            if watch:
                watcher.join()

    def run(self, command, **options):
        """In the cgroup.  A command that fails says why."""
        with tempfile.TemporaryFile("w+") as errors:
            ran = subprocess.run(command, preexec_fn=self.cgroup.enter, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=errors, check=False, **options)
            if ran.returncode != 0:
                errors.seek(0)
                said = errors.read().strip().splitlines() or [f"status {ran.returncode}"]
                raise Skip(f"{os.path.basename(command[0])}: {said[-1][:160]}")

    def start(self, command, log, **options):
        with open(log, "w") as out:
            return subprocess.Popen(command, preexec_fn=self.cgroup.enter, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **options)


# ---- tools --------------------------------------------------------------------------------------------------------

class Tool:
    programs = ()

    def __init__(self, field):
        self.field, self.disk, self.daemon, self.count = field, None, None, 0

    def start(self, disk):
        self.disk, self.count = disk, 0

    def stop(self):
        if self.daemon:
            self.daemon.terminate()
            self.daemon.wait()
            self.daemon = None

    def daemon_runs(self, command, socket_path, **options):
        self.daemon = self.field.start(command, f"{self.disk}/log", **options)
        eventually(command[0], lambda: os.path.exists(socket_path))
        time.sleep(1)  # what it does on its own at first is not a pull's

    @property
    def number(self):
        self.count += 1
        return self.count


class ImageTool(Tool):
    name = "imagetool"

    def command(self):
        return [f"{BIN}/imagetool", "--store", f"{self.disk}/store"]

    def fetch(self, image):
        self.field.run(self.command() + ["pull", "--quiet", image.reference])
        self.field.run(self.command() + ["bundle", image.reference, f"{self.disk}/bundle{self.number}"])


class User(ImageTool):
    """The same by an ordinary user with a range of subordinate ids, who is known in our mount namespace alone."""
    name, programs = "user", ("newuidmap", "newgidmap", "setpriv")
    uid = 4242

    def __init__(self, field):
        super().__init__(field)
        for file, line in (("passwd", f"bench:x:{self.uid}:{self.uid}::/:/bin/sh"), ("subuid", f"{self.uid}:500000:65536"),
                           ("subgid", f"{self.uid}:500000:65536")):
            with open(f"/etc/{file}", "a+") as known, open(f"{field.scratch}/{file}", "w") as own:
                known.seek(0)
                own.write(f"{known.read()}{line}\n")
            subprocess.run(["mount", "--bind", f"{field.scratch}/{file}", f"/etc/{file}"], check=True)

    def start(self, disk):
        super().start(disk)
        os.chown(disk, self.uid, self.uid)

    def command(self):
        return ["setpriv", "--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups", "env", "-i",
                f"PATH={os.environ['PATH']}", f"HOME={self.disk}"] + super().command()


class SkopeoUmoci(Tool):
    name, programs = "skopeo+umoci", ("skopeo", "umoci")

    def fetch(self, image):
        self.field.run(["skopeo", "copy", "--quiet", "--insecure-policy", "--src-tls-verify=false", f"docker://{image.reference}",
                        f"oci:{self.disk}/layout:{image.name}"])
        self.field.run(["umoci", "unpack", "--image", f"{self.disk}/layout:{image.name}", f"{self.disk}/bundle{self.number}"])


class Podman(Tool):
    name, programs = "podman", ("podman",)

    def fetch(self, image):
        command = ["podman", "--root", f"{self.disk}/root", "--runroot", f"{self.disk}/run", "--tmpdir", f"{self.disk}/tmp",
                   "--storage-driver=overlay", "--cgroup-manager=cgroupfs", "--events-backend=none"]
        self.field.run(command + ["pull", "--quiet", "--tls-verify=false", image.reference])
        self.field.run(command + ["create", "--network=none", image.reference])


class Docker(Tool):
    name, programs = "docker", ("dockerd", "docker", "containerd")

    def start(self, disk):
        super().start(disk)
        self.socket = f"{disk}/docker.sock"
        with open(f"{disk}/daemon.json", "w") as file:
            file.write("{}")
        self.daemon_runs(["dockerd", "--data-root", f"{disk}/data", "--exec-root", f"{disk}/exec", "--pidfile", f"{disk}/pid", "--host",
                          f"unix://{self.socket}", "--iptables=false", "--ip6tables=false", "--bridge=none",
                          "--config-file", f"{disk}/daemon.json", "--exec-opt", "native.cgroupdriver=cgroupfs"], self.socket)

    def fetch(self, image):
        command = ["docker", "--config", f"{self.disk}/config", "--host", f"unix://{self.socket}"]
        self.field.run(command + ["pull", "--quiet", image.reference])
        self.field.run(command + ["create", image.reference])


class Containerd(Tool):
    name, programs = "containerd", ("containerd", "ctr")

    def start(self, disk):
        super().start(disk)
        with open(f"{disk}/config.toml", "w") as file:
            file.write(f'version = 2\nroot = "{disk}/root"\nstate = "{disk}/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
                       f'[grpc]\naddress = "{disk}/socket"\n')
        self.daemon_runs(["containerd", "--config", f"{disk}/config.toml"], f"{disk}/socket")

    def fetch(self, image):
        command = ["ctr", "--address", f"{self.disk}/socket"]
        self.field.run(command + ["image", "pull", "--plain-http", image.reference])
        self.field.run(command + ["container", "create", image.reference, f"c{self.number}"])


def tools_there(field):
    """Those whose programs are installed, and a line for each that is not."""
    tools, missing = [], []
    for kind in (ImageTool, User, SkopeoUmoci, Podman, Docker, Containerd):
        gone = [program for program in kind.programs if not shutil.which(program)]
        if gone:
            missing.append(f"{', '.join(gone)} not installed, {kind.name} is left out: contrib/install-packages bench engines")
        else:
            tools.append(kind(field))
    return tools, missing
