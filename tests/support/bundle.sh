# shellcheck shell=bash
# Bundles of a busybox root file system, and the runtime under test, for the suites of tests/container.
#
#   make_bundle DIR [JQ]     a bundle whose configuration is the plain one, changed by a jq filter
#   set_config DIR JQ        changes it again
#   rt ARGUMENTS...          the runtime under test with a state root of the suite's own, two minutes at most
#   run_sh DIR SCRIPT        runs a shell script as the container's process; its name is DIR's
#   leaf NAME                where the cgroup of that container is, beneath a hierarchy
#   fact NAME                what the last `facts` printed as NAME=…
#   leftovers                mounts, cgroups, processes and state as text, to be compared
#
# The plain container has every namespace but user and time, a shared root file system that is not read-only, and a
# cgroup beneath $CGROUP: of its own name, or with MANAGER=systemd a scope in a slice of the suite's.  Its ociVersion is 1.0.2, so that older runtimes take it as well.
# The suites run in a process and a mount namespace of their own: what they leave behind is visible, and ends with them.
# Their /dev is a copy, too: a runtime that changes device nodes which are not the container's changes none of the host's
# (crun 1.8 gives /dev/null to root of the container's user namespace when it is a standard stream).

RUNTIME=${RUNTIME:-$BIN/runtime}
# crun, runc or ours: some tests are about what only one of them promises.
# Where a test leaves one of them out, the comment says what it does instead.
MANAGER=${MANAGER:-cgroupfs}
KIND=$(basename "$RUNTIME")
[ "$KIND" = crun ] || [ "$KIND" = runc ] || KIND=ours

# Built with AddressSanitizer (make sanitize): what a process then does not do as the one that people run.
sanitized() { grep -q __asan_init "$(command -v "$RUNTIME")"; }

# Before anything else in a suite: skips it where it cannot run, and makes $SCRATCH, $STATE and $CGROUP.
container_suite() { # NAME
  command -v "$RUNTIME" >/dev/null || skip_all "$1" "$RUNTIME is not built"
  [ "$(id -u)" -eq 0 ] || skip_all "$1" "needs root"
  command -v busybox >/dev/null || skip_all "$1" "busybox is not installed"
  command -v jq >/dev/null || skip_all "$1" "jq is not installed"
  if [ -z "${CONTAINER_SUITE_INSIDE-}" ]; then
    export CONTAINER_SUITE_INSIDE=1
    # systemd knows processes by their numbers in its own namespace.
    if [ "$MANAGER" = systemd ]; then exec unshare --mount --propagation private "$0"; fi
    exec unshare --mount --pid --fork --kill-child --mount-proc --propagation private "$0"
  fi
  scratch
  copy_dev || skip_all "$1" "needs a /dev of its own, and cannot make device nodes"
  STATE=$SCRATCH/state CGROUP=/${SCRATCH##*/}
  # No dash: it would be a slice in a slice.
  if [ "$MANAGER" = systemd ]; then CGROUP=$(tr -d - <<<"$CGROUP").slice; fi
  ROOTFS=$SCRATCH/rootfs
  at_exit remove_cgroups
  make_rootfs "$ROOTFS"
  # crun 1.8 does not know hybrid hosts, and would make plain directories in what it takes for the unified hierarchy.
  if [ "$KIND" = crun ] && [ -d /sys/fs/cgroup/unified ]; then mount -t tmpfs tmpfs /sys/fs/cgroup/unified; fi
}

copy_dev() {
  local new=$SCRATCH/dev sub
  mkdir "$new" && mount -t tmpfs -o mode=755 tmpfs "$new" || return
  find /dev -mindepth 1 -maxdepth 1 ! -type d ! -type f -exec cp -a -t "$new" {} + 2>/dev/null
  [ -c "$new/null" ] || return
  for sub in pts shm mqueue; do
    [ -d "/dev/$sub" ] && mkdir "$new/$sub" && mount --rbind "/dev/$sub" "$new/$sub"
  done
  mount --move "$new" /dev && rmdir "$new"
  # What is open already is still the host's.
  exec </dev/null
}

make_rootfs() {
  mkdir -p "$1"/{bin,etc,tmp,proc,sys,dev,root,home/user,mnt}
  cp "$(command -v busybox)" "$1/bin/busybox"
  "$1/bin/busybox" --install "$1/bin" # as hard links
  printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n' >"$1/etc/passwd"
  printf 'root:x:0:\nuser:x:1000:\n' >"$1/etc/group"
}

plain_config() {
  cat <<JSON
{
  "ociVersion": "1.0.2",
  "process": {
    "terminal": false, "user": {"uid": 0, "gid": 0}, "args": ["true"], "cwd": "/",
    "env": ["PATH=/bin", "HOME=/root"],
    "capabilities": {
      "bounding": $1, "effective": $1, "permitted": $1
    },
    "noNewPrivileges": true
  },
  "root": {"path": "$ROOTFS"},
  "hostname": "box",
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]}
  ],
  "linux": {
    "cgroupsPath": "$(cgroups_path "$2")",
    "resources": {"devices": [{"allow": false, "access": "rwm"}]},
    "namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "cgroup"}],
    "maskedPaths": ["/proc/kcore", "/sys/firmware"],
    "readonlyPaths": ["/proc/sys", "/proc/sysrq-trigger"]
  }
}
JSON
}

cgroups_path() { if [ "$MANAGER" = systemd ]; then echo "${CGROUP#/}::$1"; else echo "$CGROUP/$1"; fi; }
leaf() { if [ "$MANAGER" = systemd ]; then echo "$CGROUP/$1.scope"; else echo "$CGROUP/$1"; fi; }

make_bundle() {
  mkdir -p "$1"
  plain_config '["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]' "${1##*/}" | jq "${2:-.}" >"$1/config.json"
}

set_config() {
  jq "$2" "$1/config.json" >"$1/config.new" && mv "$1/config.new" "$1/config.json"
}

rt() {
  local manager=()
  [ "$MANAGER" = cgroupfs ] || manager=(--systemd-cgroup)
  timeout --foreground --kill-after=5 120 "$RUNTIME" --root "$STATE" "${manager[@]}" "$@"
}

# A container that runs a script, gone when it ends: prints what it prints, ends as it ends.
run_sh() {
  jq --arg script "$2" '.process.args = ["sh", "-c", $script]' "$1/config.json" >"$1/config.new" &&
    mv "$1/config.new" "$1/config.json" &&
    rt run --bundle "$1" "${1##*/}"
}

# The same once, with what it prints as NAME=VALUE at hand in `fact`.
facts() {
  FACTS=$(run_sh "$@" 2>&1 </dev/null)
}
fact() { printf '%s\n' "$FACTS" | awk -v name="$1=" 'index($0, name) == 1 { print substr($0, length(name) + 1) }'; }

status_of() { rt state "$1" 2>/dev/null | jq -r .status; }
has_status() { [ "$(status_of "$1")" = "$2" ]; }
wait_status() { eventually has_status "$@"; } # ID STATUS

# Where a controller of a container is, on v1 and v2.
cgroup_dir() { # CONTROLLER NAME
  if [ -d "/sys/fs/cgroup/$1" ] && [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
    echo "/sys/fs/cgroup/$1$(leaf "$2")"
  else
    echo "/sys/fs/cgroup$(leaf "$2")"
  fi
}
# Never inside a chroot, and not where the host forbids it.
has_user_namespaces() { unshare --user true 2>/dev/null; }
unified_only() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }
has_controller() {
  if unified_only; then grep -qw "$1" /sys/fs/cgroup/cgroup.controllers; else [ -d "/sys/fs/cgroup/$1" ]; fi
}

remove_cgroups() {
  if [ "$MANAGER" = systemd ]; then systemctl stop "${CGROUP#/}" 2>/dev/null; fi
  find /sys/fs/cgroup -depth -type d -path "/sys/fs/cgroup*$CGROUP*" -exec rmdir {} + 2>/dev/null
}

# What has been killed, or has ended, is gone when the kernel comes to it: it is on its way (PF_EXITING), waits for its parent,
# or has a SIGKILL before it.
is_ending() { # PROCESS: its directory in /proc
  local stat
  read -r stat <"$1/stat" || return 0
  read -ra stat <<<"${stat##*) }"
  [[ ${stat[0]} == [ZX] ]] || ((stat[6] & 4)) || grep -Eq '^(Sig|Shd)Pnd:.*[13579bdf][0-9a-f]{2}$' "$1/status"
}

leftovers() {
  local process own
  own=$(cat "/proc/$$/comm")
  echo "mounts:"
  cat /proc/self/mountinfo
  echo "cgroups:"
  # The parent of all containers of the suite stays: it was not named by the runtime's configuration alone.
  # crun 1.8 makes plain directories where it misses the unified hierarchy.
  find /sys/fs/cgroup -mindepth 1 -type d -path "*$CGROUP/*" 2>/dev/null | if [ "$KIND" = crun ]; then grep -v /unified/; else cat; fi | sort
  echo "processes:"
  # Without a namespace of the suite's own they are everybody's; those of containers are in a cgroup of theirs.
  [ "$MANAGER" = systemd ] || for process in /proc/[0-9]*; do
    # This suite's own shells and tools are no leftovers.
    case $(cat "$process/comm" 2>/dev/null) in
      "$own" | cat | sort | bash | '') ;;
      *) is_ending "$process" || cat "$process/comm" ;;
    esac
  done 2>/dev/null | sort
  echo "state:"
  # Of what they keep for all containers ours has a cache, crun 1.28 a directory that is empty.
  find "$STATE" -mindepth 1 -maxdepth 1 ! -name @seccomp ! -name .empty-directory -printf '%f\n' 2>/dev/null | sort
}
