# shellcheck shell=bash disable=SC2154
# podman as an ordinary user, for tests/engines/run: a user that exists here only, with subordinate ids.

walk_rootless() {
  local conf=$SCRATCH/walker/containers.conf
  sed "s|\"/usr/local/bin/runtime\", \"/usr/bin/runtime\"|\"$RUNTIME\"|" "$TOP/contrib/containers.conf" >"$conf"
  make_box <<BOX
exec ${as_user[*]} CONTAINERS_CONF=$conf podman --storage-driver vfs --cgroup-manager cgroupfs --events-backend none \\
  --log-level error "\$@"
BOX
  ok "$engine: loads busybox" box load --quiet --input "$SCRATCH/busybox.tar"
  ok "$engine: loads hello-world" box load --quiet --input "$SCRATCH/hello.tar"
  walk_images_and_ends
  walk_long_running 255 2 127
  walk_streams
  gives "its ids: the user's, then the subordinate ones" 0 "0 4242 1 1 500000 65536" \
    box run --rm --network none busybox sh -c 'echo $(cat /proc/self/uid_map)'
  gives "a user of the image" 0 "1000 1000" box run --rm --network none --user user busybox sh -c 'echo $(id -u) $(id -g)'
  ends "the same ids inside" 0 box run --rm --network none --userns keep-id busybox sh -c 'test $(id -u) = 4242'
  nothing_is_left "$SCRATCH/walker/run/runtime"
}

read -ra as_user <<<"$(user_words walker 4242)"
if ! command -v podman >/dev/null || ! command -v conmon >/dev/null; then
  skip "podman of a user" "podman or conmon is not installed"
elif ! command -v newuidmap >/dev/null; then
  skip "podman of a user" "uidmap is not installed"
elif ! make_users walker:4242:500000:65536; then
  tap_fail "podman of a user: there is a user"
elif ! "${as_user[@]}" test -x "$RUNTIME"; then
  skip "podman of a user" "$RUNTIME is not to be seen by all"
elif ! "${as_user[@]}" unshare --user true; then
  skip "podman of a user" "user namespaces are not for all here"
elif [ "${RUNTIME##*/}" = crun ] && [ -d /sys/fs/cgroup/unified ]; then
  skip "podman of a user" "crun does not know hybrid hosts"
else
  walk_rootless
fi
