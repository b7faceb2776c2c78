# shellcheck shell=bash disable=SC2154
# podman as an ordinary user, for tests/engines/run: a user that exists here only, with subordinate ids.

make_user() {
  local file
  mkdir -p "$SCRATCH/user"/{etc,home,run,tmp}
  cp /etc/passwd /etc/group "$SCRATCH/user/etc/"
  echo "walker:x:4242:4242::$SCRATCH/user/home:/bin/sh" >>"$SCRATCH/user/etc/passwd"
  echo "walker:x:4242:" >>"$SCRATCH/user/etc/group"
  echo "walker:500000:65536" | tee "$SCRATCH/user/etc/subuid" >"$SCRATCH/user/etc/subgid"
  for file in passwd group subuid subgid; do
    touch "/etc/$file" && mount --bind "$SCRATCH/user/etc/$file" "/etc/$file" || return
  done
  chown -R 4242:4242 "$SCRATCH/user"/{home,run,tmp}
  chmod 755 "$SCRATCH"
  as_user=(setpriv --reuid 4242 --regid 4242 --clear-groups env "HOME=$SCRATCH/user/home" USER=walker
    "XDG_RUNTIME_DIR=$SCRATCH/user/run" "TMPDIR=$SCRATCH/user/tmp")
}

walk_rootless() {
  local conf=$SCRATCH/user/containers.conf
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
  nothing_is_left "$SCRATCH/user/run/runtime"
}

if ! command -v podman >/dev/null || ! command -v conmon >/dev/null; then
  skip "podman of a user" "podman or conmon is not installed"
elif ! command -v newuidmap >/dev/null; then
  skip "podman of a user" "uidmap is not installed"
elif ! make_user; then
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
