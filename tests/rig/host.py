# SPDX-License-Identifier: Apache-2.0
"""A Debian guest as a host: what this machine's kernel has not (cgroup v2, pressure stall information, MGLRU), or
what nobody wants to try out on it.

    result = run(script, memory=512, disk=256)      # sizes in MiB
    result.status, result.output                    # of the script; RigError where it did not get that far

The guest is the lab's kernel with this host's root file system, read-only, over virtiofs: what was built here runs
there under the same path. Writable are /run, /dev/shm and TMPDIR (memory) and /mnt (ext4, on a disk). It has a
QEMU and a virtiofsd, both ended by run(), however it ends, and files in a directory of its own.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
KERNEL = ROOT / ".cache/kernel"
VIRTIOFSD = pathlib.Path("/usr/lib/qemu/virtiofsd")
QEMU = shutil.which("qemu-system-x86_64")
# In the order of loading.
MODULES = ("drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_pci_legacy_dev",
           "drivers/virtio/virtio_pci_modern_dev", "drivers/virtio/virtio_pci", "drivers/block/virtio_blk",
           "fs/fuse/fuse", "fs/fuse/virtiofs")
APPLETS = ("cat", "chroot", "insmod", "mkdir", "mount", "poweroff", "sh", "stty", "sync")
# Ends a guest that hangs; nothing depends on how long things take up to there.
PATIENCE = 300
MISSING = None
for _what in (KERNEL / "vmlinuz", VIRTIOFSD, pathlib.Path(QEMU or "/usr/bin/qemu-system-x86_64"),
              pathlib.Path("/usr/bin/busybox")):
    if not _what.exists():
        MISSING = f"{_what} is not there"
if os.geteuid() != 0:
    MISSING = "virtiofsd needs root"


class RigError(Exception):
    """The guest did not get as far as the end of the script."""


class Result:
    def __init__(self, status, output, seconds):
        self.status, self.output, self.seconds = status, output, seconds


def cpio_entry(name, mode, data=b""):
    """One member of an archive in the format "newc"."""
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def initrd():
    entries = [cpio_entry(name, 0o40755) for name in ("bin", "dev", "host", "modules", "proc")]
    entries.append(cpio_entry("init", 0o100755, (ROOT / "tests/rig/init").read_bytes()))
    entries.append(cpio_entry("bin/busybox", 0o100755, pathlib.Path("/usr/bin/busybox").read_bytes()))
    entries += [cpio_entry(f"bin/{applet}", 0o120777, b"busybox") for applet in APPLETS]
    for number, module in enumerate(MODULES):
        entries.append(cpio_entry(f"modules/{number:02}-{pathlib.Path(module).name}.ko", 0o100644,
                                  (KERNEL / f"modules/{module}.ko").read_bytes()))
    return b"".join(entries) + cpio_entry("TRAILER!!!", 0)


class Rig:
    def __init__(self, directory):
        self.directory = directory
        self.children = []

    def path(self, name):
        return self.directory / name

    def spawn(self, command, log):
        with open(self.path(log), "wb") as file:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        self.children.append(child)
        return child

    def share_root(self):
        socket = self.path("virtiofs")
        daemon = self.spawn([VIRTIOFSD, f"--socket-path={socket}", "-o", "source=/", "-o", "sandbox=chroot",
                             "-o", "cache=always"], "virtiofsd.log")
        end = time.monotonic() + 10
        while not socket.exists():
            if daemon.poll() is not None or time.monotonic() > end:
                raise RigError(f"virtiofsd does not start: {self.path('virtiofsd.log').read_text()}")
            time.sleep(0.01)

    def boot(self, memory, cpus, options):
        # The device alone says nothing: in a virtual machine it may be there and never run a guest.
        kvm = re.search(r"^flags.*\b(vmx|svm)\b", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        command = [
            QEMU, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-cpu", "max",
            *(("-accel", "kvm") if kvm else ()), "-accel", "tcg,thread=multi,tb-size=128", "-smp", str(cpus), "-m", f"{memory}M",
            "-object", f"memory-backend-memfd,id=ram,size={memory}M,share=on", "-machine", "pc,memory-backend=ram",
            "-kernel", str(KERNEL / "vmlinuz"), "-initrd", str(self.path("initrd")),
            "-append", "console=ttyS0 loglevel=4 panic=-1 tsc=reliable mitigations=off cryptomgr.notests "
                       f"rig.job={self.path('job')} {options}",
            "-chardev", f"file,id=console,path={self.path('console')}", "-serial", "chardev:console",
            "-chardev", f"file,id=output,path={self.path('output')}", "-serial", "chardev:output",
            "-chardev", f"socket,id=virtiofs,path={self.path('virtiofs')}",
            "-device", "vhost-user-fs-pci,chardev=virtiofs,tag=host,queue-size=256"]
        if self.path("disk").exists():
            command += ["-drive", f"file={self.path('disk')},format=raw,if=none,id=disk,cache=unsafe",
                        "-device", "virtio-blk-pci,drive=disk"]
        return self.spawn(command, "qemu.log")

    def make_disk(self, mib):
        with open(self.path("disk"), "wb") as file:
            file.truncate(mib << 20)
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", self.path("disk")], check=True)

    def text(self, name):
        path = self.path(name)
        return path.read_text(errors="replace").replace("\r", "") if path.exists() else ""

    def end(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.kill()
            child.wait()

    def result(self, seconds):
        text = self.text("output")
        match = re.search(r"^rig: status (\d+)$", text, re.MULTILINE)
        if not match:
            raise RigError(f"the guest did not come to the end of the script.\n{text}\n{self.text('console')}\n"
                           f"{self.text('qemu.log')}{self.text('virtiofsd.log')}")
        return Result(int(match[1]), text[:match.start()], seconds)


def run(script, memory=512, disk=0, cpus=2, timeout=PATIENCE, options=""):
    """Runs @script (of sh) in a guest with @memory MiB and, unless it is 0, a disk of @disk MiB; @options go to
    the kernel."""
    started = time.monotonic()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="aerostat-rig-"))
    rig = Rig(directory)
    try:
        rig.path("initrd").write_bytes(initrd())
        rig.path("job").write_text(script)
        if disk:
            rig.make_disk(disk)
        rig.share_root()
        try:
            rig.boot(memory, cpus, options).wait(timeout)
        except subprocess.TimeoutExpired:
            pass # the output says how far it got
        return rig.result(time.monotonic() - started)
    finally:
        rig.end()
        shutil.rmtree(directory)
