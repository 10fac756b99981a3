# SPDX-License-Identifier: Apache-2.0
"""The image, built for real, and docker/compose.yaml without a Docker engine:
each service in namespaces of its own, on the image's root, which is read-only,
as the user and with the capabilities that image and service say. One network
namespace is for all of them, for their ports are not the same."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import yaml

from broker import ROOT, wait_until
from debian import base, run

COMPOSE = ROOT / "docker/compose.yaml"
PATIENCE = 300
NODES = ("null", "zero", "full", "random", "urandom")


class Image:
    """What `make image` builds, on a Debian of our own, and mounted."""

    def __init__(self, folder):
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/graph"\n'
            f'runroot = "{folder}/run"\n')
        self.environment = dict(
            os.environ, BUILDER="buildah", STORAGE_DRIVER="vfs",
            CONTAINERS_STORAGE_CONF=str(folder / "storage.conf"),
            BUILDAH_ISOLATION="chroot")

    def buildah(self, *arguments):
        return run("buildah", *arguments, env=self.environment).strip()

    def build(self):
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, base(), "/")
        self.buildah("commit", "--quiet", "--rm", container, "localhost/base")
        run("make", "image", "BASE=localhost/base", "IMAGE=localhost/trust",
            cwd=ROOT, env=self.environment)
        self.config = json.loads(self.buildah(
            "inspect", "--type", "image", "localhost/trust"))["Docker"][
                "config"]
        container = self.buildah("from", "--pull-never", "localhost/trust")
        self.root = pathlib.Path(self.buildah("mount", container))

    def close(self):
        """All of it is large."""
        self.buildah("rm", "--all")
        self.buildah("rmi", "--all", "--force")


class Network:
    """A network namespace with nothing but loopback, while a process of it
    lives."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c",
             "ip link set lo up && echo up && exec sleep infinity"],
            stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"up\n"
        self.path = f"/proc/{self.process.pid}/ns/net"

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Service:
    """One service of compose.yaml."""

    def __init__(self, compose, name):
        self.compose, self.name = compose, name
        self.description = compose.text["services"][name]
        self.log_path = compose.folder / f"{name}.log"
        self.process = None
        self.mounts = []
        for volume in self.description.get("volumes", []):
            source, target, *mode = volume.split(":")
            self.mounts.append((source, target, mode == ["ro"]))
        # Those that the image names and the service does not.
        for target in compose.image.config["Volumes"]:
            if target not in [target for _, target, _ in self.mounts]:
                self.mounts.append((f"{name}-anonymous", target, False))

    def source(self, source, target):
        """Where it lies here. A volume begins with what the image has there,
        or else as root's."""
        if source.startswith("./"):
            return COMPOSE.parent / source
        volume = self.compose.folder / "volumes" / source
        old = self.compose.image.root / target[1:]
        if not volume.exists() or not any(volume.iterdir()):
            volume.mkdir(parents=True, exist_ok=True)
            if target in self.compose.inherited:
                shutil.copystat(old, volume)
                shutil.chown(volume, old.stat().st_uid, old.stat().st_gid)
        return volume

    def script(self):
        """What the kernel is told before the service starts."""
        root = self.compose.image.root
        assert self.description["read_only"] is True
        yield f"mount --bind {root} {root}"
        yield f"mount -o remount,bind,ro {root}"
        yield f"mount -t proc proc {root}/proc"
        yield f"mount -t tmpfs tmpfs {root}/dev"
        for node in NODES:
            yield f": >{root}/dev/{node}"
            yield f"mount --bind /dev/{node} {root}/dev/{node}"
        yield f"mount --bind {self.compose.hosts} {root}/etc/hosts"
        for source, target, read_only in self.mounts:
            yield f"mount --bind {self.source(source, target)} {root}{target}"
            if read_only:
                yield f"mount -o remount,bind,ro {root}{target}"

    def user(self):
        """As setpriv(1) is told, and it lies in the image."""
        uid, gid = self.description.get(
            "user", self.compose.image.config["User"]).split(":")
        assert self.description["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in self.description["security_opt"]
        capabilities = ",".join(["-all", *(
            "+" + name.lower() for name in self.description.get(
                "cap_add", []))])
        return ["setpriv", "--reuid", uid, "--regid", gid, "--clear-groups",
                "--no-new-privs", "--inh-caps=-all",
                f"--bounding-set={capabilities}"]

    def command(self, *command):
        config = self.compose.image.config
        environment = dict(pair.split("=", 1) for pair in config["Env"])
        environment.update(self.description.get("environment", {}))
        script = "\n".join([*self.script(), 'exec "$@"'])
        return [
            "setpriv", "--pdeathsig", "KILL", "nsenter", f"--net={self.compose.network.path}",
            "unshare", "--mount", "--pid", "--fork", "--kill-child",
            "sh", "-euc", script, "sh",
            "chroot", str(self.compose.image.root), "env", "-i",
            f"--chdir={config['WorkingDir']}",
            *[f"{name}={value}" for name, value in environment.items()],
            *self.user(), *map(str, command)]

    def run(self, *command, **more):
        """As with docker-compose exec; the result of subprocess.run()."""
        return subprocess.run(
            self.command(*command), text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=PATIENCE, **more)

    def do(self, *command, **more):
        result = self.run(*command, **more)
        assert result.returncode == 0, (command, result.stdout, self.log())
        return result.stdout

    def start(self):
        command = self.description.get(
            "command", self.compose.image.config["Cmd"])
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(*command), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)

    def check_running(self):
        """`restart: on-failure`."""
        assert self.description["restart"] == "on-failure"
        if self.process.poll():
            self.start()

    def is_healthy(self):
        kind, script = self.compose.image.config["Healthcheck"]["Test"]
        assert kind == "CMD-SHELL"
        self.check_running()
        return self.run("sh", "-c", script).returncode == 0

    def wait_for(self, condition):
        if condition == "service_completed_successfully":
            assert self.process.wait(PATIENCE) == 0, self.log()
        elif condition == "service_healthy":
            assert self.description["healthcheck"] != {"disable": True}
            wait_until(self.is_healthy, self.log, PATIENCE)
        else:
            assert condition == "service_started"

    def stop(self):
        """SIGKILL: what it was started by takes all of it along."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def folder(self, target="/var/lib/mosquitto-trust"):
        """Where one of its volumes lies here."""
        source = {target: source for source, target, _ in self.mounts}
        return self.source(source[target], target)

    def log(self):
        return (self.log_path.read_text(errors="replace")
                if self.log_path.exists() else "")

    def wait_log(self, pattern, since=0):
        def look():
            self.check_running()
            return re.search(pattern, self.log()[since:])
        return wait_until(look, lambda: (
            f"{self.name}: {pattern!r} in:\n{self.compose.logs()}"), PATIENCE)


class Compose:
    """All services of docker/compose.yaml, on one image."""

    def __init__(self, image, folder):
        self.image, self.folder = image, folder
        self.text = yaml.safe_load(COMPOSE.read_text())
        # What a volume may begin with.
        self.inherited = set(image.config["Volumes"])
        self.network = Network()
        self.hosts = folder / "hosts"
        self.services = {name: Service(self, name)
                         for name in self.text["services"]}
        self.hosts.write_text("".join(
            f"127.0.0.1 {name}\n" for name in ("localhost", *self.services)))
        for service in self.services.values():
            for source, target, _ in service.mounts:
                self.make_target(target, not source.startswith("./"))
        self.make_target("/etc/hosts", False)

    def make_target(self, target, is_folder):
        """An engine makes it as well, before the root is read-only."""
        path = self.image.root / target[1:]
        if path.exists():
            return
        if is_folder:
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def __getitem__(self, name):
        return self.services[name]

    def up(self, name):
        """A service, after those that it depends on."""
        service = self[name]
        if service.process:
            return
        for other, how in service.description.get("depends_on", {}).items():
            self.up(other)
            self[other].wait_for(how["condition"])
        service.start()

    def logs(self):
        return "".join(f"---- {name}\n{service.log()[-3000:]}"
                       for name, service in self.services.items())

    def close(self):
        for service in self.services.values():
            service.stop()
        self.network.close()
