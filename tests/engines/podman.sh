# shellcheck shell=bash disable=SC2154
# podman as root, for tests/engines/run: everything of it in $SCRATCH, configured by our drop-in.

walk_podman() {
  local conf=$SCRATCH/containers.conf driver=overlay
  # No overlay lies on another.
  if [ "$(stat -f -c %T "$SCRATCH")" = overlayfs ]; then driver=vfs; fi
  sed "s|\"/usr/local/bin/runtime\", \"/usr/bin/runtime\"|\"$RUNTIME\"|" "$TOP/contrib/containers.conf" >"$conf"
  make_box <<BOX
export CONTAINERS_CONF=$conf
exec podman --root "$SCRATCH/podman/root" --runroot "$SCRATCH/podman/run" --tmpdir "$SCRATCH/podman/tmp" \\
  --storage-driver $driver --cgroup-manager cgroupfs --events-backend none --log-level error "\$@"
BOX
  gives "uses the runtime that contrib/containers.conf names" 0 "$RUNTIME" box info --format '{{.Host.OCIRuntime.Path}}'
  ok "$engine: loads busybox" box load --quiet --input "$SCRATCH/busybox.tar"
  ok "$engine: loads hello-world" box load --quiet --input "$SCRATCH/hello.tar"
  walk_images_and_ends
  walk_long_running 255 2 127
  walk_streams
  walk_limits
  walk_options
  walk_sharing
  walk_build
  walk_later_commands
  gives "a user namespace" 0 "0 100000 1000" box run --rm --network none --uidmap 0:100000:1000 --gidmap 0:100000:1000 busybox \
    sh -c 'echo $(cat /proc/self/uid_map)'
  ends "a user namespace: a root that belongs to it" 0 box run --rm --network none --uidmap 0:100000:1000 busybox \
    sh -c 'touch /new && test "$(stat -c %u /new /bin/sh | tr -d "\n")" = 00'
  gives "a directory as root file system" 0 through box run --rm --network none --rootfs "$SCRATCH/busybox" /bin/echo through
  gives "without cgroups" 0 disabled box run --rm --network none --cgroups=disabled busybox echo disabled
  nothing_is_left /run/runtime
}

if command -v podman >/dev/null && command -v conmon >/dev/null; then
  walk_podman
else
  skip "podman" "podman or conmon is not installed"
fi
