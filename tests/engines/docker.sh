# shellcheck shell=bash disable=SC2154
# A dockerd of the suite's own, for tests/engines/run: no network, no iptables, everything in $SCRATCH.

start_dockerd() {
  local dir=$SCRATCH/docker
  mkdir -p "$dir"
  jq -n --arg path "$RUNTIME" '{runtimes: {ours: {path: $path}}, "default-runtime": "ours"}' >"$dir/daemon.json"
  dockerd --config-file "$dir/daemon.json" --data-root "$dir/data" --exec-root /run/docker \
    --pidfile "$dir/pid" --host "unix://$dir/socket" --iptables=false --ip6tables=false --bridge=none \
    --exec-opt native.cgroupdriver=cgroupfs >"$dir/log" 2>&1 &
  at_exit stop $!
  make_box <<BOX
exec docker --host "unix://$dir/socket" "\$@"
BOX
  eventually box version && return
  tail -n 5 "$dir/log"
  return 1
}

walk_docker() {
  # Not through `ok`, which would start it in a subshell.
  if ! start_dockerd >"$SCRATCH/dockerd" 2>&1; then
    tap_fail "docker: dockerd comes up" "$(cat "$SCRATCH/dockerd")"
    return
  fi
  gives "uses our runtime" 0 "ours $RUNTIME" box info --format '{{.DefaultRuntime}} {{.Runtimes.ours.Path}}'
  gives "has read our version" 0 "$("$RUNTIME" --version | awk 'NR == 1 { print $NF }')" box version \
    --format '{{range .Server.Components}}{{if eq .Name "ours"}}{{.Version}}{{end}}{{end}}'
  ok "$engine: loads busybox" box load --quiet --input "$SCRATCH/busybox.tar"
  ok "$engine: loads hello-world" box load --quiet --input "$SCRATCH/hello.tar"
  walk_images_and_ends
  # 20.10 says 126 of a command that exec does not find, with any runtime.
  walk_long_running 1 1 '12[67]'
  walk_streams
  walk_limits
  walk_options
  walk_sharing
  walk_build
  ends "the default seccomp profile: no user namespaces" 1 box run --rm --network none --cap-drop ALL busybox unshare -U true
  ends "an init of docker's" 4 box run --rm --network none --init busybox sh -c 'exit 4'
  walk_later_commands
  nothing_is_left /run/docker/runtime-runc/moby
}

if command -v dockerd >/dev/null && command -v docker >/dev/null; then
  walk_docker
else
  skip "docker" "dockerd or docker is not installed"
fi
