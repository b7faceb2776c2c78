"""What an image says of its process, and what of that becomes config.json."""
from writer import d, entry, f, sparse_01, sym
from corpus import ARCHITECTURE, ONE, OUT, about, process, refused, tar

ETC = d("etc")


def passwd(text):
    return tar(ETC, f("etc/passwd", text))


about("CVE-2024-40635, CVE-2026-46680: digits are never names, and never wrap")
for name, user in (("beyond-32-bits", "4294967296"), ("minus-one-of-32-bits", "4294967295"), ("beyond-64-bits", "18446744073709551616")):
    refused(f"user-{name}", f"user '{user}' is not a number from 0 to 4294967294", ONE, process={"User": user})
    refused(f"group-{name}", f"group '{user}' is not a number from 0 to 4294967294", ONE, process={"User": "0:" + user})
refused("user-of-digits-is-no-name", "user '4294967296' is not a number", passwd("4294967296:x:0:0::/:\n"), process={"User": "4294967296"})
refused("user-minus-one", "user '-1' is not in the image's /etc/passwd", ONE, process={"User": "-1"})
refused("user-of-a-uid-beyond-32-bits", "user 'big' is not in", passwd("big:x:4294967296:0::/:\n"), process={"User": "big"})
refused("user-of-an-empty-uid", "user 'none' is not in", passwd("none:x:::::\n"), process={"User": "none"})
refused("user-of-a-negative-uid", "user 'neg' is not in", passwd("neg:x:-1:-1::/:\n"), process={"User": "neg"})
refused("user-that-climbs", "user '\\.\\./\\.\\./etc/passwd' is not in", ONE, process={"User": "../../etc/passwd"})
refused("user-with-control-characters", "user 'a\\\\x1b\\[2J' is not in", ONE, process={"User": "a\x1b[2J"})
refused("user-with-a-newline", "user 'a\\\\nroot' is not in", passwd("a:x:1:1::/:\nroot:x:0:0::/:\n"), process={"User": "a\nroot"})
refused("group-of-nobody", "group 'nobody' is not in the image's /etc/group", ONE, process={"User": "0:nobody"})
refused("user-that-is-a-number-of-json", "config\\.User: expected", ONE, process={"User": 0})
process("user-zero-with-zeros", {"process.user.uid": 1000, "process.user.gid": 0}, process={"User": "0001000"})
process("user-of-an-image-without-passwd", {"process.user.uid": 7, "process.user.gid": 8}, process={"User": "7:8"})
process("user-first-line-counts", {"process.user.uid": 5, "process.user.gid": 6},
        tar(ETC, f("etc/passwd", "broken\nu:x:5:6::/home/u:\nu:x:0:0::/:\n")), process={"User": "u"})
process("user-empty", {"process.user.uid": 0, "process.user.gid": 0}, process={"User": ""})
process("home-that-is-no-path", {"process.env.HOME": "/"}, passwd("u:x:5:6::../../x:\n"), process={"User": "u"})

about("CVE-2024-9676, CVE-2026-47262: /etc/passwd of an image is a file, and small")
refused("passwd-is-a-fifo", "'/etc/passwd' in the image is not a regular file", tar(ETC, entry("etc/passwd", "6")), process={"User": "who"})
refused("passwd-is-a-device", "'/etc/passwd' in the image is not a regular file", tar(ETC, entry("etc/passwd", "3", device=(1, 5))),
        process={"User": "who"})
refused("passwd-is-a-directory", "'/etc/passwd' in the image is not a regular file", tar(ETC, d("etc/passwd")), process={"User": "who"})
refused("passwd-of-2-mebibytes", "larger than 1048576 bytes", passwd("a" * (2 << 20)), process={"User": "who"})
refused("passwd-of-a-tebibyte", "larger than 1048576 bytes", tar(ETC, sparse_01("etc/passwd", 2**40, [(0, 1)], b"x")), process={"User": "who"})
refused("passwd-that-leads-out", "user 'canary' is not in", tar(ETC, sym("etc/passwd", OUT + "/passwd")), process={"User": "canary"})
refused("passwd-behind-a-link-that-leads-out", "user 'canary' is not in", tar(sym("etc", OUT)), process={"User": "canary"})
refused("group-file-is-a-fifo", "'/etc/group' in the image is not a regular file", tar(ETC, entry("etc/group", "6")), process={"User": "0:who"})

about("CVE-2026-53488 and its kin: labels and annotations of an image command nobody")
for label in ("org.systemd.property.ExecStartPre", "run.oci.hooks.stderr", "io.containerd.runc.v2.x", "org.criu.config", "io.kubernetes.cri.x",
              "cdi.k8s.io/x", "krun.x", "com.github.containers.x", "module.wasm.image/variant"):
    process("label-" + label.replace("/", "-"), {f"annotations/{label}": None}, says=f"label '{label}' of the image could command a runtime",
            process={"Labels": {label: "x"}})
process("label-of-nobody", {"annotations/a b\x1b": "c"}, process={"Labels": {"a b\x1b": "c"}})
process("label-without-a-name", {"annotations/": None}, says="a label of the image has no name, ignoring", process={"Labels": {"": "x"}})
refused("labels-that-are-no-text", "config\\.Labels", ONE, process={"Labels": {"a": ["b"]}})
process("stop-signal-is-a-note-only", {"annotations/org.opencontainers.image.stopSignal": "$(reboot)"}, process={"StopSignal": "$(reboot)"})
process("healthcheck-is-not-run", {"hooks": None}, process={"Healthcheck": {"Test": ["CMD-SHELL", "touch /tmp/owned"]}})

about("CVE-2026-57231: variables of an image are its own")
process("variable-without-a-value", {"process.env.HOME": "/", "process.env.SECRET": None}, says="variable 'SECRET' of the image is not NAME=VALUE",
        process={"Env": ["SECRET"]})
process("variable-with-a-star", {"process.env.A": None}, says="variable 'SEC\\*' of the image is not NAME=VALUE", process={"Env": ["SEC*"]})
process("variable-without-a-name", {"process.env.": None}, says="variable '=x' of the image is not NAME=VALUE", process={"Env": ["=x"]})
process("variable-twice", {"process.env.A": "2"}, process={"Env": ["A=1", "A=2"]})
process("variable-that-names-another", {"process.env.A": "$SECRET ${SECRET} `id`"}, process={"Env": ["A=$SECRET ${SECRET} `id`"]})
refused("variable-with-a-nul", "NUL", ONE, process={"Env": ["A=b\0c"]})
refused("variables-that-are-text", "config\\.Env: expected", ONE, process={"Env": "A=b"})
refused("variables-that-are-numbers", "config\\.Env\\[0\\]: expected", ONE, process={"Env": [1]})
process("variables-null", {"process.env.HOME": "/"}, process={"Env": None})

about("commands and places")
refused("no-command", "names no command", ONE, process={"Cmd": []})
refused("command-null", "names no command", ONE, process={"Cmd": None})
refused("command-that-is-text", "config\\.Cmd: expected", ONE, process={"Cmd": "/bin/sh"})
refused("command-that-is-empty", "the command to run is an empty name", ONE, process={"Cmd": [""]})
refused("command-with-a-nul", "NUL", ONE, process={"Cmd": ["/x", "a\0b"]})
process("command-is-not-for-a-shell", {"process.args": ["/x; reboot", "$(id)"]}, process={"Cmd": ["/x; reboot", "$(id)"]})
process("entrypoint-and-command", {"process.args": ["/e", "/c"]}, process={"Entrypoint": ["/e"], "Cmd": ["/c"]})
process("working-directory-that-climbs", {"process.cwd": "/etc"}, process={"WorkingDir": "../../../etc"})
process("working-directory-of-descriptors", {"process.cwd": "/proc/self/fd/7"}, process={"WorkingDir": "/proc/self/fd/7"})
process("working-directory-empty", {"process.cwd": "/"}, process={"WorkingDir": ""})
refused("working-directory-with-a-nul", "NUL", ONE, process={"WorkingDir": "/a\0b"})

about("CVE-2022-23648: volumes stay in the image")
process("volume-of-the-root", {"mounts/": None}, says="volume '/' of the image would hide", process={"Volumes": {"/": {}}})
process("volume-that-climbs", {"mounts/": None}, says="volume '\\.\\./\\.\\.' of the image would hide", process={"Volumes": {"../..": {}}})
process("volume-of-proc", {"mounts/proc.type": "proc"}, says="volume '/x/\\.\\./proc' of the image would hide", process={"Volumes": {"/x/../proc": {}}})
process("volume-behind-a-link-that-leads-out", {"volume/l": []}, tar(sym("l", OUT)), process={"Volumes": {"/l": {}}})
process("volume-with-what-is-there", {"volume/v": ["f"]}, tar(d("v"), f("v/f")), process={"Volumes": {"/v": {}}})
refused("volumes-that-are-a-list", "config\\.Volumes: expected", ONE, process={"Volumes": ["/v"]})

about("image-spec, config.md: what may be left out")
process("config-of-nulls", {"process.args": ["/x"]}, config=lambda c: {**c, "config": {**c["config"], "Labels": None, "Volumes": None,
                                                                                              "ExposedPorts": None, "Entrypoint": None}})
refused("config-a-list", "config: expected", ONE, config=lambda c: {**c, "config": []})
process("platform-of-another-machine", {"annotations/org.opencontainers.image.architecture": "s390x"},
        says="the image is for linux/s390x, and this machine is another", config=lambda c: {**c, "architecture": "s390x"})
process("created-that-is-no-date", {"annotations/org.opencontainers.image.created": "yesterday"}, config=lambda c: {**c, "created": "yesterday"})
process("history-of-nonsense", {"annotations/org.opencontainers.image.architecture": ARCHITECTURE},
        config=lambda c: {**c, "history": [{"created_by": "x" * 100000, "empty_layer": "maybe"}] * 3})
