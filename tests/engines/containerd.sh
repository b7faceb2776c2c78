# shellcheck shell=bash disable=SC2154
# A containerd of the suite's own with ctr, for tests/engines/run.

start_containerd() {
  local dir=$SCRATCH/containerd
  mkdir -p "$dir"
  printf 'version = 2\nroot = "%s/root"\nstate = "/run/containerd"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' "$dir" \
    >"$dir/config.toml"
  printf '[grpc]\naddress = "%s/socket"\n' "$dir" >>"$dir/config.toml"
  containerd --config "$dir/config.toml" >"$dir/log" 2>&1 &
  at_exit stop $!
  make_box <<BOX
exec ctr --address "$dir/socket" "\$@"
BOX
  eventually box version && return
  tail -n 5 "$dir/log"
  return 1
}

task_status() { box task list | awk -v id="$1" '$1 == id { print $3 }'; }
has_status() { [ "$(task_status "$1")" = "$2" ]; }

walk_ctr() {
  local busybox=docker.io/library/busybox:latest
  local -a ours=(--runc-binary "$RUNTIME")
  ok "$engine: loads busybox" box image import "$SCRATCH/busybox.tar"
  ok "$engine: loads hello-world" box image import "$SCRATCH/hello.tar"
  run box run --rm "${ours[@]}" docker.io/library/hello-world:latest ctr-hello
  is "$engine: hello-world: status" "$status" 0
  like "$engine: hello-world: its message" "$said" '^Hello!'
  ends "exit code 0" 0 box run --rm "${ours[@]}" $busybox ctr-zero true
  ends "exit code 7" 7 box run --rm "${ours[@]}" $busybox ctr-seven sh -c 'exit 7'
  # ctr ends with 1 whatever a runtime reports; the words are what it passes on.
  ends "command not in PATH" 1 box run --rm "${ours[@]}" $busybox ctr-nope nope
  like "$engine: command not in PATH: says so" "$said" '"nope": executable file not found in'
  ends "command not there" 1 box run --rm "${ours[@]}" $busybox ctr-nofile /bin/nope
  like "$engine: command not there: says so" "$said" '"/bin/nope".*no such file or directory'
  ends "no right to execute" 1 box run --rm "${ours[@]}" $busybox ctr-noright /etc/passwd
  like "$engine: no right to execute: says so" "$said" 'permission denied'

  ends "run --detach" 0 box run --detach "${ours[@]}" $busybox ctr-web sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
  is "$engine: it runs" "$(task_status ctr-web)" RUNNING
  gives "exec" 0 through box task exec --exec-id one ctr-web echo through
  ends "exec: exit code" 5 box task exec --exec-id two ctr-web sh -c 'exit 5'
  ends "exec: killed" 137 box task exec --exec-id three ctr-web sh -c 'kill -KILL $$'
  ends "exec: command not found" 1 box task exec --exec-id four ctr-web nope
  like "$engine: exec: command not found: says so" "$said" '"nope": executable file not found in'
  at_terminal 'test -t 0 && echo termin""al; exit 6\n' box task exec --tty --exec-id five ctr-web sh
  is "$engine: exec --tty: exit code" "$status" 6
  like "$engine: exec --tty: a terminal" "$said" '^terminal$'
  ends "kill" 0 box task kill --signal TERM ctr-web
  ok "$engine: it has stopped" eventually has_status ctr-web STOPPED
  run box task delete ctr-web
  like "$engine: task delete: its own exit code" "$status $said" 'non-zero exit code 3"?$'
  ends "start again" 0 box task start --detach ctr-web
  ends "kill --all" 0 box task kill --all --signal KILL ctr-web
  ok "$engine: it has been killed" eventually has_status ctr-web STOPPED
  run box task delete ctr-web
  like "$engine: task delete: 137" "$status $said" 'non-zero exit code 137"?$'
  ends "container delete" 0 box container delete ctr-web

  at_terminal 'test -t 0 && echo termin""al; exit 9\n' box run --rm --tty "${ours[@]}" $busybox ctr-tty sh
  is "$engine: run --tty: exit code" "$status" 9
  like "$engine: run --tty: a terminal" "$said" '^terminal$'
  gives "memory limit" 0 67108864 box run --rm "${ours[@]}" --memory-limit 67108864 \
    --mount type=bind,src=/sys/fs/cgroup,dst=/sys/fs/cgroup,options=rbind:ro $busybox ctr-memory \
    sh -c "$(limit memory/default/ctr-memory memory.limit_in_bytes default/ctr-memory/memory.max)"
  gives "the default seccomp profile" 0 2 box run --rm --seccomp "${ours[@]}" $busybox ctr-seccomp \
    awk '/^Seccomp:/ { print $2 }' /proc/self/status
  ends "a root that is read-only" 1 box run --rm --read-only "${ours[@]}" $busybox ctr-readonly touch /new
  gives "a directory and a variable" 0 "/tmp blue" box run --rm --cwd /tmp --env COLOUR=blue "${ours[@]}" $busybox \
    ctr-where sh -c 'echo $PWD $COLOUR'
  if has_command ps; then
    ends "one to look into" 0 box run --detach "${ours[@]}" $busybox ctr-sleep sleep 600
    run box task ps ctr-sleep
    is "$engine: task ps" "$status $(wc -l <<<"$said")" "0 2"
    ends "task delete --force" 0 box task delete --force ctr-sleep
    ends "and its container" 0 box container delete ctr-sleep
  else
    skip "$engine: task ps" "the runtime has no ps"
  fi
}

walk_containerd() {
  # Not through `ok`, which would start it in a subshell.
  if ! start_containerd >"$SCRATCH/containerd.start" 2>&1; then
    tap_fail "containerd comes up" "$(cat "$SCRATCH/containerd.start")"
    return
  fi
  walk_ctr
  nothing_is_left /run/containerd/runc/default
}

if command -v containerd >/dev/null && command -v ctr >/dev/null; then
  walk_containerd
else
  skip "containerd" "containerd or ctr is not installed"
fi
